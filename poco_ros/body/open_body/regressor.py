"""Joint regressors: joints as weighted means of a few vertices, fitted over many bodies."""

from __future__ import annotations

import numpy as np
from scipy.optimize import nnls

from poco_ros.body.open_body.source import Floats, Ints
from poco_ros.body.smpl import JOINT_INDEX, JOINT_NAMES, MIRROR

COCO17 = (
    'nose', 'leye', 'reye', 'lear', 'rear', 'left_shoulder', 'right_shoulder', 'left_elbow', 'right_elbow',
    'left_wrist', 'right_wrist', 'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle',
)  # fmt: skip
"""COCO's keypoints in its order: landmarks of the face, then joints."""

_SUM_TO_ONE = 300.0
_MET_ON_TEMPLATE = 50.0
_CANDIDATES, _CANDIDATES_ON_MIDDLE = 450, 900


def fit_row(
    bodies: Floats, template: Floats, targets: Floats, on_template: Floats, mirror: Ints, on_middle: bool
) -> Floats:
    """Fit non-negative vertex weights that sum to 1 to the place of one joint in many bodies.

    :param bodies: (S, V, 3) vertices.
    :param template: (V, 3) the mean body, on which the joint shall be met best.
    :param targets: (S, 3) the joint in each body.
    :param on_template: (3,) the joint in the mean body.
    :param mirror: (V,) partner of each vertex.
    :param on_middle: the joint is its own mirror image, and so shall its weights be.
    :returns: (V,) weights, almost all of them 0.
    """
    number = _CANDIDATES_ON_MIDDLE if on_middle else _CANDIDATES
    near = np.argsort(np.linalg.norm(template - on_template, axis=1))[:number]
    if on_middle:
        near = np.unique(np.concatenate([near, mirror[near]]))
    in_bodies = (bodies[:, near].astype(float) - on_template).transpose(0, 2, 1).reshape(-1, len(near))
    in_template = (template[near] - on_template).T
    equations = np.concatenate([in_bodies, np.full((1, len(near)), _SUM_TO_ONE), _MET_ON_TEMPLATE * in_template])
    values = np.concatenate([(targets - on_template).reshape(-1), [_SUM_TO_ONE], np.zeros(3)])
    solution, _ = nnls(equations, values, maxiter=5000)
    row = np.zeros(len(template))
    row[near] = solution / solution.sum()
    return (row + row[mirror]) / 2 if on_middle else row


def joint_regressor(bodies: Floats, template: Floats, joints: Floats, mean_joints: Floats, mirror: Ints) -> Floats:
    """Fit SMPL's ``J_regressor``; joints of the right side are the mirror image of the left side's.

    :param bodies: (S, V, 3) vertices.
    :param template: (V, 3) the mean body.
    :param joints: (S, 24, 3) joints of the bodies.
    :param mean_joints: (24, 3) joints of the mean body.
    :param mirror: (V,) partner of each vertex.
    :returns: (24, V).
    """
    regressor = np.zeros((len(JOINT_NAMES), len(template)))
    for j, name in enumerate(JOINT_NAMES):
        if name.startswith('right_'):
            continue
        on_middle = MIRROR[j] == j
        regressor[j] = fit_row(bodies, template, joints[:, j], mean_joints[j], mirror, bool(on_middle))
        if not on_middle:
            regressor[MIRROR[j], mirror] = regressor[j]
    return regressor


def coco_regressor(
    joint_rows: Floats, left_hip: Floats, left_shoulder: Floats, landmarks: dict[str, int], mirror: Ints
) -> Floats:
    """Put together the regressor of COCO's 17 keypoints.

    :param joint_rows: (24, V) SMPL's regressor, for elbows, wrists, knees and ankles.
    :param left_hip: (V,) row of the anatomical hip, which lies higher and further out than SMPL's.
    :param left_shoulder: (V,) row of the anatomical shoulder.
    :param landmarks: vertex by name, for the face.
    :param mirror: (V,) partner of each vertex.
    :returns: (17, V).
    """
    regressor = np.zeros((len(COCO17), joint_rows.shape[1]))
    fitted = {'left_hip': left_hip, 'left_shoulder': left_shoulder}
    for row, name in enumerate(COCO17):
        left = name.replace('right_', 'left_')
        if name in landmarks:
            regressor[row, landmarks[name]] = 1
        elif left in fitted:
            regressor[row] = fitted[left] if name == left else fitted[left][mirror]
        else:
            regressor[row] = joint_rows[JOINT_INDEX[name]]
    return regressor
