"""Expected errors of all columns at once: one monotone, piecewise linear curve per column and group of visibility."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from poco_ros.calibration.isotonic import Curve
from poco_ros.calibration.scores import COLUMNS, GROUPS

Array = npt.NDArray[np.float64]

_FIRST_CELL = len(GROUPS) * np.arange(COLUMNS)
#: Persons that are worked on at once, where there are many.
_AT_ONCE = 2048


def cells(groups: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """Return the number of the curve of every column: (N, 25), from 0 to 99, for (N, 25) groups."""
    return np.asarray(groups + _FIRST_CELL)


@dataclass(frozen=True, eq=False)
class ExpectedError:
    """Curves from score to expected error in millimetres.

    :param x: (25, 4, K) scores, not decreasing along K.
    :param y: (25, 4, K) millimetres.
    """

    x: Array
    y: Array

    @classmethod
    def of_curves(cls, curves: Sequence[Sequence[Curve]], num_knots: int) -> ExpectedError:
        """Put 25 x 4 curves of at most so many knots together; the last knot is repeated where there are fewer."""
        def padded(name: str) -> Array:
            return np.array([[np.pad(getattr(c, name), (0, num_knots - len(c.x)), 'edge') for c in row]
                             for row in curves])
        return cls(padded('x'), padded('y'))

    @cached_property
    def _ramps(self) -> tuple[Array, Array]:
        """Start, and per cell three rows: where each ramp begins, one over its length, and its height."""
        x, y = (values.reshape(COLUMNS * len(GROUPS), -1) for values in (self.x, self.y))
        length = np.diff(x)
        long = length > 0
        height = np.where(long, np.diff(y), 0)
        return y[:, 0].copy(), np.stack([x[:, :-1], np.where(long, 1 / np.where(long, length, 1), 0), height], axis=1)

    def at(self, scores: Array, cell: npt.NDArray[np.int64]) -> Array:
        """Return the expected errors of N persons in millimetres.

        :param scores: (N, 25).
        :param cell: (N, 25), from :func:`cells`.
        :returns: (N, 25); NaN where the score is NaN.
        """
        start, ramps = self._ramps
        if len(scores) > _AT_ONCE:
            return np.concatenate([
                self.at(scores[i:i + _AT_ONCE], cell[i:i + _AT_ONCE]) for i in range(0, len(scores), _AT_ONCE)])
        found = ramps.take(cell, axis=0)
        risen = scores[..., None] - found[..., 0, :]
        risen *= found[..., 1, :]
        # not np.clip: several times slower on arrays this small
        np.maximum(risen, 0, out=risen)
        np.minimum(risen, 1, out=risen)
        return np.asarray(start.take(cell) + np.einsum('njk,njk->nj', risen, found[..., 2, :]))
