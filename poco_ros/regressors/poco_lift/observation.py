"""What POCO-Lift's network sees of a person. Training and running both read it from here; numpy alone.

**Units.** Landmarks are taken as rays (x / z, y / z of the lines of sight, without the lens's distortion) times the
focal length f, the geometric mean of fx and fy: pixels of a camera with square pixels.

**The square** is made of the landmarks themselves, so that no box of a detector makes a difference: it lies about the
box of all known landmarks, hidden ones too (BlazePose places them where they must be, and the square then does not
jump when legs leave the picture), its side is 1.1 times the longer side of that box. A landmark that lies farther from
the median landmark than 6 times the median distance is not known. The side is at least f / 200; of a person without
landmarks it is f, about the principal point.

**The vector**, ``D`` numbers: for each of the 33 landmarks x and y relative to the square (centre 0, edges -1 and 1),
depth by the same scale, visibility, presence, and BlazePose's point in metres turned into the optical frame
(:func:`poco_ros.regressors.lift.seen_landmarks.see`); then the person's score, then the ``FEATURE_SIZE`` numbers of the
landmark network's last shared activation; then for each landmark the ``LOCAL_SIZE`` numbers of an earlier activation at
its place. Of a landmark that is not finite or absurd all of these numbers are 0, its visibility among them. Nothing is
standardised here: the network holds means and deviations.

A network trained on this rule runs on no other: who changes the rule gives it another name than ``VIEW``.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.crops import bbox_info
from poco_ros.regressors.lift.seen_landmarks import see
from poco_ros.types import NUM_LANDMARKS, FloatArray, Landmarks

VIEW = 'local_landmarks'
"""Name of this rule; what a network's description has as its backbone."""
PER_LANDMARK = 8
FEATURE_SIZE = 288
LOCAL_SIZE = 88
GLOBAL_D = PER_LANDMARK * NUM_LANDMARKS + 1 + FEATURE_SIZE
"""Where in the vector the local numbers begin, 553."""
D = GLOBAL_D + NUM_LANDMARKS * LOCAL_SIZE
"""Length of the vector, 3457."""

_PADDING = 1.1
_LEAST_SIDE = 1 / 200
_FARTHEST_MEDIANS = 6.0
_DEEPEST = 20.0
_LARGEST_FEATURE = 1e3
_ROWS_AT_ONCE = 16384

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Observation:
    """What the network sees of N persons.

    :param vector: (N, D) float32, finite.
    :param bbox_info: (N, 3) float32, where the square lies: SPEC section 10, but with the true focal length and
        principal point in place of the image diagonal and centre.
    :param squares: (N, 3) float32 cx, cy, side, pixels of the image without distortion.
    """

    vector: FloatArray
    bbox_info: FloatArray
    squares: FloatArray


def observe(
    landmarks: Landmarks, features: npt.NDArray[np.floating], local_features: npt.NDArray[np.floating],
    ideal_px: npt.NDArray[np.floating], intrinsics: npt.NDArray[np.floating],
) -> Observation:
    """Return what the network sees.

    :param landmarks: N persons.
    :param features: (N, 288), mean over the map of :data:`poco_ros.people.landmarker.FEATURES`.
    :param local_features: (N, 33, 88), :func:`poco_ros.people.landmarker.local`.
    :param ideal_px: (N, 33, 2), the landmarks in the image without the lens's distortion, pixels.
    :param intrinsics: (N, 4) fx, fy, cx, cy in pixels, > 0 the first two; (1, 4) for all persons.
    """
    n = len(landmarks)
    cameras = np.broadcast_to(np.asarray(intrinsics, np.float64), (n, 4))
    observed = Observation(*(np.empty((n, size), np.float32) for size in (D, 3, 3)))
    for start in range(0, n, _ROWS_AT_ONCE):  # many at once take memory, not less time
        part = slice(start, start + _ROWS_AT_ONCE)
        _observe(landmarks.take(part), features[part], local_features[part], ideal_px[part], cameras[part],
                 Observation(observed.vector[part], observed.bbox_info[part], observed.squares[part]))  # fmt: skip
    return observed


def virtual_size(intrinsics: npt.ArrayLike) -> FloatArray:
    """Return the size of images whose diagonal is the focal length: (f / sqrt 2, f / sqrt 2).

    Where a rule takes the diagonal for the focal length and the middle for the principal point (``crops.bbox_info``,
    ``training.cameras``), this size, with the squares of :func:`virtual_squares`, makes it the true pinhole camera.

    :param intrinsics: (N, 4) fx, fy, cx, cy in pixels.
    :returns: (N, 2) float32, width and height in pixels.
    """
    side = _focal(np.asarray(intrinsics, np.float64)) / math.sqrt(2)
    return np.repeat(side, 2, axis=1).astype(np.float32)


def virtual_squares(squares: npt.ArrayLike, intrinsics: npt.ArrayLike) -> FloatArray:
    """Return where squares lie in the images of :func:`virtual_size`.

    :param squares: (N, 3) cx, cy, side in pixels of the image without distortion.
    :param intrinsics: (N, 4) fx, fy, cx, cy in pixels.
    :returns: (N, 3) float32 cx, cy, side in pixels of the virtual image; the side is the same.
    """
    given, camera = np.asarray(squares, np.float64), np.asarray(intrinsics, np.float64)
    focal = _focal(camera)
    centre = (given[:, :2] - camera[:, 2:]) / camera[:, :2] * focal + focal / math.sqrt(8)
    return np.concatenate([centre, given[:, 2:]], axis=1).astype(np.float32)


def _focal(camera: Array) -> Array:
    """(N, 1): the focal length of square pixels of the same area."""
    focal: Array = np.sqrt(camera[:, :1] * camera[:, 1:2])
    return focal


def _observe(
    landmarks: Landmarks, features: npt.NDArray[np.floating], local_features: npt.NDArray[np.floating],
    ideal_px: npt.NDArray[np.floating], camera: Array, into: Observation,
) -> None:
    """Fill the rows of ``into``."""
    n, focal = len(landmarks), _focal(camera)
    seen = see(landmarks, ideal_px, camera)
    points = seen.observation.rays * focal[:, None]
    depth = landmarks.depth_px.astype(np.float64) * _magnification(landmarks.image_px, points, seen.known)
    known = seen.known & np.isfinite(depth)
    known &= _near_the_median(points, known)
    squares = _squares(points, known, focal)
    half = squares[:, 2:] / 2
    known &= np.abs(np.where(known, depth, 0)) < _DEEPEST * half
    score, features = landmarks.score[:, None], np.asarray(features, np.float32)

    columns = into.vector[:, : PER_LANDMARK * NUM_LANDMARKS].reshape(n, NUM_LANDMARKS, PER_LANDMARK)
    columns[..., :2] = (points - squares[:, None, :2]) / half[:, None]
    columns[..., 2] = np.where(known, depth, 0) / half
    columns[..., 3], columns[..., 4], columns[..., 5:] = seen.visibility, seen.presence, seen.points_m
    columns *= known[..., None]
    into.vector[:, : PER_LANDMARK * NUM_LANDMARKS] = columns.reshape(n, -1)
    into.vector[:, GLOBAL_D - FEATURE_SIZE - 1] = np.where(np.isfinite(score), np.clip(score, 0, 1), 0)[:, 0]
    into.vector[:, GLOBAL_D - FEATURE_SIZE : GLOBAL_D] = np.where(np.abs(features) < _LARGEST_FEATURE, features, 0)
    usable = known[..., None] & (np.abs(local_features) < _LARGEST_FEATURE)
    into.vector[:, GLOBAL_D:] = np.where(usable, local_features, 0).reshape(n, -1)
    unit = squares / focal  # crops.bbox_info for an image that is sqrt(1/2) wide: f = 1, the middle is the axis
    into.bbox_info[:] = bbox_info(unit + np.array([math.sqrt(0.125), math.sqrt(0.125), 0]), *(math.sqrt(0.5),) * 2)
    into.squares[:, :2] = squares[:, :2] / focal * camera[:, :2] + camera[:, 2:]
    into.squares[:, 2] = squares[:, 2]


def _magnification(image_px: FloatArray, points: Array, known: npt.NDArray[np.bool_]) -> Array:
    """(N, 1): by how much the lens, undone, makes the person larger; 1 where there is nothing to tell it from."""
    given = np.where(known[..., None], image_px, 0).astype(np.float64)
    sizes = []
    for values in (given, np.where(known[..., None], points, 0)):
        centre = values.sum(axis=1, keepdims=True) / np.maximum(known.sum(axis=1), 1)[:, None, None]
        sizes.append(np.sqrt(((values - centre) ** 2 * known[..., None]).sum(axis=(1, 2))))
    told = (sizes[0] > 1e-3) & np.isfinite(sizes[0])
    return np.where(told, sizes[1] / np.where(told, sizes[0], 1), 1)[:, None]


def _near_the_median(points: Array, known: npt.NDArray[np.bool_]) -> npt.NDArray[np.bool_]:
    """(N, 33): whether a point is where its fellows are."""
    middle = np.stack([_median(points[..., axis], known) for axis in (0, 1)], axis=-1)
    distance = np.linalg.norm(points - middle[:, None], axis=-1)
    usual = _median(distance, known)
    return np.asarray(distance <= _FARTHEST_MEDIANS * usual[:, None], np.bool_)


def _median(values: Array, known: npt.NDArray[np.bool_]) -> Array:
    """(N,): the lower median of each row's known values; infinity where there are none."""
    ranked = np.sort(np.where(known, values, np.inf), axis=1)
    index = np.maximum(known.sum(axis=1) - 1, 0) // 2
    return np.take_along_axis(ranked, index[:, None], axis=1)[:, 0]


def _squares(points: Array, known: npt.NDArray[np.bool_], focal: Array) -> Array:
    """(N, 3): the squares about the principal point's origin, in the points' unit."""
    low = np.where(known[..., None], points, np.inf).min(axis=1)
    high = np.where(known[..., None], points, -np.inf).max(axis=1)
    any_known = known.any(axis=1, keepdims=True)
    low, high = np.where(any_known, low, 0), np.where(any_known, high, 0)
    side = np.maximum(_PADDING * (high - low).max(axis=1, keepdims=True), _LEAST_SIDE * focal)
    return np.concatenate([(low + high) / 2, np.where(any_known, side, focal)], axis=1)
