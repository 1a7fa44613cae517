"""Forward kinematics of the SMPL tree, and its inverse for the rotations."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import Floats
from poco_ros.body.smpl import PARENTS

Index = npt.NDArray[np.intp] | slice


def _levels() -> list[tuple[Index, Index]]:
    """(joints, their parents) for each depth of the tree below the root, from the top down."""
    depth = np.zeros(len(PARENTS), int)
    for joint in range(1, len(PARENTS)):
        depth[joint] = depth[PARENTS[joint]] + 1
    joints = (np.flatnonzero(depth == level) for level in range(1, depth.max() + 1))
    return [(_index(level), _index(PARENTS[level].astype(np.intp))) for level in joints]


def _index(joints: npt.NDArray[np.intp]) -> Index:
    """Return a slice where the joints are one after the other, or one and the same: it needs no copy."""
    if (np.diff(joints) == 1).all() or (joints == joints[0]).all():
        return slice(int(joints[0]), int(joints[-1]) + 1)
    return joints


# Siblings and cousins of one depth are turned together: eight small products in place of twenty-three.
_LEVELS = _levels()
_BONE_PARENTS = PARENTS[1:].astype(np.intp)


def forward_kinematics(rotmats: Floats, rest_joints: Floats) -> tuple[Floats, Floats]:
    """Pose the skeleton.

    As in smplx, the root turns about its own rest position, so the pelvis stays where it is at rest. What is not
    known (NaN) in one joint's rotation leaves only the joints below it unknown.

    :param rotmats: (N, 24, 3, 3), joint 0 relative to the model's frame, the others relative to their parents.
    :param rest_joints: (N or 1, 24, 3), metres.
    :returns: joints (N, 24, 3) in metres, and global rotations (N, 24, 3, 3), both in the model's frame.
    """
    placed = np.zeros((*rotmats.shape[:2], 4, 4), np.result_type(rotmats, rest_joints))
    placed[..., :3, :3], placed[..., 3, 3] = rotmats, 1
    placed[:, 0, :3, 3] = rest_joints[:, 0]
    placed[:, 1:, :3, 3] = rest_joints[:, 1:] - rest_joints[:, _BONE_PARENTS]
    for level, parents in _LEVELS:
        placed[:, level] = placed[:, parents] @ placed[:, level]
    return placed[..., :3, 3].copy(), placed[..., :3, :3].copy()


def global_to_local(global_rotmats: Floats) -> Floats:
    """Return each joint's rotation relative to its parent: what a pose holds.

    :param global_rotmats: (N, 24, 3, 3) rotations relative to the model's frame.
    :returns: (N, 24, 3, 3); joint 0 stays as it is.
    """
    local = np.empty_like(global_rotmats)
    local[:, 0] = global_rotmats[:, 0]
    local[:, 1:] = np.swapaxes(global_rotmats[:, _BONE_PARENTS], -1, -2) @ global_rotmats[:, 1:]
    return local
