"""temporal_node with a source of bodies and listeners, for tests over real DDS."""

from __future__ import annotations

import contextlib
import time

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.parameter import Parameter
from ros_harness import ros_session
from temporal_streams import PERIOD_NS, walking

from poco_ros.camera import Camera
from poco_ros.conversions import ArrayContext, bodies_to_message, stamp_to_ns
from poco_ros.msg import SmplBodyArray
from poco_ros.nodes import qos
from poco_ros.nodes.temporal_node import TemporalNode

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
