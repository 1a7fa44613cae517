"""Unposing: bones end at their directions, and posing back gives the sculpted mesh."""

from types import SimpleNamespace

import numpy as np
import pytest

from poco_ros.body.open_body.tpose import NUM_BONES, unposed, unposing_rotations, with_forearm_halves
from poco_ros.body.smpl import JOINT_INDEX, MIRROR, PARENTS

J = JOINT_INDEX


@pytest.fixture(scope='module')
def a_pose():
    """A symmetric skeleton with arms hanging 45 degrees down, knuckles of each hand, and its rotations."""
    joints = np.zeros((24, 3))
    left = {
        'hip': (0.1, -0.1, 0), 'knee': (0.15, -0.5, 0.02), 'ankle': (0.2, -0.9, -0.03), 'foot': (0.26, -0.97, 0.1),
        'collar': (0.08, 0.4, 0), 'shoulder': (0.18, 0.42, -0.02), 'elbow': (0.38, 0.2, -0.04),
        'wrist': (0.55, 0.0, 0.03), 'hand': (0.6, -0.08, 0.06),
    }  # fmt: skip
    for name, place in left.items():
        joints[J[f'left_{name}']] = place
        joints[J[f'right_{name}']] = np.array(place) * [-1, 1, 1]
    for name, height in (('spine1', 0.1), ('spine2', 0.2), ('spine3', 0.3), ('neck', 0.5), ('head', 0.6)):
        joints[J[name], 1] = height
    knuckles = {'finger-2-1': np.array([0.61, -0.09, 0.1]), 'finger-5-1': np.array([0.6, -0.07, 0.03])}

    def centre(_, group):
        side = -1 if group.startswith('joint-r') else 1
        return knuckles[group[8:]] * [side, 1, 1]

    return joints, knuckles, unposing_rotations(SimpleNamespace(centre=centre), joints, joints)


def angle_to(direction, degrees_up, degrees_back):
    """Degrees between a direction and that of a left arm bone raised and turned back by these angles."""
    wanted = np.array([1, np.tan(np.radians(degrees_up)), -np.tan(np.radians(degrees_back))])
    cosine = direction @ wanted / np.linalg.norm(direction) / np.linalg.norm(wanted)
    return np.degrees(np.arccos(np.clip(cosine, -1, 1)))


def test_bones_end_at_their_directions(a_pose):
    joints, _, rotations = a_pose
    rest = unposed(np.zeros((1, 3)), joints, np.eye(NUM_BONES)[:1], rotations)[1]

    def bone(child):
        return rest[J[child]] - rest[PARENTS[J[child]]]

    assert angle_to(bone('left_shoulder'), 18, 6) < 1e-5
    assert angle_to(bone('left_elbow'), -3, 6) < 1e-5
    assert angle_to(bone('left_hand'), -5, 6) < 1e-5
    x, y, z = bone('left_knee')
    assert x / -y == pytest.approx(np.tan(np.radians(5))) and z / y == pytest.approx(np.tan(np.radians(1)))
    foot = bone('left_foot')
    assert np.degrees(np.arctan2(foot[0], foot[2])) == pytest.approx(10)
    before = joints[J['left_foot']] - joints[J['left_ankle']]
    assert foot[1] == pytest.approx(before[1])  # the sole stays flat
    lengths = [np.linalg.norm(j[1:] - j[PARENTS[1:]], axis=1) for j in (joints, rest)]
    np.testing.assert_allclose(*lengths)


def test_forearm_lies_along_its_direction_up_to_its_own_twist(a_pose):
    joints, _, rotations = a_pose
    bone = joints[J['left_wrist']] - joints[J['left_elbow']]
    for turn in (rotations[J['left_elbow']], rotations[24]):
        assert angle_to(turn @ bone, 2, 0) < 1e-5


def test_palms_lie_down_with_the_knuckle_line_forward(a_pose):
    _, knuckles, rotations = a_pose
    across = rotations[J['left_wrist']] @ (knuckles['finger-2-1'] - knuckles['finger-5-1'])
    assert across[2] > 0 and abs(across[1]) < 0.1 * across[2]


def test_both_sides_are_mirror_images_and_the_trunk_stays(a_pose):
    rotations = a_pose[2]
    flip = np.diag([-1.0, 1, 1])
    np.testing.assert_allclose(flip @ rotations[:24][MIRROR] @ flip, rotations[:24], atol=1e-12)
    np.testing.assert_allclose(flip @ rotations[25] @ flip, rotations[24], atol=1e-12)
    for name in ('pelvis', 'spine1', 'spine2', 'spine3', 'neck', 'head'):
        np.testing.assert_array_equal(rotations[J[name]], np.eye(3))
    np.testing.assert_allclose(np.linalg.det(rotations), 1)


def test_posing_back_gives_the_sculpted_mesh(a_pose):
    joints, _, rotations = a_pose
    rng = np.random.default_rng(0)
    vertices = rng.normal(size=(40, 3))
    weights = rng.random((40, NUM_BONES)) ** 8
    weights /= weights.sum(1, keepdims=True)
    rest_vertices, rest = unposed(vertices, joints, weights, rotations)
    elbows = [J['left_elbow'], J['right_elbow']]
    pivots, rest_pivots = np.r_[joints, joints[elbows]], np.r_[rest, rest[elbows]]
    back = np.zeros_like(vertices)
    for k in range(NUM_BONES):
        back += weights[:, k, None] * ((rest_vertices - rest_pivots[k]) @ rotations[k] + pivots[k])
    np.testing.assert_allclose(back, vertices, atol=1e-9)


def test_forearm_is_split_as_the_bones_divide_it():
    weights = np.zeros((3, 24))
    weights[:, J['left_elbow']] = (1, 0.5, 0.5)
    weights[:, J['left_shoulder']] = (0, 0.5, 0.5)
    zeros = np.zeros(3)
    bones = {
        'lowerarm01.L': np.array([0.25, 0.5, 0]), 'lowerarm02.L': np.array([0.75, 0, 0]),
        'lowerarm01.R': zeros, 'lowerarm02.R': zeros,
    }  # fmt: skip
    split = with_forearm_halves(weights, bones)
    np.testing.assert_allclose(split.sum(1), weights.sum(1))
    np.testing.assert_allclose(split[:, 24], (0.75, 0, 0))
    np.testing.assert_allclose(split[:, J['left_elbow']], (0.25, 0.5, 0.5))
    np.testing.assert_array_equal(split[:, 25], zeros)
