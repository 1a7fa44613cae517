"""The body model as a layer that gradients pass through: the same body as :class:`poco_ros.body.model.BodyModel`."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from poco_ros.body.model import BodyModel
from poco_ros.body.smpl import PARENTS
from poco_ros.errors import BodyModelError
from poco_ros.training.joint_set import EXTRA_JOINTS, JOINTS_49, PICKED_VERTICES, SMPL_VERTICES
from poco_ros.types import NUM_BETAS, NUM_JOINTS


@dataclass(frozen=True)
class SmplOutput:
    """N posed bodies, in metres, in the frame of their root rotation, translation 0.

    :param vertices: (N, V, 3).
    :param joints: (N, 24, 3) SMPL joints.
    :param joints_49: (N, 49, 3) joints of the training data, or None where the layer has no extra regressor.
    """

    vertices: torch.Tensor
    joints: torch.Tensor
    joints_49: torch.Tensor | None


class SmplLayer(torch.nn.Module):  # type: ignore[misc]
    """Shape coefficients and rotations in, mesh and joints out; it has no weights to train.

    The arrays are buffers that no ``state_dict()`` holds, so that a checkpoint never carries a licensed body.

    :param body: the arrays.
    :param extra_regressor: (9, V), ``J_regressor_extra`` of the training data's joints; None: no 49 joints.
    :param only_vertices: numbers of the vertices to pose, where a part of the mesh is enough; None: all.
    :raises BodyModelError: the extra regressor does not fit the body, or the body is not SMPL's mesh of 6890 vertices,
        by whose numbers 21 of the 49 joints are picked, or not all of it is to be posed.
    """

    _template: torch.Tensor
    _shapedirs: torch.Tensor
    _posedirs: torch.Tensor | None
    _joint_template: torch.Tensor
    _joint_shapedirs: torch.Tensor
    _weights: torch.Tensor
    _extra_regressor: torch.Tensor | None

    def __init__(
        self, body: BodyModel, extra_regressor: npt.ArrayLike | None = None,
        only_vertices: npt.NDArray[np.integer] | None = None,
    ) -> None:
        super().__init__()
        if extra_regressor is not None and only_vertices is not None:
            raise BodyModelError('the 49 training joints need all vertices')
        some = slice(None) if only_vertices is None else only_vertices
        num_vertices = body.num_vertices
        # The regressor is linear, so the joints at rest need no vertices.
        regressor = body.J_regressor.astype(np.float64)
        joint_shapedirs = regressor @ body.shapedirs.reshape(num_vertices, -1)
        posedirs = body.posedirs
        self._buffer('_template', body.v_template[some])
        self._buffer('_shapedirs', body.shapedirs[some].reshape(-1, NUM_BETAS).T)
        self._buffer('_posedirs', None if posedirs is None else posedirs[some].reshape(-1, posedirs.shape[2]).T)
        self._buffer('_joint_template', regressor @ body.v_template)
        self._buffer('_joint_shapedirs', joint_shapedirs.reshape(-1, NUM_BETAS).T)
        self._buffer('_weights', body.weights[some])
        self._buffer('_extra_regressor', _checked_extra(extra_regressor, num_vertices))
        self._levels = _levels()
        order = [joint for level, _ in self._levels for joint in level]
        self._from_levels = [order.index(joint) for joint in range(NUM_JOINTS)]

    @property
    def has_training_joints(self) -> bool:
        """Whether the output has the 49 joints of the training data."""
        return self._extra_regressor is not None

    def forward(self, rotmats: torch.Tensor, betas: torch.Tensor) -> SmplOutput:
        """Pose N bodies.

        :param rotmats: (N, 24, 3, 3), joint 0 relative to the frame of the output, the others to their parents.
        :param betas: (N, 10).
        """
        rest_joints = self.rest_joints(betas)
        joints, global_rotmats = self._kinematics(rotmats, rest_joints)
        vertices = self._skin(self._rest_vertices(rotmats, betas), rest_joints, joints, global_rotmats)
        return SmplOutput(vertices, joints, self._joints_49(vertices, joints))

    def rest_joints(self, betas: torch.Tensor) -> torch.Tensor:
        """Return the joints at zero pose.

        :param betas: (N, 10).
        :returns: (N, 24, 3).
        """
        return self._joint_template + (betas @ self._joint_shapedirs).reshape(-1, NUM_JOINTS, 3)

    def joints(self, rotmats: torch.Tensor, betas: torch.Tensor) -> torch.Tensor:
        """Return the posed SMPL joints alone, which need no mesh.

        :param rotmats: (N, 24, 3, 3).
        :param betas: (N, 10).
        :returns: (N, 24, 3).
        """
        return self._kinematics(rotmats, self.rest_joints(betas))[0]

    def _kinematics(self, rotmats: torch.Tensor, rest_joints: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        """Posed joints (N, 24, 3) and global rotations (N, 24, 3, 3), one depth of the tree at a time."""
        turned = [rotmats[:, :1]]
        placed = [rest_joints[:, :1]]
        above: list[int] = [0]
        for level, parents in self._levels[1:]:
            position = [above.index(parent) for parent in parents]
            bones = rest_joints[:, level] - rest_joints[:, parents]
            parent_rotmats = turned[-1][:, position]
            placed.append(placed[-1][:, position] + (parent_rotmats @ bones[..., None])[..., 0])
            turned.append(parent_rotmats @ rotmats[:, level])
            above = level
        return torch.cat(placed, 1)[:, self._from_levels], torch.cat(turned, 1)[:, self._from_levels]

    def _rest_vertices(self, rotmats: torch.Tensor, betas: torch.Tensor) -> torch.Tensor:
        """(N, V, 3): template, shape and pose correctives."""
        shift = betas @ self._shapedirs
        if self._posedirs is not None:
            identity = torch.eye(3, dtype=rotmats.dtype, device=rotmats.device)
            shift = shift + (rotmats[:, 1:] - identity).flatten(1) @ self._posedirs
        return self._template + shift.reshape(-1, self._template.shape[0], 3)

    def _skin(self, rest: torch.Tensor, rest_joints: torch.Tensor, joints: torch.Tensor,
              global_rotmats: torch.Tensor) -> torch.Tensor:
        """A joint k takes a rest point x to G_k x + (posed_k - G_k rest_k); a vertex goes to the weighted mean."""
        moved = joints - (global_rotmats @ rest_joints[..., None])[..., 0]
        turned = (self._weights @ global_rotmats.flatten(2)).unflatten(2, (3, 3))
        # elementwise: a product of N x V tiny matrices is many times slower on a CPU
        return (turned * rest[:, :, None]).sum(-1) + self._weights @ moved

    def _joints_49(self, vertices: torch.Tensor, joints: torch.Tensor) -> torch.Tensor | None:
        if self._extra_regressor is None:
            return None
        picked = vertices[:, list(PICKED_VERTICES)]
        return torch.cat([joints, picked, self._extra_regressor @ vertices], 1)[:, list(JOINTS_49)]

    def _buffer(self, name: str, array: npt.NDArray[np.floating] | None) -> None:
        tensor = None if array is None else torch.tensor(np.ascontiguousarray(array, np.float32))
        self.register_buffer(name, tensor, persistent=False)


def _levels() -> list[tuple[list[int], list[int]]]:
    """(joints, their parents) for each depth of the tree, the root first; a parent is one depth above."""
    depth = [0] * NUM_JOINTS
    for joint in range(1, NUM_JOINTS):
        depth[joint] = depth[PARENTS[joint]] + 1
    levels = [[joint for joint in range(NUM_JOINTS) if depth[joint] == d] for d in range(max(depth) + 1)]
    return [(level, [int(PARENTS[joint]) for joint in level]) for level in levels]


def _checked_extra(regressor: npt.ArrayLike | None, num_vertices: int) -> npt.NDArray[np.floating] | None:
    if regressor is None:
        return None
    array = np.asarray(regressor, np.float32)
    if num_vertices != SMPL_VERTICES:
        raise BodyModelError(f'the 49 training joints are picked by the vertex numbers of the SMPL mesh, which has '
                             f'{SMPL_VERTICES} vertices; this body has {num_vertices}. Give no extra regressor')
    if array.shape != (EXTRA_JOINTS, num_vertices) or not np.isfinite(array).all():
        raise BodyModelError(f'J_regressor_extra must be {(EXTRA_JOINTS, num_vertices)} finite numbers, '
                             f'not {array.shape}')
    return array
