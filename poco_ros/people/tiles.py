"""Which windows of the image the detector looks into, so that small persons are found at a bounded cost per call."""

from __future__ import annotations

import itertools
import math

from poco_ros.people.region import Region

_SHRINK = 0.6
_MIN_OVERLAP = 0.3
_MIN_SIDE_PX = 64.0
_MOST_IN_A_ROW = 16


def tiles(width: int, height: int, levels: int) -> list[list[Region]]:
    """Return overlapping upright windows that cover the image, for every level from coarse to fine.

    The first level's windows are as high as the shorter side of the image, each further level's 0.6 of that;
    neighbours overlap by at least 30 %, so that a person who fits into 0.3 of a window is whole in one of them.

    Windows are never narrower than 64 pixels or a sixteenth of the longer side; levels beyond that, and a level whose
    only window would be the whole image, are left out.

    :param width: of the image in pixels.
    :param height: of the image in pixels.
    :param levels: how many.
    """
    found = []
    for level in range(levels):
        side = min(width, height) * _SHRINK**level
        if side < max(_MIN_SIDE_PX, max(width, height) / _MOST_IN_A_ROW):
            break
        columns, rows = _starts(width, side), _starts(height, side)
        if len(columns) * len(rows) > 1:
            middle = (side - 1) / 2
            found.append([Region(x + middle, y + middle, side) for y, x in itertools.product(rows, columns)])
    return found


def _starts(length: int, side: float) -> list[float]:
    count = 1 + math.ceil((length - side) / (side * (1 - _MIN_OVERLAP)) - 1e-9)
    return [(length - side) * index / max(1, count - 1) for index in range(count)]


class Scan:
    """Goes round the windows of a video: all of them in the first call, then the whole image and one of every level.

    :param levels: of tiles; 0 looks at the whole image only.
    """

    def __init__(self, levels: int) -> None:
        self._levels = levels
        self.restart()

    def restart(self) -> None:
        """Let the next call give everything again."""
        self._size = (0, 0)
        self._tiles: list[list[Region]] = []
        self._calls = 0

    def __call__(self, width: int, height: int) -> list[Region]:
        """Return the windows to look into now, the whole image first.

        :param width: of the image in pixels; another size than last time starts anew.
        :param height: of the image in pixels.
        """
        whole = Region.whole(width, height)
        if self._size != (width, height):
            self._size, self._calls = (width, height), 0
            self._tiles = tiles(width, height, self._levels)
            return [whole, *itertools.chain.from_iterable(self._tiles)]
        self._calls += 1
        return [whole, *(level[(self._calls - 1) % len(level)] for level in self._tiles)]
