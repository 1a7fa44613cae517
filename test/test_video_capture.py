"""Video files and webcams: pictures in order, right colours, and clear errors."""

from __future__ import annotations

import logging
from pathlib import Path

import cv2
import numpy as np
import pytest

from poco_ros.errors import VideoError
from poco_ros.video import capture
from poco_ros.video.capture import VideoFile, Webcam

FRAMES = 12
#: Red, green and blue in turn, and a bar whose place tells the number.
COLOURS = np.array([[220, 40, 40], [40, 220, 40], [40, 40, 220]], np.uint8)


def numbered(index: int, width: int = 64, height: int = 48) -> np.ndarray:
    image = np.empty((height, width, 3), np.uint8)
    image[:] = COLOURS[index % 3]
    image[:, 4 * index:4 * index + 4] = 255
    return image


def number_of(image: np.ndarray) -> int:
    """Read the number back from the bar's place, after checking the colour."""
    index = int(image[..., :].min(axis=2).mean(axis=0).reshape(-1, 4).mean(axis=1).argmax())
    background = np.delete(image, np.s_[max(4 * index - 4, 0):4 * index + 8], axis=1).mean(axis=(0, 1))
    assert np.abs(background - COLOURS[index % 3]).max() < 30, 'colours are exchanged'
    return index


@pytest.fixture
def video(tmp_path: Path) -> Path:
    path = tmp_path / 'numbers.avi'
    writer = cv2.VideoWriter(str(path), cv2.VideoWriter.fourcc(*'MJPG'), 12.5, (64, 48))
    for i in range(FRAMES):
        writer.write(np.ascontiguousarray(numbered(i)[..., ::-1]))
    writer.release()
    return path


def test_file_gives_its_pictures_in_rgb(video: Path) -> None:
    with VideoFile(video) as source:
        assert (source.width, source.height, source.fps, source.length) == (64, 48, 12.5, FRAMES)
        assert not source.live
        frames = list(source.frames())
    assert [number_of(image) for image, _ in frames] == list(range(FRAMES))
    assert [index for _, index in frames] == list(range(FRAMES))
    assert all(image.flags.c_contiguous and image.dtype == np.uint8 for image, _ in frames)


def test_loop_goes_on_counting(video: Path) -> None:
    frames = VideoFile(video).frames(loop=True)
    for expected in range(2 * FRAMES + 3):
        image, index = next(frames)
        assert index == expected and number_of(image) == expected % FRAMES


def test_pictures_are_the_receivers_own(video: Path) -> None:
    images = [image for image, _ in VideoFile(video).frames()]
    before = images[0].copy()
    images[1][:] = 0
    np.testing.assert_array_equal(images[0], before)


@pytest.mark.shared
@pytest.mark.parametrize(('name', 'size', 'fps', 'length'), [
    ('store-aisle.gif', (480, 270), 100 / 6, 67), ('worker-zone.gif', (480, 270), 100 / 6, 71)])
def test_animated_gif(shared_dir: Path, name: str, size: tuple[int, int], fps: float, length: int) -> None:
    source = VideoFile(shared_dir / 'data/video' / name)
    assert (source.width, source.height) == size and source.length == length
    assert source.fps == pytest.approx(fps)
    assert sum(1 for _ in source.one_pass()) == length


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(VideoError, match=r'nowhere\.mp4 does not exist; give a file'):
        VideoFile(tmp_path / 'nowhere.mp4')


@pytest.mark.parametrize('content', [b'', b'this is no video' * 100])
def test_unreadable_file(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / 'broken.mp4'
    path.write_bytes(content)
    with pytest.raises(VideoError, match=r'broken\.mp4 cannot be decoded.*ffmpeg -i'):
        VideoFile(path)


class FakeCapture:
    """Stands for cv2.VideoCapture on a machine without a camera."""

    def __init__(self, pictures: list[np.ndarray], properties: dict[int, float]) -> None:
        self.pictures, self.properties, self.opened = list(pictures), properties, True
        self.device: object = None

    def __call__(self, device: object) -> FakeCapture:
        self.device = device
        return self

    def read(self) -> tuple[bool, np.ndarray | None]:
        return (True, self.pictures.pop(0)) if self.pictures else (False, None)

    def get(self, prop: int) -> float:
        return self.properties.get(prop, 0.0)

    def set(self, prop: int, value: float) -> bool:
        self.properties[prop] = value
        return True

    def isOpened(self) -> bool:  # noqa: N802
        return self.opened

    def release(self) -> None:
        self.opened = False


def with_camera(monkeypatch: pytest.MonkeyPatch, pictures: list[np.ndarray], fps: float = 15.0) -> FakeCapture:
    fake = FakeCapture([np.ascontiguousarray(p[..., ::-1]) for p in pictures], {cv2.CAP_PROP_FPS: fps})
    monkeypatch.setattr(capture.cv2, 'VideoCapture', fake)
    return fake


def test_webcam_is_live_and_rgb(monkeypatch: pytest.MonkeyPatch) -> None:
    fake = with_camera(monkeypatch, [numbered(i) for i in range(4)])
    with Webcam(0) as source:
        assert (source.width, source.height, source.fps, source.live, source.length) == (64, 48, 15.0, True, None)
        assert fake.device == 0 and fake.properties[cv2.CAP_PROP_BUFFERSIZE] == 1
        frames = source.frames()
        assert number_of(next(frames)[0]) == 1
        source.close()
        next(frames, None)
        assert list(frames) == [], 'a closed camera ends without an error'


def test_webcam_that_stops_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with_camera(monkeypatch, [numbered(i) for i in range(2)])
    frames = Webcam(0).frames(loop=True)
    next(frames)
    with pytest.raises(VideoError, match='webcam 0 stopped giving pictures'):
        next(frames)


def test_webcam_that_changes_its_size_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    with_camera(monkeypatch, [numbered(0), numbered(0, 32, 24)])
    with pytest.raises(VideoError, match='changed from 64x48 to 32x24'):
        next(Webcam(0).frames())


@pytest.mark.parametrize('fps', [0.0, -1.0, float('nan'), 90000.0])
def test_camera_without_a_usable_rate_gets_the_default(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, fps: float) -> None:
    with_camera(monkeypatch, [numbered(0)], fps)
    with caplog.at_level(logging.WARNING):
        assert Webcam(3).fps == capture.DEFAULT_FPS
    assert 'webcam 3 states no usable frame rate' in caplog.text


def test_webcam_that_is_not_there() -> None:
    with pytest.raises(VideoError, match='no such device'):
        Webcam('/dev/video97')
    with pytest.raises(VideoError, match='webcam 97 gives no picture'):
        Webcam(97)


def test_broken_off_file_is_told(
        monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture, video: Path) -> None:
    source = VideoFile(video)
    source.length = 2 * FRAMES
    with caplog.at_level(logging.WARNING):
        assert sum(1 for _ in source.one_pass()) == FRAMES
    assert f'ended after {FRAMES} of {2 * FRAMES} pictures' in caplog.text
