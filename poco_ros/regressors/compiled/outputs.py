"""What a network's outputs say: bodies in the camera's optical frame, and of whom they say nothing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import matrix_to_axis_angle
from poco_ros.camera import Camera
from poco_ros.engine.base import Array
from poco_ros.types import NUM_JOINTS, FloatArray
from poco_ros.weak_perspective import image_translation

#: The 6D form of two parallel vectors gives a matrix of determinant 0; of rotations it is 1, up to rounding.
_LEAST_DETERMINANT = 0.9


@dataclass(frozen=True)
class Placed:
    """N bodies as a network gave them, placed before the camera. Rows that are not ``known`` are NaN throughout.

    :param known: (N,) whether the outputs are a body in front of the camera.
    :param pose: (N, 24, 3) float32 axis-angle; joint 0 in the optical frame, the others relative to their parents.
    :param betas: (N, 10) float32.
    :param transl: (N, 3) float32, metres, optical frame.
    :param joints: (N, 24, 3) float32, metres, optical frame, ``transl`` included.
    :param joint_uncertainty: (N, 24) float32; NaN from a network without uncertainty.
    :param uncertainty: (N,) float32; as above.
    """

    known: npt.NDArray[np.bool_]
    pose: FloatArray
    betas: FloatArray
    transl: FloatArray
    joints: FloatArray
    joint_uncertainty: FloatArray
    uncertainty: FloatArray


def place(outputs: Mapping[str, Array], squares: npt.ArrayLike, camera: Camera) -> Placed:
    """Read a network's outputs.

    A person is not known where a number is not finite, a rotation is none, or the scale s of the network's camera is
    not positive: the body would then stand behind the camera or infinitely far away.

    :param outputs: of the exported graph, see :class:`~poco_ros.engine.model_record.ModelRecord`; N persons.
    :param squares: (N, 3) cx, cy, side: the crops' squares, in pixels of the ideal image (without distortion).
    :param camera: of the image, with its true focal length.
    """
    rotmat, betas, cam = outputs['rotmat'], outputs['betas'], outputs['cam']
    n = len(rotmat)
    sigma = outputs.get('sigma', np.full((n, NUM_JOINTS), np.nan, np.float32))
    uncertainty = outputs.get('uncertainty', np.full(n, np.nan, np.float32))
    with np.errstate(invalid='ignore', over='ignore'):
        transl = image_translation(cam, squares, camera)
        joints = outputs['joints'] + transl[:, None]
        known = (np.linalg.det(rotmat) > _LEAST_DETERMINANT).all(axis=1)  # NaN fails too
    stated = [rotmat, betas, transl, joints, *(outputs[name] for name in ('sigma', 'uncertainty') if name in outputs)]
    for array in stated:
        known &= np.isfinite(array).reshape(n, -1).all(axis=1)
    pose = matrix_to_axis_angle(np.where(known[:, None, None, None], rotmat, np.eye(3, dtype=np.float32)))

    def where_known(array: Array) -> FloatArray:
        return np.where(known.reshape(-1, *[1] * (array.ndim - 1)), array, np.nan).astype(np.float32)

    return Placed(known, *map(where_known, (pose, betas, transl, joints, sigma, uncertainty)))
