"""The overlay pictures of a run as a video, and the best of them as a still."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.errors import PocoError

Image = npt.NDArray[np.uint8]

#: MPEG-4 part 2: the one codec that every OpenCV wheel can write and every common player can play.
_CODEC = 'mp4v'
#: So many pictures are awaited before the video is begun, to know the source's rate from the shortest step of stamps.
_LOOKAHEAD = 10
_RATES_HZ = (1.0, 30.0)
#: A longer step of the stamps is not waited out: a recording that goes on elsewhere.
_LONGEST_STEP_S = 3.0


class OverlayFile:
    """Writes every picture to a video that runs as fast as their stamps did, and keeps the one with the best score.

    Where pictures are missing, the one before stays.

    :param path: of the video; made with the first pictures.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.count = 0
        self.best: Image | None = None
        self._best_score = -np.inf
        self._waiting: list[tuple[Image, int]] = []
        self._video: _Video | None = None

    def add(self, picture: Image, stamp_ns: int, score: float) -> None:
        """Append a picture.

        :param picture: H x W x 3 uint8, RGB. A size other than the first picture's is scaled to it.
        :param stamp_ns: capture time.
        :param score: how good a still it would make; the first of the best is kept.
        :raises PocoError: when the video cannot be written.
        """
        self.count += 1
        if score > self._best_score:
            self.best, self._best_score = picture, score
        if self._video is not None:
            self._video.write(picture, stamp_ns)
            return
        self._waiting.append((picture, stamp_ns))
        if len(self._waiting) >= _LOOKAHEAD:
            self._begin()

    def _begin(self) -> None:
        stamps = [stamp for _, stamp in self._waiting]
        steps = [later - earlier for earlier, later in zip(stamps, stamps[1:], strict=False) if later > earlier]
        rate = float(np.clip(1e9 / min(steps), *_RATES_HZ)) if steps else _RATES_HZ[1]
        self._video = _Video(self.path, self._waiting[0][0].shape[:2], rate)
        for picture, stamp in self._waiting:
            self._video.write(picture, stamp)
        self._waiting = []

    def __enter__(self) -> OverlayFile:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        if self._waiting:
            self._begin()
        if self._video is not None:
            self._video.close()


class _Video:
    """A video file of a fixed rate that gets pictures with stamps.

    :param path: of the file.
    :param shape: height and width of its pictures.
    :param rate_hz: pictures a second.
    :raises PocoError: when it cannot be written.
    """

    def __init__(self, path: Path, shape: tuple[int, ...], rate_hz: float) -> None:
        self._size = (shape[1], shape[0])
        self._rate_hz = rate_hz
        self._written = 0
        self._due = 0.0  # how many pictures there ought to be by the stamps
        self._last: tuple[Any, int] | None = None
        self._writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*_CODEC), rate_hz, self._size)
        if not self._writer.isOpened():
            raise PocoError(f'cannot write {path}: no place, or OpenCV without the codec {_CODEC}')

    def write(self, picture: Image, stamp_ns: int) -> None:
        bgr = cv2.cvtColor(picture, cv2.COLOR_RGB2BGR)
        if (bgr.shape[1], bgr.shape[0]) != self._size:
            bgr = cv2.resize(bgr, self._size, interpolation=cv2.INTER_AREA)
        if self._last is not None:
            before, before_ns = self._last
            step = (stamp_ns - before_ns) / 1e9
            self._due += step * self._rate_hz if 0 < step < _LONGEST_STEP_S else 1.0
            while self._written < round(self._due):
                self._put(before)
        self._put(bgr)
        self._last = (bgr, stamp_ns)

    def _put(self, bgr: Any) -> None:
        self._writer.write(bgr)
        self._written += 1

    def close(self) -> None:
        self._writer.release()
