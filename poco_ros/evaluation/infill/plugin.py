"""The stream behind the plain interface of the infilling benchmark: one person, rotation matrices, seconds."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from poco_ros.evaluation.infill.skeleton import REST_JOINTS
from poco_ros.temporal.config import StampConfig, TemporalConfig
from poco_ros.temporal.stream import TemporalFrame, TemporalStream
from poco_ros.types import NUM_BETAS, NUM_JOINTS, Bodies, State

Array = npt.NDArray[np.float64]
Result = tuple[float, Array, Array, dict[str, Any]]

OFFLINE_LAG = 300
"""Frames that stand for "the whole recording": what lies farther away changes nothing that can be measured."""

#: Larger deviations from an orthonormal matrix are no rotation.
_ORTHONORMAL = 1e-3


def measured(rotmats: Array, pelvis: Array, uncertainty: Array, track_id: npt.NDArray[np.int32]) -> Bodies:
    """Return bodies as a regressor would give them.

    :param rotmats: (N, 24, 3, 3) local rotations; a matrix that is no rotation makes its joint unknown.
    :param pelvis: (N, 3) metres.
    :param uncertainty: (N,) or (N, 24) in [0, 1].
    :param track_id: (N,).
    """
    n = len(rotmats)
    with np.errstate(invalid='ignore'):
        deviation = np.abs(rotmats @ np.swapaxes(rotmats, -1, -2) - np.eye(3)).max(axis=(-1, -2))
        proper = (deviation < _ORTHONORMAL) & (np.linalg.det(rotmats) > 0)
    safe = np.where(proper[..., None, None], rotmats, np.eye(3))
    transl = pelvis - REST_JOINTS[0]
    joints = forward_kinematics(safe, REST_JOINTS[None])[0] + transl[:, None]
    pose = np.where(proper[..., None], matrix_to_axis_angle(safe), np.nan)
    values = Bodies.unknown(n)
    per_joint = uncertainty if uncertainty.ndim == 2 else np.repeat(uncertainty[:, None], NUM_JOINTS, axis=1)
    for name, array in (('track_id', track_id), ('pose', pose), ('betas', np.zeros((n, NUM_BETAS))),
                        ('transl', transl), ('joints', joints), ('joint_uncertainty', per_joint),
                        ('uncertainty', per_joint.mean(axis=1))):
        getattr(values, name)[...] = array
    return values


class Plugin:
    """One person for the benchmark.

    :param lag: frames by which outputs may be late; None: until the end of the recording.
    :param fps: frame rate, Hz.
    """

    def __init__(self, lag: int | None, fps: float) -> None:
        config = TemporalConfig(stamps=StampConfig(first_period_s=1 / fps))
        self._stream = TemporalStream(config, lag_frames=OFFLINE_LAG if lag is None else lag)

    def push(self, stamp_s: float, rotmats: Array, trans: Array, unc: float) -> list[Result]:
        """Take a frame in and return the frames that are due."""
        bodies = measured(rotmats[None], trans[None], np.array([unc]), np.array([1], np.int32))
        return [self._result(frame) for frame in self._stream.push(bodies, round(stamp_s * 1e9)).infilled]

    def flush(self) -> list[Result]:
        """Return what is left."""
        return [self._result(frame) for frame in self._stream.flush()]

    def _result(self, frame: TemporalFrame) -> Result:
        bodies: Bodies = frame.bodies
        meta: dict[str, Any] = {'state': State(bodies.state[0]).name, 'age_s': float(bodies.joint_age[0].max()),
                'confidence': float(bodies.confidence[0])}
        rotmats = np.asarray(axis_angle_to_matrix(bodies.pose[0].astype(np.float64)), np.float64)
        return frame.stamp_ns / 1e9, rotmats, bodies.joints[0, 0].astype(np.float64), meta

