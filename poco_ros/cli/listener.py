"""A plain subscriber of the graph's output, as any robot's node would be."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from rclpy.node import Node
from rclpy.qos import QoSProfile, QoSReliabilityPolicy
from sensor_msgs.msg import Image

from poco_ros.cli.records import Record, to_record
from poco_ros.conversions import rgb_from_image, stamp_to_ns
from poco_ros.msg import SmplBodyArray

#: Deep enough for what arrives while a picture is being written.
_BODIES_QOS = QoSProfile(depth=100)
_OVERLAY_QOS = QoSProfile(depth=5, reliability=QoSReliabilityPolicy.BEST_EFFORT)


def listen_to_bodies(node: Node, on_bodies: Callable[[Record], None], topic: str = 'poco/bodies') -> None:
    """Subscribe to bodies.

    :param node: that subscribes, in the namespace of the graph; the call-back runs where it is spun.
    :param on_bodies: gets every message as a record with ``received_ns``.
    :param topic: of type ``SmplBodyArray``.
    """

    def bodies(message: SmplBodyArray, info: Any) -> None:
        # When the middleware had it, not when its turn came after a picture.
        received = info['received_timestamp'] or time.time_ns()
        on_bodies({'received_ns': received, **to_record(message)})

    node.create_subscription(SmplBodyArray, topic, bodies, _BODIES_QOS)


def listen_to_overlay(node: Node, on_overlay: Callable[[npt.NDArray[np.uint8], int], None]) -> None:
    """Subscribe to ``poco/overlay``.

    :param node: that subscribes, in the namespace of the graph; the call-back runs where it is spun.
    :param on_overlay: gets every picture, H x W x 3 uint8, RGB, and its stamp in nanoseconds.
    """

    def overlay(message: Image) -> None:
        on_overlay(rgb_from_image(message), stamp_to_ns(message.header.stamp))

    node.create_subscription(Image, 'poco/overlay', overlay, _OVERLAY_QOS)
