"""From the networks' weak-perspective camera to positions in metres and pixels, as in SPEC section 10.

The networks give (s, tx, ty) for every person: the scale and shift that put the body into its square crop. Here it
becomes a translation in the optical frame (x right, y down, z forward), in metres, of the crop's own long camera or of
the camera that took the whole image.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from poco_ros.camera import Camera
from poco_ros.crops import CROP_SIZE
from poco_ros.errors import CameraError

#: Focal length in pixels of the camera that the 224 pixel crop is thought to be taken with.
CROP_FOCAL_PX = 5000.0

Array = npt.NDArray[np.float64]
FloatArray = npt.NDArray[np.float32]


def crop_translation(cam: npt.ArrayLike) -> FloatArray:
    """Return the body's translation in front of the crop's camera.

    :param cam: (N, 3) s, tx, ty.
    :returns: (N, 3) float32 tx, ty, 2 * 5000 / (224 s + 1e-9), metres.
    """
    s, tx, ty = np.asarray(cam, np.float64).reshape(-1, 3).T
    return np.stack([tx, ty, 2 * CROP_FOCAL_PX / (CROP_SIZE * s + 1e-9)], axis=1).astype(np.float32)


def image_translation(cam: npt.ArrayLike, boxes: npt.ArrayLike, camera: Camera) -> FloatArray:
    """Return the body's translation in front of the camera that took the whole image.

    With :meth:`Camera.assumed` this is the published rule; with a calibrated camera the same rays give the better
    metric distance. Distortion is not looked at: the box centre is taken as it is.

    :param cam: (N, 3) s, tx, ty.
    :param boxes: (N, 3) cx, cy, side in pixels, square.
    :param camera: of the whole image.
    :returns: (N, 3) float32, metres; z = 2 f / (s side). NaN where s or the side is not positive: no place in front of
        the camera then explains the crop.
    """
    s, tx, ty = np.asarray(cam, np.float64).reshape(-1, 3).T
    cx, cy, side = np.asarray(boxes, np.float64).reshape(-1, 3).T
    size = np.where((s > 0) & (side > 0), s * side, np.nan)
    z = 2 * math.sqrt(camera.fx * camera.fy) / size
    x = tx + (cx - camera.cx) * z / camera.fx
    y = ty + (cy - camera.cy) * z / camera.fy
    return np.stack([x, y, z], axis=1).astype(np.float32)


def image_weak_camera(cam: npt.ArrayLike, boxes: npt.ArrayLike, width: float, height: float) -> Array:
    """Return the weak-perspective camera of the whole image (``orig_cam``), for orthographic drawing.

    :param cam: (N, 3) s, tx, ty of the crop.
    :param boxes: (N, 3) cx, cy, side in pixels, square.
    :param width: image width in pixels.
    :param height: image height in pixels.
    :returns: (N, 4) float64 sx, sy, tx, ty: (x + tx) sx and (y + ty) sy lie in [-1, 1] inside the image. NaN where s or
        the side is not positive.
    """
    s, tx, ty = np.asarray(cam, np.float64).reshape(-1, 3).T
    cx, cy, side = np.asarray(boxes, np.float64).reshape(-1, 3).T
    size = np.where((s > 0) & (side > 0), s * side, np.nan)
    sx, sy = size / width, size / height
    half_width, half_height = width / 2, height / 2
    shift_x = (cx - half_width) / (half_width * sx) + tx
    shift_y = (cy - half_height) / (half_height * sy) + ty
    return np.stack([sx, sy, shift_x, shift_y], axis=1)


def project_to_crop(points: npt.ArrayLike, translation: npt.ArrayLike) -> Array:
    """Project points with the crop's camera (focal length 5000).

    :param points: (N, K, 3) metres, relative to the translation.
    :param translation: (N, 3) from :func:`crop_translation`.
    :returns: (N, K, 2) float64, the crop spanning [-1, 1]; NaN behind the camera.
    """
    xyz = np.asarray(points, np.float64) + np.asarray(translation, np.float64)[:, None]
    depth = np.where(xyz[..., 2:] > 0, xyz[..., 2:], np.nan)
    projected: Array = CROP_FOCAL_PX * xyz[..., :2] / depth / (CROP_SIZE / 2)
    return projected


def fit_translation(points: npt.ArrayLike, pixels: npt.ArrayLike, weights: npt.ArrayLike, *,
                    focal: float = CROP_FOCAL_PX, principal_point: tuple[float, float] | None = None) -> Array:
    """Return the translation that best explains where 3D points were seen: weighted linear least squares.

    From u = f (X + tx) / (Z + tz) + c, multiplied by the depth: f tx + (c - u) tz = (u - c) Z - f X, and so for v. The
    residuals are pixels times depth, so near points count less than in the pixel error.

    :param points: (K, 3) metres.
    :param pixels: (K, 2) where they were seen (undistorted).
    :param weights: (K,) >= 0; 0 leaves a point out.
    :param focal: focal length in pixels.
    :param principal_point: in pixels; default the crop's (112, 112).
    :returns: (3,) float64 metres.
    :raises CameraError: when fewer than two points have a weight: they do not fix a translation.
    """
    w = np.asarray(weights, np.float64)
    used = w > 0
    if used.sum() < 2:
        raise CameraError(f'{int(used.sum())} weighted points do not fix a translation; at least two are needed')
    centre = np.array([CROP_SIZE / 2] * 2 if principal_point is None else principal_point, np.float64)
    xyz = np.asarray(points, np.float64)[used]
    offset = np.asarray(pixels, np.float64)[used] - centre
    root = np.sqrt(w[used])
    system = np.zeros((len(xyz), 2, 3))
    system[:, 0, 0] = system[:, 1, 1] = focal * root
    system[:, :, 2] = -offset * root[:, None]
    target = (offset * xyz[:, 2:] - focal * xyz[:, :2]) * root[:, None]
    solution, *_ = np.linalg.lstsq(system.reshape(-1, 3), target.reshape(-1), rcond=None)
    return np.asarray(solution, np.float64)
