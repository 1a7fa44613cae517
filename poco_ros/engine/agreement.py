"""How far two runs of one network differ, in the units that matter: millimetres, degrees, and the order of confidences.

A largest absolute difference says little about bodies. These numbers decide whether an exported graph may be used, and
whether an engine, once loaded, computes what was exported.
"""

from __future__ import annotations

import dataclasses
import warnings
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.engine.base import Array

#: Fewer persons do not tell an order.
_LEAST_FOR_RANK = 4
_CLEARLY = 3


@dataclass(frozen=True)
class _Measures:
    """What two runs are compared by.

    :param joints_mm: MPJPE: mean distance of the 24 joints, millimetres; nothing is aligned.
    :param joints_worst_mm: the same, of the worst person.
    :param vertices_mm: mean distance of the vertices, millimetres.
    :param rotation_deg: mean angle between the joints' rotations, degrees.
    :param rotation_worst_deg: largest of these angles.
    :param betas: largest absolute difference.
    :param cam: largest absolute difference.
    :param sigma: mean absolute difference of the joints' sigma.
    :param sigma_worst: largest absolute difference.
    :param sigma_rank: Spearman's correlation of sigma over all persons and joints.
    :param scalar_rank: Spearman's correlation of the persons' scalar; NaN for fewer than 4 persons, or where every
        expected value is the same.
    """

    joints_mm: float
    joints_worst_mm: float
    vertices_mm: float
    rotation_deg: float
    rotation_worst_deg: float
    betas: float
    cam: float
    sigma: float
    sigma_worst: float
    sigma_rank: float
    scalar_rank: float


@dataclass(frozen=True)
class Limits(_Measures):
    """What still counts as the same network: of the measures that end in ``_rank`` the least, else the most."""


@dataclass(frozen=True)
class Agreement(_Measures):
    """Differences between expected and found outputs over N persons; NaN where there was nothing to compare.

    :param persons: N.
    :param scalar_spread: standard deviation of the persons' expected scalar.
    """

    persons: int
    scalar_spread: float

    def misses(self, limits: Limits) -> list[str]:
        """Return what lies beyond the limits, a line each.

        The order of persons is judged only where they differ clearly more than a sigma may be off: that of people whom
        the network trusts alike is chance.
        """
        lines = []
        for field in dataclasses.fields(limits):
            limit, value = getattr(limits, field.name), getattr(self, field.name)
            if field.name == 'scalar_rank' and self.scalar_spread < _CLEARLY * limits.sigma:
                continue
            is_rank = field.name.endswith('_rank')
            if value < limit if is_rank else value > limit:
                lines.append(f'{field.name} is {value:.4g}, the limit is {limit:g}')
        return lines

    def to_dict(self) -> dict[str, float | int | None]:
        """Return the fields as JSON can hold them: null for NaN."""
        return {
            name: None if isinstance(value, float) and not np.isfinite(value) else value
            for name, value in dataclasses.asdict(self).items()
        }


def compare(expected: Mapping[str, Array], found: Mapping[str, Array]) -> Agreement:
    """Measure how far the outputs of a graph are from what is expected.

    :param expected: outputs by name, of N persons, see :class:`poco_ros.engine.model_record.ModelRecord`.
    :param found: the same names and shapes.
    :returns: infinite where a found value is not finite.
    :raises ValueError: when a name is missing or a shape differs.
    """
    for name, array in expected.items():
        if name not in found or found[name].shape != array.shape:
            raise ValueError(f'{name} must have the shape {array.shape}, '
                             f'got {found[name].shape if name in found else "nothing"}')

    def difference(name: str) -> npt.NDArray[np.float64]:
        if name not in expected:
            return np.full((1, 1, 1), np.nan)
        delta = found[name].astype(np.float64) - expected[name]
        return np.where(np.isfinite(delta), delta, np.inf)

    joints = 1e3 * np.linalg.norm(difference('joints'), axis=-1)
    vertices = 1e3 * np.linalg.norm(difference('vertices'), axis=-1)
    # |A - B| = 2 sqrt(2) sin(angle / 2): exact for small angles, where the trace of A^T B is not.
    chord = np.linalg.norm(difference('rotmat'), axis=(-2, -1)) / np.sqrt(8)
    angle = np.where(np.isfinite(chord), np.degrees(2 * np.arcsin(np.clip(chord, 0, 1))), np.inf)
    sigma = np.abs(difference('sigma'))
    return Agreement(
        persons=len(expected['joints']), joints_mm=float(joints.mean()), joints_worst_mm=float(joints.mean(-1).max()),
        vertices_mm=float(vertices.mean()), rotation_deg=float(angle.mean()), rotation_worst_deg=float(angle.max()),
        betas=float(np.abs(difference('betas')).max()), cam=float(np.abs(difference('cam')).max()),
        sigma=float(sigma.mean()), sigma_worst=float(sigma.max()),
        sigma_rank=_rank_correlation(expected, found, 'sigma'),
        scalar_rank=_rank_correlation(expected, found, 'uncertainty'),
        scalar_spread=float(np.std(expected['uncertainty'])) if 'uncertainty' in expected else float('nan'),
    )


def _rank_correlation(expected: Mapping[str, Array], found: Mapping[str, Array], name: str) -> float:
    if name not in expected:
        return float('nan')
    want, have = expected[name].ravel(), found[name].ravel()
    if not np.isfinite(have).all():
        return -float('inf')
    if len(want) < _LEAST_FOR_RANK or np.ptp(want) == 0:
        return float('nan')
    from scipy import stats  # takes half a second to import, which nodes without a network need not spend

    with warnings.catch_warnings():
        warnings.simplefilter('ignore', stats.ConstantInputWarning)
        value = float(stats.spearmanr(want, have).statistic)
    return 0.0 if np.isnan(value) else value  # all found values alike: nothing of the order is left
