"""Forward kinematics against positions worked out by hand, and against its own definition joint by joint."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from poco_ros.body.kinematics import forward_kinematics, global_to_local
from poco_ros.body.smpl import JOINT_INDEX, PARENTS

QUARTER_ABOUT_Z = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])


def random_rotations(n, seed):
    return Rotation.random(n * 24, random_state=seed).as_matrix().reshape(n, 24, 3, 3)


def descendants(joint):
    inside = {joint}
    for child in range(24):
        if PARENTS[child] in inside:
            inside.add(child)
    return sorted(inside - {joint})


def test_bent_elbow_moves_wrist_and_hand_as_computed_by_hand():
    rest = np.zeros((1, 24, 3))
    elbow, wrist, hand = (JOINT_INDEX[f'left_{n}'] for n in ('elbow', 'wrist', 'hand'))
    rest[0, elbow], rest[0, wrist], rest[0, hand] = (0.4, 1, 0), (0.7, 1, 0), (0.8, 1, 0.1)
    rotmats = np.tile(np.eye(3), (1, 24, 1, 1))
    rotmats[0, elbow] = QUARTER_ABOUT_Z
    joints, global_rotmats = forward_kinematics(rotmats, rest)
    expected = [(0.4, 1, 0), (0.4, 1.3, 0), (0.4, 1.4, 0.1)]
    np.testing.assert_allclose(joints[0, [elbow, wrist, hand]], expected, atol=1e-15)
    np.testing.assert_allclose(global_rotmats[0, hand], QUARTER_ABOUT_Z)
    others = [j for j in range(24) if j not in (wrist, hand)]
    np.testing.assert_array_equal(joints[0, others], rest[0, others])


def test_bent_elbow_and_wrist_add_up():
    rest = np.zeros((1, 24, 3))
    elbow, wrist, hand = (JOINT_INDEX[f'right_{n}'] for n in ('elbow', 'wrist', 'hand'))
    rest[0, elbow], rest[0, wrist], rest[0, hand] = (0, 0, 0), (2, 0, 0), (3, 0, 0)
    rotmats = np.tile(np.eye(3), (1, 24, 1, 1))
    rotmats[0, elbow] = rotmats[0, wrist] = QUARTER_ABOUT_Z
    joints, _ = forward_kinematics(rotmats, rest)
    np.testing.assert_allclose(joints[0, [wrist, hand]], [(0, 2, 0), (-1, 2, 0)], atol=1e-15)


@pytest.mark.parametrize('joint', range(24))
def test_a_joint_moves_exactly_its_descendants(joint):
    rest = np.random.default_rng(0).normal(size=(1, 24, 3))
    rotmats = np.tile(np.eye(3), (1, 24, 1, 1))
    rotmats[0, joint] = QUARTER_ABOUT_Z
    joints, _ = forward_kinematics(rotmats, rest)
    moved = np.flatnonzero(np.linalg.norm(joints - rest, axis=2)[0] > 1e-9)
    assert moved.tolist() == descendants(joint)
    expected = rest[0, joint] + (rest[0, descendants(joint)] - rest[0, joint]) @ QUARTER_ABOUT_Z.T
    np.testing.assert_allclose(joints[0, descendants(joint)], expected, atol=1e-14)


def test_each_joint_follows_its_parent():
    rest = np.random.default_rng(1).normal(size=(7, 24, 3))
    rotmats = random_rotations(7, 1)
    joints, global_rotmats = forward_kinematics(rotmats, rest)
    for j in range(1, 24):
        p = PARENTS[j]
        np.testing.assert_allclose(global_rotmats[:, j], global_rotmats[:, p] @ rotmats[:, j], atol=1e-14)
        bone = (global_rotmats[:, p] @ (rest[:, j] - rest[:, p])[..., None])[..., 0]
        np.testing.assert_allclose(joints[:, j], joints[:, p] + bone, atol=1e-13)


def test_turning_the_root_turns_everything_about_the_pelvis():
    rest = np.random.default_rng(2).normal(size=(1, 24, 3))
    rotmats = random_rotations(3, 2)
    joints, _ = forward_kinematics(rotmats, rest)
    turn = Rotation.random(random_state=3).as_matrix()
    rotmats[:, 0] = turn @ rotmats[:, 0]
    turned, _ = forward_kinematics(rotmats, rest)
    pelvis = rest[:, :1]
    np.testing.assert_allclose(turned - pelvis, (joints - pelvis) @ turn.T, atol=1e-13)


def test_bones_keep_their_length():
    rest = np.random.default_rng(3).normal(size=(1, 24, 3)).astype(np.float32)
    joints, _ = forward_kinematics(random_rotations(20, 4).astype(np.float32), rest)
    assert joints.dtype == np.float32

    def lengths(x):
        return np.linalg.norm(x[:, 1:] - x[:, PARENTS[1:]], axis=-1)

    np.testing.assert_allclose(lengths(joints), np.broadcast_to(lengths(rest), (20, 23)), rtol=1e-5)


def test_global_to_local_undoes_forward_kinematics():
    rotmats = random_rotations(6, 5)
    _, global_rotmats = forward_kinematics(rotmats, np.zeros((1, 24, 3)))
    np.testing.assert_allclose(global_to_local(global_rotmats), rotmats, atol=1e-13)


def test_an_unknown_wrist_leaves_the_rest_known():
    rotmats = random_rotations(2, 6)
    wrist, hand = JOINT_INDEX['left_wrist'], JOINT_INDEX['left_hand']
    rotmats[1, wrist] = np.nan
    joints, _ = forward_kinematics(rotmats, np.ones((1, 24, 3)))
    assert np.argwhere(np.isnan(joints).any(-1)).tolist() == [[1, hand]]


def test_nobody():
    joints, global_rotmats = forward_kinematics(np.zeros((0, 24, 3, 3)), np.zeros((1, 24, 3)))
    assert joints.shape == (0, 24, 3) and global_rotmats.shape == (0, 24, 3, 3)
