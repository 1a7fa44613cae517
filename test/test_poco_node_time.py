"""Stamps that repeat, go back or jump, and simulated time."""

from __future__ import annotations

import pytest

pytest.importorskip('rclpy')

from poco_node_harness import SECOND, Bench, bench, image_message, level
from ros_harness import ros_session
from rosgraph_msgs.msg import Clock

from poco_ros.conversions import stamp_from_ns, stamp_to_ns

pytestmark = pytest.mark.ros
DAY = 86_400 * SECOND


def test_a_repeated_stamp_is_dropped_counted_and_explained():
    with bench() as b:
        assert b.ask(image_message(5 * SECOND)) is not None
        status = b.refused(image_message(5 * SECOND))
        assert level(status) == 'WARN'
        assert 'header.stamp' in status.message
        assert b.values('input')['repeated_stamps'] == '1'
        assert b.ask(image_message(6 * SECOND)) is not None
        assert b.pipeline.resets == 1


def test_stamps_that_go_back_start_anew_and_are_warned_about():
    with bench() as b:
        for second in (10, 11, 12):
            assert b.ask(image_message(second * SECOND)) is not None
        assert b.pipeline.resets == 1
        answer = b.ask(image_message(3 * SECOND))  # the bag loops
        assert stamp_to_ns(answer.header.stamp) == 3 * SECOND
        assert b.pipeline.resets == 2
        status = b.status('input')
        assert level(status) == 'WARN'
        assert 'went back' in status.message
        assert b.ask(image_message(4 * SECOND)) is not None
        assert b.pipeline.resets == 2
        assert b.values('input')['backward_stamps'] == '1'


def test_a_jump_of_a_day_starts_anew_and_a_normal_step_does_not():
    with bench() as b:
        b.ask(image_message(10 * SECOND))
        b.ask(image_message(14 * SECOND))
        assert b.pipeline.resets == 1
        assert b.ask(image_message(14 * SECOND + DAY)) is not None
        assert b.pipeline.resets == 2
        assert b.ask(image_message(15 * SECOND + DAY)) is not None
        assert b.pipeline.resets == 2
        assert b.values('input')['stamp_gaps'] == '1'


def test_a_reset_is_not_lost_when_its_image_is_passed_over():
    import threading
    with bench() as b:
        b.ask(image_message(10 * SECOND))
        b.pipeline.gate = threading.Event()
        b.pipeline.started.clear()
        b.send(image_message(11 * SECOND))
        assert b.ros.spin_until(b.pipeline.started.is_set)
        for i, second in enumerate((2, 3)):  # back, and on; the image that went back is never worked on
            b.send(image_message(second * SECOND))
            count = 3 + i
            assert b.ros.spin_until(lambda n=count: b.node._health.snapshot(0.0).images == n)
        b.pipeline.gate.set()
        assert b.ros.spin_until(lambda: len(b.bodies) == 3)
        assert b.bodies[-1].header.stamp.sec == 3
        assert b.pipeline.resets == 2


def test_simulated_time_is_the_only_time():
    with ros_session() as ros:
        b = Bench(ros, use_sim_time=True)
        clock = b.test.create_publisher(Clock, '/clock', 10)
        b.activate()
        status = b.status('input')
        assert level(status) == 'WARN'
        assert '/clock' in status.message
        assert ros.spin_until(clock.get_subscription_count)

        def set_clock(seconds: float) -> None:
            target = int(seconds * SECOND)
            clock.publish(Clock(clock=stamp_from_ns(target)))
            assert ros.spin_until(lambda: b.node.get_clock().now().nanoseconds == target)

        set_clock(1000.25)
        answer = b.ask(image_message(1000 * SECOND))
        assert answer.publish_delay == pytest.approx(0.25)
        assert ros.spin_until(lambda: b.node._health.snapshot(1000.25).published == 1)
        assert level(b.status('input')) == 'OK'
        set_clock(1010.0)
        stale = b.status('input')
        assert level(stale) == 'STALE'
        assert float({v.key: v.value for v in stale.values}['input_age_s']) == pytest.approx(9.75)
        set_clock(500.0)  # the bag loops
        answer = b.ask(image_message(499 * SECOND + SECOND // 2))
        assert answer.publish_delay == pytest.approx(0.5)
        assert level(b.status('model')) == 'OK'
