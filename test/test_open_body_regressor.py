"""Regressors recover joints that truly are means of vertices."""

import numpy as np
import pytest
from meshes import sphere

from poco_ros.body.open_body.regressor import COCO17, coco_regressor, fit_row, joint_regressor
from poco_ros.body.smpl import JOINT_NAMES, MIRROR


@pytest.fixture(scope='module')
def people():
    """Balls of random affine shapes; joints are known means of a few vertices, mirror-symmetric."""
    template, _, mirror = sphere(3)
    rng = np.random.default_rng(0)
    bodies = template @ (np.eye(3) + 0.1 * rng.normal(size=(40, 3, 3))) + 0.02 * rng.normal(size=(40, len(template), 3))
    truth = np.zeros((24, len(template)))
    left = np.flatnonzero(template[:, 0] > 0.2)
    for j, name in enumerate(JOINT_NAMES):
        if name.startswith('left_'):
            truth[j, rng.choice(left, 4, replace=False)] = (0.4, 0.3, 0.2, 0.1)
            truth[MIRROR[j], mirror] = truth[j]
        elif MIRROR[j] == j:
            picked = rng.choice(left, 3, replace=False)
            truth[j, picked] = truth[j, mirror[picked]] = 1 / 6
    return bodies, template, truth, mirror


def test_joint_regressor_recovers_the_true_weights(people):
    bodies, template, truth, mirror = people
    joints = np.einsum('jv,svc->sjc', truth, bodies)
    fitted = joint_regressor(bodies, template, joints, truth @ template, mirror)
    np.testing.assert_allclose(fitted, truth, atol=1e-6)


def test_a_row_is_positive_and_sums_to_one_even_for_what_it_cannot_reach(people):
    bodies, template, _, mirror = people
    outside = np.tile([3.0, 0, 0], (40, 1))
    row = fit_row(bodies, template, outside, outside[0], mirror, on_middle=False)
    assert row.min() >= 0 and row.sum() == pytest.approx(1)


def test_coco_takes_face_landmarks_fitted_hips_and_smpls_other_joints():
    joint_rows = np.random.default_rng(1).random((24, 10))
    mirror = np.array([1, 0, 3, 2, 5, 4, 7, 6, 9, 8])
    hip, shoulder = np.eye(10)[2], np.eye(10)[4]
    landmarks = {'nose': 9, 'leye': 0, 'reye': 1, 'lear': 2, 'rear': 3, 'lthumb': 7}
    rows = dict(zip(COCO17, coco_regressor(joint_rows, hip, shoulder, landmarks, mirror), strict=True))
    for name in ('nose', 'leye', 'reye', 'lear', 'rear'):
        np.testing.assert_array_equal(rows[name], np.eye(10)[landmarks[name]])
    np.testing.assert_array_equal(rows['left_hip'], hip)
    np.testing.assert_array_equal(rows['right_hip'], np.eye(10)[3])
    np.testing.assert_array_equal(rows['right_shoulder'], np.eye(10)[5])
    np.testing.assert_array_equal(rows['right_ankle'], joint_rows[JOINT_NAMES.index('right_ankle')])


def test_coco_order_is_cocos():
    pairs = ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
    face = ('nose', 'leye', 'reye', 'lear', 'rear')
    assert (*face, *(f'{side}_{name}' for name in pairs for side in ('left', 'right'))) == COCO17
