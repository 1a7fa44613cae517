"""Figures of the temporal node against closed forms, and what its diagnostics say of them."""

from __future__ import annotations

import dataclasses
import math

import numpy as np
import pytest

pytest.importorskip('rclpy')

from poco_ros.nodes.diagnostics import Level
from poco_ros.nodes.health import WINDOW_S
from poco_ros.nodes.temporal_diagnostics import TemporalGraph, report
from poco_ros.nodes.temporal_health import TemporalHealth
from poco_ros.temporal.stream import Counters
from poco_ros.types import Bodies, State

GRAPH = TemporalGraph('active', True, '/poco/bodies', publishers=1, tracks=1, lag_frames=5)


def body(state: State, age: float, track: int = 1) -> Bodies:
    return dataclasses.replace(
        Bodies.unknown(1), track_id=np.int32([track]), joint_state=np.full((1, 24), state, np.uint8),
        joint_age=np.full((1, 24), age, np.float32))


def running() -> TemporalHealth:
    """Four seconds at 25 Hz; from frame 50 to 59 nothing is seen."""
    health = TemporalHealth()
    health.listen(0.0)
    for k in range(100):
        hidden = 50 <= k < 60
        now = 0.04 * k
        health.arrived(now)
        health.published_live(body(State.HELD if hidden else State.OBSERVED, 0.04 * (k - 49) if hidden else 0.0), now)
        if k >= 5:
            health.published_infilled(body(State.INFILLED if 50 <= k - 5 < 60 else State.OBSERVED, 0.0), now)
    return health


def test_rates_shares_and_gap_lengths():
    snapshot = running().snapshot(4.0)
    assert snapshot.rate_in_hz == snapshot.live.rate_hz == snapshot.infilled.rate_hz == pytest.approx(25)
    assert snapshot.live.shares == pytest.approx({State.OBSERVED: 0.9, State.HELD: 0.1})
    assert snapshot.infilled.shares == pytest.approx({State.OBSERVED: 85 / 95, State.INFILLED: 10 / 95})
    assert (snapshot.gaps, snapshot.live.published) == (24, 100)
    assert snapshot.gap_median_s == snapshot.gap_longest_s == pytest.approx(0.4)
    later = running().snapshot(4.0 + WINDOW_S)
    assert later.gaps == 0 and later.live.shares == {} and math.isnan(later.gap_longest_s)


def statuses(health: TemporalHealth, now_s: float = 4.0, **graph: object) -> dict[str, object]:
    made = report(health.snapshot(now_s), Counters(), dataclasses.replace(GRAPH, **graph), 2.0)
    return {status.name: status for status in made}


def test_a_good_run_is_ok_and_says_how_much_was_infilled():
    told = statuses(running())
    assert {status.level for status in told.values()} == {Level.OK}
    assert '25.0 Hz' in told['input'].message and '11% infilled' in told['output'].message
    assert told['output'].values['infilled_share_infilled'] == f'{10 / 95:.3f}'


def test_trouble_is_told_with_its_level():
    health = running()
    assert statuses(health, 7.0)['input'].level is Level.STALE
    assert 'start poco_node' in statuses(health, 7.0, publishers=0)['input'].message
    assert statuses(health, use_sim_time=True, clock_ns=0)['input'].level is Level.WARN
    assert 'idle' in statuses(health, wanted=False)['output'].message
    assert 'inactive' in statuses(health, lifecycle='inactive')['output'].message
    health.lag_violated(3.9, 'a frame left 90 ms after its deadline')
    health.unusable(3.9, 'no camera')
    told = statuses(health)
    assert told['output'].level is Level.WARN and '90 ms' in told['output'].message
    assert told['input'].level is Level.ERROR and 'no camera' in told['input'].message
    assert told['output'].values['lag_violations'] == '1'
