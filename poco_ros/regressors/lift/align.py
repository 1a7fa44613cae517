"""Where a body of known pose stands: the translation that brings its landmarks onto the lines of sight."""

from __future__ import annotations

import numpy as np

from poco_ros.body.rotations import Floats
from poco_ros.regressors.lift.fit import MIN_DEPTH_M, SIGMA_ACROSS_M, Observation, outlier_weights

# Metres squared against the square of what the landmarks say, in metres: too little to matter where two were seen.
_HELD = 1e-6


def align_translation(points: Floats, seen: Observation, steps: int = 2) -> Floats:
    """Return how far to move bodies so that they agree with the picture: weighted linear least squares.

    A landmark at X, Y, Z on the line of sight (x, y) has X + t_x = x (Z + t_z), and so for Y, which is linear in t. The
    residuals are distances in metres across the line of sight. Landmarks that remain far off after a step are believed
    less in the next (:func:`~poco_ros.regressors.lift.fit.outlier_weights`).

    :param points: (N, 33, 3), landmarks of the posed bodies, metres, optical frame
        (:func:`~poco_ros.regressors.lift.rig.posed_landmarks`).
    :param seen: the observation, with its weights.
    :param steps: how many times to solve, >= 1; the first believes everybody.
    :returns: (N, 3) metres; zero where too little was seen to tell, or where the body would come to stand behind the
        camera or closer to it than 0.2 m.
    """
    rows = np.zeros((*seen.rays.shape, 3))
    rows[..., 0, 0] = rows[..., 1, 1] = 1
    rows[..., 2] = -seen.rays
    off = points[..., :2] - seen.rays * points[..., 2:]
    believed = seen.weights
    shift: Floats = np.zeros((len(points), 3))
    for _ in range(steps):
        weighted = rows * believed[..., None, None]
        normal = np.einsum('nlki,nlkj->nij', weighted, rows) + _HELD * np.eye(3)
        target = -np.einsum('nlki,nlk->ni', weighted, off)
        shift = np.linalg.solve(normal, target[..., None])[..., 0]
        left = off + np.einsum('nlki,ni->nlk', rows, shift)
        believed = seen.weights * outlier_weights(left / SIGMA_ACROSS_M)
    told = (seen.weights > 0).sum(axis=1) >= 2
    told &= (points[..., 2] + shift[:, None, 2]).min(axis=1) > MIN_DEPTH_M
    moved: Floats = np.where(told[:, None], shift, 0.0)
    return moved
