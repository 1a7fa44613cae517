"""A dressed person: the body with its clothes, posed together."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.model import BodyModel
from poco_ros.synth.compiled import kernel
from poco_ros.synth.surface import Surface
from poco_ros.types import NUM_BETAS, NUM_JOINTS, FloatArray

#: Joints that move one vertex at most; of more the strongest are kept.
MAX_INFLUENCES = 6


@dataclass(frozen=True, eq=False)
class Shaped:
    """A layer over the body, in the T-pose, that follows shape and pose as the body does.

    :param vertices: (V, 3) float32, of the mean body, metres.
    :param shapedirs: (V, 3, 10) float32.
    :param weights: (V, 24) float32 skinning weights.
    """

    vertices: FloatArray
    shapedirs: FloatArray
    weights: FloatArray


class Person:
    """One body shape in one set of clothes.

    :param body: the body model.
    :param betas: (10,).
    :param outfit: name of the clothes.
    :param layers: the clothes, in the order of the surface's vertices after the body's.
    :param surface: body and clothes.
    """

    def __init__(
        self, body: BodyModel, betas: npt.ArrayLike, outfit: str, layers: tuple[Shaped, ...], surface: Surface
    ) -> None:
        self.betas = np.asarray(betas, np.float32).reshape(NUM_BETAS)
        self.outfit = outfit
        self.surface = surface
        #: (24, 3) float32, model frame (x left, y up, z forward), metres.
        self.rest_joints = body.rest_joints(self.betas[None])[0]
        self._num_body = body.num_vertices
        rest = [body.v_template + body.shapedirs @ self.betas]
        rest += [layer.vertices + layer.shapedirs @ self.betas for layer in layers]
        weights = np.concatenate([body.weights, *(layer.weights for layer in layers)])
        self._rest = np.ascontiguousarray(np.concatenate(rest), np.float32)
        self._influences, self._weights = strongest(weights)

    def pose(
        self, rotmats: npt.ArrayLike, transl: npt.ArrayLike
    ) -> tuple[FloatArray, FloatArray, FloatArray]:
        """Pose body and clothes, as smplx does: the root turns about its own rest position, then ``transl`` is added.

        :param rotmats: (24, 3, 3) relative to the parents, joint 0 to the optical frame.
        :param transl: (3,) metres, optical frame.
        :returns: vertices (V, 3) of body and clothes, the (6890, 3) of them that are the body's, and joints (24, 3);
            float32, optical frame, metres.
        """
        rotations = np.asarray(rotmats, np.float64).reshape(1, NUM_JOINTS, 3, 3)
        shift = np.asarray(transl, np.float64)
        rest_joints = self.rest_joints.astype(np.float64)
        joints, turned = forward_kinematics(rotations, rest_joints[None])
        transforms = np.empty((NUM_JOINTS, 3, 4), np.float32)
        transforms[:, :, :3] = turned[0]
        transforms[:, :, 3] = joints[0] - (turned[0] @ rest_joints[:, :, None])[..., 0] + shift
        vertices = skin(self._rest, self._influences, self._weights, transforms)
        return vertices, vertices[:self._num_body], (joints[0] + shift).astype(np.float32)


def strongest(weights: FloatArray) -> tuple[npt.NDArray[np.uint8], FloatArray]:
    """Return the joints that move each vertex, and how strongly.

    :param weights: (V, 24).
    :returns: (V, 6) joints and (V, 6) weights that sum to 1, strongest first.
    """
    order = np.argsort(-weights, axis=1, kind='stable')[:, :MAX_INFLUENCES]
    kept = np.take_along_axis(weights, order, 1).astype(np.float32)
    return np.ascontiguousarray(order, np.uint8), np.ascontiguousarray(kept / kept.sum(1, keepdims=True), np.float32)


@kernel
def skin(
    rest: FloatArray, influences: npt.NDArray[np.uint8], weights: FloatArray, transforms: FloatArray
) -> FloatArray:
    """Linear blend skinning with a few joints a vertex.

    :param rest: (V, 3) at rest.
    :param influences: (V, K) joints, strongest first.
    :param weights: (V, K); nothing after the first zero counts.
    :param transforms: (24, 3, 4) float32 from rest to pose.
    :returns: (V, 3) float32.
    """
    posed = np.empty_like(rest)
    for i in range(rest.shape[0]):
        x = rest[i, 0]
        y = rest[i, 1]
        z = rest[i, 2]
        px = np.float32(0.0)
        py = np.float32(0.0)
        pz = np.float32(0.0)
        for k in range(weights.shape[1]):
            w = weights[i, k]
            if w == 0.0:
                break
            m = transforms[influences[i, k]]
            px += w * (m[0, 0] * x + m[0, 1] * y + m[0, 2] * z + m[0, 3])
            py += w * (m[1, 0] * x + m[1, 1] * y + m[1, 2] * z + m[1, 3])
            pz += w * (m[2, 0] * x + m[2, 1] * y + m[2, 2] * z + m[2, 3])
        posed[i, 0] = px
        posed[i, 1] = py
        posed[i, 2] = pz
    return posed
