"""Poses that are made up: joint limits and a few ways to stand, sit, crouch, walk and reach.

Motion capture of few people leaves gaps; these fill them. Angles are about the axes of the body model's rest pose
(x to the person's left, y up, z forward), in degrees, chosen by hand to look like people.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import Floats
from poco_ros.body.smpl import JOINT_INDEX

_J = JOINT_INDEX
_SPREAD: Mapping[str, tuple[float, float, float]] = {
    'left_hip': (22, 10, 9), 'right_hip': (22, 10, 9), 'spine1': (9, 8, 5), 'spine2': (6, 6, 4), 'spine3': (5, 6, 4),
    'neck': (10, 16, 7), 'head': (9, 14, 7), 'left_ankle': (10, 5, 5), 'right_ankle': (10, 5, 5),
    'left_collar': (4, 6, 7), 'right_collar': (4, 6, 7), 'left_shoulder': (25, 25, 22),
    'right_shoulder': (25, 25, 22), 'left_wrist': (15, 12, 12), 'right_wrist': (15, 12, 12),
}  # fmt: skip
_ARM_DOWN = (65.0, 50.0, 20.0, -10.0, -50.0)
_ARM_DOWN_SHARES = (0.45, 0.2, 0.15, 0.12, 0.08)
_SITS, _CROUCHES, _WALKS, _BENDS = 0.15, 0.25, 0.55, 0.65
_LIES = 0.06
_LYING = ((1, 0, 0), (-1, 0, 0), (0, 0, 1), (0, 0, -1))

#: Closest that elbows, wrists and hands may come to the axis of the trunk, metres, before a pose counts as impossible.
_TRUNK_RADIUS_M = 0.10
_ARM_JOINTS = [_J[f'{side}_{name}'] for side in ('left', 'right') for name in ('elbow', 'wrist', 'hand')]
_TRUNK = [_J['pelvis'], _J['spine1'], _J['spine2'], _J['spine3'], _J['neck']]


def random_pose(rng: np.random.Generator) -> Floats:
    """Draw a pose.

    :returns: (24, 3) axis-angle, radians; joint 0 facing forward and nearly upright, or now and then lying.
    """
    pose = np.zeros((24, 3))
    for name, spread in _SPREAD.items():
        pose[_J[name]] = rng.normal(0, 1, 3) * spread
    for side, sign in (('left', 1.0), ('right', -1.0)):
        pose[_J[f'{side}_shoulder'], 2] -= sign * rng.choice(_ARM_DOWN, p=_ARM_DOWN_SHARES)
        pose[_J[f'{side}_elbow']] = rng.normal(0, 25), -sign * np.clip(abs(rng.normal(0, 55)), 0, 140), 0
        pose[_J[f'{side}_hip'], 2] = sign * abs(pose[_J[f'{side}_hip'], 2]) * (1 if rng.random() < 0.8 else -0.4)
        pose[_J[f'{side}_knee'], 0] = np.clip(abs(rng.normal(0, 28)), 0, 130)
    _legs(pose, rng)
    pose[0] += rng.normal(0, 4, 3)
    if rng.random() < _LIES:
        pose[0] = 90 * rng.choice(_LYING, axis=0) + rng.normal(0, 15, 3)
    return np.radians(pose)


def _legs(pose: Floats, rng: np.random.Generator) -> None:
    hips, knees = [_J['left_hip'], _J['right_hip']], [_J['left_knee'], _J['right_knee']]
    kind = rng.random()
    if kind < _SITS:
        pose[hips, 0] = -rng.uniform(65, 100, 2)
        pose[knees, 0] = rng.uniform(50, 110, 2)
    elif kind < _CROUCHES:
        bend = rng.uniform(40, 110)
        pose[hips, 0] = rng.normal(-bend, 12, 2)
        pose[knees, 0] = 1.2 * bend
        pose[_J['spine1'], 0] += 15
    elif kind < _WALKS:
        stride = rng.uniform(-32, 32) * np.array([1, -1])
        pose[hips, 0] = stride
        pose[knees, 0] = np.maximum(0, stride) * 1.3 + 8
    elif kind < _BENDS:
        bend = rng.uniform(20, 75)
        pose[hips, 0] = -bend + rng.normal(0, 6, 2)
        pose[_J['spine1'], 0] += 0.3 * bend
        pose[0, 0] += bend


def arms_free(joints: Floats) -> npt.NDArray[np.bool_]:
    """Tell in which frames no arm goes through the trunk.

    :param joints: (T, 24, 3) metres.
    :returns: (T,) bool.
    """
    trunk, arms = joints[:, _TRUNK], joints[:, _ARM_JOINTS]
    start, along = trunk[:, :-1], np.diff(trunk, axis=1)
    offset = arms[:, :, None] - start[:, None]
    part = np.clip((offset * along[:, None]).sum(-1) / (along**2).sum(-1)[:, None], 0, 1)
    distance = np.linalg.norm(offset - part[..., None] * along[:, None], axis=-1)
    return np.asarray(distance.min(axis=(1, 2)) > _TRUNK_RADIUS_M)
