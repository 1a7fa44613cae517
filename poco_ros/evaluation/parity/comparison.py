"""Whether a recomputed array agrees with the golden one, and by how much."""

from __future__ import annotations

import enum
import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


class Measure(enum.Enum):
    """How the difference of two arrays becomes one number."""

    RELATIVE = 'of max-abs'
    """Largest difference, divided by the largest magnitude of the golden array."""
    ROTATION_VECTOR = 'of max-abs (rotation)'
    """The same for axis-angle triples; a turn by a about v and one by 2 pi - a about -v are one rotation."""
    LEVELS = 'levels'
    """Largest difference."""
    ENTRIES = 'entries'
    """Number of entries that are not equal."""


@dataclass(frozen=True)
class Limit:
    """How far an array may be off.

    :param measure: of the difference.
    :param value: the largest allowed, in that measure.
    """

    measure: Measure
    value: float

    def __str__(self) -> str:
        return 'exact' if self.measure is Measure.ENTRIES else f'{self.value:g} {self.measure.value}'


#: The limits of SPEC section 15.4.
GENERAL = Limit(Measure.RELATIVE, 1e-4)
ROTATION = Limit(Measure.RELATIVE, 2e-4)
ROTATION_VECTOR = Limit(Measure.ROTATION_VECTOR, 2e-4)
LOG_PHI = Limit(Measure.RELATIVE, 2e-4)
EXACT = Limit(Measure.ENTRIES, 0)
GREY_LEVELS = Limit(Measure.LEVELS, 6)
ONE_LEVEL = Limit(Measure.LEVELS, 1)
#: Of an image network's first layer. Rounding turns rectifiers behind it on or off, so two correct computations in
#: float32 differ by far more than they round: measured against float64, by 0.0001 to 0.007.
FIRST_LAYER_GRADIENT = Limit(Measure.RELATIVE, 0.05)


@dataclass(frozen=True)
class ArrayResult:
    """What came of one golden array.

    :param name: of the array.
    :param role: 'compared', 'input' (looked at for its form only) or 'unknown'.
    :param error: in the limit's measure; NaN where nothing could be measured.
    :param limit: None for inputs and unknown arrays.
    :param problem: why the array is a miss, else ''.
    """

    name: str
    role: str
    error: float = math.nan
    limit: Limit | None = None
    problem: str = ''

    @property
    def passed(self) -> bool:
        """Whether the array is what it should be."""
        return not self.problem

    @property
    def used(self) -> float:
        """How much of the limit the error takes: above 1 is a miss; inf where no error is allowed, or none is known."""
        if self.limit is None:
            return 0.0 if self.passed else math.inf
        if self.error == 0:
            return 0.0
        return self.error / self.limit.value if self.limit.value > 0 and not math.isnan(self.error) else math.inf


def compare(name: str, golden: Array, computed: Array, limit: Limit) -> ArrayResult:
    """Hold a recomputed array against the golden one.

    :param name: of the array.
    :param golden: of any shape and type.
    :param computed: the same array by this package; numbers may be of another width.
    :param limit: how far it may be off.
    :returns: a miss when the shapes differ, anything is not finite, or the error is beyond the limit.
    """
    if golden.shape != computed.shape:
        return ArrayResult(name, 'compared', limit=limit,
                           problem=f'has the shape {golden.shape}, computed {computed.shape}')
    for whose, array in (('golden', golden), ('computed', computed)):
        if array.dtype.kind == 'f' and not np.isfinite(array).all():
            return ArrayResult(name, 'compared', limit=limit,
                               problem=f'{_not_finite(array)} entries of the {whose} array are not finite')
    error = _error(golden, computed, limit.measure)
    off = f'off by {error:.3g} {limit.measure.value}, allowed {limit.value:g}' if error > limit.value else ''
    return ArrayResult(name, 'compared', error, limit, off)


def _error(golden: Array, computed: Array, measure: Measure) -> float:
    if measure is Measure.ENTRIES:
        return float(np.count_nonzero(golden != computed))
    if golden.size == 0:
        return 0.0
    a, b = golden.astype(np.float64), computed.astype(np.float64)
    if measure is Measure.ROTATION_VECTOR:
        b = _nearer_vector(b.reshape(-1, 3), a.reshape(-1, 3)).reshape(b.shape)
    largest = float(np.abs(a - b).max())
    if measure is Measure.LEVELS or largest == 0:
        return largest
    magnitude = float(np.abs(a).max())
    return largest / magnitude if magnitude > 0 else math.inf


def _nearer_vector(vectors: Array, reference: Array) -> Array:
    """Of the two shortest vectors of each rotation, (N, 3), the one nearer to the reference."""
    angle = np.linalg.norm(vectors, axis=1, keepdims=True)
    other = vectors * (1 - 2 * np.pi / np.where(angle > 0, angle, np.inf))
    near = np.linalg.norm(other - reference, axis=1) < np.linalg.norm(vectors - reference, axis=1)
    return np.where(near[:, None], other, vectors)


def _not_finite(array: Array) -> int:
    return int(np.count_nonzero(~np.isfinite(array)))
