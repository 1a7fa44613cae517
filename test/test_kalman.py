"""The box filter: against the textbook filter in matrices, and in real time."""

from __future__ import annotations

import numpy as np
import pytest

from poco_ros.people import kalman
from poco_ros.people.kalman import BoxFilter

BOX = np.array([100.0, 50, 160, 250])


def as_matrices(state, axis):
    mean = np.array([state.mean[axis], state.speed[axis]])
    return mean, np.array([[state.variance[axis], state.cross[axis]], [state.cross[axis], state.speed_variance[axis]]])


def test_agrees_with_the_filter_in_matrices():
    rng = np.random.default_rng(1)
    state, step = BoxFilter.start(BOX), np.array([[1, 0.0], [0, 1]])
    mean, cov = as_matrices(state, 0)
    for k in range(20):
        dt = float(rng.uniform(0.01, 0.2))
        scale = state.mean[2:].max()
        step[0, 1] = dt
        push = (kalman._ACCELERATION * scale) ** 2
        noise = push * np.array([[dt**3 / 3, dt**2 / 2], [dt**2 / 2, dt]])
        mean, cov = step @ mean, step @ cov @ step.T + noise
        box = BOX + 5 * k + rng.normal(0, 2, 4)
        state = state.predict(dt).update(box)
        watch = np.array([1.0, 0])
        gain = cov @ watch / (watch @ cov @ watch + (kalman._MEASUREMENT * (box[2:] - box[:2]).max()) ** 2)
        mean, cov = mean + gain * ((box[0] + box[2]) / 2 - mean[0]), cov - np.outer(gain, watch) @ cov
        got_mean, got_cov = as_matrices(state, 0)
        np.testing.assert_allclose(got_mean, mean)
        np.testing.assert_allclose(got_cov, cov)


def test_one_long_step_is_many_short_ones():
    start = BoxFilter.start(BOX).update(BOX + [8, 2, 8, 2])
    once, often = start.predict(1.0), start
    for _ in range(50):
        often = often.predict(0.02)
    for name in ('mean', 'speed', 'variance', 'cross', 'speed_variance'):
        np.testing.assert_allclose(getattr(often, name), getattr(once, name))


def test_learns_the_speed_and_carries_on():
    state = BoxFilter.start(BOX)
    for k in range(1, 31):
        state = state.predict(1 / 30).update(BOX + [3 * k, -k, 3 * k, -k])
    np.testing.assert_allclose(state.speed, [90, -30], rtol=0.05)
    np.testing.assert_allclose(state.predict(0.5).xyxy, BOX + [135, -45, 135, -45], atol=4)


@pytest.mark.parametrize('factor', [0.2, 5])
def test_scales_with_the_person(factor):
    small = BoxFilter.start(BOX).predict(0.1).update(BOX + 10).predict(0.3)
    large = BoxFilter.start(BOX * factor).predict(0.1).update((BOX + 10) * factor).predict(0.3)
    np.testing.assert_allclose(large.xyxy, small.xyxy * factor)
    np.testing.assert_allclose(large.variance, small.variance * factor**2)
