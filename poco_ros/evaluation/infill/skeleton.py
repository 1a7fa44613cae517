"""The skeleton of the infilling benchmark: the tree of SMPL with rounded proportions of an adult."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.smpl import JOINT_INDEX, MIRROR, PARENTS
from poco_ros.temporal import quaternions as quat

Array = npt.NDArray[np.float64]

# Bones of the middle and of the left side, metres: x to the person's left, y up, z forward.
_BONES = {
    'spine1': (0.0, 0.110, -0.025), 'spine2': (0.0, 0.135, 0.002), 'spine3': (0.0, 0.053, 0.025),
    'neck': (0.0, 0.215, -0.042), 'head': (0.0, 0.065, 0.050),
    'left_hip': (0.065, -0.090, -0.005), 'left_knee': (0.030, -0.380, -0.005),
    'left_ankle': (-0.012, -0.400, -0.040), 'left_foot': (0.028, -0.058, 0.122),
    'left_collar': (0.080, 0.120, -0.034), 'left_shoulder': (0.092, 0.031, -0.010),
    'left_elbow': (0.258, -0.013, -0.025), 'left_wrist': (0.252, 0.008, -0.003), 'left_hand': (0.084, -0.009, -0.015),
}  # fmt: skip


def _rest_joints() -> Array:
    bones = np.zeros((24, 3))
    for name, bone in _BONES.items():
        joint = JOINT_INDEX[name]
        bones[joint] = bone
        if MIRROR[joint] != joint:
            bones[MIRROR[joint]] = np.multiply(bone, (-1, 1, 1))
    joints = np.zeros((24, 3))
    for joint in range(1, 24):
        joints[joint] = joints[PARENTS[joint]] + bones[joint]
    return joints


REST_JOINTS = _rest_joints()
"""(24, 3) metres, joints at zero pose, pelvis at the origin."""


def positions(rotations: Array, pelvis: Array) -> tuple[Array, Array]:
    """Pose the skeleton.

    :param rotations: (..., 24, 4) local quaternions.
    :param pelvis: (..., 3) metres.
    :returns: joints (..., 24, 3) in metres, and global rotations (..., 24, 3, 3).
    """
    flat = quat.to_matrix(rotations.reshape(-1, 24, 4))
    joints, turned = forward_kinematics(flat, REST_JOINTS[None])
    lead = pelvis.shape[:-1]
    placed = np.asarray(joints, np.float64).reshape(*lead, 24, 3) + pelvis[..., None, :]
    return placed, np.asarray(turned, np.float64).reshape(*lead, 24, 3, 3)
