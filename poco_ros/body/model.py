"""A body: shape coefficients and a pose in, joints and a skinned mesh out, as SMPL defines them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.rotations import Floats, axis_angle_to_matrix
from poco_ros.body.skinning import linear_blend_skinning
from poco_ros.types import NUM_BETAS, NUM_JOINTS, FloatArray


@dataclass(frozen=True, eq=False)
class BodyModel:
    """The arrays of a SMPL-shaped body model with V vertices and F triangles, and what they do.

    The model's own frame is x to the person's left, y up, z forward; metres. The conventions are those of smplx:
    joint 0's rotation turns the body about its pelvis at rest, and ``transl`` is added to everything at the end.
    Make one with :func:`poco_ros.body.model_file.load_body_model`, which checks the arrays.

    :param name: e.g. 'open_body'.
    :param v_template: (V, 3) float32.
    :param shapedirs: (V, 3, 10) float32, metres per unit of each beta.
    :param posedirs: (V, 3, 207) float32, metres per entry of the 23 rotations less the identity, row-major; None
        where the model has no pose correctives.
    :param J_regressor: (24, V) float32, rows sum to 1.
    :param weights: (V, 24) float32, rows sum to 1.
    :param faces: (F, 3) int32, counter-clockwise seen from outside.
    :param sha256: of the file, lower-case hexadecimal.
    """

    name: str
    v_template: FloatArray
    shapedirs: FloatArray
    posedirs: FloatArray | None
    J_regressor: FloatArray
    weights: FloatArray
    faces: npt.NDArray[np.int32]
    sha256: str
    _joint_template: FloatArray = field(init=False, repr=False)
    _joint_shapedirs: FloatArray = field(init=False, repr=False)
    _template_planes: FloatArray = field(init=False, repr=False)
    _shapedirs_planes: FloatArray = field(init=False, repr=False)
    _posedirs_planes: FloatArray | None = field(init=False, repr=False)
    _weights_by_joint: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        # The regressor is linear, so the joints need no vertices: 72 numbers and their derivatives by the betas.
        regressor = self.J_regressor.astype(np.float64)
        shapedirs_by_vertex = self.shapedirs.reshape(self.num_vertices, -1)
        derived = {
            '_joint_template': regressor @ self.v_template,
            '_joint_shapedirs': (regressor @ shapedirs_by_vertex).reshape(NUM_JOINTS * 3, NUM_BETAS).T,
            '_template_planes': self.v_template.T.reshape(-1),
            '_shapedirs_planes': self.shapedirs.transpose(2, 1, 0).reshape(NUM_BETAS, -1),
            '_posedirs_planes': None,
            '_weights_by_joint': self.weights.T,
        }
        if self.posedirs is not None:
            derived['_posedirs_planes'] = self.posedirs.transpose(2, 1, 0).reshape(self.posedirs.shape[2], -1)
        for attribute, values in derived.items():
            contiguous = None if values is None else np.ascontiguousarray(values, np.float32)
            object.__setattr__(self, attribute, contiguous)

    @property
    def num_vertices(self) -> int:
        """V."""
        return len(self.v_template)

    def rest_joints(self, betas: npt.ArrayLike | None = None) -> FloatArray:
        """Return the joints at zero pose.

        :param betas: (N, 10) of this very model; None for the mean body.
        :returns: (N, 24, 3) float32, model frame; N is 1 without betas.
        """
        shift = self._shape(betas) @ self._joint_shapedirs
        return self._joint_template + shift.reshape(-1, NUM_JOINTS, 3)

    def joints(
        self, pose: npt.ArrayLike, betas: npt.ArrayLike | None = None, transl: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Return the posed joints.

        :param pose: (N, 24, 3) axis-angle or (N, 24, 3, 3) rotations, relative to the parents.
        :param betas: (N or 1, 10); None for the mean body.
        :param transl: (N or 1, 3), metres; None for zero.
        :returns: (N, 24, 3) float32.
        """
        rotmats = _rotmats(pose)
        rest = _for_each(self.rest_joints(betas), len(rotmats), 'betas')
        return _translated(forward_kinematics(rotmats, rest)[0], transl)

    def vertices(
        self, pose: npt.ArrayLike, betas: npt.ArrayLike | None = None, transl: npt.ArrayLike | None = None
    ) -> FloatArray:
        """Return the posed mesh. A rotation that is not known (NaN) leaves the body's whole mesh unknown.

        :param pose: (N, 24, 3) axis-angle or (N, 24, 3, 3) rotations, relative to the parents.
        :param betas: (N or 1, 10); None for the mean body.
        :param transl: (N or 1, 3), metres; None for zero.
        :returns: (N, V, 3) float32.
        """
        rotmats = _rotmats(pose)
        rest_joints = _for_each(self.rest_joints(betas), len(rotmats), 'betas')
        joints, global_rotmats = forward_kinematics(rotmats, rest_joints)
        planes = self._template_planes + self._shape(betas) @ self._shapedirs_planes
        if self._posedirs_planes is not None:
            feature = (rotmats[:, 1:] - np.eye(3, dtype=np.float32)).reshape(len(rotmats), -1)
            planes = planes + feature @ self._posedirs_planes
        vertices = linear_blend_skinning(
            planes.reshape(-1, 3, self.num_vertices), self._weights_by_joint, rest_joints, joints, global_rotmats
        )
        return _translated(vertices, transl)

    def _shape(self, betas: npt.ArrayLike | None) -> FloatArray:
        if betas is None:
            return np.zeros((1, NUM_BETAS), np.float32)
        array = np.asarray(betas, np.float32)
        if array.ndim != 2 or array.shape[1] != NUM_BETAS:
            raise ValueError(f'betas must be (N, {NUM_BETAS}), not {array.shape}')
        return array


def _rotmats(pose: npt.ArrayLike) -> Floats:
    array = np.asarray(pose, np.float32)
    if array.ndim == 3 and array.shape[1:] == (NUM_JOINTS, 3):
        return axis_angle_to_matrix(array)
    if array.ndim == 4 and array.shape[1:] == (NUM_JOINTS, 3, 3):
        return array
    raise ValueError(f'pose must be (N, {NUM_JOINTS}, 3) axis-angle or (N, {NUM_JOINTS}, 3, 3), not {array.shape}')


def _for_each(array: FloatArray, n: int, what: str) -> FloatArray:
    if len(array) not in (1, n):
        raise ValueError(f'{what} are for {len(array)} bodies, the pose is for {n}')
    return array


def _translated(points: Floats, transl: npt.ArrayLike | None) -> FloatArray:
    """Add (N or 1, 3) to (N, P, 3) in place."""
    if transl is not None:
        array = np.asarray(transl, np.float32)
        if array.ndim != 2 or array.shape[1] != 3:
            raise ValueError(f'transl must be (N, 3), not {array.shape}')
        points += _for_each(array, len(points), 'transl')[:, None]
    return points
