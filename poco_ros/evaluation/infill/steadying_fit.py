"""Fits how much estimates are drawn back to where a joint has been; see :mod:`poco_ros.temporal.steadying`.

Windows with simulated noise run through the stream, which does not steady yet. What is left of the errors of smoothed
frames is regressed, joint by joint, on the means over the past, as the filter forms them.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.smpl import JOINT_INDEX, MIRROR, PARENTS
from poco_ros.evaluation.infill.benchmark import pose_pool
from poco_ros.evaluation.infill.methods import StreamMethod
from poco_ros.evaluation.infill.motion_file import BEFORE, Motion, sample_windows
from poco_ros.evaluation.infill.occlusion import corrupt
from poco_ros.temporal import quaternions as quat
from poco_ros.types import NUM_JOINTS

Array = npt.NDArray[np.float64]

FORGETTING = np.array([8.0, 20.0])
"""Lengths of the past, in frames: shorter ones hold nothing that the filter has not used."""
_LAG, _GAP, _AT_ONCE = 5, 5, 1000
#: The first frames of a window have no past, the last ones before the gap no future.
_FIRST, _LAST = 25, BEFORE - _LAG - 3
_RIDGE = 1e-3
#: Collars stand still in most motion capture; they are drawn as much as the joint that carries them.
_UNTAUGHT = [JOINT_INDEX['left_collar'], JOINT_INDEX['right_collar']]


def fit_steadying(motion: Motion, count: int, seed: int) -> Array:
    """Return the gains (2, 24) for :data:`FORGETTING`; 0 for the hands.

    :param motion: the file.
    :param count: of windows.
    :param seed: of draw and noise.
    """
    parts = [_examples(motion, min(_AT_ONCE, count - done), seed + done) for done in range(0, count, _AT_ONCE)]
    return regressed(*(np.concatenate(values) for values in zip(*parts, strict=True)))


def _examples(motion: Motion, count: int, seed: int) -> tuple[Array, Array]:
    """Return (E, 2, 24, 3) means over the past and (E, 24, 3) errors."""
    windows = sample_windows(motion, _GAP, count, seed)
    seen = corrupt(windows, _GAP, pose_pool(motion, seed), seed, 'poco')
    estimates = StreamMethod(steadying=0.0).run(seen, _LAG)[0][:, :_LAST]
    past = means_over_the_past(estimates)
    error = quat.log(quat.multiply(quat.conjugate(estimates), windows.rotations[:, :_LAST]))
    use = slice(_FIRST, None)
    return past[:, use].reshape(-1, *past.shape[2:]), error[:, use].reshape(-1, NUM_JOINTS, 3)


def means_over_the_past(rotations: Array) -> Array:
    """Return (B, T, 2, 24, 3), the means over the lengths of :data:`FORGETTING`, relative to each frame.

    :param rotations: (B, T, 24, 4).
    """
    moves = quat.log(quat.multiply(quat.conjugate(rotations[:, :-1]), rotations[:, 1:]))
    kept = (1 - 1 / FORGETTING)[:, None, None]
    means = [np.zeros((len(rotations), len(FORGETTING), NUM_JOINTS, 3))]
    for move in np.moveaxis(moves, 1, 0):
        means.append(kept * (means[-1] - move[:, None]))
    return np.stack(means, axis=1)


def regressed(past: Array, error: Array) -> Array:
    """Return the gains (K, 24) by which means over the past explain errors best, left and right alike.

    :param past: (E, K, 24, 3).
    :param error: (E, 24, 3), by what the estimate should have been moved.
    """
    gain = np.zeros(past.shape[1:3])
    square = np.einsum('ekji,elji->jkl', past, past)
    across = np.einsum('ekji,eji->jk', past, error)
    square, across = square + square[MIRROR], across + across[MIRROR]
    for joint in range(NUM_JOINTS - 2):
        ridge = _RIDGE * np.trace(square[joint]) * np.eye(len(gain))
        gain[:, joint] = np.linalg.solve(square[joint] + ridge, across[joint])
    gain[:, _UNTAUGHT] = gain[:, PARENTS[_UNTAUGHT]]
    return gain
