"""What the filter is told of a frame, and what it knows in the newest one."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.types import NUM_JOINTS

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

COLUMNS = NUM_JOINTS + 1
"""24 rotations and the position of the pelvis."""
PELVIS = NUM_JOINTS
"""Column of the position."""


@dataclass
class Measurement:
    """What is seen of S slots in one frame.

    :param rotations: (S, 24, 4) unit quaternions; anything where not used.
    :param pelvis: (S, 3) metres; anything where not used.
    :param variance_factor: (S, 25) by what the variance of a measurement is multiplied.
    :param doubt: (S, 25) which part of that factor, at least 1, stands for the fear that the measurement is wrong
        altogether: less of it remains where the measurement agrees with the prediction.
    :param used: (S, 25) where the measurement counts at all.
    :param steadying: (S,) in [0, 1], how much the estimate is drawn to where it was; None: as much as may be.
    """

    rotations: Array
    pelvis: Array
    variance_factor: Array
    doubt: Array
    used: Mask
    steadying: Array | None = None


@dataclass
class State:
    """Of the newest frame, S slots. Zero rates and identity rotations in free slots keep them finite.

    ``motion`` (S, 1 + K, 25, 3) is the rate, and K means over the past, relative to now, in body axes; those of the
    position in the axes of the camera. ``covariance`` (2, 2, S, 25) is that of displacement and rate. ``blind`` (S, 25)
    is the time since a column was last measured, in units of 1/30 s; ``plain_rate`` is the rate that it would have had
    since under the damped motion, ``drift`` how far the learned motion has led away from that.
    """

    rotations: Array
    pelvis: Array
    motion: Array
    covariance: Array
    blind: Array
    plain_rate: Array
    drift: Array

    @property
    def rate(self) -> Array:
        """(S, 25, 3), a view."""
        return self.motion[:, 0]

    @property
    def past(self) -> Array:
        """(S, K, 25, 3), a view."""
        return self.motion[:, 1:]
