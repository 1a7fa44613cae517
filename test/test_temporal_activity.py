"""How much joints have moved lately: kept while they are hidden, per person, at any frame rate."""

import numpy as np

from poco_ros.temporal.activity import Activity

SEEN, HIDDEN = np.ones((2, 24), bool), np.zeros((2, 24), bool)
BOTH = np.arange(2)


def rates(size):
    out = np.zeros((2, 24, 3))
    out[:, :, 1] = size
    return out


def moving(*sizes, frames=1.0):
    activity = Activity()
    activity.grow(2)
    for size in sizes:
        activity.step(rates(size), SEEN, frames)
    return activity


def test_it_is_the_root_mean_square_of_the_rates_and_old_ones_fade():
    assert np.isnan(Activity().of(BOTH[:0])).all()
    np.testing.assert_allclose(moving(0.1).of(BOTH), 0.1)
    np.testing.assert_allclose(moving(*[0.1] * 50).of(BOTH), 0.1)
    np.testing.assert_allclose(moving(0.1, 0.0).of(BOTH), 0.1 * np.sqrt(0.9))
    assert moving(*[0.1] * 5, *[0.0] * 60).of(BOTH).max() < 0.005


def test_hidden_joints_keep_what_they_had():
    activity = moving(0.1)
    mixed = SEEN.copy()
    mixed[0, 3] = False
    activity.step(rates(0.3), mixed, 1.0)
    now = activity.of(BOTH)
    assert now[0, 3] == 0.1 and (np.delete(now[0], 3) > 0.1).all() and (now[1] > 0.1).all()


def test_two_half_frames_are_one():
    halves = moving(0.1)
    for _ in range(2):
        halves.step(rates(0.2), SEEN, 0.5)
    whole = moving(0.1)
    whole.step(rates(0.2), SEEN, 1.0)
    np.testing.assert_allclose(halves.of(BOTH), whole.of(BOTH))


def test_people_are_kept_apart_and_forgotten():
    activity = moving(0.1)
    activity.forget(np.array([0]))
    activity.grow(3)
    now = activity.of(np.arange(3))
    assert np.isnan(now[[0, 2]]).all() and (now[1] == 0.1).all()
