"""The batched fixed-lag smoother against a plain Kalman filter with a backward sweep."""

import numpy as np
import pytest

from poco_ros.evaluation.infill.dynamics_fit import blank
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.body_dynamics import BodyDynamics
from poco_ros.temporal.config import MotionConfig
from poco_ros.temporal.dynamics import COLUMNS as PREDICTED
from poco_ros.temporal.filter_state import COLUMNS, Measurement
from poco_ros.temporal.motion import transition
from poco_ros.temporal.noise import filter_noise
from poco_ros.temporal.smoother import Smoother

NOISE = filter_noise(MotionConfig())
ALL, NONE = np.ones((2, COLUMNS), bool), np.zeros((2, COLUMNS), bool)


def measurement(angle, place, used=ALL):
    """Two people turned about one axis by an angle and placed along x, in every joint."""
    vector = np.zeros((2, 24, 3))
    vector[:, 1:, 0] = np.reshape(angle, (-1, 1))
    pelvis = np.zeros((2, 3))
    pelvis[:, 0] = place
    return Measurement(quat.exp(vector), pelvis, np.ones((2, COLUMNS)), np.ones((2, COLUMNS)), used)


def run(smoother, angles, places, seen):
    for t, (angle, place) in enumerate(zip(angles, places, strict=True)):
        used = ALL if seen[t] else NONE
        m = measurement(angle, place, used)
        if t == 0:
            smoother.restart(ALL, m)
        else:
            smoother.predict(1.0, used, NONE)
        smoother.update(m, smoother.innovation(m))


def textbook(z, seen, measured, column):
    """Kalman filter and Rauch-Tung-Striebel sweep of one axis, with matrices; returns (T,) smoothed."""
    n = NOISE
    xs, ps, xm, pm, fs = [], [], [], [], []
    x, p = np.array([z[0], 0.0]), np.diag([measured ** 2, n.first_rate[column] ** 2])
    for t in range(len(z)):
        f, q = np.eye(2), np.zeros((2, 2))
        if t:
            decay, rate = (n.decay, n.rate) if seen[t] else (n.decay_gap, n.rate_gap)
            s = transition(decay[column], rate[column], 1.0)
            f, q = np.array([[1, s.reach], [0, s.decay]]), s.noise
        x, p = f @ x, f @ p @ f.T + q
        xm.append(x), pm.append(p), fs.append(f)
        if seen[t]:
            k = p[:, 0] / (p[0, 0] + measured ** 2)
            x, p = x + k * (z[t] - x[0]), p - np.outer(k, p[0])
        xs.append(x), ps.append(p)
    out = [xs[-1]]
    for t in range(len(z) - 2, -1, -1):
        c = ps[t] @ fs[t + 1].T @ np.linalg.inv(pm[t + 1])
        out.append(xs[t] + c @ (out[-1] - xm[t + 1]))
    return np.array(out[::-1])[:, 0]


def test_equals_the_textbook_on_one_axis():
    rng = np.random.default_rng(0)
    t = np.arange(30)
    angles, places = 0.5 * np.sin(0.2 * t) + 0.02 * rng.normal(size=30), 0.03 * t + 0.01 * rng.normal(size=30)
    seen = np.ones(30, bool)
    seen[[12, 13, 14, 15, 16, 22]] = False
    smoother = Smoother(29, NOISE)
    smoother.grow(2)
    run(smoother, angles, places, seen)
    of_angle = textbook(angles, seen, NOISE.measured[5], 5)
    of_place = textbook(places, seen, NOISE.measured[24], 24)
    for k in range(30):
        rotations, pelvis = smoother.estimate(29 - k)
        np.testing.assert_allclose(quat.log(rotations)[1, 5], [of_angle[k], 0, 0], atol=1e-9)
        np.testing.assert_allclose(pelvis[1], [of_place[k], 0, 0], atol=1e-9)


def test_a_restart_cuts_the_past_off():
    smoother = Smoother(10, NOISE)
    smoother.grow(2)
    run(smoother, np.full(5, 0.1), np.zeros(5), np.ones(5, bool))
    before = [x.copy() for x in smoother.estimate(0)]
    jump = measurement(2.0, 5.0)
    smoother.predict(1.0, ALL, NONE)
    smoother.restart(ALL, jump)
    smoother.update(jump, np.zeros((2, COLUMNS, 3)))
    for _ in range(3):
        smoother.predict(1.0, ALL, NONE)
        smoother.update(jump, smoother.innovation(jump))
    after = smoother.estimate(4)
    np.testing.assert_allclose(after[0], before[0])
    np.testing.assert_allclose(after[1], before[1])
    np.testing.assert_allclose(quat.log(smoother.estimate(0)[0])[:, 5, 0], 2.0, atol=1e-6)


def test_frozen_columns_stay_where_they_are():
    smoother = Smoother(3, NOISE)
    smoother.grow(2)
    run(smoother, 0.1 * np.arange(6), 0.1 * np.arange(6), np.ones(6, bool))
    before = smoother.estimate(0)[0].copy()
    frozen = NONE.copy()
    frozen[:, 5] = True
    m = measurement(0, 0, NONE)
    smoother.predict(1.0, NONE, frozen)
    smoother.update(m, smoother.innovation(m))
    after = smoother.estimate(0)[0]
    np.testing.assert_allclose(after[:, 5], before[:, 5])
    assert np.abs(after[:, 6] - before[:, 6]).max() > 1e-3


def test_people_do_not_influence_each_other_and_keep_their_slots():
    alone, many = Smoother(4, NOISE), Smoother(4, NOISE)
    alone.grow(2)
    many.grow(2)
    run(alone, 0.1 * np.arange(8), np.arange(8.0), np.ones(8, bool))
    run(many, 0.1 * np.arange(8), np.arange(8.0), np.ones(8, bool))
    many.grow(7)
    assert many.slots == 7
    for back in range(5):
        for a, b in zip(alone.estimate(back), many.estimate(back), strict=True):
            np.testing.assert_array_equal(a, b[:2])


@pytest.mark.parametrize('frames', [0.5, 1.0, 3.0])
def test_dynamics_that_say_nothing_new_change_nothing(frames):
    """A matrix that only lets rates die away is the plain filter, at any frame rate that it is stepped at."""
    size = 3 * len(PREDICTED)
    matrix = np.zeros((2 * size, size))
    matrix[:size] = np.eye(size)
    dynamics = BodyDynamics(matrix, np.array([8.0]), {})
    rate = np.random.default_rng(0).normal(size=(1, 25, 3))
    move, left = dynamics.predict(rate, np.zeros((1, 1, 25, 3)), quat.identity(1, 24), frames)
    np.testing.assert_allclose(move, frames * rate[:, PREDICTED])
    np.testing.assert_allclose(left, rate[:, PREDICTED])


def test_a_doubtful_measurement_counts_for_more_where_it_agrees_with_the_prediction():
    moved = []
    for place in (0.01, 0.3):
        smoother = Smoother(0, NOISE)
        smoother.grow(2)
        run(smoother, [0.0] * 30, [0.0] * 30, [True] * 30)
        smoother.predict(1.0, ALL, NONE)
        seen = measurement(place, place)
        seen.variance_factor = seen.doubt = np.full((2, COLUMNS), 100.0)
        smoother.update(seen, smoother.innovation(seen))
        moved.append(quat.log(smoother.estimate(0)[0])[0, 5, 0] / place)
    assert moved[0] > 5 * moved[1]


def test_a_short_gap_is_bridged_as_without_the_learned_motion_and_a_long_one_is_not():
    """A predictor that lets everything spin: nothing of that may be left between two sides close to each other."""
    spinning = blank(np.array([3.0]))
    spinning.matrix[:69] += np.diag(np.full(69, 0.35))
    difference = []
    for gap in (3, 20):
        bridged = []
        for dynamics in (None, spinning):
            smoother = Smoother(gap + 1, NOISE, dynamics)
            smoother.grow(2)
            angles = 0.02 * np.arange(20 + gap)
            run(smoother, angles, 0 * angles, [True] * 19 + [False] * gap + [True])
            bridged.append(quat.log(smoother.estimate(1 + gap // 2)[0])[0, 5, 0])
        difference.append(abs(bridged[1] - bridged[0]))
    assert difference[0] < 1e-9 < 1e-3 < difference[1]
