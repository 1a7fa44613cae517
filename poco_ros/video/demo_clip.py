"""The demo clip: a real person, moving through the picture, and covered for a while by something known exactly.

The photograph is the portrait of the astronaut Eileen Collins (NASA, public domain) that comes inside the package
scikit-image. A window pans and zooms over it, and a board of planks is carried across in front. Every picture
depends on its number only, and the last leads into the first.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import cv2
import numpy as np

from poco_ros.errors import VideoError
from poco_ros.video.board import paste, planks
from poco_ros.video.source import ImageArray, VideoSource

WIDTH, HEIGHT = 640, 480
FPS = 30.0
PERIOD = 300
"""Pictures until the clip repeats: ten seconds."""

BOARD_WIDTH, BOARD_HEIGHT = 200, 350
#: The part of the period in which the board crosses, and the row of its upper edge.
_BOARD_ENTERS, _BOARD_LEAVES, _BOARD_TOP = 0.35, 0.95, 130

#: Side of the photograph, and how much blurred background is added left and right, in its pixels.
_PHOTO, _MARGIN = 512, 160


def window(index: int) -> tuple[float, float, float]:
    """Return the part of the photograph that a picture shows.

    :param index: number of the picture, from 0.
    :returns: left and upper edge and height in pixels of the photograph; the width is 4/3 of the height.
    """
    phase = 2 * math.pi * (index % PERIOD) / PERIOD
    height = 460 + 52 * math.cos(phase)
    centre_x = _PHOTO / 2 + 55 * math.sin(phase)
    top = (_PHOTO - height) * (0.12 + 0.1 * math.sin(2 * phase))
    return centre_x - height * WIDTH / HEIGHT / 2, top, height


def occluder_box(index: int) -> tuple[int, int, int, int] | None:
    """Return the pixels that the board covers.

    :param index: number of the picture, from 0.
    :returns: x_min, y_min, x_max, y_max: the board is ``image[y_min:y_max, x_min:x_max]``, cut at the picture's
        edges; None while it is outside.
    """
    progress = ((index % PERIOD) / PERIOD - _BOARD_ENTERS) / (_BOARD_LEAVES - _BOARD_ENTERS)
    if not 0 <= progress <= 1:
        return None
    left = round(-BOARD_WIDTH + progress * (WIDTH + BOARD_WIDTH))
    x_min, x_max = max(left, 0), min(left + BOARD_WIDTH, WIDTH)
    return (x_min, _BOARD_TOP, x_max, _BOARD_TOP + BOARD_HEIGHT) if x_min < x_max else None


class DemoClip(VideoSource):
    """The clip, 640 x 480 at 30 pictures a second, ten seconds a pass."""

    name = 'demo clip'
    width, height, fps, length = WIDTH, HEIGHT, FPS, PERIOD

    def __init__(self) -> None:
        """Load the photograph.

        :raises VideoError: when scikit-image, or the photograph in it, is missing.
        """
        self._canvas = _with_background(_photograph())
        self._board = planks(BOARD_WIDTH, BOARD_HEIGHT)

    def one_pass(self) -> Iterator[ImageArray]:
        """Yield the pictures of one period; see :meth:`VideoSource.one_pass`."""
        for index in range(PERIOD):
            yield self.image(index)

    def image(self, index: int, *, board: bool = True) -> ImageArray:
        """Return one picture.

        :param index: its number, from 0; the clip repeats after :data:`PERIOD`.
        :param board: whether the board is there; without it the whole person is seen, for comparison.
        :returns: (480, 640, 3) uint8, RGB.
        """
        left, top, height = window(index)
        zoom = HEIGHT / height
        affine = np.array([[zoom, 0, -zoom * (left + _MARGIN)], [0, zoom, -zoom * top]])
        image = np.asarray(cv2.warpAffine(self._canvas, affine, (WIDTH, HEIGHT), flags=cv2.INTER_LINEAR,
                                          borderMode=cv2.BORDER_REPLICATE), np.uint8)
        box = occluder_box(index) if board else None
        if box is not None:
            # While the board enters, its right part is what is seen.
            paste(image, self._board, box[2] - BOARD_WIDTH if box[0] == 0 else box[0], _BOARD_TOP)
        return image


def _photograph() -> ImageArray:
    """Return the photograph, (512, 512, 3) uint8, RGB."""
    try:
        from skimage import data  # imported here: only the demo needs the package
    except ImportError as error:
        raise VideoError('the demo clip needs the photograph inside scikit-image; pip install scikit-image, '
                         'or give a video of your own') from error
    try:
        photo = np.asarray(data.astronaut(), np.uint8)
    except Exception as error:  # whatever a download or a decoder inside the other package raises
        raise VideoError(f'scikit-image cannot give its astronaut photograph ({error}); reinstall it') from error
    if photo.shape != (_PHOTO, _PHOTO, 3):
        raise VideoError(f'the astronaut photograph of scikit-image has shape {photo.shape}, not 512 x 512 x 3; '
                         'install another release of scikit-image')
    return photo


def _with_background(photo: ImageArray) -> ImageArray:
    """Widen the photograph by its own mirrored, blurred and darkened edges, so that the window can move beyond them."""
    wide = cv2.copyMakeBorder(photo, 0, 0, _MARGIN, _MARGIN, cv2.BORDER_REFLECT_101)
    blurred = cv2.GaussianBlur(wide, (0, 0), 25)
    # The change from sharp to blurred takes some pixels, so that it is no edge.
    x = np.arange(wide.shape[1])
    beyond = np.maximum(_MARGIN - x, x - (_MARGIN + _PHOTO - 1))
    sharp = np.clip(1 - beyond / 24, 0, 1)[None, :, None]
    return np.asarray(np.round(wide * sharp + 0.7 * blurred * (1 - sharp)), np.uint8)
