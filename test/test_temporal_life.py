"""The life of one joint, frame by frame."""

import numpy as np

from poco_ros.temporal.config import LifeConfig
from poco_ros.temporal.life import LifeCycle
from poco_ros.types import State

STEP = 0.1


def lives(marks, lag=0, config=None):
    """States of a joint, live and infilled, for a text: t trusted, b in between, u unseen; at 10 frames a second."""
    life = LifeCycle(lag, config or LifeConfig(held_s=0.2, lost_live_s=0.4, lost_infilled_s=0.6, regain_frames=2))
    life.grow(1)
    one = np.ones((1, 24), bool)
    live, late = [], []
    for k, mark in enumerate(marks):
        trusted, usable = one & (mark == 't'), one & (mark in 'tb')
        apart = life.out_of_reach(k * STEP)
        if k == 0:
            life.begin(np.array([0]), trusted)
        life.step(k * STEP, trusted, usable & (trusted | ~apart), trusted & apart)
        live.append(State(life.live().state[0, 0]).name[0])
        if k >= lag:
            late.append(State(life.infilled(lag).state[0, 0]).name[0])
    return ''.join(live), ''.join(late)


def test_hysteresis():
    assert lives('tbbubbtb')[0] == 'OOOHHEOO'


def test_held_extrapolated_lost_and_regained():
    assert lives('ttuuuuuttt') == ('OOHHEELLOO', 'OOHHEEEOOO')


def test_infilled_only_where_the_end_is_known_in_time():
    assert lives('tttuuuttttt', lag=2)[1] == 'OOOHIIOOO'
    assert lives('tttuttttt', lag=2)[1] == 'OOOIOOO'


def test_too_long_a_gap_is_not_bridged_and_its_end_is_confirmed_afterwards():
    assert lives('tt' + 'u' * 8 + 'tttt', lag=3)[1] == 'OOHHEEEELLO'


def test_never_trusted_is_lost_without_an_age():
    life = LifeCycle(0, LifeConfig())
    life.grow(1)
    none = np.zeros((1, 24), bool)
    life.begin(np.array([0]), none)
    life.step(0.0, none, none, none)
    assert set(life.live().state[0]) == {State.LOST} and np.isnan(life.live().age).all()
