"""Pictures from files: one that stands still, or a folder in natural order."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np

from poco_ros.errors import VideoError
from poco_ros.video.source import ImageArray, VideoSource

SUFFIXES = frozenset({'.jpg', '.jpeg', '.png', '.bmp', '.webp', '.tif', '.tiff', '.ppm', '.pgm'})
#: Pictures have no rate of their own.
PICTURE_FPS = 30.0


def read_picture(path: Path) -> ImageArray:
    """Return the picture of a file, turned as its orientation tag says.

    :param path: a file of one of :data:`SUFFIXES`.
    :returns: (H, W, 3) uint8, RGB.
    :raises VideoError: when it is missing or broken.
    """
    try:
        data = np.fromfile(path, np.uint8)
    except OSError as error:
        raise VideoError(f'picture {path} cannot be read: {error.strerror}') from error
    try:
        bgr = cv2.imdecode(data, cv2.IMREAD_COLOR) if data.size else None
    except cv2.error:
        bgr = None
    if bgr is None:
        raise VideoError(f'picture {path} is broken or not a picture; remove it or save it again as PNG or JPEG')
    return np.asarray(cv2.cvtColor(bgr, cv2.COLOR_BGR2RGB), np.uint8)


def natural_order(path: Path) -> list[tuple[int, str]]:
    """Return a sort key by which ``2.png`` comes before ``10.png``."""
    return [(int(part), '') if part.isdigit() else (-1, part.lower()) for part in re.split(r'(\d+)', path.name) if part]


class Picture(VideoSource):
    """One picture, again and again; it has no end."""

    fps = PICTURE_FPS

    def __init__(self, path: Path) -> None:
        """Read the picture.

        :raises VideoError: when it is missing or broken.
        """
        self.name = str(path)
        self._image = read_picture(path)
        self.height, self.width = self._image.shape[:2]

    def one_pass(self) -> Iterator[ImageArray]:
        """Yield the picture for ever; see :meth:`VideoSource.one_pass`."""
        while True:
            yield self._image.copy()


class PictureFolder(VideoSource):
    """The pictures in a folder (not in folders below), all of one size, in natural order of their names."""

    fps = PICTURE_FPS

    def __init__(self, folder: Path) -> None:
        """List the folder and read its first picture.

        :raises VideoError: when no picture is there, or the first is broken.
        """
        self.name = str(folder)
        try:
            names = [p for p in folder.iterdir() if p.suffix.lower() in SUFFIXES and not p.name.startswith('.')]
        except OSError as error:
            raise VideoError(f'folder {folder} cannot be read: {error.strerror}') from error
        if not names:
            raise VideoError(f'folder {folder} holds no pictures ({", ".join(sorted(SUFFIXES))})')
        self.paths = tuple(sorted(names, key=natural_order))
        self.length = len(self.paths)
        self.height, self.width = read_picture(self.paths[0]).shape[:2]

    def one_pass(self) -> Iterator[ImageArray]:
        """Yield the pictures; see :meth:`VideoSource.one_pass`.

        A picture of another size is an error: scaling it would not fit the camera the others were taken with.
        """
        for path in self.paths:
            image = read_picture(path)
            if image.shape != (self.height, self.width, 3):
                raise VideoError(f'picture {path} has {image.shape[1]}x{image.shape[0]} pixels, the first one '
                                 f'{self.width}x{self.height}; put pictures of different sizes into different folders')
            yield image
