"""The schedule: no drift, no bursts, and clocks that jump."""

from __future__ import annotations

import numpy as np
import pytest

from poco_ros.video.pacing import Schedule

MS = 1_000_000


def test_times_are_even_and_do_not_drift() -> None:
    """At 29.97 Hz the period is no whole number of nanoseconds; an hour later the times are still exact."""
    schedule, rate, start = Schedule(29.97), 29.97, 1_700_000_000_123_456_789
    now, rng = start, np.random.default_rng(0)
    count = round(3600 * rate)
    for i in range(count):
        due = schedule.next(now)
        assert abs(due - start - i * 1e9 / rate) < 2
        now = max(now, due) + int(rng.uniform(0, 30) * MS)  # the work between takes almost a period
    assert schedule.restarts == 0


def test_falling_behind_gives_no_burst() -> None:
    schedule = Schedule(10.0)
    assert [schedule.next(0), schedule.next(1 * MS), schedule.next(150 * MS)] == [0, 100 * MS, 200 * MS]
    assert schedule.next(390 * MS) == 300 * MS, 'less than a period late: catches up'
    assert schedule.next(1000 * MS) == 1000 * MS, 'far behind: begins again'
    assert schedule.next(1001 * MS) == 1100 * MS
    assert schedule.restarts == 1


def test_clock_set_back_begins_again() -> None:
    schedule = Schedule(10.0)
    schedule.next(3_600_000 * MS)
    assert schedule.next(5 * MS) == 5 * MS
    assert schedule.next(6 * MS) == 105 * MS


@pytest.mark.parametrize(('camera', 'rate', 'expected'), [(30.0, 30.0, 300), (30.0, 10.0, 100), (10.0, 30.0, 100)])
def test_camera_is_thinned_to_the_rate(camera: float, rate: float, expected: int) -> None:
    """Ten seconds of a camera with a millisecond of jitter; a faster rate than the camera's takes everything."""
    rng = np.random.default_rng(1)
    times = [round(i / camera * 1e9 + rng.uniform(-1, 1) * MS) for i in range(1, round(10 * camera) + 1)]
    schedule = Schedule(rate)
    taken = [t for t in times if schedule.accepts(t)]
    assert abs(len(taken) - expected) <= 1
    assert np.abs(np.diff(taken) / 1e9 - 1 / min(camera, rate)).max() < 0.003


def test_camera_after_a_clock_that_was_set_back() -> None:
    schedule = Schedule(10.0)
    assert schedule.accepts(10_000 * MS) and not schedule.accepts(10_030 * MS)
    assert schedule.accepts(5 * MS) and not schedule.accepts(30 * MS)
