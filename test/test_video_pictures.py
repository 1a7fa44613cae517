"""Single pictures and folders of pictures."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import cv2
import numpy as np
import pytest

from poco_ros.errors import VideoError
from poco_ros.video.pictures import Picture, PictureFolder, natural_order


def save(path: Path, value: int, width: int = 20, height: int = 10) -> np.ndarray:
    """Write a picture with different values in R, G and B; return it in RGB."""
    rgb = np.full((height, width, 3), (value, 2 * value, 255 - value), np.uint8)
    assert cv2.imwrite(str(path), np.ascontiguousarray(rgb[..., ::-1]))
    return rgb


def test_picture_stands_still(tmp_path: Path) -> None:
    expected = save(tmp_path / 'a.png', 30)
    source = Picture(tmp_path / 'a.png')
    assert (source.width, source.height, source.length) == (20, 10, None) and source.fps > 0
    frames = list(islice(source.frames(), 5))
    assert [index for _, index in frames] == [0, 1, 2, 3, 4]
    frames[0][0][:] = 0
    np.testing.assert_array_equal(frames[4][0], expected)


def test_folder_in_natural_order(tmp_path: Path) -> None:
    expected = [save(tmp_path / name, value) for value, name in
                enumerate(['img1.png', 'img2.PNG', 'img10.png', 'img10b.png', 'img100.png'])]
    (tmp_path / 'notes.txt').write_text('no picture')
    (tmp_path / '.hidden.png').write_bytes(b'')
    (tmp_path / 'below').mkdir()
    save(tmp_path / 'below' / 'img3.png', 99)
    source = PictureFolder(tmp_path)
    assert source.length == 5 and (source.width, source.height) == (20, 10)
    for image, picture in zip(source.one_pass(), expected, strict=True):
        np.testing.assert_array_equal(image, picture)
    assert len(list(source.frames())) == 5
    assert [i for _, i in islice(source.frames(loop=True), 12)] == list(range(12))


def test_natural_order_compares_any_names() -> None:
    names = ['b', '10', '2', 'a10b2', 'a2', 'a10b10', 'A3', '', '2a']
    ordered = sorted((Path(n) for n in names), key=natural_order)
    assert [p.name for p in ordered] == ['', 'a2', 'A3', 'a10b2', 'a10b10', 'b', '2', '2a', '10']


def test_mixed_sizes_are_an_error_that_names_the_picture(tmp_path: Path) -> None:
    save(tmp_path / '1.png', 1)
    save(tmp_path / '2.png', 2, width=30)
    frames = PictureFolder(tmp_path).frames()
    next(frames)
    with pytest.raises(VideoError, match=r'2\.png has 30x10 pixels, the first one 20x10'):
        next(frames)


def test_grey_pictures_become_rgb(tmp_path: Path) -> None:
    cv2.imwrite(str(tmp_path / 'grey.png'), np.full((10, 20), 77, np.uint8))
    image, _ = next(Picture(tmp_path / 'grey.png').frames())
    np.testing.assert_array_equal(image, np.full((10, 20, 3), 77))


def test_what_is_missing_or_broken_is_named(tmp_path: Path) -> None:
    (tmp_path / 'broken.jpg').write_bytes(b'\xff\xd8\xff\xe0 no picture')
    (tmp_path / 'empty.jpg').write_bytes(b'')
    for name in ('broken.jpg', 'empty.jpg'):
        with pytest.raises(VideoError, match=f'{name} is broken'):
            Picture(tmp_path / name)
    with pytest.raises(VideoError, match=r'gone\.png cannot be read: No such file'):
        Picture(tmp_path / 'gone.png')
    (tmp_path / 'folder').mkdir()
    with pytest.raises(VideoError, match='holds no pictures'):
        PictureFolder(tmp_path / 'folder')
    with pytest.raises(VideoError, match='cannot be read: No such file'):
        PictureFolder(tmp_path / 'nowhere')
