"""The profiles, and that a user's change of one topic stays with that topic."""

from __future__ import annotations

import dataclasses

import pytest

pytest.importorskip('rclpy')

from rclpy.parameter import Parameter
from rclpy.qos import QoSDurabilityPolicy, QoSReliabilityPolicy
from ros_harness import ros_session
from std_msgs.msg import Empty

from poco_ros.nodes import qos
from poco_ros.temporal.config import TemporalConfig


def test_profiles():
    best_effort, reliable = QoSReliabilityPolicy.BEST_EFFORT, QoSReliabilityPolicy.RELIABLE
    assert (qos.SENSOR_INPUT.reliability, qos.SENSOR_INPUT.depth) == (best_effort, 1)
    assert (qos.BOXES_INPUT.reliability, qos.BOXES_INPUT.depth) == (best_effort, 10)
    assert qos.OUTPUT.reliability == reliable
    assert qos.EVERY_FRAME.reliability == reliable
    assert qos.EVERY_FRAME.depth > _longest_lag()
    assert (qos.LATCHED.durability, qos.LATCHED.reliability, qos.LATCHED.depth) == (
        QoSDurabilityPolicy.TRANSIENT_LOCAL, reliable, 1)
    for name in ('SENSOR_INPUT', 'BOXES_INPUT', 'OUTPUT', 'EVERY_FRAME', 'DIAGNOSTICS'):
        assert getattr(qos, name).durability == QoSDurabilityPolicy.VOLATILE


def _longest_lag() -> int:
    (lag,) = [field for field in dataclasses.fields(TemporalConfig) if field.name == 'lag_frames']
    return lag.metadata['max']


def test_an_unknown_name_is_an_error():
    with pytest.raises(AttributeError, match='OUTPUTS'):
        qos.OUTPUTS  # noqa: B018


@pytest.mark.ros
def test_an_override_changes_its_own_topic_only():
    with ros_session() as ros:
        node = ros.node('n', parameter_overrides=[
            Parameter('qos_overrides./a.publisher.reliability', value='best_effort')])
        for topic in ('a', 'b'):
            node.create_publisher(Empty, topic, qos.OUTPUT, qos_overriding_options=qos.overridable())
        (a,), (b,) = (node.get_publishers_info_by_topic(f'/{topic}') for topic in 'ab')
        assert a.qos_profile.reliability == QoSReliabilityPolicy.BEST_EFFORT
        assert b.qos_profile.reliability == QoSReliabilityPolicy.RELIABLE
    assert qos.OUTPUT.reliability == QoSReliabilityPolicy.RELIABLE
