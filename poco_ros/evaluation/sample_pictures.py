"""Pictures of training samples, of which only each person's crop is kept, as regressors expect them: whole images."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.camera import Camera
from poco_ros.crops import CROP_SIZE
from poco_ros.types import FloatArray, Frame


def frame_of_crop(
    crop: npt.NDArray[np.uint8], square: npt.ArrayLike, intrinsics: npt.ArrayLike, image_size: npt.ArrayLike,
) -> tuple[Frame, FloatArray]:
    """Return an image that shows a crop where it was, black elsewhere, and the person's box in it.

    The image is the original one resized so that the crop keeps its pixels: cutting the box out again gives the crop
    itself, bit by bit. The camera is resized and shifted (by less than half a pixel) with it, so that every line of
    sight, and with it every body in metres, is that of the original.

    :param crop: (224, 224, 3) uint8, RGB.
    :param square: (3,) cx, cy, side of the crop in the original image, pixels.
    :param intrinsics: (4,) fx, fy, cx, cy of the original image; without distortion.
    :param image_size: (2,) width and height of the original image.
    :returns: the frame, and the box (4,) float32 x_min, y_min, x_max, y_max.
    """
    cx, cy, side = (float(value) for value in np.asarray(square, np.float64))
    fx, fy, px, py = (float(value) for value in np.asarray(intrinsics, np.float64))
    scale, half = CROP_SIZE / side, CROP_SIZE / 2
    width, height = (max(1, round(float(value) * scale)) for value in np.asarray(image_size))
    # A crop shows the image at p' = scale (p - c) + 112; the image here begins `left` and `top` pixels before it.
    left, top = (round(scale * c - half + (scale - 1) / 2) for c in (cx, cy))
    image = np.zeros((height, width, 3), np.uint8)
    x0, y0, x1, y1 = max(left, 0), max(top, 0), min(left + CROP_SIZE, width), min(top + CROP_SIZE, height)
    if x0 < x1 and y0 < y1:
        image[y0:y1, x0:x1] = crop[y0 - top:y1 - top, x0 - left:x1 - left]
    principal = scale * (px - cx) + half + left, scale * (py - cy) + half + top
    camera = Camera(width, height, scale * fx, scale * fy, *principal)
    return Frame(image, camera), np.array([left, top, left + CROP_SIZE, top + CROP_SIZE], np.float32)
