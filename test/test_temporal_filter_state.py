import numpy as np

from poco_ros.temporal.filter_state import COLUMNS, PELVIS, State


def test_rates_and_means_over_the_past_are_views_of_one_array():
    motion = np.arange(2 * 3 * COLUMNS * 3, dtype=float).reshape(2, 3, COLUMNS, 3)
    state = State(*[np.zeros(0)] * 2, motion, *[np.zeros(0)] * 4)
    assert state.rate.shape == (2, COLUMNS, 3) and state.past.shape == (2, 2, COLUMNS, 3)
    state.rate[0, PELVIS] = 7
    state.past[1, 1] = -1
    assert (motion[0, 0, PELVIS] == 7).all() and (motion[1, 2] == -1).all()
