"""What a regressor said of the samples of a data set, with the truth beside it: what metrics and calibration read.

The regressor is the very object that the node runs, so that the analytic lift, a learned lift on a compiled graph and
a network on pictures are judged alike.
"""

from __future__ import annotations

import dataclasses
import zipfile
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.camera import Camera
from poco_ros.errors import DatasetError
from poco_ros.evaluation.sample_pictures import frame_of_crop
from poco_ros.people.boxes import body_boxes
from poco_ros.regressors.base import Regressor
from poco_ros.regressors.lift.seen_landmarks import see
from poco_ros.regressors.lift.uncertainty import joint_uncertainty
from poco_ros.synth.shards import Samples
from poco_ros.types import Boxes, FloatArray, Frame, People, State
from poco_ros.whole_files import written_whole

Progress = Callable[[int, int], None]
"""Told how many samples are done, and of how many."""

_SEEN = 2  # behind the own body, or in full view
_MM = 1e3


@dataclass(frozen=True)
class Predictions:
    """S persons. What the regressor said is NaN throughout for those whom it called ``State.LOST``.

    :param rotmat: (S, 24, 3, 3) float32, relative to the parents; joint 0 in the optical frame.
    :param betas: (S, 10) float32.
    :param joints_m: (S, 24, 3) float32, metres, optical frame.
    :param sigma: (S, 24) float32, uncertainty of the joints as the regressor defines it.
    :param uncertainty: (S,) float32, of the bodies, as the regressor defines it.
    :param seen: (S, 24) float32 in [0, 1], how far what defines the joint was seen; NaN from who cannot tell.
    :param features: (S, F) float32, numbers that tell familiar input from unfamiliar; None from who has none.
    :param true_rotmat: (S, 24, 3, 3) float32.
    :param true_betas: (S, 10) float32.
    :param true_joints_m: (S, 24, 3) float32, metres, optical frame.
    :param joint_visibility: (S, 24) uint8, see :class:`~poco_ros.synth.shards.Samples`.
    :param sequence: (S,) int64; sequences, not samples, are independent of each other.
    :param subject: (S,) text.
    :param source: (S,) text, 'mocap' or 'prior'.
    """

    rotmat: FloatArray
    betas: FloatArray
    joints_m: FloatArray
    sigma: FloatArray
    uncertainty: FloatArray
    seen: FloatArray
    features: FloatArray | None
    true_rotmat: FloatArray
    true_betas: FloatArray
    true_joints_m: FloatArray
    joint_visibility: npt.NDArray[np.uint8]
    sequence: npt.NDArray[np.int64]
    subject: npt.NDArray[np.str_]
    source: npt.NDArray[np.str_]

    def __len__(self) -> int:
        return len(self.sequence)

    @property
    def lost(self) -> npt.NDArray[np.bool_]:
        """(S,) of whom the regressor said nothing."""
        return np.asarray(~np.isfinite(self.joints_m).all(axis=(1, 2)))

    def joint_errors_mm(self) -> FloatArray:
        """Return (S, 24) how far the joints are from where they should be, in mm, with the pelvises put together."""
        moved = self.joints_m - self.joints_m[:, :1]
        return _distance_mm(moved, self.true_joints_m - self.true_joints_m[:, :1])

    def camera_errors_mm(self) -> FloatArray:
        """Return (S, 24) how far the joints are from where they should be, in mm, in the camera's frame."""
        return _distance_mm(self.joints_m, self.true_joints_m)

    def picture_errors_mm(self) -> FloatArray:
        """Return (S, 24) how far from where they should be visible joints are seen, in mm at the person's distance.

        NaN where the true joint is not to be seen. What is wrong along the line of sight does not count.
        """
        there, here = (joints[..., :2] / joints[..., 2:] for joints in (self.true_joints_m, self.joints_m))
        distance = self.true_joints_m[:, :1, 2] * _distance_mm(here, there)
        visible = self.joint_visibility >= _SEEN
        return np.where(visible, distance, np.float32(np.nan))

    def take(self, rows: npt.NDArray[Any]) -> Predictions:
        """Return some samples (integers or a boolean mask), in that order."""
        taken: dict[str, Any] = {
            name: None if value is None else value[rows] for name, value in self._arrays().items()}
        return Predictions(**taken)

    @staticmethod
    def join(parts: Sequence[Predictions]) -> Predictions:
        """Return all samples of several, one after the other. Features are kept where all have them."""
        joined: dict[str, Any] = {}
        for field in dataclasses.fields(Predictions):
            arrays = [getattr(part, field.name) for part in parts]
            joined[field.name] = None if any(array is None for array in arrays) else np.concatenate(arrays)
        return Predictions(**joined)

    def save(self, path: Path) -> None:
        """Write an npz file, whole or not at all.

        :raises DatasetError: when it cannot be written.
        """
        try:
            with written_whole(path) as temporary, temporary.open('wb') as file:
                np.savez(file, **{name: array for name, array in self._arrays().items() if array is not None})
        except OSError as error:
            raise DatasetError(f'{path} cannot be written: {error.strerror or error}') from error

    @staticmethod
    def load(path: Path) -> Predictions:
        """Read what :meth:`save` wrote.

        :raises DatasetError: when the file is missing or is no such file.
        """
        names = [field.name for field in dataclasses.fields(Predictions)]
        try:
            with np.load(path, allow_pickle=False) as file:
                arrays: dict[str, Any] = {name: file.get(name) for name in names}
        except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
            raise DatasetError(f'{path} cannot be read as predictions: {error}; delete it to have it made anew'
                               ) from error
        lacking = [name for name, array in arrays.items() if array is None and name != 'features']
        if lacking:
            raise DatasetError(f'{path} holds no predictions, it lacks {lacking[0]}; delete it to have it made anew')
        return Predictions(**arrays)

    def _arrays(self) -> dict[str, Any]:
        return {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}


def _distance_mm(a: FloatArray, b: FloatArray) -> FloatArray:
    return np.asarray(_MM * np.linalg.norm(a - b, axis=-1), np.float32)


def landmark_visibility(samples: Samples) -> FloatArray:
    """Return how far what defines each joint was seen, as the landmark network itself judges: the plainest baseline.

    :returns: (S, 24) float32 in [0, 1].
    """
    seen = see(samples.landmarks, samples.landmarks.image_px, samples.intrinsics)
    return np.asarray(1 - joint_uncertainty(seen.visibility, np.ones(len(samples))), np.float32)


def with_truth(samples: Samples, **said: Any) -> Predictions:
    """Return predictions for samples.

    :param samples: S of them.
    :param said: the fields that a regressor fills: rotmat, betas, joints_m, sigma, uncertainty, seen, features.
    """
    return Predictions(
        **said, true_rotmat=axis_angle_to_matrix(samples.pose).astype(np.float32), true_betas=samples.betas,
        true_joints_m=samples.joints, joint_visibility=samples.joint_visibility, sequence=samples.sequence,
        subject=samples.subject, source=samples.source,
    )


class Crops(Protocol):
    """The pictures of samples; :class:`poco_ros.synth.stored_crops.StoredCrops` reads those of a data set."""

    squares: FloatArray

    def take(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Return (N, 224, 224, 3) uint8 RGB."""


def predict_bodies(
    regressor: Regressor, samples: Samples, progress: Progress | None = None, crops: Crops | None = None,
) -> Predictions:
    """Run a regressor on samples.

    Samples that share a camera are given to it as the people of one frame, as a picture of a crowd would be. One that
    looks at pictures gets each person's by itself, made from the crop that the data set keeps.

    :param regressor: of the node.
    :param samples: S of them.
    :param progress: told after every frame.
    :param crops: of the same samples; for regressors that look at pictures.
    :raises DatasetError: when the regressor looks at pictures and there are none.
    """
    s = len(samples)
    said: dict[str, Any] = {
        'rotmat': _nan(s, 24, 3, 3), 'betas': _nan(s, 10), 'joints_m': _nan(s, 24, 3), 'sigma': _nan(s, 24),
        'uncertainty': _nan(s), 'seen': _nan(s, 24), 'features': None,
    }  # fmt: skip
    done = 0
    for rows, frame, people in _frames(regressor, samples, crops):
        bodies, evidence = regressor.regress_with_evidence(frame, people)
        known = bodies.state != State.LOST
        told = rows[known]
        said['rotmat'][told] = axis_angle_to_matrix(bodies.pose[known])
        for name, values in (('betas', bodies.betas), ('joints_m', bodies.joints), ('sigma', bodies.joint_uncertainty),
                             ('uncertainty', bodies.uncertainty), ('seen', evidence.seen)):
            said[name][told] = values[known]
        if evidence.features is not None:
            if said['features'] is None:
                said['features'] = _nan(s, evidence.features.shape[1])
            said['features'][told] = evidence.features[known]
        done += len(rows)
        if progress:
            progress(done, s)
    return with_truth(samples, **said)


def _nan(*shape: int) -> FloatArray:
    return np.full(shape, np.nan, np.float32)


def _frames(
    regressor: Regressor, samples: Samples, crops: Crops | None,
) -> Iterator[tuple[npt.NDArray[np.intp], Frame, People]]:
    """Iterate over rows of samples with the frame and the people that they make."""
    if not regressor.needs_landmarks:
        if crops is None:
            raise DatasetError(f'{regressor.info.model} looks at pictures, and this data set has none; make one with '
                               'poco synth --crops')
        for row in map(np.atleast_1d, range(len(samples))):
            camera = samples.intrinsics[row[0]], samples.image_size[row[0]]
            frame, box = frame_of_crop(crops.take(row)[0], crops.squares[row[0]], *camera)
            yield row, frame, People(_boxes(box[None]))
        return
    cameras = np.concatenate([samples.intrinsics, samples.image_size], axis=1)
    unique, camera_of = np.unique(cameras, axis=0, return_inverse=True)
    order = np.argsort(camera_of.ravel(), kind='stable')
    for camera, rows in zip(unique, np.split(order, np.cumsum(np.bincount(camera_of.ravel()))[:-1]), strict=True):
        fx, fy, cx, cy, width, height = map(float, camera)
        frame = Frame(np.zeros((1, 1, 3), np.uint8), Camera(int(width), int(height), fx, fy, cx, cy))
        landmarks = samples.landmarks.take(rows)
        yield rows, frame, People(_boxes(body_boxes(landmarks)), landmarks, samples.features[rows],
                                  samples.local_features[rows].astype(np.float32))


def _boxes(xyxy: FloatArray) -> Boxes:
    n = len(xyxy)
    return Boxes(np.asarray(xyxy, np.float32), np.ones(n, np.float32), np.full(n, -1, np.int32))
