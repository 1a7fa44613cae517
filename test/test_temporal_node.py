"""temporal_node over real DDS: every promise of the two streams, from the messages that arrive."""

from __future__ import annotations

import dataclasses
import time

import numpy as np
import pytest

pytest.importorskip('rclpy')

from poco_node_harness import level
from ros_harness import ros_session
from rosgraph_msgs.msg import Clock
from temporal_node_harness import CAMERA, LAG, Bench, bench, stamp, stamps, states
from temporal_streams import doubted, walking

from poco_ros.conversions import ArrayContext, bodies_from_message, bodies_to_message, stamp_from_ns
from poco_ros.types import NUM_JOINTS, State

pytestmark = pytest.mark.ros


def test_every_frame_is_once_in_each_stream_in_order_with_the_header_of_its_source():
    with bench() as b:
        for k in range(40):
            b.send(stamp(k), skipped_frames=k % 3, coverage=0.8, confidence_bound_mm=70.0, calibration_id='cal-9')
            b.ros.spin_until(lambda n=k: len(b.live) > n)
            assert len(b.live) == k + 1
            assert len(b.infilled) >= k - LAG - 1  # at most L late, but for the one that is under way
        b.wait(40, 40)  # the last ones are released by the timer
        assert stamps(b.live) == stamps(b.infilled) == [stamp(k) for k in range(40)]
        assert {m.declared_lag_frames for m in b.live} == {0}
        assert {m.declared_lag_frames for m in b.infilled} == {LAG}
        assert {m.epoch for m in b.live} == {m.epoch for m in b.infilled}
        for k, message in enumerate(b.infilled):
            assert message.header.frame_id == 'optical' and message.skipped_frames == k % 3
            assert (message.image_width, message.image_height) == (640, 480)
            np.testing.assert_array_equal(message.intrinsics, [500, 510, 320, 240])
            assert message.focal_length_assumed and message.model_id == 'model-1'
            assert message.calibration_id.startswith('cal-9+age_law-')
            assert message.coverage == pytest.approx(0.8) and message.confidence_bound_mm == 70
            assert np.isnan(message.publish_delay)  # stamps of years ago: the clocks do not compare
            assert (states(message) == State.OBSERVED).all()
        output = b.values('output')
        assert output['lag_violations'] == '0' and int(output['released_by_timer']) == LAG
        assert float(output['live_share_observed']) == 1.0


def test_an_untrusted_arm_is_infilled_and_the_whole_body_held_then_extrapolated_live():
    arm = [16, 18, 20, 22]
    def body(k):
        if 20 <= k < 24:
            return doubted(walking(k / 30), arm)
        return doubted(walking(k / 30)) if 40 <= k < 50 else walking(k / 30)

    with bench() as b:
        b.play([(stamp(k), body(k)) for k in range(70)])
        b.wait(70, 70)
        gap = states(b.infilled[21])
        assert (gap[arm] == State.INFILLED).all() and (np.delete(gap, arm) == State.OBSERVED).all()
        assert b.infilled[21].bodies[0].state == State.INFILLED
        assert (states(b.live[21])[arm] == State.HELD).all()
        assert (states(b.live[41]) == State.HELD).all() and (states(b.live[47]) == State.EXTRAPOLATED).all()
        ages = np.asarray(b.live[47].bodies[0].joint_age)
        np.testing.assert_allclose(ages, 8 / 30, atol=1e-3)
        assert b.infilled[47].bodies[0].state == State.INFILLED  # trusted again at 50, within the lag
        assert b.infilled[41].bodies[0].state == State.HELD  # 50 came too late for it
        assert b.infilled[47].bodies[0].revision >= 1 and b.live[47].bodies[0].revision == 0
        errors = [np.asarray(b.live[k].bodies[0].joint_error_mm).mean() for k in (41, 44, 48)]
        assert np.all(np.diff(errors) > 0)
        assert b.live[47].calibration_id.startswith('age_law-') and np.isfinite(b.live[47].coverage)
        observed = b.live[10].bodies[0]
        assert np.isnan(observed.joint_error_mm).all() and np.isnan(observed.confidence)
        truth = walking(47 / 30).joints[0]
        joints = np.asarray(b.infilled[47].bodies[0].joints).reshape(NUM_JOINTS, 3)
        assert np.linalg.norm(joints - truth, axis=1).mean() < 0.05
        assert float(b.values('output')['gap_longest_s']) == pytest.approx(10 / 30, abs=0.01)


def test_duplicates_late_and_reordered_frames_are_left_out_and_missing_ones_counted():
    order = [*range(10), 9, 9, 10, 12, 11, 13, 14, 15, 18, 19, 20, 5, 21, 22]
    kept = sorted(set(order) - {11})
    with bench() as b:
        b.play([(stamp(k), None) for k in order])
        b.wait(len(kept), len(kept))
        assert stamps(b.live) == stamps(b.infilled) == [stamp(k) for k in kept]
        values = b.values('input')
        assert (values['messages'], values['accepted']) == (str(len(order)), str(len(kept)))
        assert (values['repeated'], values['late'], values['missing'], values['stamp_jumps']) == ('2', '2', '3', '0')


def test_a_jump_of_the_clock_and_a_restart_of_the_source_begin_new_epochs_without_ghosts():
    with bench() as b:
        b.play([(stamp(k), None) for k in range(12)])
        b.play([(stamp(k), walking(k / 30, first_id=5)) for k in range(-60, -48)])  # a bag begins again
        b.play([(stamp(k), walking(k / 30, first_id=9)) for k in range(-48, -36)], epoch=8)  # poco_node begins again
        b.wait(36, 36)
        expected = [stamp(k) for k in (*range(12), *range(-60, -36))]
        assert stamps(b.live) == stamps(b.infilled) == expected
        for stream in (b.live, b.infilled):
            epochs = [message.epoch for message in stream]
            assert [len(set(epochs[i:i + 12])) for i in (0, 12, 24)] == [1, 1, 1] and len(set(epochs)) == 3
            for first, track in ((0, 1), (12, 5), (24, 9)):
                assert {body.track_id for m in stream[first:first + 12] for body in m.bodies} == {track}
        values = b.values('input')
        assert (values['stamp_jumps'], values['source_restarts']) == ('1', '1')


def test_a_camera_that_stalls_does_not_hold_frames_back():
    with bench() as b:
        period = 1 / 30
        start = time.monotonic()
        for k in range(20):
            b.ros.spin_until(lambda n=k: time.monotonic() >= start + n * period)
            b.send(stamp(k))
        sent_last = time.monotonic()
        b.wait(20, 20)
        assert stamps(b.infilled) == [stamp(k) for k in range(20)]
        # Promised: L + 1 periods and 20 ms after the stamp, as the stamps run; the rest is for a busy machine.
        for k in range(20 - LAG, 20):
            promised = sent_last + (k - 19 + LAG + 1) * period + 0.02
            assert promised - 0.01 < b.arrivals[k] < promised + 0.1
        b.send(stamp(26))  # and on it goes
        b.wait(21, 21)
        output = b.values('output')
        assert int(output['released_by_timer']) == LAG + 1 and output['declared_lag_frames'] == '5'


def test_the_timer_follows_simulated_time():
    with ros_session() as ros:
        b = Bench(ros, use_sim_time=True)
        clock = b.peer.create_publisher(Clock, '/clock', 10)
        assert ros.spin_until(clock.get_subscription_count)

        def tick(k):
            clock.publish(Clock(clock=stamp_from_ns(stamp(k))))
            assert ros.spin_until(lambda: b.node.get_clock().now().nanoseconds == stamp(k))

        tick(0)
        b.activate()
        for k in range(1, 11):
            tick(k)
            b.send(stamp(k))
        b.wait(10, 10 - LAG)
        ros.spin_for(0.4)  # the simulation stands still: nothing is late
        assert len(b.infilled) == 10 - LAG
        for k in range(11, 10 + LAG + 3):
            tick(k)
            ros.spin_for(0.01)
        b.wait(10, 10)
        assert b.infilled[0].publish_delay == pytest.approx(LAG / 30, abs=2 / 30)
        assert b.values('output')['lag_violations'] == '0'


def test_nobody_there_is_an_empty_message_and_bad_messages_are_survived():
    with bench() as b:
        b.send(stamp(0), walking(0.0).take([]))
        wrong = bodies_to_message(walking(0.0), ArrayContext(CAMERA, stamp(1), 'optical', 7, 'm'))
        wrong.image_width = 0
        b.source.publish(wrong)
        broken = dataclasses.replace(walking(2 / 30), pose=np.full((1, NUM_JOINTS, 3), np.nan, np.float32))
        b.play([(stamp(2), broken), *((stamp(k), None) for k in range(3, 8))])
        b.wait(7, 7)
        assert b.live[0].bodies == []
        assert stamps(b.live) == [stamp(k) for k in (0, *range(2, 8))]
        assert b.values('input')['unusable'] == '1'
        assert level(b.statuses['input']) == 'ERROR' and 'width' in b.statuses['input'].message


def test_fifty_people_come_through():
    with bench() as b:
        b.play([(stamp(k), walking(k / 30, 50)) for k in range(10)])
        b.wait(10, 10, timeout=10)
        assert sorted(body.track_id for body in b.infilled[9].bodies) == list(range(1, 51))
        got = bodies_from_message(b.live[0])
        np.testing.assert_allclose(got.joints, walking(0.0, 50).joints, atol=1e-4)
