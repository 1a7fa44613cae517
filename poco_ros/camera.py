"""The camera: intrinsics of one image size, with distortion, and the projection in both directions.

Pixel coordinates put integers at pixel centres, as OpenCV and ``sensor_msgs/CameraInfo`` calibrations do.
3D points are in the optical frame: x right, y down, z forward.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.errors import CameraError

PINHOLE_MODELS = ('plumb_bob', 'rational_polynomial')
FISHEYE_MODEL = 'equidistant'

#: Lengths that OpenCV's pinhole distortion knows: plumb bob 4 and 5, rational 8, with thin prism 12, with tilt 14.
_PINHOLE_LENGTHS = (4, 5, 8, 12, 14)
_FISHEYE_LENGTH = 4
#: How far a point taken back through the distortion may lie from where it came from, in pixels.
_UNDISTORT_TOLERANCE_PX = 0.05

Array = npt.NDArray[np.float64]


def assumed_focal_length(width: float, height: float) -> float:
    """Return the focal length, in pixels, that stands in for a calibration: the image diagonal (SPEC section 10)."""
    return math.sqrt(width * width + height * height)


@dataclass(frozen=True, eq=False)
class Camera:
    """Intrinsics for images of one size.

    :param width: image width in pixels.
    :param height: image height in pixels.
    :param fx: focal length in pixels, > 0.
    :param fy: focal length in pixels, > 0.
    :param cx: principal point in pixels; may lie outside the image (region of interest).
    :param cy: principal point in pixels.
    :param distortion: (4 | 5 | 8 | 12 | 14,) coefficients in OpenCV's order for the pinhole models, (4,) for
        ``equidistant``; None for an ideal pinhole. Kept as a read-only float64 copy.
    :param distortion_model: ``plumb_bob``, ``rational_polynomial`` or ``equidistant``; empty without distortion.
    :param focal_length_assumed: the focal length is the documented fallback, not a calibration: depth and
        distances are then proportional to the error of that guess.
    :raises CameraError: when a value is not finite, not positive where it must be, or the distortion does not
        fit its model.
    """

    width: int
    height: int
    fx: float
    fy: float
    cx: float
    cy: float
    distortion: Array | None = None
    distortion_model: str = ''
    focal_length_assumed: bool = False

    def __post_init__(self) -> None:
        if self.width <= 0 or self.height <= 0:
            raise CameraError(f'camera image size {self.width}x{self.height} is not positive; '
                              'set width and height of the camera_info')
        values = (self.fx, self.fy, self.cx, self.cy)
        if not all(math.isfinite(v) for v in values) or self.fx <= 0 or self.fy <= 0:
            raise CameraError(f'camera matrix is unusable: fx, fy, cx, cy = {values}; focal lengths must be positive, '
                              'all finite. Calibrate the camera, or leave K all zeros to use an assumed focal length')
        if self.distortion is not None:
            object.__setattr__(self, 'distortion', _checked_distortion(self.distortion, self.distortion_model))
        elif self.distortion_model:
            object.__setattr__(self, 'distortion_model', '')

    @classmethod
    def assumed(cls, width: int, height: int) -> Camera:
        """Return the fallback for an uncalibrated camera: SPEC section 10.

        The focal length is the image diagonal (a 53 degree diagonal field of view), the principal point
        (width / 2, height / 2), as the networks were trained with.

        :param width: image width in pixels.
        :param height: image height in pixels.
        :returns: an ideal pinhole with ``focal_length_assumed`` set.
        :raises CameraError: when the size is not positive.
        """
        focal = assumed_focal_length(width, height)
        return cls(width, height, focal, focal, width / 2, height / 2, focal_length_assumed=True)

    @classmethod
    def from_info(
        cls, width: int, height: int, k: Sequence[float] | npt.NDArray[np.generic],
        d: Sequence[float] | npt.NDArray[np.generic] = (), distortion_model: str = '', *,
        binning: tuple[int, int] = (0, 0), roi: tuple[int, int, int, int] = (0, 0, 0, 0),
        image_size: tuple[int, int] | None = None,
    ) -> Camera:
        """Return the camera that a ``sensor_msgs/CameraInfo`` describes, for the images that come with it.

        ``k`` and ``d`` belong to the raw image. For rectified images give the left 3x3 of ``p`` as ``k``, and no ``d``.

        A calibration for another image size is refused, not scaled: whether the driver resized or cropped cannot be
        seen from the sizes, and one of the two would be silently wrong. Who knows uses :meth:`resized`.

        :param width: ``width`` of the message; 0 (left empty by the driver) takes ``image_size``.
        :param height: ``height`` of the message; 0 as above.
        :param k: (9,) or (3, 3), row-major. All zeros mean "uncalibrated" and give :meth:`assumed`.
        :param d: distortion coefficients; empty or all zeros: none.
        :param distortion_model: as in the message; matters only where ``d`` is not zero.
        :param binning: ``binning_x``, ``binning_y``; 0 and 1 both mean none.
        :param roi: ``x_offset``, ``y_offset``, ``width``, ``height`` in unbinned pixels; size 0 means the full image.
        :param image_size: width and height of the images, to be checked against the calibration.
        :returns: the camera of the binned and cropped image.
        :raises CameraError: naming what is wrong with the message and the mend.
        """
        matrix = np.asarray(k, np.float64).ravel()
        if matrix.size != 9:
            raise CameraError(f'camera_info.k has {matrix.size} values, it needs 9 (3x3, row-major)')
        bin_x, bin_y = (max(int(b), 1) for b in binning)
        x0, y0, roi_width, roi_height = (int(v) for v in roi)
        out = ((roi_width or int(width)) // bin_x, (roi_height or int(height)) // bin_y)
        if min(out) <= 0:
            if image_size is None:
                raise CameraError(f'camera_info.width and height are {width}x{height}; set them to the image size')
            out = image_size
        if not np.any(matrix):
            return cls.assumed(*(image_size or out))
        if image_size is not None and out != tuple(image_size):
            raise CameraError(
                f'camera_info is for images of {out[0]}x{out[1]}, the image has {image_size[0]}x{image_size[1]}; '
                'publish the camera_info of this image size (calibrate at it, or resize both together with image_proc)')
        _check_matrix(matrix)
        # A super-pixel's centre lies in the middle of the pixels it combines, hence the halves.
        cx = (matrix[2] - x0 + 0.5) / bin_x - 0.5
        cy = (matrix[5] - y0 + 0.5) / bin_y - 0.5
        coefficients = np.asarray(d, np.float64).ravel()
        distorted = bool(np.any(coefficients))  # NaN counts, and is refused below
        return cls(*out, float(matrix[0] / bin_x), float(matrix[4] / bin_y), float(cx), float(cy),
                   coefficients if distorted else None, distortion_model if distorted else '')

    def __eq__(self, other: object) -> bool:
        return self._key == other._key if isinstance(other, Camera) else NotImplemented

    def __hash__(self) -> int:
        return hash(self._key)

    @property
    def matrix(self) -> Array:
        """(3, 3) float64 camera matrix K."""
        return np.array([[self.fx, 0.0, self.cx], [0.0, self.fy, self.cy], [0.0, 0.0, 1.0]])

    def resized(self, width: int, height: int) -> Camera:
        """Return the camera of this camera's images after resizing them whole to another size.

        :param width: new width in pixels.
        :param height: new height in pixels.
        :returns: the scaled camera; distortion, which acts before the camera matrix, stays.
        :raises CameraError: when the size is not positive.
        """
        sx, sy = width / self.width, height / self.height
        if self.focal_length_assumed:
            return Camera.assumed(width, height)
        return Camera(width, height, self.fx * sx, self.fy * sy, (self.cx + 0.5) * sx - 0.5, (self.cy + 0.5) * sy - 0.5,
                      self.distortion, self.distortion_model)

    def project(self, points: npt.ArrayLike) -> Array:
        """Project points of the optical frame into the (distorted) image.

        :param points: (..., 3), in any unit of length.
        :returns: (..., 2) float64 pixels, also outside the image. NaN where the point is not in front of the camera,
            or so far off the axis that the distortion polynomial turns back (it would land inside the image again).
        """
        xyz = np.asarray(points, np.float64)
        flat = xyz.reshape(-1, 3)
        in_front = flat[:, 2] > 0
        depth = np.where(in_front, flat[:, 2], np.nan)
        ideal = flat[:, :2] / depth[:, None]
        if self.distortion is None:
            pixels = self._to_pixels(ideal)
        else:
            pixels = self._distort(ideal, self.distortion)
            pixels[~(np.hypot(ideal[:, 0], ideal[:, 1]) <= self._largest_radius)] = np.nan
        return pixels.reshape((*xyz.shape[:-1], 2))

    def undistort_points(self, pixels: npt.ArrayLike) -> Array:
        """Move pixels of the image to where the same ray meets the image of the ideal pinhole of the same matrix.

        :param pixels: (..., 2) pixels of the distorted image.
        :returns: (..., 2) float64 pixels. NaN where no ray in front of the camera has that pixel.
        """
        given = np.asarray(pixels, np.float64)
        if self.distortion is None:
            return np.array(given)
        flat = given.reshape(-1, 1, 2)
        if len(flat) == 0:
            return np.array(given)
        criteria = (cv2.TERM_CRITERIA_COUNT | cv2.TERM_CRITERIA_EPS, 100, 1e-9)
        known = np.nan_to_num(flat)
        if self.distortion_model == FISHEYE_MODEL:
            ideal = cv2.fisheye.undistortPoints(known, self.matrix, self.distortion)
        else:
            # OpenCV 5 gave undistortPoints the criteria and dropped the second function.
            undistort: Any = getattr(cv2, 'undistortPointsIter', cv2.undistortPoints)
            ideal = undistort(known, self.matrix, self.distortion, R=np.eye(3), P=np.eye(3), criteria=criteria)
        ideal = np.asarray(ideal, np.float64).reshape(-1, 2)
        # The iteration gives a number also where it did not converge: only what projects back is an answer.
        there_and_back = self.project(np.column_stack([ideal, np.ones(len(ideal))]))
        error = np.abs(there_and_back - flat[:, 0]).max(axis=1)
        undistorted = self._to_pixels(ideal)
        undistorted[~(error <= _UNDISTORT_TOLERANCE_PX)] = np.nan
        return undistorted.reshape(given.shape)

    @cached_property
    def _key(self) -> tuple[object, ...]:
        distortion = None if self.distortion is None else tuple(self.distortion.tolist())
        return (self.width, self.height, self.fx, self.fy, self.cx, self.cy, distortion, self.distortion_model,
                self.focal_length_assumed)

    @cached_property
    def _largest_radius(self) -> float:
        """Distance from the axis at depth 1 up to which distortion keeps the order of radii; inf if everywhere."""
        return math.inf if self.distortion is None else _turning_radius(self.distortion, self.distortion_model)

    def _to_pixels(self, ideal: Array) -> Array:
        """Take (n, 2) points at depth 1 to (n, 2) pixels, without distortion."""
        pixels: Array = ideal * np.array([self.fx, self.fy]) + np.array([self.cx, self.cy])
        return pixels

    def _distort(self, ideal: Array, distortion: Array) -> Array:
        """Take (n, 2) ideal points at depth 1 to (n, 2) pixels."""
        if len(ideal) == 0:
            return np.array(ideal)
        project: Any = cv2.fisheye.projectPoints if self.distortion_model == FISHEYE_MODEL else cv2.projectPoints
        points = np.column_stack([ideal, np.ones(len(ideal))])[:, None, :]
        pixels, _ = project(points, np.zeros(3), np.zeros(3), self.matrix, distortion)
        return np.asarray(pixels, np.float64).reshape(-1, 2)


def _check_matrix(k: Array) -> None:
    """Refuse a camera matrix (9,) that is not [fx 0 cx; 0 fy cy; 0 0 1]; focal lengths are checked by Camera."""
    if not np.isfinite(k).all():
        raise CameraError(f'camera_info.k holds NaN or infinity ({k.tolist()}); calibrate the camera, '
                          'or leave k all zeros to use an assumed focal length')
    if np.any(k[[1, 3, 6, 7]]) or k[8] != 1:
        raise CameraError(f'camera_info.k is not of the form [fx 0 cx; 0 fy cy; 0 0 1]: {k.tolist()}; '
                          'skew is not supported, and values must be row-major')


def _checked_distortion(distortion: Array, model: str) -> Array:
    """Return a read-only float64 copy of the coefficients, after checking that they fit the model."""
    d = np.array(distortion, np.float64).ravel()
    if model in PINHOLE_MODELS:
        lengths: tuple[int, ...] = _PINHOLE_LENGTHS
    elif model == FISHEYE_MODEL:
        lengths = (_FISHEYE_LENGTH,)
    else:
        raise CameraError(f'distortion model {model!r} is not supported; '
                          f'use one of {", ".join((*PINHOLE_MODELS, FISHEYE_MODEL))}, or rectified images without d')
    if d.size not in lengths:
        raise CameraError(f'{d.size} distortion coefficients do not fit the model {model!r}; '
                          f'it takes {" or ".join(map(str, lengths))}')
    if not np.isfinite(d).all():
        raise CameraError(f'distortion coefficients hold NaN or infinity ({d.tolist()}); calibrate the camera')
    d.flags.writeable = False
    return d


def _turning_radius(d: Array, model: str) -> float:
    """Return the radius (at depth 1) at which the radial distortion stops growing; inf if it never does.

    Pinhole models: r N(s) / D(s) with s = r^2, whose derivative has the sign of N D + 2 s (N' D - N D').
    Equidistant: theta (1 + k1 theta^2 + ...), theta < 90 degrees.
    """
    one = [1.0]
    if model == FISHEYE_MODEL:
        slope = np.polynomial.Polynomial(one + [(2 * i + 3) * k for i, k in enumerate(d)])
        theta = math.sqrt(_smallest_positive_root(slope))
        return math.tan(theta) if theta < math.pi / 2 else math.inf
    k = np.zeros(8)
    k[:min(d.size, 8)] = d[:8]
    numerator = np.polynomial.Polynomial(one + [k[0], k[1], k[4]])
    denominator = np.polynomial.Polynomial(one + [k[5], k[6], k[7]])
    two_s = np.polynomial.Polynomial([0.0, 2.0])
    slope = numerator * denominator + two_s * (numerator.deriv() * denominator - numerator * denominator.deriv())
    return math.sqrt(min(_smallest_positive_root(slope), _smallest_positive_root(denominator)))


def _smallest_positive_root(polynomial: np.polynomial.Polynomial) -> float:
    """Return the smallest real root > 0, inf if there is none."""
    roots = polynomial.trim().roots()
    real = roots.real[(np.abs(roots.imag) < 1e-9 * (1 + np.abs(roots.real))) & (roots.real > 0)]
    return float(real.min()) if real.size else math.inf
