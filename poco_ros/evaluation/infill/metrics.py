"""What is measured of a filled gap."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import geodesic_angle, matrix_to_axis_angle
from poco_ros.evaluation.infill.motion_file import BEFORE
from poco_ros.evaluation.infill.skeleton import positions
from poco_ros.temporal import quaternions as quat

Array = npt.NDArray[np.float64]

LEAD, TAIL = 4, 10
"""Frames before the gap and after it that take part in the metrics."""
_SCORED = 22
_MM = 1e3


def scored_frames(gap: int) -> slice:
    """Return the frames of a window that :func:`score` wants."""
    return slice(BEFORE - LEAD, BEFORE + gap + TAIL)


def score(rotations: Array, pelvis: Array, true_rotations: Array, true_pelvis: Array, gap: int) -> dict[str, Array]:
    """Return the metrics of each window, (B,) each.

    ``mpjpe`` mm, pelvis-aligned, over the gap; ``gmpjpe`` mm, in the world; ``angle`` deg, of the local rotations
    without the pelvis; ``root_rot`` deg; ``root_pos`` mm; ``mpjpe_tail`` mm, over the frames after the gap; ``accel``
    mm/frame^2, error of the acceleration from one frame before the gap to three after; ``jerk`` and ``jerk_gt``
    mm/frame^3; ``maxstep`` mm, the largest step of a joint in one frame.

    :param rotations: (B, LEAD + gap + TAIL, 24, 4), the frames :func:`scored_frames`.
    :param pelvis: (B, LEAD + gap + TAIL, 3).
    :param true_rotations: the truth, same frames.
    :param true_pelvis: the truth, same frames.
    :param gap: frames of the gap.
    """
    joints, true_joints = positions(rotations, pelvis)[0], positions(true_rotations, true_pelvis)[0]
    inside, after = slice(LEAD, LEAD + gap), slice(LEAD + gap, LEAD + gap + TAIL)
    aligned = joints - joints[:, :, :1] - (true_joints - true_joints[:, :, :1])
    local = _MM * np.linalg.norm(aligned, axis=-1).mean(-1)
    world = _MM * np.linalg.norm(joints - true_joints, axis=-1).mean(-1)
    angle = np.degrees(geodesic_angle(
        quat.to_matrix(rotations[..., :_SCORED, :]), quat.to_matrix(true_rotations[..., :_SCORED, :])))
    around = slice(LEAD - 2, LEAD + gap + 3)
    acceleration = np.diff(joints, 2, axis=1)[:, around] - np.diff(true_joints, 2, axis=1)[:, around]
    wide = slice(max(0, LEAD - 3), LEAD + gap + 3)
    jerk, true_jerk = (np.linalg.norm(np.diff(x, 3, axis=1), axis=-1)[:, wide] for x in (joints, true_joints))
    step = np.linalg.norm(np.diff(joints, axis=1), axis=-1)[:, LEAD - 1:LEAD + gap + TAIL - 1]
    return {
        'mpjpe': local[:, inside].mean(1), 'gmpjpe': world[:, inside].mean(1),
        'angle': angle[:, inside, 1:].mean((1, 2)), 'root_rot': angle[:, inside, 0].mean(1),
        'root_pos': _MM * np.linalg.norm(pelvis - true_pelvis, axis=-1)[:, inside].mean(1),
        'mpjpe_tail': local[:, after].mean(1), 'accel': _MM * np.linalg.norm(acceleration, axis=-1).mean((1, 2)),
        'jerk': _MM * jerk.mean((1, 2)), 'jerk_gt': _MM * true_jerk.mean((1, 2)), 'maxstep': _MM * step.max((1, 2)),
    }


def npss(rotations: Array, true_rotations: Array) -> float:
    """Return the normalised power spectrum similarity of the global rotations; 0 is best.

    :param rotations: (B, gap, 24, 4).
    :param true_rotations: (B, gap, 24, 4).
    """
    power, true_power = _power(rotations), _power(true_rotations)
    total, true_total = power.sum(1) + 1e-12, true_power.sum(1) + 1e-12
    moved = np.abs(np.cumsum(power / total[:, None], 1) - np.cumsum(true_power / true_total[:, None], 1)).sum(1)
    return float(np.average(moved, weights=true_total))


def _power(rotations: Array) -> Array:
    turned = positions(rotations, np.zeros((*rotations.shape[:2], 3)))[1]
    q = from_matrix(turned)
    for t in range(1, q.shape[1]):  # stay on one of the two quaternions of a rotation
        q[:, t] *= np.where((q[:, t] * q[:, t - 1]).sum(-1, keepdims=True) < 0, -1, 1)
    spectrum = np.real(np.fft.fft(q.reshape(*q.shape[:2], -1), axis=1)) ** 2
    return np.asarray(spectrum)


def from_matrix(matrix: Array) -> Array:
    """Return the quaternions (..., 4) of rotation matrices, with w not negative."""
    return quat.exp(np.asarray(matrix_to_axis_angle(matrix), np.float64))
