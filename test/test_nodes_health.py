"""Counts and rates against closed forms."""

from __future__ import annotations

import math
import threading

import numpy as np
import pytest

pytest.importorskip('rclpy')

from poco_ros.nodes.health import WINDOW_S, Event, Health


def test_rates_come_from_the_intervals_of_the_window():
    health = Health()
    health.listen(0.0)
    for i in range(200):
        health.image_arrived(i * 0.04)
    for i in range(20):
        health.message_published(i * 0.4, math.nan, 1, {})
    snapshot = health.snapshot(8.0)
    assert snapshot.rate_in_hz == pytest.approx(25.0)
    assert snapshot.rate_out_hz == pytest.approx(2.5)
    assert (snapshot.images, snapshot.published) == (200, 20)
    assert snapshot.input_age_s == pytest.approx(8.0 - 199 * 0.04)
    assert health.snapshot(7.96 + WINDOW_S + 0.1).rate_in_hz == 0.0


def test_latency_percentiles_are_in_milliseconds_and_leave_out_what_is_unknown():
    health = Health()
    delays = np.random.default_rng(0).uniform(0.01, 0.1, 101)
    for delay in delays:
        health.message_published(1.0, float(delay), 2, {'people': 3.0, 'bodies': 1.0})
    health.message_published(1.0, math.nan, 3, {'people': 5.0, 'bodies': 1.0})
    snapshot = health.snapshot(1.0)
    assert snapshot.latency_p50_ms == pytest.approx(np.median(delays) * 1e3)
    assert snapshot.latency_p95_ms == pytest.approx(np.quantile(delays, 0.95) * 1e3)
    assert snapshot.stage_ms == {'people': 3.0, 'bodies': 1.0}
    assert snapshot.persons == 3


def test_nothing_known_is_nan():
    snapshot = Health().snapshot(5.0)
    assert math.isnan(snapshot.latency_p50_ms)
    assert math.isnan(snapshot.input_age_s)
    assert math.isnan(snapshot.listening_s)
    assert snapshot.rate_in_hz == 0.0


def test_events_are_totalled_and_only_recent_for_a_while():
    health = Health()
    health.happened(Event.BAD_IMAGE, 1.0, 'first')
    health.happened(Event.BAD_IMAGE, 2.0, 'second')
    tally = health.snapshot(2.0 + WINDOW_S).events[Event.BAD_IMAGE]
    assert (tally.total, tally.recent, tally.reason) == (2, True, 'second')
    assert not health.snapshot(2.1 + WINDOW_S).events[Event.BAD_IMAGE].recent


def test_a_clock_that_goes_back_makes_old_measurements_old():
    health = Health()
    for i in range(10):
        health.image_arrived(100.0 + i)
        health.happened(Event.BAD_IMAGE, 100.0 + i)
    snapshot = health.snapshot(3.0)
    assert snapshot.rate_in_hz == 0.0
    assert not snapshot.events[Event.BAD_IMAGE].recent


def test_start_and_listen_begin_anew():
    health = Health()
    health.image_arrived(1.0)
    health.passed_over(4)
    health.listen(2.0)
    assert health.snapshot(2.5).images == 1
    assert math.isnan(health.snapshot(2.5).input_age_s)
    assert health.snapshot(2.5).listening_s == 0.5
    assert health.snapshot(2.5).skipped == 4
    health.start()
    assert health.snapshot(2.5).images == 0
    assert health.snapshot(2.5).skipped == 0


def test_counts_from_several_threads_add_up():
    health = Health()

    def count():
        for _ in range(500):
            health.image_arrived(1.0)
            health.happened(Event.REPEATED_STAMP, 1.0)
            health.snapshot(1.0)

    threads = [threading.Thread(target=count) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    snapshot = health.snapshot(1.0)
    assert (snapshot.images, snapshot.events[Event.REPEATED_STAMP].total) == (2000, 2000)
