"""Rotated squares of the image: what the networks look at."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.types import FloatArray

_SIDE_PER_REACH = 2.5
_SIDE_PER_BOX = 1.25


@dataclass(frozen=True)
class Region:
    """A square of the image, turned so that the person in it stands upright.

    :param x: centre in image pixels.
    :param y: centre in image pixels.
    :param side: length of a side in image pixels.
    :param angle: radians from the image's upward direction to the person's, clockwise as seen.
    """

    x: float
    y: float
    side: float
    angle: float = 0.0

    @staticmethod
    def from_points(hips: npt.ArrayLike, reach: npt.ArrayLike) -> Region | None:
        """Return the region that both networks' pairs of alignment points ask for.

        :param hips: (2,) middle of the hips in image pixels.
        :param reach: (2,) in image pixels; lies above the hips along the body, as far off as the body reaches.
        :returns: the region, None when the points coincide or are not finite.
        """
        centre = np.asarray(hips, np.float64)
        up = np.asarray(reach, np.float64) - centre
        side = _SIDE_PER_REACH * math.hypot(up[0], up[1])
        if not (math.isfinite(side) and np.isfinite(centre).all() and side >= 1.0):
            return None
        return Region(float(centre[0]), float(centre[1]), side, math.atan2(up[0], -up[1]))

    @staticmethod
    def from_box(xyxy: npt.ArrayLike) -> Region | None:
        """Return an unrotated region around a box of a whole person, a quarter wider than its longer side.

        :param xyxy: (4,) x_min, y_min, x_max, y_max in image pixels.
        :returns: the region, None when the box is empty or not finite.
        """
        x0, y0, x1, y1 = (float(value) for value in np.asarray(xyxy, np.float64))
        if not (math.isfinite(x1 - x0) and math.isfinite(y1 - y0) and x1 > x0 and y1 > y0):
            return None
        return Region((x0 + x1) / 2, (y0 + y1) / 2, _SIDE_PER_BOX * max(x1 - x0, y1 - y0))

    @staticmethod
    def whole(width: int, height: int) -> Region:
        """Return the smallest upright region that holds an image of this size in pixels."""
        return Region((width - 1) / 2, (height - 1) / 2, float(max(width, height)))

    def scaled(self, factor: float) -> Region:
        """Return the region with its sides multiplied, around the same centre."""
        return Region(self.x, self.y, self.side * factor, self.angle)

    @property
    def points(self) -> npt.NDArray[np.float64]:
        """(2, 2) image pixels: the alignment points that ask for this region, hips and reach."""
        hips = np.array([self.x, self.y])
        return np.stack([hips, hips - self.rotation[:, 1] * (self.side / _SIDE_PER_REACH)])

    @property
    def rotation(self) -> npt.NDArray[np.float64]:
        """(2, 2) matrix that turns a vector of the upright region into the image's axes."""
        cos, sin = math.cos(self.angle), math.sin(self.angle)
        return np.array([[cos, -sin], [sin, cos]])

    def affine(self, size: int) -> npt.NDArray[np.float64]:
        """Return the (2, 3) map from pixels of a ``size`` x ``size`` picture of the region to image pixels."""
        linear = self.rotation * (self.side / size)
        offset = np.array([self.x, self.y]) - linear @ np.full(2, (size - 1) / 2)
        return np.column_stack([linear, offset])

    def to_image(self, points: npt.NDArray[np.generic], size: int) -> FloatArray:
        """Map pixels of a ``size`` x ``size`` picture of the region to image pixels.

        :param points: (..., 2) x, y.
        :returns: (..., 2) float32.
        """
        affine = self.affine(size)
        return np.asarray(np.asarray(points, np.float64) @ affine[:, :2].T + affine[:, 2], np.float32)

    def cut(self, image: npt.NDArray[np.uint8], size: int) -> npt.NDArray[np.uint8]:
        """Return the region as a ``size`` x ``size`` picture, black beyond the image.

        Shrinking is done on whole blocks of pixels first, so that fine texture does not alias.

        :param image: H x W x 3 uint8.
        :returns: (size, size, 3) uint8, resampled by :meth:`affine`.
        """
        affine = self.affine(size)
        corners = np.array([[0, 0], [size, 0], [0, size], [size, size]]) @ affine[:, :2].T + affine[:, 2]
        limit = np.array([image.shape[1], image.shape[0]])
        block = max(1, int(self.side / size))
        low = np.clip(np.floor(corners.min(0)) - block, 0, limit).astype(int)
        high = np.clip(np.ceil(corners.max(0)) + 2 * block, 0, limit).astype(int)
        if not (high > low).all():
            return np.zeros((size, size, 3), np.uint8)
        part = image[low[1]:high[1], low[0]:high[0]]
        if block > 1:
            part = _shrink(part, block)
        affine[:, 2] += 0.5 - low
        affine /= block
        affine[:, 2] -= 0.5
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        return np.asarray(cv2.warpAffine(part, affine, (size, size), flags=flags), np.uint8)


def _shrink(image: npt.NDArray[np.uint8], block: int) -> npt.NDArray[np.uint8]:
    """Average blocks of ``block`` x ``block`` pixels; the last ones are filled up with black."""
    height, width = image.shape[:2]
    missing_y, missing_x = -height % block, -width % block
    if missing_x or missing_y:
        image = np.asarray(cv2.copyMakeBorder(image, 0, missing_y, 0, missing_x, cv2.BORDER_CONSTANT), np.uint8)
    size = (image.shape[1] // block, image.shape[0] // block)
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)


def distance(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return how far pairs of alignment points lie apart, in units of the longer one's reach.

    :param first: (N, 2, 2) hips and reach in image pixels.
    :param second: (M, 2, 2).
    :returns: (N, M); 0 for equal ones, about 0.3 for two persons who half cover each other.
    """
    a, b = np.asarray(first, np.float64)[:, None], np.asarray(second, np.float64)[None]
    apart = np.linalg.norm(a - b, axis=-1).mean(-1)
    reach = np.maximum(np.linalg.norm(a[..., 1, :] - a[..., 0, :], axis=-1),
                       np.linalg.norm(b[..., 1, :] - b[..., 0, :], axis=-1))
    return np.asarray(apart / np.maximum(reach, 1e-9), np.float64)
