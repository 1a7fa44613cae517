"""What the filter believes about motion and measurement, per column: 24 rotations and the position of the pelvis."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.temporal.config import MotionConfig
from poco_ros.types import NUM_JOINTS

Array = npt.NDArray[np.float64]

#: Rate of a person seen for the first time: nobody stands quite still.
_FIRST_RATE_RAD, _FIRST_RATE_M = np.radians(6.0), 0.03


@dataclass(frozen=True)
class Noise:
    """What the filter believes about motion and measurement, per column, per 1/30 s.

    :param measured: (25,) standard deviation of a measurement of full trust; rad, and m for the pelvis.
    :param rate: (25,) standard deviation that a rate gains in a frame; rad or m per frame.
    :param rate_gap: (25,) the same while the column is not measured.
    :param decay: (25,) what is left of a rate after a frame.
    :param decay_gap: (25,) the same while the column is not measured.
    :param first_rate: (25,) standard deviation of the rate of a person seen for the first time.
    """

    measured: Array
    rate: Array
    rate_gap: Array
    decay: Array
    decay_gap: Array
    first_rate: Array


def filter_noise(motion: MotionConfig) -> Noise:
    """Return the constants of the filter per column."""
    def column(rotation: float, pelvis: float) -> Array:
        return np.append(np.full(NUM_JOINTS, rotation), pelvis)

    rate = column(np.radians(motion.rate_noise_deg), motion.pelvis_rate_noise_m)
    return Noise(
        measured=column(np.radians(motion.measured_deg), motion.pelvis_measured_m), rate=rate, rate_gap=rate,
        decay=column(motion.rate_kept, motion.pelvis_rate_kept),
        decay_gap=column(motion.rate_kept_gap, motion.pelvis_rate_kept),
        first_rate=column(_FIRST_RATE_RAD, _FIRST_RATE_M))
