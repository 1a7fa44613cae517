"""Shape of each person: betas and bone lengths averaged by confidence, then locked."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.body.smpl import PARENTS
from poco_ros.types import NUM_BETAS, NUM_JOINTS, Bodies

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]

_NO_BONES = np.zeros((1, NUM_JOINTS, 3))


class Shapes:
    """Running means of S slots.

    Joints at rest are linear in the betas, so the mean of the rest joints that the bodies show is the rest pose of the
    mean betas: no body model is needed to stay consistent with the one that made them.

    :param lock_weight: sum of the weights (1 for a body of full trust) after which the shape no longer changes.
    """

    def __init__(self, lock_weight: float) -> None:
        self._lock_weight = lock_weight
        self.grow(0)

    def grow(self, slots: int) -> None:
        """Make room for more people; those there keep their slots."""
        before = self.__dict__.copy()
        self.weight: Array = np.zeros(slots)
        self.betas: Array = np.full((slots, NUM_BETAS), np.nan)
        self.rest_joints: Array = np.full((slots, NUM_JOINTS, 3), np.nan)
        if 'weight' in before:
            n = len(before['weight'])
            self.weight[:n], self.betas[:n], self.rest_joints[:n] = (
                before['weight'], before['betas'], before['rest_joints'])

    def forget(self, rows: Rows) -> None:
        """Empty slots."""
        self.weight[rows], self.betas[rows], self.rest_joints[rows] = 0, np.nan, np.nan

    def open(self, rows: Rows) -> npt.NDArray[np.bool_]:
        """Return whether the shapes in slots still change."""
        return np.asarray(self.weight[rows] < self._lock_weight)

    def add(self, rows: Rows, bodies: Bodies, weight: Array) -> None:
        """Average bodies in, row by row; what is locked stays.

        :param rows: their slots.
        :param bodies: the bodies, sane.
        :param weight: (len(rows),) in [0, 1]; a first body counts whatever its weight.
        """
        use = self.open(rows) & ((weight > 0) | (self.weight[rows] == 0))
        if not use.any():
            return
        rows, bodies, weight = rows[use], bodies.take(use), np.maximum(weight[use], 1e-3)
        self.weight[rows] += weight
        share = (weight / self.weight[rows])[:, None]
        betas = bodies.betas.astype(np.float64)
        old = self.betas[rows]
        self.betas[rows] = np.where(np.isnan(old), betas, old + share * np.nan_to_num(betas - old))
        rest = rest_joints(bodies)
        old_rest = self.rest_joints[rows]
        change = share[..., None] * np.nan_to_num(rest - old_rest)
        self.rest_joints[rows] = np.where(np.isnan(old_rest), rest, old_rest + change)


def rest_joints(bodies: Bodies) -> Array:
    """Return the joints at zero pose (N, 24, 3) that pose, joints and translation of bodies imply."""
    rotmats = axis_angle_to_matrix(bodies.pose.astype(np.float64))
    turned = forward_kinematics(rotmats, _NO_BONES)[1]
    joints = bodies.joints.astype(np.float64)
    bones = joints[:, 1:] - joints[:, PARENTS[1:]]
    unturned = np.einsum('njki,njk->nji', turned[:, PARENTS[1:]], bones)
    rest = np.empty_like(joints)
    rest[:, 0] = joints[:, 0] - bodies.transl
    for joint in range(1, NUM_JOINTS):
        rest[:, joint] = rest[:, PARENTS[joint]] + unturned[:, joint - 1]
    return rest
