"""The measured jitter of a sensor."""

import numpy as np
import pytest

from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.noise_meter import NoiseMeter


def factors(jitter_rad, jitter_m, good=None, frames=120):
    rng = np.random.default_rng(0)
    meter = NoiseMeter(0.02, 0.01, 0.2, 2.0)
    meter.grow(3)
    for t in range(frames):
        angle = np.zeros((3, 24, 3))
        angle[..., 0] = 0.4 * np.sin(2 * np.pi * t / 30)
        vectors = angle + jitter_rad * rng.normal(size=angle.shape)
        pelvis = np.array([0.04 * t, 0, 3]) + jitter_m * rng.normal(size=(3, 3))
        meter.add(quat.exp(vectors), pelvis, np.ones(3), np.ones(3, bool) if good is None else good(t))
    return [np.sqrt(f.mean()) for f in meter.variance_factor()]


@pytest.mark.parametrize('scale', [0.6, 1.0, 1.6])
def test_jitter_is_found_whatever_the_motion(scale):
    rotation, pelvis = factors(0.02 * scale, 0.01 * scale)
    assert rotation == pytest.approx(scale, rel=0.1) and pelvis == pytest.approx(scale, rel=0.35)


def test_a_steady_sensor_and_a_wild_one_hit_the_bounds():
    assert factors(0.0, 0.0) == pytest.approx([0.2, 0.2])
    assert factors(0.3, 0.3) == pytest.approx([2.0, 2.0])


def test_nothing_is_learned_from_what_is_not_good():
    assert factors(0.3, 0.3, lambda t: np.full(3, t % 4 != 0)) == pytest.approx([1, 1])
