"""What the user writes opens the right kind of source."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from poco_ros.errors import VideoError
from poco_ros.video import sources
from poco_ros.video.demo_clip import DemoClip
from poco_ros.video.pictures import Picture, PictureFolder
from poco_ros.video.sources import open_source


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name in ('a.png', 'b.JPG'):
        cv2.imwrite(str(tmp_path / name), np.zeros((8, 8, 3), np.uint8))
    return tmp_path


def test_paths(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(open_source(str(folder)), PictureFolder)
    assert isinstance(open_source(str(folder / 'b.JPG')), Picture)
    monkeypatch.setenv('HOME', str(folder))
    assert isinstance(open_source('~/a.png'), Picture)


def test_demo_unless_written_as_a_path(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip('skimage')
    (folder / 'demo').mkdir()
    monkeypatch.chdir(folder)
    assert isinstance(open_source('demo'), DemoClip)
    with pytest.raises(VideoError, match='folder demo holds no pictures'):
        open_source('./demo')


@pytest.mark.parametrize(('spec', 'device'), [('0', 0), ('12', 12), ('/dev/video3', '/dev/video3')])
def test_webcams(monkeypatch: pytest.MonkeyPatch, spec: str, device: object) -> None:
    monkeypatch.setattr(sources, 'Webcam', lambda given: ('webcam', given))
    assert open_source(spec) == ('webcam', device)


@pytest.mark.parametrize(('spec', 'match'), [
    ('', 'no video given'), ('/no/such.mp4', 'does not exist'), ('/no/such.png', 'does not exist'),
    ('/dev/video97', 'no such device'), ('rtsp://camera/stream', 'does not exist')])
def test_what_is_not_there(spec: str, match: str) -> None:
    with pytest.raises(VideoError, match=match):
        open_source(spec)


@pytest.mark.shared
def test_video_file(shared_dir: Path) -> None:
    with open_source(str(shared_dir / 'data/video/one-by-one-person.mp4')) as source:
        assert (source.width, source.height, source.fps, source.length) == (768, 432, 10.0, 1394)
        image, _ = next(source.frames())
    reference = cv2.VideoCapture(str(shared_dir / 'data/video/one-by-one-person.mp4')).read()[1]
    np.testing.assert_array_equal(image, reference[..., ::-1])
