"""The numerical part of the lift: pose and position that agree with the picture, the points and the prior.

Damped Gauss-Newton (the prior is the damping) from the analytic pose, a fixed number of steps, all persons at once.
What is minimised, each term in units of its standard deviation:

- where landmarks fall in the picture, through the pinhole, at the person's depth (robust: Geman-McClure weights);
- how far landmarks lie before or behind the middle of the hips along the line of sight;
- the local rotations against their spread, and the elbows and knees against bending where they cannot.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.rotations import Floats, axis_angle_to_matrix, matrix_to_axis_angle
from poco_ros.body.smpl import PARENTS
from poco_ros.regressors.lift.prior import (
    HINGE_BACKWARDS,
    HINGE_BONES,
    HINGE_JOINTS,
    HINGE_SIDEWAYS,
    MOVING_JOINTS,
    RELAXED,
    SPREAD,
)
from poco_ros.regressors.lift.rig import LANDMARK_INDEX, LANDMARK_JOINT, LANDMARK_NAMES, posed_landmarks
from poco_ros.regressors.lift.vectors import cross, dot, rotate

# Inner and outer corners of the eyes repeat what the eyes say.
_USED = np.array([i for i, name in enumerate(LANDMARK_NAMES) if not name.endswith(('_inner', '_outer'))])
_HIPS = [_USED.tolist().index(LANDMARK_INDEX[name]) for name in ('left_hip', 'right_hip')]

# Standard deviations, measured with rendered bodies (median errors of BlazePose: 3 cm across, 7 to 10 cm in depth).
SIGMA_ACROSS_M = 0.025
_SIGMA_DEPTH_M = 0.10
_SIGMA_HINGE = np.array([0.10, 0.04])
_OUTLIER_SIGMAS = 4.0
MIN_DEPTH_M = 0.2

_J = len(MOVING_JOINTS)
_L = len(_USED)


def _moves() -> Floats:
    """(L, J): 1 where a joint carries a landmark."""
    carried = np.zeros((len(PARENTS), len(PARENTS)))
    for joint in range(len(PARENTS)):
        ancestor = joint
        while ancestor >= 0:
            carried[joint, ancestor] = 1
            ancestor = PARENTS[ancestor]
    moves: Floats = carried[LANDMARK_JOINT[_USED]][:, MOVING_JOINTS]
    return moves


_MOVES = _moves()
_MOVING_PARENTS = np.maximum(PARENTS[MOVING_JOINTS], 0)
_HINGE_COLUMNS = np.searchsorted(MOVING_JOINTS, HINGE_JOINTS)
_EYE = np.eye(3)


@dataclass(frozen=True)
class Prior:
    """What is known of local rotations before anything is seen: the axis-angle from ``centre``, normally distributed.

    :param mean: (24, 3) or (N, 24, 3), radians.
    :param spread: standard deviations about it, radians; NaN where nothing is known. As ``mean``.
    :param centre: (N, 24, 3, 3), rotations that the axis-angle is counted from: ``R centre^T``; None for the pose of
        rest. Poses that may lie half a turn from rest need one, since axis-angles jump there.
    """

    mean: Floats
    spread: Floats
    centre: Floats | None = None


RELAXED_PRIOR = Prior(RELAXED, SPREAD)
"""Of people in general."""


@dataclass(frozen=True)
class Observation:
    """What was seen of N persons.

    :param rays: (N, 33, 2), x / z and y / z of the lines of sight through the landmarks.
    :param depth_m: (N, 33), metres of each landmark behind the middle of the hips along ``sight``.
    :param sight: (N, 3), unit vector from the camera to the person.
    :param weights: (N, 33) in [0, 1].
    """

    rays: Floats
    depth_m: Floats
    sight: Floats
    weights: Floats


@dataclass(frozen=True)
class Fit:
    """Posed skeletons of N persons in the optical frame.

    :param rotmats: (N, 24, 3, 3), local.
    :param pelvis: (N, 3), metres.
    :param rest_joints: (N, 24, 3), metres.
    :param offsets: (N, 33, 3), metres, see :mod:`~poco_ros.regressors.lift.rig`.
    """

    rotmats: Floats
    pelvis: Floats
    rest_joints: Floats
    offsets: Floats

    def pose_joints(self) -> tuple[Floats, Floats]:
        """Return joints (N, 24, 3) in the optical frame, and global rotations (N, 24, 3, 3)."""
        joints, global_rotmats = forward_kinematics(self.rotmats, self.rest_joints)
        return joints + (self.pelvis - joints[:, 0])[:, None], global_rotmats


def place(fit: Fit, seen: Observation) -> Fit:
    """Put bodies where their size and place in the picture say, by weak perspective: the depth is always positive.

    :param fit: posed bodies anywhere.
    :param seen: the observation.
    :returns: the same bodies, moved.
    """
    joints, global_rotmats = fit.pose_joints()
    points = posed_landmarks(joints, global_rotmats, fit.offsets)
    weights = (seen.weights / np.maximum(seen.weights.sum(axis=1, keepdims=True), 1e-9))[..., None]
    centre, middle = (weights * points).sum(axis=1), (weights * seen.rays).sum(axis=1)
    # Sizes across the line of sight.
    spread = points - centre[:, None]
    spread -= (spread @ seen.sight[..., None]) * seen.sight[:, None]
    size = np.sqrt((weights * spread**2).sum(axis=(1, 2)))
    # Seen off the axis, a picture is stretched by 1 / cos^2 along the radius and by 1 / cos across it.
    cosine = seen.sight[:, 2:]
    radius = np.linalg.norm(middle, axis=-1, keepdims=True)
    radial = middle / np.maximum(radius, 1e-9)
    shift = seen.rays - middle[:, None]
    along = (shift * radial[:, None]).sum(axis=-1)
    extent2 = cosine**2 * (shift**2).sum(axis=-1) - (cosine**2 - cosine**4) * along**2
    extent = np.sqrt(np.maximum((weights[..., 0] * extent2).sum(axis=1), 1e-12))
    distance = size / extent
    depth = np.maximum(distance[:, None] * cosine, MIN_DEPTH_M)
    target = np.concatenate([middle * depth, depth], axis=-1)
    return replace(fit, pelvis=fit.pelvis + target - centre)


def refine(
    fit: Fit, seen: Observation, steps: int, prior: Prior = RELAXED_PRIOR, *, by_depth: bool = True,
) -> Fit:
    """Take Gauss-Newton steps over the rotations and the position.

    :param fit: where to start; in front of the camera.
    :param seen: the observation.
    :param steps: how many.
    :param prior: what the rotations are held to.
    :param by_depth: whether the depth of the landmarks counts, or where they are seen alone.
    :returns: the refined bodies.
    """
    for _ in range(steps):
        normal, gradient = _data_term(fit, seen, by_depth)
        _add_prior(fit.rotmats, prior, normal, gradient)
        step = -np.linalg.solve(normal, gradient[..., None])[..., 0]
        turns = axis_angle_to_matrix(step[:, :-3].reshape(-1, _J, 3))
        rotmats = fit.rotmats.copy()
        rotmats[:, MOVING_JOINTS] = turns @ rotmats[:, MOVING_JOINTS]
        pelvis = fit.pelvis + step[:, -3:]
        pelvis[:, 2] = np.maximum(pelvis[:, 2], 0.5 * fit.pelvis[:, 2])
        fit = replace(fit, rotmats=rotmats, pelvis=pelvis)
    return fit


def outlier_weights(across: Floats) -> Floats:
    """Return how far landmarks are believed that lie off by so much in the picture: Geman-McClure.

    :param across: (..., 2), in standard deviations.
    :returns: (...,) in (0, 1], 1 at no distance, a quarter at four standard deviations.
    """
    weights: Floats = (1 + (across**2).sum(axis=-1) / _OUTLIER_SIGMAS**2) ** -2.0
    return weights


def disagreement(fit: Fit, seen: Observation) -> Floats:
    """Tell how far the landmarks are from any body: those of no person, or of a mistaken one, fit none.

    :param fit: the refined bodies.
    :param seen: what they were fitted to.
    :returns: (N,), mean distance in the picture between the landmarks and the body's (each by its weight), as a
        fraction of the larger side of the box about the landmarks; infinity where they have no extent.
    """
    points = posed_landmarks(*fit.pose_joints(), fit.offsets)
    rays = points[..., :2] / np.maximum(points[..., 2:], MIN_DEPTH_M)
    apart = np.linalg.norm(rays - seen.rays, axis=-1)
    mean = (seen.weights * apart).sum(axis=1) / np.maximum(seen.weights.sum(axis=1), 1e-9)
    within = seen.weights[..., None] > 0
    low, high = np.where(within, seen.rays, np.inf).min(axis=1), np.where(within, seen.rays, -np.inf).max(axis=1)
    extent = np.where(within.any(axis=1), high - low, 0).max(axis=1)
    return np.where(extent > 1e-6, mean / np.maximum(extent, 1e-6), np.inf)


def _data_term(fit: Fit, seen: Observation, by_depth: bool) -> tuple[Floats, Floats]:
    """Normal matrix (N, P, P) and gradient (N, P) of the landmarks, with P = 3 J rotations, then 3 of the position."""
    n = len(fit.rotmats)
    joints, global_rotmats = fit.pose_joints()
    points = posed_landmarks(joints, global_rotmats, fit.offsets)[:, _USED]

    # How points move: axis of the turn (of the joint's parent frame) x lever, per unit of turn.
    axes = global_rotmats[:, _MOVING_PARENTS]
    axes[:, 0] = _EYE
    axes = axes.transpose(0, 2, 1, 3)[:, None]
    lever = ((points[:, :, None] - joints[:, None, MOVING_JOINTS]) * _MOVES[..., None])[..., None]
    moves = np.empty((n, _L, 3, 3 * _J + 3))
    for x, (y, z) in enumerate(((1, 2), (2, 0), (0, 1))):
        moves[:, :, x, :-3] = (axes[:, :, y] * lever[..., z, :] - axes[:, :, z] * lever[..., y, :]).reshape(n, _L, -1)
    moves[..., -3:] = _EYE

    depth = np.maximum(points[..., 2], MIN_DEPTH_M)
    scale = np.maximum(fit.pelvis[:, 2], MIN_DEPTH_M)[:, None] / SIGMA_ACROSS_M
    rays = points[..., :2] / depth[..., None]
    across = (rays - seen.rays[:, _USED]) * scale[..., None]
    robust = outlier_weights(across)
    by_sight = seen.sight[:, None] / _SIGMA_DEPTH_M
    behind = ((points - points[:, _HIPS].mean(axis=1, keepdims=True)) * by_sight).sum(axis=-1)
    behind -= seen.depth_m[:, _USED] / _SIGMA_DEPTH_M

    look = np.zeros((n, _L, 2, 3))
    look[..., 0, 0] = look[..., 1, 1] = scale / depth
    look[..., 2] = -rays * (scale / depth)[..., None]
    rows = np.empty((n, _L, 3, 3 * _J + 3))
    rows[:, :, :2] = look @ moves
    rows[:, :, 2] = (by_sight[:, :, None] @ moves)[:, :, 0]
    rows[:, :, 2] -= rows[:, _HIPS, 2].mean(axis=1, keepdims=True)
    residual = np.concatenate([across, behind[..., None]], axis=-1)

    weights = np.repeat(seen.weights[:, _USED, None], 3, axis=-1)
    weights[..., :2] *= robust[..., None]
    weights[..., 2] *= by_depth
    weighted = (rows * weights[..., None]).reshape(n, 3 * _L, -1).swapaxes(-1, -2)
    return weighted @ rows.reshape(n, 3 * _L, -1), (weighted @ residual.reshape(n, -1, 1))[..., 0]


def _add_prior(rotmats: Floats, prior: Prior, normal: Floats, gradient: Floats) -> None:
    """Add, in place, what is known of joints before anything is seen."""
    n = len(rotmats)
    turned = rotmats[:, MOVING_JOINTS]
    if prior.centre is not None:
        turned = turned @ np.swapaxes(prior.centre[:, MOVING_JOINTS], -1, -2)
    local = matrix_to_axis_angle(turned)
    inverse_spread = np.nan_to_num(1 / prior.spread[..., MOVING_JOINTS, :])
    rows = _inverse_left_jacobian(local) * inverse_spread[..., None]
    residual = (local - prior.mean[..., MOVING_JOINTS, :]) * inverse_spread
    blocks = np.swapaxes(rows, -1, -2) @ rows
    slopes = (np.swapaxes(rows, -1, -2) @ residual[..., None])[..., 0]

    bone = rotate(rotmats[:, HINGE_JOINTS], HINGE_BONES)
    directions = np.stack([HINGE_SIDEWAYS, HINGE_BACKWARDS], axis=1)
    beyond = dot(bone[:, :, None], directions)[..., 0]
    beyond[..., 1] = np.maximum(beyond[..., 1], 0)
    hinge_rows = cross(bone[:, :, None], directions) / _SIGMA_HINGE[:, None]
    hinge_rows[:, :, 1] *= beyond[..., 1, None] > 0
    blocks[:, _HINGE_COLUMNS] += np.swapaxes(hinge_rows, -1, -2) @ hinge_rows
    slopes[:, _HINGE_COLUMNS] += (hinge_rows * (beyond / _SIGMA_HINGE)[..., None]).sum(axis=-2)

    gradient[:, :-3] += slopes.reshape(n, -1)
    diagonal = np.arange(3 * _J).reshape(_J, 3)
    normal[:, diagonal[:, :, None], diagonal[:, None, :]] += blocks
    # Keeps the system regular where nothing at all is seen.
    every = np.arange(normal.shape[-1])
    normal[:, every, every] += 1e-3


def _inverse_left_jacobian(axis_angle: Floats) -> Floats:
    """How the (..., 3) axis-angle changes with a small turn applied from the left: (..., 3, 3)."""
    angle2 = dot(axis_angle, axis_angle)
    # Near a half turn the exact factor runs away; the prior needs its direction only.
    angle = np.clip(np.sqrt(angle2), 1e-4, 3.0)
    half = 0.5 * angle
    factor = ((1 - half / np.tan(half)) / angle**2)[..., None]
    x, y, z = axis_angle[..., 0], axis_angle[..., 1], axis_angle[..., 2]
    skew = np.zeros((*axis_angle.shape, 3))
    skew[..., 2, 1], skew[..., 0, 2], skew[..., 1, 0] = x, y, z
    skew -= np.swapaxes(skew, -1, -2)
    jacobian: Floats = _EYE - 0.5 * skew + factor * (skew @ skew)
    return jacobian
