"""From a message of bodies and the image with its stamp to the overlay picture as a message."""

from __future__ import annotations

from array import array
from typing import Any

import numpy as np
import numpy.typing as npt
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from poco_ros.body.model import BodyModel
from poco_ros.camera import Camera
from poco_ros.conversions import camera_from_message, rgb_from_compressed, rgb_from_image
from poco_ros.drawing.overlay import ColorBy, OverlayPainter, Style
from poco_ros.errors import CameraError, ImageError
from poco_ros.msg import SmplBodyArray
from poco_ros.types import Bodies


class OverlayMaker:
    """Draws received bodies onto their received image.

    ``camera_info`` may be set to the last ``sensor_msgs/CameraInfo``, and ``model`` to the name of the regressor.

    :param body: the body model to draw meshes with.
    """

    def __init__(self, body: BodyModel) -> None:
        self.camera_info: CameraInfo | None = None
        self.model = ''
        self._with_mesh, self._without_mesh = OverlayPainter(body), OverlayPainter(None)

    def make(
        self, bodies: Bodies, message: SmplBodyArray, image: Any, style: Style, *, verified: bool,
        color_by: ColorBy = 'trust',
    ) -> Image:
        """Return the picture, in rgb8, with the header of the bodies.

        :param bodies: those of ``message``.
        :param message: says which camera the bodies were placed with.
        :param image: an ``Image``, :class:`~poco_ros.raw_image.RawImage` or ``CompressedImage`` of the same stamp.
        :param style: what to draw of a body.
        :param verified: the bodies belong to the body model given; if not, skeletons are drawn.
        :param color_by: what the colours say.
        :raises ImageError: the image cannot be read, or is not of the size the bodies were estimated for.
        :raises CameraError: the message's camera is unusable.
        """
        picture = rgb_from_compressed(image) if isinstance(image, CompressedImage) else rgb_from_image(image)
        camera = self._camera(message)
        height, width = picture.shape[:2]
        if (camera.width, camera.height) != (width, height):
            raise ImageError(f'the image is {width}x{height}, its bodies were estimated for {camera.width}x'
                             f'{camera.height}; let poco_node and view_node read the same image topic')
        painter = self._with_mesh if verified else self._without_mesh
        drawn = painter.paint(picture, bodies, camera, style, self._captions(message), color_by)
        return Image(header=message.header, height=height, width=width, encoding='rgb8', step=3 * width,
                     data=_bytes(drawn))

    def _camera(self, message: SmplBodyArray) -> Camera:
        """Return the camera that the bodies were placed with, with the lens distortion where camera_info gives it.

        The message carries the pinhole only. A camera_info of another matrix is some other camera's, or older.
        """
        size = (message.image_width, message.image_height)
        intrinsics = [float(value) for value in message.intrinsics]
        pinhole = Camera(*size, *intrinsics, focal_length_assumed=message.focal_length_assumed)
        if self.camera_info is None:
            return pinhole
        try:
            full = camera_from_message(self.camera_info, size)
        except CameraError:  # poco_node, which needs it more, tells about it
            return pinhole
        same = np.allclose([full.fx, full.fy, full.cx, full.cy], intrinsics, rtol=1e-5)
        return full if same else pinhole

    def _captions(self, message: SmplBodyArray) -> list[str]:
        count = len(message.bodies)
        words = [self.model, '1 person' if count == 1 else f'{count} people']
        if np.isfinite(message.publish_delay):
            words.append(f'{1e3 * message.publish_delay:.0f} ms')
        if message.declared_lag_frames:
            words.append(f'{message.declared_lag_frames} frames late by design')
        captions = ['   '.join(word for word in words if word)]
        if message.focal_length_assumed:
            captions.append('focal length assumed: distances are a guess')
        return captions


def _bytes(image: npt.NDArray[np.uint8]) -> array[int]:
    """Return the image's bytes in the one type that a message takes over without looking at each."""
    data = array('B')
    data.frombytes(memoryview(np.ascontiguousarray(image)).cast('B'))
    return data
