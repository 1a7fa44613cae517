"""Axis-aligned boxes: overlap, and the box of a body from its landmarks."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.types import FloatArray, Landmarks

Array = npt.NDArray[np.float64]

_EARS, _SHOULDERS = (7, 8), (11, 12)
_CROWN_PER_NECK = 0.6
_PADDING = 0.04
_MIN_PRESENT = 8


def iou(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> Array:
    """Intersection over union of every box of one set with every box of another.

    :param first: (N, 4) x_min, y_min, x_max, y_max.
    :param second: (M, 4).
    :returns: (N, M) in [0, 1]; 0 for boxes without area.
    """
    overlap = _overlap(first, second)
    return _ratio(overlap, _area(first)[:, None] + _area(second)[None] - overlap)


def covered(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> Array:
    """Part of every box of one set that lies inside every box of another.

    :param first: (N, 4) x_min, y_min, x_max, y_max.
    :param second: (M, 4).
    :returns: (N, M) in [0, 1]; 0 for boxes without area.
    """
    overlap = _overlap(first, second)
    return _ratio(overlap, np.broadcast_to(_area(first)[:, None], overlap.shape))


def _overlap(first: npt.NDArray[np.floating], second: npt.NDArray[np.floating]) -> Array:
    a, b = np.asarray(first, np.float64)[:, None], np.asarray(second, np.float64)[None]
    sides = np.clip(np.minimum(a[..., 2:], b[..., 2:]) - np.maximum(a[..., :2], b[..., :2]), 0, None)
    return np.asarray(sides.prod(-1), np.float64)


def _area(boxes: npt.NDArray[np.floating]) -> Array:
    sides = np.clip(np.asarray(boxes[:, 2:], np.float64) - boxes[:, :2], 0, None)
    return np.asarray(sides.prod(-1), np.float64)


def _ratio(part: Array, whole: Array) -> Array:
    return np.asarray(np.divide(part, whole, out=np.zeros(part.shape), where=whole > 0), np.float64)


def body_boxes(landmarks: Landmarks) -> FloatArray:
    """Return the boxes that hold the part of each body that lies in the picture, occluded or not.

    Landmarks sit inside the body, so the box is drawn around those that are present and around the crown of
    the head (ears, continued away from the shoulders by 0.6 of their distance), and then grown on every side by
    4 % of its longer side: about what an annotator draws. A body of which fewer than eight landmarks are present
    gets the box of all.

    :param landmarks: N persons.
    :returns: (N, 4) float32, x_min, y_min, x_max, y_max in image pixels.
    """
    points = landmarks.image_px
    ears, shoulders = points[:, _EARS].mean(1), points[:, _SHOULDERS].mean(1)
    crown = ears + (ears - shoulders) * np.float32(_CROWN_PER_NECK)
    points = np.concatenate([points, crown[:, None]], axis=1)
    present = np.concatenate([landmarks.presence, landmarks.presence[:, _EARS].max(1, keepdims=True)], axis=1) >= 0.5
    present |= present.sum(1, keepdims=True) < _MIN_PRESENT
    low = np.where(present[..., None], points, np.inf).min(1)
    high = np.where(present[..., None], points, -np.inf).max(1)
    pad = _PADDING * (high - low).max(1, keepdims=True)
    return np.concatenate([low - pad, high + pad], axis=1).astype(np.float32)
