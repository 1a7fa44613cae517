"""Measures whether camera images get from one process to another, with the middleware as it is set up.

Run as a program it is the sender: ``python -m poco_ros.cli.transport``.
"""

from __future__ import annotations

import array
import contextlib
import os
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from rclpy.executors import SingleThreadedExecutor
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image

from poco_ros.allocator import keep_large_blocks
from poco_ros.cli.lifecycle import ros_node
from poco_ros.cli.processes import Children
from poco_ros.conversions import stamp_from_ns, stamp_to_ns

WIDTH, HEIGHT = 1280, 720
IMAGES = 30
_HZ = 20.0
_TOPIC = '/poco_doctor/image'
_MEETING_S = 20.0


@dataclass(frozen=True)
class TransportResult:
    """What arrived.

    :param sent: images sent, 1280 x 720 bgr8, sensor-data quality of service.
    :param received: of these.
    :param median_ms: from sending to the call-back; NaN when nothing came.
    :param met: whether sender and receiver found each other at all.
    """

    sent: int
    received: int
    median_ms: float
    met: bool


def measure_transport(environ: Mapping[str, str]) -> TransportResult:
    """Send images from another process to this one.

    :param environ: the environment of both; that of this process must already be the same.
    """
    keep_large_blocks()
    latencies: list[float] = []

    def on_image(message: Image) -> None:
        latencies.append((time.time_ns() - stamp_to_ns(message.header.stamp)) / 1e6)

    with Children(environ) as children, ros_node(f'poco_doctor_{os.getpid()}') as node:
        topic = f'{_TOPIC}_{os.getpid()}'
        subscription = node.create_subscription(Image, topic, on_image, qos_profile_sensor_data)
        executor = SingleThreadedExecutor()
        executor.add_node(node)
        sender = children.start('the sender', [sys.executable, '-m', 'poco_ros.cli.transport', topic])
        met, start, end = False, time.monotonic(), float('inf')
        while len(latencies) < IMAGES and time.monotonic() < min(start + 2 * _MEETING_S, end):
            executor.spin_once(timeout_sec=0.1)
            met = met or node.count_publishers(topic) > 0
            if not sender.is_running() and end == float('inf'):
                end = time.monotonic() + 1.0  # what is still under way
        executor.remove_node(node)
        node.destroy_subscription(subscription)
    median = float(np.median(latencies)) if latencies else float('nan')
    return TransportResult(IMAGES, len(latencies), median, met)


def main() -> int:
    """Send the images to whoever subscribes to the topic named on the command line."""
    with contextlib.suppress(KeyboardInterrupt), ros_node(f'poco_doctor_sender_{os.getpid()}') as node:
        publisher = node.create_publisher(Image, sys.argv[1], qos_profile_sensor_data)
        message = Image(height=HEIGHT, width=WIDTH, encoding='bgr8', step=WIDTH * 3)
        message.data = array.array('B', np.random.default_rng(0).bytes(WIDTH * HEIGHT * 3))
        deadline = time.monotonic() + _MEETING_S
        while publisher.get_subscription_count() == 0:
            if time.monotonic() > deadline:
                return 1
            time.sleep(0.02)
        time.sleep(0.3)  # the other side finds out a little later
        for _ in range(IMAGES):
            message.header.stamp = stamp_from_ns(time.time_ns())
            publisher.publish(message)
            time.sleep(1 / _HZ)
        time.sleep(0.3)
    return 0


if __name__ == '__main__':
    sys.exit(main())
