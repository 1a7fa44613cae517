"""temporal_node over real DDS: activation, restarts, parameters, diagnostics, the end of the program."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip('rclpy')

from lifecycle_msgs.srv import GetState
from poco_node_harness import level
from rclpy.lifecycle import TransitionCallbackReturn
from rclpy.parameter import Parameter
from rclpy.qos import QoSReliabilityPolicy
from ros_harness import ros_session
from temporal_node_harness import Bench, bench, stamp, stamps, states

from poco_ros.environment import ros_environment
from poco_ros.errors import ConfigError, ModelFileError
from poco_ros.nodes import temporal_node
from poco_ros.nodes.temporal_node import TemporalNode
from poco_ros.types import State

pytestmark = pytest.mark.ros
ROOT = Path(__file__).resolve().parents[1]


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


def test_qualities_of_service_can_be_overridden_by_parameters():
    topics = {'/poco/bodies_live': 'publisher', '/poco/bodies': 'subscription'}
    overrides = {f'qos_overrides.{topic}.{end}.reliability': 'best_effort' for topic, end in topics.items()}
    with bench(**overrides) as b:
        (live,), (infilled,) = (b.peer.get_publishers_info_by_topic(f'/poco/bodies_{n}') for n in ('live', 'infilled'))
        (incoming,) = b.peer.get_subscriptions_info_by_topic('/poco/bodies')
        best_effort, reliable = QoSReliabilityPolicy.BEST_EFFORT, QoSReliabilityPolicy.RELIABLE
        assert [end.qos_profile.reliability for end in (live, incoming)] == [best_effort, best_effort]
        assert infilled.qos_profile.reliability == reliable


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
