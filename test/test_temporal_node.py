"""temporal_node over real DDS: every promise of the two streams, from the messages that arrive."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.srv import GetState
from poco_node_harness import level
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from ros_harness import ros_session
from rosgraph_msgs.msg import Clock
from temporal_streams import PERIOD_NS, doubted, walking

from poco_ros.camera import Camera
from poco_ros.conversions import ArrayContext, bodies_from_message, bodies_to_message, stamp_from_ns, stamp_to_ns
from poco_ros.environment import ros_environment
from poco_ros.errors import ConfigError, ModelFileError
from poco_ros.msg import SmplBodyArray
from poco_ros.nodes import qos, temporal_node
from poco_ros.nodes.temporal_node import TemporalNode
from poco_ros.types import NUM_JOINTS, State

pytestmark = pytest.mark.ros
ROOT = Path(__file__).resolve().parents[1]
CAMERA = Camera(640, 480, 500.0, 510.0, 320.0, 240.0, focal_length_assumed=True)
START_NS = 1_700_000_000_000_000_000
LAG = 5


def stamp(k: float) -> int:
    return START_NS + round(k * PERIOD_NS)


class Bench:
    """The node, a source of bodies, and listeners to all that the node says."""

    def __init__(self, ros, *, listen=True, node_options=None, **parameters):
        self.ros = ros
        self.node = ros.add(TemporalNode(
            context=ros.context, **(node_options or {}),
            parameter_overrides=[Parameter(name, value=value) for name, value in parameters.items()]))
        self.peer = ros.node('peer')
        self.source = self.peer.create_publisher(SmplBodyArray, 'poco/bodies', qos.EVERY_FRAME)
        self.live, self.infilled, self.arrivals, self.statuses = [], [], [], {}
        self.peer.create_subscription(DiagnosticArray, '/diagnostics', self._keep_statuses, qos.DIAGNOSTICS)
        self.listeners = [self.listen()] if listen else []

    def _keep_statuses(self, message):
        self.statuses.update({status.name.split(': ')[1]: status for status in message.status})

    def _keep_infilled(self, message):
        self.infilled.append(message)
        self.arrivals.append(time.monotonic())

    def listen(self):
        live = self.peer.create_subscription(SmplBodyArray, 'poco/bodies_live', self.live.append, qos.EVERY_FRAME)
        infilled = self.peer.create_subscription(
            SmplBodyArray, 'poco/bodies_infilled', self._keep_infilled, qos.EVERY_FRAME)
        return live, infilled

    def activate(self):
        assert self.node.trigger_configure().name == 'SUCCESS'
        assert self.node.trigger_activate().name == 'SUCCESS'
        assert self.ros.spin_until(self.source.get_subscription_count)

    def send(self, stamp_ns, bodies=None, epoch=7, **context):
        k = (stamp_ns - START_NS) / PERIOD_NS
        bodies = walking(k / 30) if bodies is None else bodies
        self.source.publish(bodies_to_message(
            bodies, ArrayContext(CAMERA, stamp_ns, 'optical', epoch, 'model-1', **context)))

    def play(self, frames, **options):
        """Publish frames (stamp, bodies or None), faster than they were taken."""
        for stamp_ns, bodies in frames:
            self.send(stamp_ns, bodies, **options)
            self.ros.spin_for(0.001)

    def wait(self, live, infilled, timeout=5.0):
        """Wait for so many messages of each stream, and a little for any that are too many."""
        done = self.ros.spin_until(lambda: len(self.live) >= live and len(self.infilled) >= infilled, timeout)
        self.ros.spin_for(0.02)
        assert done and (len(self.live), len(self.infilled)) == (live, infilled)

    def values(self, name):
        self.statuses.clear()
        self.node.publish_diagnostics()
        assert self.ros.spin_until(lambda: name in self.statuses)
        return {v.key: v.value for v in self.statuses[name].values}


@contextlib.contextmanager
def bench(**options):
    with ros_session() as ros:
        made = Bench(ros, **options)
        made.activate()
        yield made


def stamps(messages):
    return [stamp_to_ns(message.header.stamp) for message in messages]


def states(message, body=0):
    return np.asarray(message.bodies[body].joint_state)


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


def test_bodies_are_subscribed_to_only_while_somebody_listens_and_each_start_is_a_new_epoch():
    with ros_session() as ros:
        b = Bench(ros, listen=False)
        b.node.trigger_configure()
        b.node.trigger_activate()
        ros.spin_for(0.3)
        assert b.source.get_subscription_count() == 0
        assert 'idle' in (b.values('output') and b.statuses['output'].message)
        for _ in range(2):
            listeners = b.listen()
            assert ros.spin_until(b.source.get_subscription_count, 1.0)
            count = len(b.live)
            b.play([(stamp(k), None) for k in range(8)])
            b.wait(count + 8, count + 8)
            for listener in listeners:
                b.peer.destroy_subscription(listener)
            assert ros.spin_until(lambda: b.source.get_subscription_count() == 0)
        assert stamps(b.live) == 2 * [stamp(k) for k in range(8)]
        assert len({m.epoch for m in b.live[:8]}) == 1 and b.live[0].epoch != b.live[8].epoch


def test_deactivation_gives_what_waits_and_activation_resumes_within_a_second_with_a_new_epoch():
    with bench() as b:
        b.play([(stamp(k), None) for k in range(8)])
        b.ros.spin_until(lambda: len(b.live) == 8)
        b.node.trigger_deactivate()
        b.wait(8, 8)
        assert b.ros.spin_until(lambda: b.source.get_subscription_count() == 0)
        assert b.node.trigger_activate().name == 'SUCCESS'
        began, k = time.monotonic(), 8
        while len(b.live) == 8 and time.monotonic() < began + 3:
            b.send(stamp(k))
            b.ros.spin_for(0.03)
            k += 1
        assert time.monotonic() - began < 1.0
        assert b.live[8].epoch != b.live[7].epoch and (states(b.live[8]) == State.OBSERVED).all()
        b.node.trigger_deactivate()
        b.node.trigger_cleanup()
        assert b.ros.spin_until(lambda: b.peer.count_publishers('/poco/bodies_live') == 0)
        assert b.node.trigger_configure().name == 'SUCCESS'


def test_a_silent_source_is_stale_in_the_diagnostics():
    with bench(stale_after=0.8) as b:
        b.send(stamp(0))
        b.wait(1, 1)
        b.values('input')
        assert level(b.statuses['input']) == 'OK'
        b.ros.spin_for(0.8)
        b.values('input')
        assert level(b.statuses['input']) == 'STALE' and 'poco_node' in b.statuses['input'].message


@pytest.mark.parametrize(('name', 'value', 'words'), [
    ('lag_frames', 31, "'lag_frames' must be between 0 and 30"), ('trust.u_hi', 1.5, "'trust.u_hi' must be between"),
    ('trust.u_lo', 0.9, r'u_lo \(0.9\) must not be above u_hi'), ('preset', 'glamr', 'one of default, paper'),
    ('motion.predictor', 'magic', "'motion.predictor' must be one of"),
])
def test_parameters_out_of_range_are_refused_in_words(name, value, words):
    with ros_session() as ros, pytest.raises(ConfigError, match=words):
        TemporalNode(context=ros.context, parameter_overrides=[Parameter(name, value=value)])


def test_the_node_takes_the_learned_predictor_and_is_not_configured_where_it_cannot_be_loaded(monkeypatch):
    def missing(name):
        raise ModelFileError(f'no file for {name}')

    learned = [Parameter('motion.predictor', value='learned')]
    with ros_session() as ros:
        assert ros.add(TemporalNode(context=ros.context, parameter_overrides=learned)).trigger_configure() \
            == TransitionCallbackReturn.SUCCESS
        monkeypatch.setattr(temporal_node, 'shipped_predictor', missing)
        assert ros.add(TemporalNode(context=ros.context, parameter_overrides=learned)).trigger_configure() \
            == TransitionCallbackReturn.FAILURE


def test_lag_zero_is_on_time_and_the_running_node_keeps_its_parameters():
    with bench(lag_frames=0) as b:
        b.play([(stamp(k), None) for k in range(5)])
        b.wait(5, 5)
        assert {m.declared_lag_frames for m in b.infilled} == {0}
        assert not b.node.set_parameters([Parameter('lag_frames', value=3)])[0].successful
        assert b.node.set_parameters([Parameter('stale_after', value=1.0)])[0].successful


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_ends_the_program_cleanly(number):
    with ros_session() as ros:
        env = ros_environment(dict(os.environ, ROS_DOMAIN_ID=str(ros.domain), PYTHONPATH=str(ROOT)))
        with subprocess.Popen([sys.executable, '-m', 'poco_ros.nodes.temporal_node'], env=env, cwd=ROOT, text=True,
                              stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
            try:
                client = ros.node('watcher').create_client(GetState, '/temporal_node/get_state')
                assert ros.spin_until(client.service_is_ready, 20.0)
                process.send_signal(number)
                output, _ = process.communicate(timeout=10)
            finally:
                process.kill()
    assert process.returncode == 0, output
    assert 'Traceback' not in output
