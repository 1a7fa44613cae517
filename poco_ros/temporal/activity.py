"""How much each joint has moved lately, while it could be seen: hidden, what moves fast is soon somewhere else."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.temporal.quaternions import squared
from poco_ros.types import NUM_JOINTS

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

#: Time constant, in units of 1/30 s.
_MEMORY = 10.0


class Activity:
    """Root mean square rates of the joints of S slots, over the last third of a second in which each was seen."""

    def __init__(self) -> None:
        self._square: Array = np.full((0, NUM_JOINTS), np.nan)

    def grow(self, slots: int) -> None:
        """Make room for more people; those there keep their slots."""
        more = np.full((slots - len(self._square), NUM_JOINTS), np.nan)
        self._square = np.concatenate([self._square, more])

    def forget(self, rows: Rows) -> None:
        """Empty slots."""
        self._square[rows] = np.nan

    def step(self, rate: Array, seen: Mask, frames: float) -> None:
        """Take the next frame in.

        :param rate: (S, 24, 3) of the filter, rad per 1/30 s.
        :param seen: (S, 24) joints that are trusted; the others keep what they had.
        :param frames: since the frame before, in units of 1/30 s.
        """
        if not seen.any():
            return
        square = squared(rate)
        share = 1 - (1 - 1 / _MEMORY) ** frames
        moved = self._square + share * (square - self._square)
        np.copyto(moved, square, where=np.isnan(moved))
        np.copyto(self._square, moved, where=seen)

    def of(self, rows: Rows | slice) -> Array:
        """Return (len(rows), 24), rad per 1/30 s; NaN where nothing was seen yet."""
        return np.asarray(np.sqrt(self._square[rows]))
