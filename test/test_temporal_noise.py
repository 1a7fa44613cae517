"""The constants of the filter per column, from the settings."""

import numpy as np

from poco_ros.temporal.config import MotionConfig
from poco_ros.temporal.noise import filter_noise


def test_rotations_come_first_in_radians_and_the_position_last_in_metres():
    noise = filter_noise(MotionConfig(measured_deg=6.0, pelvis_measured_m=0.03, rate_kept_gap=0.5))
    for values in vars(noise).values():
        assert values.shape == (25,) and (values[:24] == values[0]).all() and (values > 0).all()
    np.testing.assert_allclose(noise.measured[[0, 24]], [np.radians(6.0), 0.03])
    # what is not seen loses its rate faster, but not the way that somebody walks
    assert noise.decay_gap[0] == 0.5 < noise.decay[0] and noise.decay_gap[24] == noise.decay[24]
