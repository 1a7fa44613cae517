"""The demo clip: the same everywhere, without a seam, and covered exactly where it says."""

from __future__ import annotations

import sys

import cv2
import numpy as np
import pytest

from poco_ros.errors import VideoError
from poco_ros.video import demo_clip
from poco_ros.video.demo_clip import PERIOD, DemoClip, occluder_box, window

skimage_data = pytest.importorskip('skimage.data')


@pytest.fixture(scope='module')
def clip() -> DemoClip:
    return DemoClip()


def step(clip: DemoClip, i: int, j: int) -> float:
    return float(np.abs(clip.image(i).astype(int) - clip.image(j)).mean())


def test_size_and_length(clip: DemoClip) -> None:
    assert (clip.width, clip.height, clip.fps, clip.length) == (640, 480, 30.0, 300)
    frames = clip.frames()
    image, index = next(frames)
    assert image.shape == (480, 640, 3) and image.dtype == np.uint8 and image.flags.c_contiguous and index == 0
    assert sum(1 for _ in frames) == PERIOD - 1


def test_picture_depends_on_its_number_only(clip: DemoClip) -> None:
    for index in (0, 37, 180):
        image = clip.image(index)
        clip.image(index + 5)[:] = 0
        np.testing.assert_array_equal(clip.image(index), image)
        np.testing.assert_array_equal(clip.image(index + 3 * PERIOD), image)
        np.testing.assert_array_equal(DemoClip().image(index), image)


def test_loop_has_no_seam(clip: DemoClip) -> None:
    """The step from the last picture to the first is like those beside it; nothing jumps anywhere."""
    steps = [step(clip, i, i + 1) for i in range(PERIOD - 20, PERIOD + 20)]
    seam = step(clip, PERIOD - 1, 0)
    assert 0 < seam < 1.2 * max(steps[:19] + steps[20:])
    centres = np.array([(x + h * 2 / 3, y + h / 2, h) for x, y, h in (window(i) for i in range(PERIOD + 1))])
    np.testing.assert_allclose(centres[-1], centres[0], atol=1e-9)
    assert np.abs(np.diff(centres, axis=0)).max() < 2
    assert np.ptp(centres, axis=0).min() > 20, 'pans and zooms'


def test_board_covers_exactly_its_box(clip: DemoClip, monkeypatch: pytest.MonkeyPatch) -> None:
    with_board = {i: clip.image(i) for i in range(0, PERIOD, 7)}
    monkeypatch.setattr(demo_clip, 'occluder_box', lambda index: None)
    seen = 0
    for index, image in with_board.items():
        box = occluder_box(index)
        changed = (image != clip.image(index)).any(axis=2)
        covered = np.zeros_like(changed)
        if box is not None:
            x_min, y_min, x_max, y_max = box
            assert 0 <= x_min < x_max <= 640 and 0 <= y_min < y_max <= 480
            covered[y_min:y_max, x_min:x_max] = True
            seen += 1
            assert changed[covered].mean() > 0.97
        assert not changed[~covered].any()
    assert 15 < seen < len(with_board) - 10, 'the board is there for a part of the clip'


def test_board_crosses_the_whole_picture_evenly() -> None:
    boxes = [(i, occluder_box(i)) for i in range(PERIOD)]
    present = [i for i, box in boxes if box is not None]
    assert present == list(range(present[0], present[-1] + 1)) and present[0] > 0 and present[-1] < PERIOD - 1
    full = [box for _, box in boxes if box is not None and box[0] > 0 and box[2] < 640]
    assert {box[2] - box[0] for box in full} == {demo_clip.BOARD_WIDTH}
    steps = np.diff([box[0] for box in full])
    assert steps.min() >= 4 and steps.max() <= 5
    assert full[0][0] < 10 and full[-1][2] > 630


def test_photograph_is_where_the_window_says(clip: DemoClip) -> None:
    photo = skimage_data.astronaut()
    left, top, height = window(20)
    zoom = 480 / height
    # The patch on her sleeve, scaled as the window is, is found at its place.
    x, y, size = 130, 340, 90
    patch = cv2.resize(photo[y:y + size, x:x + size], None, fx=zoom, fy=zoom)
    scores = cv2.matchTemplate(clip.image(20), patch, cv2.TM_CCOEFF_NORMED)
    _, best, _, place = cv2.minMaxLoc(scores)
    assert best > 0.95
    np.testing.assert_allclose(place, [(x - left) * zoom, (y - top) * zoom], atol=1.0)


def test_without_scikit_image_the_error_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, 'skimage', None)
    with pytest.raises(VideoError, match='pip install scikit-image, or give a video'):
        DemoClip()


def test_another_photograph_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(skimage_data, 'astronaut', lambda: np.zeros((10, 10, 3), np.uint8))
    with pytest.raises(VideoError, match=r'shape \(10, 10, 3\)'):
        DemoClip()

    def fails() -> None:
        raise OSError('no network')

    monkeypatch.setattr(skimage_data, 'astronaut', fails)
    with pytest.raises(VideoError, match='no network'):
        DemoClip()


def test_without_the_board_the_picture_is_the_same_elsewhere_and_depends_on_its_number_only(clip: DemoClip) -> None:
    index = 190
    box = occluder_box(index)
    assert box is not None
    with_board, without = clip.image(index), clip.image(index, board=False)
    x_min, y_min, x_max, y_max = box
    behind = np.zeros(with_board.shape[:2], bool)
    behind[y_min:y_max, x_min:x_max] = True
    np.testing.assert_array_equal(with_board[~behind], without[~behind])
    assert np.abs(with_board[behind].astype(int) - without[behind]).mean() > 20
    np.testing.assert_array_equal(clip.image(0, board=False), clip.image(0))
