"""A board of planks that is carried before a camera: something that covers a known part of every picture."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from poco_ros.video.source import ImageArray


def planks(width: int, height: int) -> ImageArray:
    """Return a board: upright planks with grain, the same on every machine.

    :param width: pixels.
    :param height: pixels.
    :returns: (height, width, 3) uint8, RGB.
    """
    y, x = np.mgrid[:height, :width].astype(np.float64)
    plank = np.floor(x / 46)
    wave = np.sin(x * 0.55 + 3 * np.sin(y * 0.013 + 2.1 * plank) + 1.7 * plank)
    grain = 0.5 + 0.3 * wave + 0.2 * np.sin(x * 1.9 + y * 0.07 + 5 * plank)
    seam = np.where((x % 46) < 3, 0.35, 1.0) * (0.85 + 0.15 * np.cos(1.3 * plank))
    colour = np.array([150.0, 104.0, 62.0]) * (0.65 + 0.5 * grain[..., None]) * seam[..., None]
    return np.asarray(np.clip(np.round(colour), 0, 255), np.uint8)


def paste(image: ImageArray, board: ImageArray, left: int, top: int) -> None:
    """Lay a board over a picture, in place; what would lie outside is cut off.

    :param image: (H, W, 3) uint8, RGB.
    :param board: (h, w, 3) uint8, RGB.
    :param left: column of the board's left edge in the picture; may lie outside.
    :param top: row of its upper edge.
    """
    x_min, x_max = max(left, 0), min(left + board.shape[1], image.shape[1])
    y_min, y_max = max(top, 0), min(top + board.shape[0], image.shape[0])
    if x_min < x_max and y_min < y_max:
        image[y_min:y_max, x_min:x_max] = board[y_min - top:y_max - top, x_min - left:x_max - left]


@dataclass(frozen=True)
class CarriedBoard:
    """A board that is carried across the pictures again and again: to the right, then to the left, and so on.

    :param picture: width and height of the pictures, pixels.
    :param size: width and height of the board, pixels.
    :param tops: rows of its upper edge, one crossing after the other, and then from the first again.
    :param frames: pictures that a crossing takes.
    :param begun: pictures that it is under way when the first one is taken.
    """

    picture: tuple[int, int]
    size: tuple[int, int]
    tops: tuple[int, ...]
    frames: int
    begun: int = 0

    def corner(self, index: int) -> tuple[int, int]:
        """Return column and row of the board's upper left corner; it may lie outside the picture.

        :param index: number of the picture, from 0.
        """
        crossing, step = divmod(index + self.begun, self.frames)
        part = step / self.frames
        left = round(-self.size[0] + (1 - part if crossing % 2 else part) * (self.picture[0] + self.size[0]))
        return left, self.tops[crossing % len(self.tops)]

    def over(self, image: ImageArray, index: int) -> ImageArray:
        """Return a copy of a picture with the board over it.

        :param image: (H, W, 3) uint8, RGB.
        :param index: its number, from 0.
        """
        covered = image.copy()
        paste(covered, self._planks, *self.corner(index))
        return covered

    def covers(self, index: int, pixels: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return which points of a picture lie behind the board.

        :param index: number of the picture, from 0.
        :param pixels: (..., 2) x, y; integers are pixel centres. NaN is nowhere.
        :returns: (...,); what lies outside the picture is not covered.
        """
        low = np.array(self.corner(index))
        high = np.minimum(low + self.size, self.picture)
        points = np.asarray(pixels, np.float64) + 0.5
        return np.asarray(((points >= np.maximum(low, 0)) & (points < high)).all(axis=-1))

    @cached_property
    def _planks(self) -> ImageArray:
        return planks(*self.size)
