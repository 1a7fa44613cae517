"""Shape from bone lengths: how much longer or wider than the mean body a person's points are."""

from __future__ import annotations

import numpy as np

from poco_ros.body.model import BodyModel
from poco_ros.body.rotations import Floats
from poco_ros.regressors.lift.rig import LANDMARK_INDEX, LANDMARK_JOINT, landmark_offsets
from poco_ros.types import NUM_BETAS

MAX_BETA = 3.0

# Pairs of landmarks (of the left side, and of the right where there is one) and the standard deviation of
# BlazePose's distance between them once the common scale is taken out, metres. With rendered bodies it was 0.023 to
# 0.035; real clothes hide more, hence the larger numbers.
_LENGTHS = (
    (('left_shoulder', 'left_elbow'), ('right_shoulder', 'right_elbow'), 0.04),
    (('left_elbow', 'left_wrist'), ('right_elbow', 'right_wrist'), 0.04),
    (('left_hip', 'left_knee'), ('right_hip', 'right_knee'), 0.05),
    (('left_knee', 'left_ankle'), ('right_knee', 'right_ankle'), 0.05),
    (('left_shoulder', 'left_hip'), ('right_shoulder', 'right_hip'), 0.04),
    (('left_shoulder', 'right_shoulder'), ('left_shoulder', 'right_shoulder'), 0.06),
)
_SCALE_DEVIATION = 0.15
"""BlazePose's metres are those of a mean person: its scale says next to nothing of the true stature."""

_PAIRS = np.array([[[LANDMARK_INDEX[name] for name in pair] for pair in row[:2]] for row in _LENGTHS])
_DEVIATION_M = np.array([row[2] for row in _LENGTHS])


class ShapeFromLengths:
    """Linear least squares of betas and one common scale, with a prior toward the mean body.

    :param body: gives the meaning of the betas.
    """

    def __init__(self, body: BodyModel) -> None:
        shapes = np.concatenate([np.zeros((1, NUM_BETAS)), np.eye(NUM_BETAS)])
        rest = body.rest_joints(shapes).astype(np.float64)
        lengths = _lengths(rest[:, LANDMARK_JOINT] + landmark_offsets(rest)).mean(axis=-1)
        self._mean = lengths[0]
        self._columns = np.concatenate([(lengths[1:] - lengths[0]).T, lengths[:1].T], axis=1)
        self._prior = np.diag(np.append(np.ones(NUM_BETAS), _SCALE_DEVIATION**-2))

    def __call__(self, points_m: Floats, weights: Floats) -> tuple[Floats, Floats]:
        """Estimate betas.

        :param points_m: (N, 33, 3) landmarks in BlazePose's metres, finite.
        :param weights: (N, 33) in [0, 1].
        :returns: betas (N, 10), each within +-3, and the scale (N,) by which the points are larger than the body.
        """
        both = weights[:, _PAIRS].prod(axis=-1)
        seen = both.sum(axis=-1)
        length = (both * _lengths(points_m)).sum(axis=-1) / np.maximum(seen, 1e-9)
        # A limb pointing at the camera is measured badly, never by much: beyond half a length it is a mistake.
        excess = np.clip(length / self._mean - 1, -0.5, 0.5) * self._mean
        information = np.minimum(seen, 1) / _DEVIATION_M**2
        weighted = self._columns.T * information[:, None]
        normal = weighted @ self._columns + self._prior
        solution = np.linalg.solve(normal, weighted @ excess[..., None])[..., 0]
        return np.clip(solution[:, :NUM_BETAS], -MAX_BETA, MAX_BETA), np.clip(1 + solution[:, NUM_BETAS], 0.5, 2)


def _lengths(points: Floats) -> Floats:
    """(N, lengths, sides) distances of (N, 33, 3) points."""
    ends = points[:, _PAIRS]
    return np.asarray(np.linalg.norm(ends[..., 0, :] - ends[..., 1, :], axis=-1))
