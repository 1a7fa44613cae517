"""Measures the jitter of each track from its own measurements, so that a steady sensor is followed closely.

Third differences of what is measured: smooth motion leaves next to nothing in them, jitter of standard deviation s per
axis leaves the variance 20 s^2. The median over the joints makes single limbs not count.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.temporal import quaternions as quat
from poco_ros.types import NUM_JOINTS

Array = npt.NDArray[np.float64]

#: By what the median over the joints, or the square for the position, is divided: median and mean of a chi-squared
#: variable of three degrees of freedom, times the 20 of a third difference.
_SCALE = np.array([2.366 * 20, 3.0 * 20])
_MEMORY = 20.0
#: Joints that a measurement moves: hands are often not estimated at all.
_JUDGED = slice(0, 22)
#: The two, sorted, whose mean is the median of them.
_MIDDLE = (10, 11)


class NoiseMeter:
    """Jitter of S slots.

    :param nominal_rad: jitter per axis of the rotations that the factor 1 stands for.
    :param nominal_m: jitter per axis of the pelvis position that the factor 1 stands for.
    :param least: smallest factor of a standard deviation.
    :param most: largest factor.
    """

    def __init__(self, nominal_rad: float, nominal_m: float, least: float, most: float) -> None:
        self._nominal = np.array([nominal_rad, nominal_m])
        self._bounds = least ** 2, most ** 2
        self._allocate(0)

    def _allocate(self, slots: int) -> None:
        self._rotations = quat.identity(slots, NUM_JOINTS)
        self._pelvis: Array = np.zeros((slots, 3))
        self._steps = np.zeros((slots, 2, NUM_JOINTS + 1, 3))
        self._run: npt.NDArray[np.int64] = np.zeros(slots, np.int64)
        self._count: Array = np.zeros(slots)
        self._variance = np.tile(self._nominal ** 2, (slots, 1))

    def grow(self, slots: int) -> None:
        """Make room for more people; those there keep their slots."""
        names = ('_rotations', '_pelvis', '_steps', '_run', '_count', '_variance')
        before = {name: getattr(self, name) for name in names}
        self._allocate(slots)
        for name, values in before.items():
            getattr(self, name)[:len(values)] = values

    def forget(self, rows: npt.NDArray[np.intp]) -> None:
        """Start slots anew."""
        self._run[rows], self._count[rows], self._variance[rows] = 0, 0, self._nominal ** 2

    def add(self, rotations: Array, pelvis: Array, weight: Array, good: npt.NDArray[np.bool_]) -> None:
        """Take measurements in.

        :param rotations: (S, 24, 4).
        :param pelvis: (S, 3), metres.
        :param weight: (S,) factor of the standard deviation that the uncertainty of the frame accounts for.
        :param good: (S,) where the whole body is trusted; elsewhere the measurement is passed over.
        """
        if not good.any():
            self._run[:] = 0
            return
        step = np.empty((len(pelvis), NUM_JOINTS + 1, 3))
        step[:, :NUM_JOINTS] = quat.log(quat.multiply(quat.conjugate(self._rotations), rotations))
        step[:, NUM_JOINTS] = pelvis - self._pelvis
        self._run = np.where(good, self._run + 1, 0)
        third = step - 2 * self._steps[:, 0] + self._steps[:, 1]
        square = quat.squared(third)
        joints = np.sort(square[:, _JUDGED], axis=1)
        jitter = square[:, -2:]
        jitter[:, 0] = 0.5 * (joints[:, _MIDDLE[0]] + joints[:, _MIDDLE[1]])
        jitter /= _SCALE * weight[:, None] ** 2
        use = (self._run >= 4)[:, None]
        self._count = np.minimum(self._count + use[:, 0], _MEMORY)
        share = 1 / (3 + self._count[:, None])  # as if three frames of nominal jitter had been seen before
        self._variance = np.where(use, self._variance + share * (jitter - self._variance), self._variance)
        self._steps[:, 1], self._steps[:, 0] = self._steps[:, 0], step
        self._rotations = np.where(good[:, None, None], rotations, self._rotations)
        self._pelvis = np.where(good[:, None], pelvis, self._pelvis)

    def variance_factor(self) -> tuple[Array, Array]:
        """Return by what the variance of rotations (S,) and of the position (S,) is to be multiplied."""
        factor = self._variance / self._nominal ** 2
        np.minimum(np.maximum(factor, self._bounds[0], out=factor), self._bounds[1], out=factor)
        return factor[:, 0], factor[:, 1]
