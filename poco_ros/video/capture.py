"""Video files (also animated GIF) and cameras of this machine, through OpenCV."""

from __future__ import annotations

import logging
import math
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from poco_ros.errors import VideoError
from poco_ros.video.source import ImageArray, VideoSource

logger = logging.getLogger(__name__)

#: For files and cameras that state no rate, or one that cannot be.
DEFAULT_FPS = 30.0
_MAX_FPS = 1000.0


def _stated_fps(capture: cv2.VideoCapture, name: str) -> float:
    fps = float(capture.get(cv2.CAP_PROP_FPS))
    if math.isfinite(fps) and 0 < fps <= _MAX_FPS:
        return fps
    logger.warning('%s states no usable frame rate (%s); taking %s', name, fps, DEFAULT_FPS)
    return DEFAULT_FPS


def _to_rgb(picture: cv2.typing.MatLike, source: VideoSource) -> ImageArray:
    """Return an RGB picture, after checking that the size is still the source's."""
    bgr = np.asarray(picture, np.uint8)
    if bgr.shape != (source.height, source.width, 3):
        raise VideoError(f'{source.name}: the picture size changed from {source.width}x{source.height} to '
                         f'{bgr.shape[1]}x{bgr.shape[0]}; convert the video to one size')
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


class VideoFile(VideoSource):
    """A video file in any form that OpenCV's FFmpeg reads."""

    def __init__(self, path: Path) -> None:
        """Open the file and look at its first picture.

        :param path: the file.
        :raises VideoError: when it is missing or holds no picture that can be decoded.
        """
        if not path.is_file():
            raise VideoError(f'video {path} does not exist; give a file, a folder of pictures, a webcam or "demo"')
        self.name = str(path)
        capture, first = self._open()
        self.height, self.width = np.shape(first)[:2]
        self.fps = _stated_fps(capture, self.name)
        stated = float(capture.get(cv2.CAP_PROP_FRAME_COUNT))
        self.length = round(stated) if math.isfinite(stated) and stated > 0 else None
        capture.release()

    def one_pass(self) -> Iterator[ImageArray]:
        """Yield the pictures of the file; see :meth:`VideoSource.one_pass`."""
        capture, picture = self._open()
        count, ok = 0, True
        try:
            while ok:
                yield _to_rgb(picture, self)
                count += 1
                ok, picture = capture.read()
        finally:
            capture.release()
        # The stated number of pictures is an estimate; far fewer means that decoding broke off.
        if self.length is not None and count < 0.9 * self.length:
            logger.warning('%s ended after %d of %d pictures; the file may be damaged', self.name, count, self.length)

    def _open(self) -> tuple[cv2.VideoCapture, cv2.typing.MatLike]:
        try:
            capture = cv2.VideoCapture(self.name)
            ok, picture = capture.read()
        except cv2.error as error:
            raise VideoError(f'video {self.name} cannot be read: {error}') from error
        if not ok:
            capture.release()
            raise VideoError(f'video {self.name} cannot be decoded; check that it plays elsewhere, '
                             f'or convert it: ffmpeg -i {self.name} -c:v libx264 converted.mp4')
        return capture, picture


class Webcam(VideoSource):
    """A camera of this machine."""

    live = True

    def __init__(self, device: int | str) -> None:
        """Open the camera and take its first picture.

        :param device: its number, or a path like ``/dev/video0``.
        :raises VideoError: when it does not open or gives no picture.
        """
        self.name = f'webcam {device}'
        if isinstance(device, str) and not Path(device).exists():
            raise VideoError(f'{self.name}: there is no such device; list cameras with: ls /dev/video*')
        self._capture = cv2.VideoCapture(device)
        self._capture.set(cv2.CAP_PROP_BUFFERSIZE, 1)  # the newest picture, not one from a queue
        ok, picture = self._capture.read()
        if not ok:
            self._capture.release()
            raise VideoError(f'{self.name} gives no picture; check that it is plugged in, that nobody else uses it, '
                             'and that you may read it (group video: sudo usermod -aG video $USER, then log in again)')
        self.height, self.width = np.shape(picture)[:2]
        self.fps = _stated_fps(self._capture, self.name)

    def one_pass(self) -> Iterator[ImageArray]:
        """Yield pictures as the camera takes them, until it is closed; see :meth:`VideoSource.one_pass`."""
        while self._capture.isOpened():
            ok, picture = self._capture.read()
            if not ok:
                if not self._capture.isOpened():
                    return
                raise VideoError(f'{self.name} stopped giving pictures; check its plug')
            yield _to_rgb(picture, self)

    def close(self) -> None:
        """Give the camera back to others."""
        self._capture.release()
