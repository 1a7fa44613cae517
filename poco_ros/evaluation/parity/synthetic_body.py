"""The random body of the golden files: SMPL's shapes, no SMPL data, no meaning (SPEC section 15.2; CC0).

Its arrays follow from their names alone, so both sides of a comparison have the same body without exchanging one.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.model import BodyModel
from poco_ros.body.smpl import PARENTS
from poco_ros.networks.seeded_noise import uniform, unit_noise

_LABEL = 'body'
_VERTICES, _FACES, _JOINTS, _BETAS, _POSE_CORRECTIVES = 6890, 13776, 24, 10, 207
#: Rows of the regressors of further joints.
_EXTRA_JOINTS, _H36M_JOINTS = 9, 17
#: Numbers in a row of the sparse arrays that are not zero: vertices of a joint, joints of a vertex.
_VERTICES_OF_JOINT, _JOINTS_OF_VERTEX = 8, 4

Array = npt.NDArray[np.float64]


def arrays() -> dict[str, npt.NDArray[np.generic]]:
    """Return everything of the body, by the names of SMPL's files.

    :returns: float64 ``v_template`` (6890, 3), ``shapedirs`` (6890, 3, 10), ``posedirs`` (6890, 3, 207),
        ``J_regressor`` (24, 6890), ``weights`` (6890, 24), ``J_regressor_extra`` (9, 6890), ``J_regressor_h36m``
        (17, 6890); int64 ``parents`` (24,) and ``faces`` (13776, 3).
    """
    faces = np.floor(uniform(_LABEL, 'faces', _FACES * 3) * _VERTICES).astype(np.int64)
    return {
        'v_template': unit_noise(_LABEL, 'v_template', (_VERTICES, 3)) * np.array([0.30, 0.90, 0.15]),
        'shapedirs': 0.01 * unit_noise(_LABEL, 'shapedirs', (_VERTICES, 3, _BETAS)),
        'posedirs': 0.003 * unit_noise(_LABEL, 'posedirs', (_VERTICES, 3, _POSE_CORRECTIVES)),
        'J_regressor': _sparse('J_regressor', _JOINTS, _VERTICES, _VERTICES_OF_JOINT),
        'weights': _sparse('weights', _VERTICES, _JOINTS, _JOINTS_OF_VERTEX),
        'J_regressor_extra': _sparse('J_regressor_extra', _EXTRA_JOINTS, _VERTICES, _VERTICES_OF_JOINT),
        'J_regressor_h36m': _sparse('J_regressor_h36m', _H36M_JOINTS, _VERTICES, _VERTICES_OF_JOINT),
        'parents': PARENTS.astype(np.int64),
        'faces': faces.reshape(_FACES, 3),
    }


def body_model() -> tuple[BodyModel, npt.NDArray[np.float32]]:
    """Return the body, and the (9, 6890) regressor of its extra joints."""
    body = arrays()
    floats = {name: body[name].astype(np.float32) for name in (
        'v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights', 'J_regressor_extra')}
    extra = floats.pop('J_regressor_extra')
    return BodyModel(name='synthetic', faces=body['faces'].astype(np.int32), sha256='', **floats), extra


def _sparse(name: str, rows: int, columns: int, count: int) -> Array:
    """Rows of ``count`` weights at random columns, that sum to 1; weights that meet add up."""
    column = np.floor(uniform(_LABEL, f'{name}.idx', rows * count) * columns).astype(np.intp).reshape(rows, count)
    weight = 0.1 + uniform(_LABEL, f'{name}.w', rows * count).reshape(rows, count)
    matrix = np.zeros((rows, columns))
    np.add.at(matrix, (np.arange(rows)[:, None], column), weight / weight.sum(axis=1, keepdims=True))
    return matrix
