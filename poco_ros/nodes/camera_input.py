"""The camera of each image, from the last ``sensor_msgs/CameraInfo``, and what to do while there is none."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import Enum
from typing import Any

from poco_ros.camera import Camera
from poco_ros.conversions import camera_from_message
from poco_ros.errors import CameraError


class CameraState(Enum):
    """What is known of the camera."""

    WAITING = 'waiting'
    CALIBRATED = 'calibrated'
    ASSUMED = 'assumed'
    UNUSABLE = 'unusable'


class CameraInput:
    """Keeps the last camera_info and gives the camera for an image.

    Waiting is measured by the stamps of the images, so that a recording gives the same bodies at any speed.

    :param timeout_s: how long images wait for a camera_info; after that the focal length is assumed.
    :param topic: of the camera_info, for the texts.
    :param rectified: the images are rectified.
    :param on_change: called with the new state and its text when either changes.
    """

    def __init__(
        self, timeout_s: float, topic: str, *, rectified: bool = False,
        on_change: Callable[[CameraState, str], None] = lambda state, text: None,
    ) -> None:
        self._timeout_ns = round(timeout_s * 1e9)
        self._topic = topic
        self._rectified = rectified
        self._on_change = on_change
        self._lock = threading.Lock()
        self._message: Any = None
        self._content: tuple[object, ...] = ()
        self._cameras: dict[tuple[int, int], Camera] = {}
        self._waiting_since_ns: int | None = None
        self.state = CameraState.WAITING
        self.text = f'no camera_info on {topic} yet'

    def take(self, message: Any) -> None:
        """Keep a camera_info; the cameras made from an equal one before stay."""
        roi = message.roi
        content = (message.width, message.height, message.distortion_model, bytes(message.k), bytes(message.p),
                   bytes(message.d), message.binning_x, message.binning_y,
                   roi.x_offset, roi.y_offset, roi.width, roi.height)
        if content == self._content:
            return
        with self._lock:
            self._message, self._content = message, content
            self._cameras = {}

    def camera(self, size: tuple[int, int], stamp_ns: int) -> Camera | None:
        """Return the camera of an image; None while the camera_info is still waited for.

        :param size: width and height.
        :param stamp_ns: of the image.
        :raises CameraError: the camera_info is unusable for this image; no body can be placed rightly.
        """
        with self._lock:
            message, camera = self._message, self._cameras.get(size)
        if camera is not None:
            return camera
        if message is None:
            return self._without_info(size, stamp_ns)
        try:
            camera = camera_from_message(message, size, rectified=self._rectified)
        except CameraError as error:
            self._become(CameraState.UNUSABLE, f'{self._topic}: {error}')
            raise
        if camera.focal_length_assumed:
            self._become(CameraState.ASSUMED, f'K on {self._topic} is all zeros: the focal length is assumed to be the '
                         'image diagonal, so distances are a guess; calibrate the camera')
        else:
            self._become(CameraState.CALIBRATED, f'calibrated by {self._topic}')
        with self._lock:
            if message is self._message:
                self._cameras[size] = camera
        return camera

    def _without_info(self, size: tuple[int, int], stamp_ns: int) -> Camera | None:
        if self._waiting_since_ns is None or stamp_ns < self._waiting_since_ns:
            self._waiting_since_ns = stamp_ns
        if stamp_ns - self._waiting_since_ns < self._timeout_ns:
            return None
        self._become(CameraState.ASSUMED, f'no camera_info on {self._topic}: the focal length is assumed to be the '
                     'image diagonal, so distances are a guess; publish a calibration there or remap camera_info')
        return Camera.assumed(*size)

    def _become(self, state: CameraState, text: str) -> None:
        if (state, text) != (self.state, self.text):
            self.state, self.text = state, text
            self._on_change(state, text)
