"""The torch module that becomes the graph: pixels, or what a lift sees, in; SMPL bodies with their uncertainty out.

Around the network stand what a node would otherwise compute itself: normalisation of the crops before it (a lift
standardises by itself), the reduction of sigma to one number, and the body model's joints (and vertices if asked)
behind it.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from poco_ros.body.model import BodyModel
from poco_ros.body.smpl import PARENTS
from poco_ros.crops import CROP_SIZE, IMAGE_MEAN, IMAGE_STD
from poco_ros.engine.base import TensorSpec
from poco_ros.networks.model import PocoModel
from poco_ros.networks.uncertainty import body_uncertainty, joint_sigma
from poco_ros.networks.variants import LIFT
from poco_ros.regressors.poco_lift.observation import D
from poco_ros.types import NUM_BETAS, NUM_JOINTS


class NetworkGraph(nn.Module):  # type: ignore[misc]
    """A network between uint8 crops (or a lift's observation) and bodies, everything in fp32.

    :param model: the network with its weights; put into eval mode.
    :param body: gives joints (and vertices); only the 24 x 3 joints at rest and their derivatives by the betas are kept
        unless vertices are wanted.
    :param vertices: whether the mesh is computed too.
    """

    pixel_scale: Tensor
    pixel_shift: Tensor

    def __init__(self, model: PocoModel, body: BodyModel, *, vertices: bool = False) -> None:
        super().__init__()
        self.model = model.requires_grad_(False)
        self.variant = model.variant
        self.skeleton = Skeleton(body)
        self.skin = Skin(body) if vertices else None
        # (x / 255 - mean) / std as one multiplication and one subtraction.
        self.register_buffer('pixel_scale', _channels(1 / (255 * IMAGE_STD.astype(np.float64))))
        self.register_buffer('pixel_shift', _channels(IMAGE_MEAN.astype(np.float64) / IMAGE_STD))
        self.eval()  # all of it: the exporter puts the mode of the outermost module back on every one inside

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """What :meth:`forward` takes, in order; -1 for the number of persons."""
        seen = TensorSpec('crops', (-1, CROP_SIZE, CROP_SIZE, 3), 'uint8')
        if self.variant.regressor == LIFT:
            seen = TensorSpec('observation', (-1, D), 'float32')
        if not self.variant.sees_box:
            return (seen,)
        return seen, TensorSpec('bbox_info', (-1, 3), 'float32')

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """What :meth:`forward` gives first, in order."""
        shapes: dict[str, tuple[int, ...]] = {
            'rotmat': (NUM_JOINTS, 3, 3), 'betas': (NUM_BETAS,), 'cam': (3,), 'joints': (NUM_JOINTS, 3),
        }
        if self.variant.has_uncertainty:
            shapes |= {'sigma': (NUM_JOINTS,), 'uncertainty': ()}
        if self.skin is not None:
            shapes['vertices'] = (self.skin.num_vertices, 3)
        if self.variant.regressor == LIFT:
            shapes['features'] = (self.variant.encoder_width,)
        return tuple(TensorSpec(name, (-1, *shape), 'float32') for name, shape in shapes.items())

    @property
    def boundary(self) -> tuple[str, ...]:
        """Names of the tensors that :meth:`forward` gives last: only what leads to them may be of lower precision."""
        return ('features', 'shape_features') if self.variant.regressor == 'pare' else ('features',)

    def forward(self, seen: Tensor, bbox_info: Tensor | None = None) -> tuple[Tensor, ...]:
        """Run the network.

        :param seen: (N, 224, 224, 3) uint8 RGB crops; of a lift (N, D) float32 observations.
        :param bbox_info: (N, 3), for CLIFF and the lift.
        :returns: the tensors named by :attr:`outputs`, then those named by :attr:`boundary`; of a lift the last output
            is the boundary.
        """
        if self.variant.regressor != LIFT:
            # The cast comes first: TensorRT takes uint8 as an input, but does nothing with it except casting.
            seen = seen.to(torch.float32).permute(0, 3, 1, 2) * self.pixel_scale - self.pixel_shift
        encoding = self.model.encode(seen)
        found = self.model.decode(encoding, bbox_info)
        joints, global_rotmat, rest = self.skeleton(found.rotmat, found.betas)
        outputs = [found.rotmat, found.betas, found.cam, joints]
        if found.sigma is not None:
            sigma = joint_sigma(found.sigma)
            outputs += [sigma, body_uncertainty(sigma, self.variant.scalar_rule)]
        if self.skin is not None:
            outputs.append(self.skin(found.rotmat, found.betas, joints, global_rotmat, rest))
        return (*outputs, *(getattr(encoding, name) for name in self.boundary))


class Skeleton(nn.Module):  # type: ignore[misc]
    """Joints of a body model from rotations and betas, without its vertices: they are linear in the betas.

    Rotations and positions are multiplied elementwise, not as matrices: GPUs may round what goes into a matrix product
    to the 10 bits of TF32, half a millimetre on a body, and never do so elsewhere.
    """

    template: Tensor
    directions: Tensor
    chain: Tensor
    parents: Tensor

    def __init__(self, body: BodyModel) -> None:
        super().__init__()
        regressor = body.J_regressor.astype(np.float64)
        template = regressor @ body.v_template
        directions = np.einsum('jv,vcb->bjc', regressor, body.shapedirs, optimize=True).reshape(NUM_BETAS, -1)
        # Row j says which bones lead from the pelvis to joint j.
        chain = np.eye(NUM_JOINTS)
        for joint in range(1, NUM_JOINTS):
            chain[joint] += chain[PARENTS[joint]]
        self.register_buffer('template', _constant(template.reshape(1, -1)))
        self.register_buffer('directions', _constant(directions))
        self.register_buffer('chain', _constant(chain[..., None]))
        self.register_buffer('parents', torch.from_numpy(PARENTS[1:].astype(np.int64)))

    def forward(self, rotmat: Tensor, betas: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Pose the skeleton; as in smplx, the root turns about its own rest position.

        :param rotmat: (N, 24, 3, 3), relative to the parents.
        :param betas: (N, 10).
        :returns: joints (N, 24, 3), metres; rotations relative to the camera (N, 24, 3, 3); joints at rest (N, 24, 3).
        """
        rest = (self.template + betas @ self.directions).reshape(-1, NUM_JOINTS, 3)
        global_rotmat = self._accumulate(rotmat)
        bones = (rest[:, 1:] - rest[:, self.parents]).unsqueeze(-2)
        turned = (global_rotmat[:, self.parents] * bones).sum(-1)
        steps = torch.cat([rest[:, :1], turned], dim=1).unsqueeze(1)
        joints = (self.chain * steps).sum(-2)
        return joints, global_rotmat, rest

    @staticmethod
    def _accumulate(rotmat: Tensor) -> Tensor:
        """Chain the rotations, all joints of one depth of the tree in one product."""
        levels, order, previous = [rotmat[:, :1]], [0], [0]
        while len(order) < NUM_JOINTS:
            level = [joint for joint in range(1, NUM_JOINTS) if PARENTS[joint] in previous]
            above = levels[-1][:, [previous.index(int(PARENTS[joint])) for joint in level]]
            levels.append((above.unsqueeze(-1) * rotmat[:, level].unsqueeze(-3)).sum(-2))
            order, previous = order + level, level
        return torch.cat(levels, dim=1)[:, np.argsort(order).tolist()]


class Skin(nn.Module):  # type: ignore[misc]
    """Vertices of a body model: shape, pose correctives where it has them, linear blend skinning."""

    template: Tensor
    shapedirs: Tensor
    posedirs: Tensor | None
    weights: Tensor
    identity: Tensor

    def __init__(self, body: BodyModel) -> None:
        super().__init__()
        self.num_vertices = body.num_vertices
        self.register_buffer('template', _constant(body.v_template.reshape(1, -1)))
        self.register_buffer('shapedirs', _constant(body.shapedirs.reshape(-1, NUM_BETAS).T))
        self.register_buffer('weights', _constant(body.weights))
        self.register_buffer('identity', torch.eye(3))
        posedirs = None if body.posedirs is None else _constant(body.posedirs.reshape(3 * self.num_vertices, -1).T)
        self.register_buffer('posedirs', posedirs)

    def forward(self, rotmat: Tensor, betas: Tensor, joints: Tensor, global_rotmat: Tensor, rest: Tensor) -> Tensor:
        """Return the posed vertices, (N, V, 3) metres.

        :param rotmat: (N, 24, 3, 3) relative to the parents.
        :param betas: (N, 10).
        :param joints: (N, 24, 3) posed.
        :param global_rotmat: (N, 24, 3, 3).
        :param rest: (N, 24, 3) joints at rest.
        """
        shaped = self.template + betas @ self.shapedirs
        if self.posedirs is not None:
            shaped = shaped + (rotmat[:, 1:] - self.identity).reshape(-1, 9 * (NUM_JOINTS - 1)) @ self.posedirs
        shaped = shaped.reshape(-1, self.num_vertices, 3)
        moved = joints[..., None] - global_rotmat @ rest[..., None]
        transforms = torch.cat([global_rotmat, moved], dim=-1).reshape(-1, NUM_JOINTS, 12)
        blended = (self.weights @ transforms).reshape(-1, self.num_vertices, 3, 4)
        return (blended[..., :3] @ shaped[..., None])[..., 0] + blended[..., 3]


def _constant(values: np.ndarray[Any, Any]) -> Tensor:
    return torch.from_numpy(np.ascontiguousarray(values, np.float32).copy())


def _channels(values: np.ndarray[Any, Any]) -> Tensor:
    return _constant(values).reshape(1, 3, 1, 1)
