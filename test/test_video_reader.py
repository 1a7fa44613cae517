"""Reading ahead in a thread."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from itertools import count

import numpy as np
import pytest

from poco_ros.errors import VideoError
from poco_ros.video.reader import FrameReader
from poco_ros.video.source import ImageArray, VideoSource


class Numbers(VideoSource):
    """Pictures that hold their number; counts what was read and remembers being closed."""

    name, width, height, fps = 'numbers', 2, 2, 30.0

    def __init__(self, length: int, live: bool = False, gate: threading.Semaphore | None = None) -> None:
        self.length, self.live, self.gate = length, live, gate
        self.read, self.closed = 0, False

    def one_pass(self) -> Iterator[ImageArray]:
        for i in range(self.length or 0):
            if self.gate is not None:
                self.gate.acquire()
            self.read += 1
            yield np.full((2, 2, 3), i % 256, np.uint8)

    def close(self) -> None:
        self.closed = True
        if self.gate is not None:
            self.gate.release(1000)


class Breaking(Numbers):
    def one_pass(self) -> Iterator[ImageArray]:
        yield from super().one_pass()
        raise VideoError('torn off')


def wait_until(condition: object, timeout: float = 5.0) -> None:
    end = time.monotonic() + timeout
    while not condition():  # type: ignore[operator]
        assert time.monotonic() < end
        time.sleep(0.001)


def test_all_pictures_in_order_with_their_stamps() -> None:
    ticks = count(100)
    source = Numbers(20)
    reader = FrameReader(source, lambda: next(ticks))
    taken = []
    while (picture := reader.next()) is not None:
        taken.append(picture)
    assert [p.index for p in taken] == list(range(20))
    assert [int(p.image[0, 0, 0]) for p in taken] == list(range(20))
    assert [p.stamp_ns for p in taken] == list(range(100, 120))
    assert reader.ended and reader.dropped == 0
    assert not source.closed
    reader.close()
    assert source.closed


def test_only_a_few_are_read_ahead() -> None:
    source = Numbers(50)
    reader = FrameReader(source, time.monotonic_ns, ahead=3)
    wait_until(lambda: source.read == 4)  # three kept, one in the hand
    time.sleep(0.05)
    assert source.read == 4 and not reader.ended
    assert reader.next() is not None
    wait_until(lambda: source.read == 5)
    reader.close()
    assert reader.ended and reader.next() is None and source.closed


def test_camera_keeps_only_the_newest() -> None:
    gate = threading.Semaphore(0)
    source = Numbers(100, live=True, gate=gate)
    reader = FrameReader(source, time.monotonic_ns)
    gate.release(7)
    wait_until(lambda: source.read == 7 and reader.dropped == 6)
    assert reader.next().index == 6
    assert reader.next(timeout=0.02) is None and not reader.ended, 'nothing new yet'
    gate.release(1)
    assert reader.next(timeout=5).index == 7
    gate.release(1000)
    reader.close()


def test_error_comes_after_the_pictures_before_it() -> None:
    reader = FrameReader(Breaking(2), time.monotonic_ns)
    wait_until(lambda: reader._ended)
    assert [reader.next().index, reader.next().index] == [0, 1]
    with pytest.raises(VideoError, match='torn off'):
        reader.next()
    reader.close()


def test_loop_goes_on() -> None:
    reader = FrameReader(Numbers(3), time.monotonic_ns, loop=True)
    assert [reader.next().index for _ in range(10)] == list(range(10))
    reader.close()


def test_close_ends_a_thread_that_waits_for_a_picture() -> None:
    gate = threading.Semaphore(0)
    reader = FrameReader(Numbers(5, gate=gate), time.monotonic_ns)
    waiting = threading.Thread(target=lambda: taken.append(reader.next()))
    taken: list[object] = []
    waiting.start()
    gate_opener = threading.Timer(0.05, gate.release)
    gate_opener.start()
    reader.close()
    waiting.join(timeout=5)
    assert not waiting.is_alive() and taken == [None]
