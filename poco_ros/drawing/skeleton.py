"""Skeletons on a picture: bones and joints as thick as they are near, each in its colour."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.body.smpl import PARENTS
from poco_ros.camera import Camera
from poco_ros.drawing.colors import Image, Rgb, rgb

#: Radius of a bone and of a joint, in metres; on the picture they shrink with the distance like everything else.
BONE_RADIUS_M = 0.016
JOINT_RADIUS_M = 0.023
#: Limits of the radius on the picture, in pixels: never invisible, never hiding the person.
_RADIUS_PX = (1.2, 9.0)
_RIM: Rgb = (16, 18, 22)
#: OpenCV takes positions in fractions of a pixel as integers shifted by so many bits.
_SHIFT = 4


def draw_skeleton(image: Image, joints: npt.NDArray[Any], colors: Image, camera: Camera) -> None:
    """Draw one body's bones and joints. A joint that is NaN or behind the camera is left out, with its bones.

    :param image: (H, W, 3) uint8 RGB, changed in place.
    :param joints: (24, 3) in the optical frame, metres.
    :param colors: (24, 3) uint8 RGB. A bone has the colour of the joint at its far end.
    :param camera: of this image.
    """
    pixels = camera.project(joints)
    near = np.isfinite(pixels).all(axis=1) & _drawable(pixels, image)
    with np.errstate(divide='ignore', invalid='ignore'):
        scale = np.clip(camera.fx / np.where(near, joints[:, 2], np.nan), 0, None)
    bones = [(parent, child) for child, parent in enumerate(PARENTS) if parent >= 0 and near[parent] and near[child]]
    # The farther first, so that the nearer covers it.
    bones.sort(key=lambda bone: -float(joints[bone[1], 2]))
    rim = _rim(float(np.nanmedian(scale))) if near.any() else 0.0
    for widen in (rim, 0.0):
        for parent, child in bones:
            color = _RIM if widen else rgb(colors[child])
            radius = _radius(BONE_RADIUS_M, scale[child])
            _line(image, pixels[parent], pixels[child], radius + widen, color)
    for joint in sorted(np.flatnonzero(near), key=lambda j: -float(joints[j, 2])):
        radius = _radius(JOINT_RADIUS_M, scale[joint])
        _disc(image, pixels[joint], radius + rim, _RIM)
        _disc(image, pixels[joint], radius, rgb(colors[joint]))


def draw_box(image: Image, box_px: npt.NDArray[Any], color: Rgb) -> None:
    """Draw a person's box as a thin frame with strong corners; nothing where the box is NaN.

    :param image: (H, W, 3) uint8 RGB, changed in place.
    :param box_px: (4,) x_min, y_min, x_max, y_max in pixels.
    :param color: RGB.
    """
    if not np.isfinite(box_px).all():
        return
    limit = 2 * max(image.shape[:2])
    x0, y0, x1, y1 = (int(v) for v in np.rint(np.clip(box_px, -limit, limit)))
    thin = max(1, round(min(image.shape[:2]) / 500))
    cv2.rectangle(image, (x0, y0), (x1, y1), color, thin)
    arm = max(4, round(0.12 * min(x1 - x0, y1 - y0)))
    for x, dx in ((x0, arm), (x1, -arm)):
        for y, dy in ((y0, arm), (y1, -arm)):
            corner = np.asarray([[x + dx, y], [x, y], [x, y + dy]], np.int32)
            cv2.polylines(image, [corner], False, color, 3 * thin)


def _drawable(pixels: npt.NDArray[Any], image: Image) -> npt.NDArray[np.bool_]:
    """Return which points are not so far outside that a line to them would leave OpenCV's range of integers."""
    reach = 10 * max(image.shape[:2])
    inside: npt.NDArray[np.bool_] = (np.abs(pixels) < reach).all(axis=1)
    return inside


def _radius(metres: float, scale: float) -> float:
    return float(np.clip(metres * scale, *_RADIUS_PX))


def _rim(scale: float) -> float:
    """Return how much wider the dark rim is than what it goes around, in pixels."""
    return float(np.clip(0.3 * BONE_RADIUS_M * scale, 0.7, 2.5))


def _fixed(values: npt.NDArray[Any]) -> tuple[int, int]:
    x, y = np.rint(values * (1 << _SHIFT)).astype(int).tolist()
    return (x, y)


def _line(image: Image, start: npt.NDArray[Any], end: npt.NDArray[Any], radius: float, color: Rgb) -> None:
    """Draw a line with round ends; as a polygon, since OpenCV's own thickness knows whole pixels only."""
    along = end - start
    length = float(np.hypot(*along))
    if length > 0:
        across = np.asarray([-along[1], along[0]]) * (radius / length)
        polygon = np.stack([start + across, end + 0.7 * across, end - 0.7 * across, start - across])
        corners = np.rint(polygon * (1 << _SHIFT)).astype(np.int32)
        cv2.fillConvexPoly(image, corners, color, cv2.LINE_AA, _SHIFT)
    _disc(image, start, radius, color)
    _disc(image, end, 0.7 * radius, color)


def _disc(image: Image, centre: npt.NDArray[Any], radius: float, color: Rgb) -> None:
    cv2.circle(image, _fixed(centre), round(radius * (1 << _SHIFT)), color, -1, cv2.LINE_AA, _SHIFT)
