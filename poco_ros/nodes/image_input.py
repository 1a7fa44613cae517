"""Subscribes to the images, raw or compressed, and hands them on unread: decoding is left to the inference thread."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from rclpy.node import Node
from rclpy.subscription import Subscription
from sensor_msgs.msg import CompressedImage, Image

from poco_ros.conversions import rgb_from_compressed, rgb_from_image, stamp_to_ns
from poco_ros.errors import ImageError
from poco_ros.nodes import qos
from poco_ros.raw_image import read_raw_image


@dataclass(frozen=True, eq=False)
class Picture:
    """An image as it arrived.

    :param stamp_ns: capture time.
    :param frame_id: optical frame of the camera; may be empty.
    :param decode: gives (H, W, 3) uint8 RGB; raises :class:`ImageError`.
    """

    stamp_ns: int
    frame_id: str
    decode: Callable[[], npt.NDArray[np.uint8]]


class ImageInput:
    """The subscription to the topic ``image``, while there is one.

    Raw images come as serialised bytes, of which only the header is read here (see :mod:`poco_ros.raw_image`).

    :param node: subscribes.
    :param transport: 'raw' or 'compressed'.
    :param on_picture: called with each image.
    :param on_bad: called with the reason when not even the header of an image can be read.
    """

    def __init__(
        self, node: Node, transport: str, on_picture: Callable[[Picture], None], on_bad: Callable[[str], None],
    ) -> None:
        self._node = node
        self._raw = transport == 'raw'
        self._on_picture = on_picture
        self._on_bad = on_bad
        self._subscription: Subscription | None = None
        # Remappings apply to the name "image", so it is resolved before the suffix of the transport is added.
        self.topic = node.resolve_topic_name('image') + ('' if self._raw else '/compressed')
        self.type_name = 'sensor_msgs/msg/Image' if self._raw else 'sensor_msgs/msg/CompressedImage'

    @property
    def is_open(self) -> bool:
        """Whether images are subscribed to."""
        return self._subscription is not None

    def open(self) -> None:
        """Subscribe."""
        if self._subscription is None:
            self._subscription = self._node.create_subscription(
                Image if self._raw else CompressedImage, self.topic, self._take_raw if self._raw else self._take,
                qos.SENSOR_INPUT, raw=self._raw, qos_overriding_options=qos.overridable())

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _take_raw(self, message: bytes) -> None:
        try:
            image = read_raw_image(message)
        except ImageError as error:
            self._on_bad(str(error))
            return
        self._on_picture(Picture(image.stamp_ns, image.frame_id, lambda: rgb_from_image(image)))

    def _take(self, message: CompressedImage) -> None:
        header = message.header
        self._on_picture(Picture(stamp_to_ns(header.stamp), header.frame_id, lambda: rgb_from_compressed(message)))
