"""Triangles to pixels with hidden surfaces removed, in numpy alone.

Scan conversion is written for many small triangles at once: triangles are expanded to the image rows they cover,
rows to pixels, and a z-buffer keeps the nearest. Thousands of triangles cost a few dozen array operations, and no
compiled extension is needed.
"""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

#: Triangles that reach nearer to the camera than this are not drawn, in metres.
NEAR_M = 0.05
#: Triangles smaller than this on the picture are not drawn, in square pixels: seen edge-on or from too far, they
#: would meet a pixel centre only by rounding, and their gradients mean nothing.
_MIN_AREA_PX = 1e-4
#: Edges that rise less than this are taken as horizontal, in pixels.
_MIN_RISE_PX = 1e-9

Array = npt.NDArray[Any]
Floats = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]


class Fragments(NamedTuple):
    """The visible pixels of a mesh.

    :param pixel: (P,) int64, y * width + x. A pixel occurs twice where the border of two triangles runs through its
        centre; both then carry the same values but for rounding.
    :param values: (P, K) float32, the vertex values interpolated linearly over the picture.
    """

    pixel: Indices
    values: npt.NDArray[np.float32]


def rasterize(
    pixels: npt.ArrayLike, depth: npt.ArrayLike, triangles: Array, values: npt.ArrayLike, size: tuple[int, int],
) -> Fragments:
    """Find the pixels in which the outsides of triangles are visible.

    A pixel belongs to a triangle when its centre, which has integer coordinates, lies inside or on the border, so that
    a mesh without gaps is drawn without gaps.

    :param pixels: (V, 2) projected vertices. Triangles with a vertex that is NaN are left out.
    :param depth: (V,) distance along the optical axis, in metres. Triangles nearer than ``NEAR_M`` are left out.
    :param triangles: (T, 3) integers, counter-clockwise seen from outside the body.
    :param values: (V, K) whatever shall be interpolated.
    :param size: width and height of the image in pixels.
    :returns: the visible pixels, in no particular order.
    """
    xy = np.asarray(pixels, np.float64)
    near = 1.0 / np.maximum(np.asarray(depth, np.float64), NEAR_M)
    shown = _front(xy, np.asarray(depth, np.float64), triangles, size)
    corners = triangles[shown]
    triangle, y = _rows(xy[corners, 1], size[1])
    first, last = _span(xy, corners, triangle, y, size[0])
    covered = last >= first
    triangle, y, first, last = triangle[covered], y[covered], first[covered], last[covered]

    row, x = _expand(first, last)
    gradient = _gradients(xy, corners, near[:, None])[:, 0]
    row_start = gradient[triangle, 0] + gradient[triangle, 2] * (y - xy[corners[triangle, 0], 1])
    row_start -= gradient[triangle, 1] * xy[corners[triangle, 0], 0]
    fragment_near = row_start[row] + gradient[triangle, 1][row] * x
    pixel = (y * size[0])[row] + x
    nearest = np.zeros(size[0] * size[1])
    np.maximum.at(nearest, pixel, fragment_near)
    visible = np.flatnonzero(fragment_near >= nearest[pixel])

    row = row[visible]
    owner = triangle[row]
    origin = xy[corners[:, 0]].astype(np.float32)[owner]
    right, down = x[visible] - origin[:, 0], y[row] - origin[:, 1]
    planes = _gradients(xy, corners, np.asarray(values, np.float64)).astype(np.float32)
    shown_values = planes[:, :, 1][owner] * right.astype(np.float32)[:, None]
    shown_values += planes[:, :, 2][owner] * down.astype(np.float32)[:, None]
    shown_values += planes[:, :, 0][owner]
    return Fragments(pixel[visible], shown_values)


def _front(xy: Floats, depth: Floats, triangles: Array, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """(T,) which triangles show their outside, in front of the camera and within the picture."""
    a, b, c = (xy[triangles[:, i]] for i in range(3))
    # y points down in the picture, so counter-clockwise from outside has a negative area.
    area = (b[:, 0] - a[:, 0]) * (c[:, 1] - a[:, 1]) - (c[:, 0] - a[:, 0]) * (b[:, 1] - a[:, 1])
    low = np.minimum(np.minimum(a, b), c)
    high = np.maximum(np.maximum(a, b), c)
    inside = (high >= 0).all(axis=1) & (low[:, 0] <= size[0] - 1) & (low[:, 1] <= size[1] - 1)
    shown: npt.NDArray[np.bool_] = (area < -2 * _MIN_AREA_PX) & inside & (depth[triangles] >= NEAR_M).all(axis=1)
    return shown


def _rows(y: Floats, height: int) -> tuple[Indices, Indices]:
    """Return which triangle and which image row, for every row that a triangle (T, 3) reaches."""
    first = np.maximum(np.ceil(y.min(axis=1)), 0).astype(np.int64)
    last = np.minimum(np.floor(y.max(axis=1)), height - 1).astype(np.int64)
    return _expand(first, last)


def _expand(first: Indices, last: Indices) -> tuple[Indices, Indices]:
    """Return, for all integers of all ranges ``first[i]..last[i]`` one after another, (i, the integer)."""
    count = np.maximum(last - first + 1, 0)
    owner = np.repeat(np.arange(len(count)), count)
    before = np.cumsum(count) - count
    return owner, np.arange(len(owner)) + (first - before)[owner]


def _span(xy: Floats, corners: Array, triangle: Indices, y: Indices, width: int) -> tuple[Indices, Indices]:
    """Return the first and last pixel column inside ``triangle`` on row ``y``; last < first where there is none."""
    low = np.full(len(y), 0.0)
    high = np.full(len(y), width - 1.0)
    for i in range(3):
        start, end = corners[:, i], corners[:, (i + 1) % 3]
        rise = xy[end, 1] - xy[start, 1]
        # Both triangles of an edge must compute the very same crossing, so it is always taken from the same end.
        upper, lower = np.minimum(start, end), np.maximum(start, end)
        with np.errstate(divide='ignore', invalid='ignore'):
            slope = (xy[lower, 0] - xy[upper, 0]) / (xy[lower, 1] - xy[upper, 1])
        slope[np.abs(rise) < _MIN_RISE_PX] = np.nan  # no limit: fmax and fmin pass NaN over
        crossing = xy[upper, 0][triangle] + slope[triangle] * (y - xy[upper, 1][triangle])
        # Outside seen counter-clockwise: where the edge runs down the picture, the triangle lies to its right.
        down = (rise > 0)[triangle]
        np.fmax(low, np.where(down, crossing, np.nan), out=low)
        np.fmin(high, np.where(down, np.nan, crossing), out=high)
    return np.ceil(low).astype(np.int64), np.floor(high).astype(np.int64)


def _gradients(xy: Floats, corners: Array, values: Floats) -> Floats:
    """Return (T, K, 3): value at the first corner, change per column, change per row, of values (V, K)."""
    a, b, c = (xy[corners[:, i]] for i in range(3))
    at = values[corners[:, 0]]
    to_b, to_c = values[corners[:, 1]] - at, values[corners[:, 2]] - at
    ab, ac = b - a, c - a
    area = (ab[:, 0] * ac[:, 1] - ac[:, 0] * ab[:, 1])[:, None]
    along_x = (to_b * ac[:, 1:] - to_c * ab[:, 1:]) / area
    along_y = (to_c * ab[:, :1] - to_b * ac[:, :1]) / area
    return np.stack([at, along_x, along_y], axis=2)
