"""Square pictures of persons for the networks: box to crop, normalised pixels, and where the box lies in the image.

Boxes here are (cx, cy, w, h) or, once square, (cx, cy, side), in pixels with integers at pixel centres. All numbers
follow SPEC section 11; with OpenCV 4 the crops are bit-identical to those the published networks were run on, with
OpenCV 5, which no longer rounds sample positions to 1/32 pixel, they differ by up to 6 grey levels.
"""

from __future__ import annotations

import math

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.camera import assumed_focal_length
from poco_ros.errors import ImageError

CROP_SIZE = 224
#: Mean and standard deviation of the RGB channels of ImageNet, for pixels in [0, 1].
IMAGE_MEAN = np.array([0.485, 0.456, 0.406], np.float32)
IMAGE_STD = np.array([0.229, 0.224, 0.225], np.float32)

#: Pixels that one unit of the data sets' ``scale`` stands for.
SCALE_UNIT_PX = 200

#: The partner of each of the 49 keypoints (OpenPose's 25, then the data sets' 24) when mirrored, SPEC section 9.
KEYPOINT_MIRROR = np.array(
    [0, 1, 5, 6, 7, 2, 3, 4, 8, 12, 13, 14, 9, 10, 11, 16, 15, 18, 17, 22, 23, 24, 19, 20, 21]
    + [25 + i for i in (5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13, 14, 15, 16, 17, 18, 19, 21, 20, 23, 22)])

Array = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]
ImageArray = npt.NDArray[np.uint8]


def square_boxes(xyxy: npt.ArrayLike, padding: float = 1.0) -> Array:
    """Return the squares about the same centres, with the longer side of each box.

    :param xyxy: (N, 4) x_min, y_min, x_max, y_max in pixels.
    :param padding: factor on the side; 1.0 as the published demo, training used about 1.1 to 1.2.
    :returns: (N, 3) float64 cx, cy, side.
    """
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    low, high = boxes[:, :2], boxes[:, 2:]
    side = (high - low).max(axis=1, keepdims=True) * padding
    return np.concatenate([(low + high) / 2, side], axis=1)


def crop_affine(box: npt.ArrayLike, rotation_deg: float = 0.0) -> Array:
    """Return the map from image pixels to crop pixels; the box's centre goes to (112, 112).

    :param box: (4,) cx, cy, w, h in image pixels; not rounded, w and h > 0. A box that is not square is stretched.
    :param rotation_deg: turns the box in the image (towards +y for positive values) and so the picture the other way.
    :returns: (2, 3) float64, for column vectors (x, y, 1). The corners are rounded to float32 before solving, as in the
        published pipeline.
    :raises ImageError: when the box is not finite or empty.
    """
    cx, cy, w, h = (float(v) for v in np.asarray(box, np.float64))
    if not all(math.isfinite(v) for v in (cx, cy, w, h)) or w <= 0 or h <= 0:
        raise ImageError(f'cannot crop the box cx, cy, w, h = {cx}, {cy}, {w}, {h}: not finite, or empty')
    angle = math.pi * rotation_deg / 180
    cos, sin = math.cos(angle), math.sin(angle)
    centre = np.array([cx, cy])
    down = np.array([-h * 0.5 * sin, h * 0.5 * cos], np.float32)
    right = np.array([w * 0.5 * cos, w * 0.5 * sin], np.float32)
    corners = np.array([centre, centre + down, centre + right]).astype(np.float32)
    half = CROP_SIZE / 2
    targets = np.array([[half, half], [half, CROP_SIZE], [CROP_SIZE, half]], np.float32)
    return np.asarray(cv2.getAffineTransform(corners, targets), np.float64)


def crop_people(image: ImageArray, boxes: npt.ArrayLike) -> ImageArray:
    """Cut persons out of an image: bilinear, black outside the image.

    :param image: H x W x 3 uint8, RGB.
    :param boxes: (N, 4) cx, cy, w, h or (N, 3) cx, cy, side, in pixels; may reach beyond the image.
    :returns: (N, 224, 224, 3) uint8, RGB.
    :raises ImageError: when a box is not finite or empty.
    """
    sides = np.asarray(boxes, np.float64)
    if sides.ndim == 2 and sides.shape[1] == 3:
        sides = sides[:, [0, 1, 2, 2]]
    crops = np.empty((len(sides), CROP_SIZE, CROP_SIZE, 3), np.uint8)
    for crop, box in zip(crops, sides, strict=True):
        cv2.warpAffine(image, crop_affine(box), (CROP_SIZE, CROP_SIZE), dst=crop, flags=cv2.INTER_LINEAR,
                       borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0))
    return crops


def normalise(crops: ImageArray) -> FloatArray:
    """Return network input: pixels / 255, minus the mean, divided by the standard deviation.

    :param crops: (N, H, W, 3) uint8, RGB.
    :returns: (N, 3, H, W) float32, C-contiguous.
    """
    scaled = (crops.astype(np.float32) / 255 - IMAGE_MEAN) / IMAGE_STD
    return np.ascontiguousarray(scaled.transpose(0, 3, 1, 2))


def bbox_info(boxes: npt.ArrayLike, width: float, height: float) -> FloatArray:
    """Return where the boxes lie in the image, as the CLIFF networks read it (SPEC section 10).

    The focal length in it is always the image diagonal, also with a calibrated camera: it is part of how the input was
    scaled in training.

    :param boxes: (N, 3) cx, cy, side in pixels, square and unpadded.
    :param width: image width in pixels.
    :param height: image height in pixels.
    :returns: (N, 3) float32: 2.8 (cx - W/2) / f, 2.8 (cy - H/2) / f, (side - 0.24 f) / (0.06 f).
    """
    cx, cy, side = np.asarray(boxes, np.float64).reshape(-1, 3).T
    focal = assumed_focal_length(width, height)
    info = [2.8 * (cx - width / 2) / focal, 2.8 * (cy - height / 2) / focal, (side - 0.24 * focal) / (0.06 * focal)]
    return np.stack(info, axis=1).astype(np.float32)


def box_from_keypoints(keypoints: npt.ArrayLike, threshold: float = 0.3) -> Array:
    """Return the square about the extent of the visible keypoints; its side is the diagonal of that extent.

    :param keypoints: (K, 3) x, y in pixels and a confidence.
    :param threshold: a keypoint is visible when its confidence is larger.
    :returns: (3,) float64 cx, cy, side; NaN when nothing is visible or the visible keypoints coincide.
    """
    points = np.asarray(keypoints, np.float64)
    visible = points[points[:, 2] > threshold, :2]
    if len(visible) == 0:
        return np.full(3, np.nan)
    low, high = visible.min(axis=0), visible.max(axis=0)
    side = np.linalg.norm(high - low)
    if side <= 0:
        return np.full(3, np.nan)
    return np.array([*(low + high) / 2, side])


def fill_box_gaps(boxes: npt.ArrayLike) -> tuple[Array, int, int]:
    """Fill the missing boxes of one person's track: centre and 1 / side linearly between the neighbours.

    :param boxes: (T, 3) cx, cy, side; NaN rows where missing.
    :returns: boxes (T', 3) float64 from the first to the last known one, the index of the first, and the index behind
        the last; (0, 3) and 0, 0 when none is known.
    """
    known = np.asarray(boxes, np.float64)
    where = np.flatnonzero(np.isfinite(known).all(axis=1))
    if len(where) == 0:
        return np.zeros((0, 3)), 0, 0
    start, end = int(where[0]), int(where[-1]) + 1
    time = np.arange(start, end)
    cx, cy = (np.interp(time, where, known[where, i]) for i in (0, 1))
    return np.stack([cx, cy, 1 / np.interp(time, where, 1 / known[where, 2])], axis=1), start, end


def training_crop(image: npt.NDArray[np.generic], centre: npt.ArrayLike, scale: float,
                  rotation_deg: float = 0.0) -> tuple[FloatArray, Array]:
    """Cut a training sample out as the published training did: centre and side rounded to whole pixels.

    :param image: H x W x 3, RGB, any numeric type.
    :param centre: (2,) cx, cy in pixels.
    :param scale: side / 200, the data sets' own padding included.
    :param rotation_deg: augmentation, as in :func:`crop_affine`.
    :returns: the crop, (224, 224, 3) float32 in the image's range, and its affine, (2, 3) float64.
    :raises ImageError: when centre or scale is not finite, or the rounded side is 0.
    """
    values = [float(v) for v in (*np.asarray(centre, np.float64), scale * SCALE_UNIT_PX)]
    if not all(math.isfinite(v) for v in values):
        raise ImageError(f'cannot crop about cx, cy = {values[:2]} with scale {scale}: not finite')
    cx, cy, side = (round(v) for v in values)
    affine = crop_affine((cx, cy, side, side), rotation_deg)
    crop = cv2.warpAffine(image.astype(np.float32), affine, (CROP_SIZE, CROP_SIZE), flags=cv2.INTER_LINEAR,
                          borderMode=cv2.BORDER_CONSTANT, borderValue=(0, 0, 0))
    return np.asarray(crop, np.float32), affine


def training_keypoint_matrix(centre: npt.ArrayLike, scale: float, rotation_deg: float = 0.0) -> Array:
    """Return the (3, 3) map of keypoints to crop pixels; unlike the crop, nothing is rounded.

    x' = k (cos r (x - cx) + sin r (y - cy)) + 112, y' = k (-sin r (x - cx) + cos r (y - cy)) + 112, k = 224 / side.

    :param centre: (2,) cx, cy in pixels.
    :param scale: side / 200.
    :param rotation_deg: the augmentation given to :func:`training_crop`.
    :returns: (3, 3) float64, homogeneous.
    """
    cx, cy = np.asarray(centre, np.float64)
    k = CROP_SIZE / (scale * SCALE_UNIT_PX)
    angle = math.radians(rotation_deg)
    cos, sin, half = k * math.cos(angle), k * math.sin(angle), CROP_SIZE / 2
    return np.array([[cos, sin, half - cos * cx - sin * cy], [-sin, cos, half + sin * cx - cos * cy], [0.0, 0.0, 1.0]])


def training_keypoints(keypoints: npt.ArrayLike, centre: npt.ArrayLike, scale: float, rotation_deg: float = 0.0, *,
                       quantised: bool = False) -> Array:
    """Take 2D keypoints into crop pixels.

    :param keypoints: (K, 3) x, y in image pixels and a confidence.
    :param centre: (2,) cx, cy in pixels.
    :param scale: side / 200.
    :param rotation_deg: the augmentation given to :func:`training_crop`.
    :param quantised: cut to whole pixels and add 1, as the published training did (only to compare with it: the error
        is up to two pixels of the crop).
    :returns: (K, 3) float64 x, y in crop pixels, and the confidence unchanged.
    """
    points = np.array(keypoints, np.float64)
    matrix = training_keypoint_matrix(centre, scale, rotation_deg)
    points[:, :2] = points[:, :2] @ matrix[:2, :2].T + matrix[:2, 2]
    if quantised:
        points[:, :2] = np.trunc(points[:, :2]) + 1
    return points


def to_unit_range(crop_px: npt.ArrayLike) -> Array:
    """Return crop pixels (..., 2) as the networks' losses read them: 2 p / 224 - 1, so that the crop spans [-1, 1]."""
    return 2 * np.asarray(crop_px, np.float64) / CROP_SIZE - 1


def flip_keypoints(unit: npt.ArrayLike) -> Array:
    """Mirror keypoints with the crop they lie in, giving each left one the number of its right partner.

    :param unit: (49, 2 or more), x first, the crop spanning [-1, 1]; further columns move unchanged.
    :returns: the same shape, float64.
    """
    flipped: Array = np.asarray(unit, np.float64)[KEYPOINT_MIRROR]
    flipped[:, 0] *= -1
    return flipped


def unit_range_to_image(unit: npt.ArrayLike, boxes: npt.ArrayLike) -> Array:
    """Take points of the crop back into the image: p = c - side / 2 + (u + 1) / 2 * side.

    :param unit: (N, K, 2), the crop spanning [-1, 1].
    :param boxes: (N, 3) cx, cy, side in pixels.
    :returns: (N, K, 2) float64 image pixels.
    """
    boxes = np.asarray(boxes, np.float64)[:, None]
    side = boxes[..., 2:]
    return boxes[..., :2] - side / 2 + (np.asarray(unit, np.float64) + 1) / 2 * side
