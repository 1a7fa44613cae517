"""Linear blend skinning against its definition, vertex by vertex."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.skinning import linear_blend_skinning


@pytest.mark.parametrize('num_rests', [1, 3])
def test_equals_the_definition(num_rests):
    rng = np.random.default_rng(0)
    rest = rng.normal(size=(num_rests, 40, 3))
    weights = rng.random((40, 24))
    weights /= weights.sum(1, keepdims=True)
    rest_joints = rng.normal(size=(num_rests, 24, 3))
    rotmats = Rotation.random(3 * 24, random_state=0).as_matrix().reshape(3, 24, 3, 3)
    joints, global_rotmats = forward_kinematics(rotmats, rest_joints)
    got = linear_blend_skinning(rest.transpose(0, 2, 1), weights.T, rest_joints, joints, global_rotmats)
    for body in range(3):
        x, r = rest[body % num_rests], rest_joints[body % num_rests]
        expected = np.zeros((40, 3))
        for k in range(24):
            expected += weights[:, k, None] * ((x - r[k]) @ global_rotmats[body, k].T + joints[body, k])
        np.testing.assert_allclose(got[body], expected, atol=1e-13)


def test_nobody():
    zeros = np.zeros
    mesh, skeleton = (zeros((1, 3, 5)), zeros((24, 5)), zeros((1, 24, 3))), (zeros((0, 24, 3)), zeros((0, 24, 3, 3)))
    got = linear_blend_skinning(*mesh, *skeleton)
    assert got.shape == (0, 5, 3)
