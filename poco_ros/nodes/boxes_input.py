"""Subscribes to the boxes of another detector, of whichever type it publishes."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from typing import Any

from rclpy.node import Node
from rclpy.subscription import Subscription

from poco_ros.conversions import boxes_from_detections, boxes_from_person_boxes, stamp_to_ns
from poco_ros.msg import PersonBoxArray
from poco_ros.nodes import qos
from poco_ros.types import Boxes

_TYPES = {'poco_ros/msg/PersonBoxArray': 'person_boxes', 'vision_msgs/msg/Detection2DArray': 'detection2d'}


class BoxesInput:
    """The subscription to the topic ``boxes``.

    :param node: subscribes.
    :param message_type: 'person_boxes', 'detection2d', or 'auto': that of the first publisher.
    :param person_class: the class that means a person, for detection2d; '' takes every detection.
    :param on_boxes: called with the stamp in nanoseconds, the boxes, and how many unusable ones were left out.
    """

    def __init__(
        self, node: Node, message_type: str, person_class: str, on_boxes: Callable[[int, Boxes, int], None],
    ) -> None:
        self._node = node
        self._wanted_type = message_type
        self._person_class = person_class
        self._on_boxes = on_boxes
        self._subscription: Subscription | None = None
        self.topic = node.resolve_topic_name('boxes')
        self.error = ''
        """Why no boxes can come; empty while nothing is wrong."""

    def poll(self) -> None:
        """Subscribe as soon as the type is known; call it now and then."""
        if self._subscription is not None:
            return
        kind = self._wanted_type if self._wanted_type != 'auto' else self._published_type()
        if kind == 'person_boxes':
            self._subscribe(PersonBoxArray, self._take_person_boxes)
        elif kind == 'detection2d':
            try:
                vision_msgs = importlib.import_module('vision_msgs.msg')
            except ImportError:
                self.error = (f'{self.topic} carries vision_msgs/Detection2DArray, but vision_msgs is not installed; '
                              'install ros-<distro>-vision-msgs, or send poco_ros/PersonBoxArray')
                return
            self._subscribe(vision_msgs.Detection2DArray, self._take_detections)

    def close(self) -> None:
        """Unsubscribe."""
        if self._subscription is not None:
            self._node.destroy_subscription(self._subscription)
            self._subscription = None

    def _published_type(self) -> str:
        """Return the kind of the first publisher of a known type; '' when there is none."""
        types = [info.topic_type for info in self._node.get_publishers_info_by_topic(self.topic)]
        self.error = f'nobody publishes boxes on {self.topic}; start the detector or remap the topic "boxes"'
        for name in types:
            if name in _TYPES:
                self.error = ''
                return _TYPES[name]
        if types:
            self.error = f'{self.topic} carries {types[0]}; boxes must be {" or ".join(_TYPES)}'
        return ''

    def _subscribe(self, message_class: type, callback: Callable[[Any], None]) -> None:
        self.error = ''
        self._subscription = self._node.create_subscription(
            message_class, self.topic, callback, qos.BOXES_INPUT, qos_overriding_options=qos.overridable())

    def _take_person_boxes(self, message: Any) -> None:
        boxes = boxes_from_person_boxes(message)
        self._on_boxes(stamp_to_ns(message.header.stamp), boxes, len(message.boxes) - len(boxes))

    def _take_detections(self, message: Any) -> None:
        boxes = boxes_from_detections(message, self._person_class)
        # Detections of another class are left out too, and rightly so: only count where every one is a person.
        unusable = 0 if self._person_class else len(message.detections) - len(boxes)
        self._on_boxes(stamp_to_ns(message.header.stamp), boxes, unusable)
