"""Rates come out as asked for, on a clock with jitter, and survive its jumps."""

import numpy as np
import pytest

from poco_ros.nodes.throttle import Throttle

SECOND = 1_000_000_000


def frames(rate, seconds, jitter=0.0, start=100.0):
    rng = np.random.default_rng(3)
    times = start + np.arange(int(rate * seconds)) / rate + rng.uniform(-jitter, jitter, int(rate * seconds))
    return (times * SECOND).astype(np.int64)


@pytest.mark.parametrize(('camera', 'limit', 'expected'), [
    (30, 15, 15), (30, 10, 10), (30, 5, 5), (25, 5, 5), (30, 60, 30), (30, 0, 30), (30, 0.5, 0.5)])
def test_rate_over_twenty_seconds_with_jitter(camera, limit, expected):
    throttle = Throttle(limit)
    passed = sum(throttle.due(int(t)) for t in frames(camera, 20, jitter=0.004))
    assert passed == pytest.approx(20 * expected, rel=0.07, abs=1.01)  # the first one passes at once


def test_never_much_more_than_the_rate_even_in_bursts():
    throttle = Throttle(10)
    assert sum(throttle.due(50 * SECOND + i * 1000) for i in range(1000)) == 1
    throttle.due(60 * SECOND)
    assert sum(throttle.due(60 * SECOND + i * 1000) for i in range(1000)) == 0


def test_a_jump_back_and_a_long_pause_do_not_stop_it():
    throttle = Throttle(2)
    assert throttle.due(1000 * SECOND)
    assert not throttle.due(1000 * SECOND + SECOND // 10)
    assert throttle.due(3 * SECOND)
    assert not throttle.due(3 * SECOND + SECOND // 10)
    assert throttle.due(9999 * SECOND)
    assert throttle.due(0)
