"""Reading ahead: a thread that takes pictures from a source before they are due."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from poco_ros.video.source import ImageArray, VideoSource


@dataclass(frozen=True)
class TimedImage:
    """A picture that was read.

    :param image: (H, W, 3) uint8, RGB.
    :param index: number from 0, see :meth:`VideoSource.frames`.
    :param stamp_ns: when it was read, on the clock given to :class:`FrameReader`.
    """

    image: ImageArray
    index: int
    stamp_ns: int


class FrameReader:
    """Reads a source in a thread.

    From a file a few pictures are kept ready, so that the time to decode one does not disturb when it is shown. From a
    camera only the newest is kept; older ones that nobody took are dropped and counted.
    """

    def __init__(self, source: VideoSource, clock: Callable[[], int], *, loop: bool = False, ahead: int = 4) -> None:
        """Start reading.

        :param source: is closed by :meth:`close`.
        :param clock: gives the time in nanoseconds; called in the thread.
        :param loop: begin again at the end.
        :param ahead: how many pictures of a file to keep ready.
        """
        self.dropped = 0
        self._source, self._clock, self._loop = source, clock, loop
        self._ready: deque[TimedImage] = deque()
        self._capacity = 1 if source.live else ahead
        self._changed = threading.Condition()
        self._ended = self._closing = False
        self._error: Exception | None = None
        self._thread = threading.Thread(target=self._run, name='frame reader', daemon=True)
        self._thread.start()

    def next(self, timeout: float | None = None) -> TimedImage | None:
        """Return the next picture, waiting for it if needed.

        :param timeout: seconds to wait at most; None without limit.
        :returns: the picture; None after the last one, after :meth:`close`, or when the time is up; see :attr:`ended`.
        :raises VideoError: the one that ended the reading, once the pictures before it are taken.
        """
        with self._changed:
            self._changed.wait_for(lambda: self._ready or self._ended or self._closing, timeout)
            if self._ready and not self._closing:
                picture = self._ready.popleft()
                self._changed.notify_all()
                return picture
            if self._error is not None and not self._closing:
                raise self._error
            return None

    @property
    def ended(self) -> bool:
        """Whether no picture will come any more."""
        with self._changed:
            return self._closing or (self._ended and not self._ready)

    def close(self) -> None:
        """Stop reading and close the source."""
        with self._changed:
            self._closing = True
            self._changed.notify_all()
        # A camera that hangs in its driver is left to the end of the process.
        self._thread.join(timeout=2.0)
        if not self._thread.is_alive():
            self._source.close()

    def _run(self) -> None:
        try:
            for image, index in self._source.frames(self._loop):
                if not self._put(TimedImage(image, index, self._clock())):
                    return
        except Exception as error:  # carried to the thread that asks for pictures
            self._error = error
        finally:
            with self._changed:
                self._ended = True
                self._changed.notify_all()

    def _put(self, picture: TimedImage) -> bool:
        """Keep a picture for the taker; False when closing."""
        with self._changed:
            if self._source.live:
                self.dropped += len(self._ready)
                self._ready.clear()
            self._changed.wait_for(lambda: len(self._ready) < self._capacity or self._closing)
            if self._closing:
                return False
            self._ready.append(picture)
            self._changed.notify_all()
            return True
