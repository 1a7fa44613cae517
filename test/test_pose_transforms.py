"""Flipping and turning poses, against the golden arrays of the specification and against the skeleton itself."""

import numpy as np
import pytest

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.pose_transforms import flip_points, flip_pose, rotate_global_orient, rotate_points
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.body.smpl import MIRROR

# The mirror partners of the specification's own 24 evaluation joints (section 9); they are not SMPL's joints.
EVALUATION_MIRROR = np.array([5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13, 14, 15, 16, 17, 18, 19, 21, 20, 23, 22])


@pytest.fixture
def golden(shared_dir):
    return np.load(shared_dir / 'spec' / 'golden' / 'geometry.npz')


@pytest.mark.shared
def test_golden_flip(golden):
    flipped = flip_pose(golden['pose72'].reshape(-1, 24, 3)).reshape(-1, 72)
    np.testing.assert_array_equal(flipped, golden['pose72_flipped'])


@pytest.mark.shared
def test_golden_turn(golden):
    turned = rotate_global_orient(golden['pose72'][:, :3], golden['rot_deg'])
    np.testing.assert_allclose(turned, golden['root_aa_rotated'], atol=2e-4)


@pytest.mark.shared
def test_golden_turn_then_flip(golden):
    flipped = golden['flip_flag'].astype(bool)
    assert 0 < flipped.sum() < len(flipped)
    pose = golden['pose72'].reshape(-1, 24, 3).copy()
    pose[:, 0] = rotate_global_orient(pose[:, 0], golden['rot_deg'])
    pose[flipped] = flip_pose(pose[flipped])
    np.testing.assert_allclose(pose.reshape(-1, 72), golden['pose72_rot_flip'], atol=2e-4)
    points = rotate_points(golden['pose3d'][..., :3], golden['rot_deg'])
    points[flipped] = flip_points(points[flipped], EVALUATION_MIRROR)
    np.testing.assert_allclose(points, golden['pose3d_rot_flip'][..., :3], atol=1e-4)


def test_flipped_pose_poses_the_mirrored_skeleton():
    rng = np.random.default_rng(0)
    pose = rng.normal(size=(10, 24, 3))
    rest = rng.normal(size=(1, 24, 3))
    rest = (rest + flip_points(rest, MIRROR)) / 2
    joints, _ = forward_kinematics(axis_angle_to_matrix(pose), rest)
    flipped_joints, _ = forward_kinematics(axis_angle_to_matrix(flip_pose(pose)), rest)
    np.testing.assert_allclose(flipped_joints, flip_points(joints, MIRROR), atol=1e-12)


def test_turned_pose_poses_the_turned_skeleton():
    rng = np.random.default_rng(1)
    pose = rng.normal(size=(10, 24, 3))
    rest = rng.normal(size=(1, 24, 3))
    rest -= rest[:, :1]
    degrees = rng.uniform(-180, 180, 10)
    joints, _ = forward_kinematics(axis_angle_to_matrix(pose), rest)
    pose[:, 0] = rotate_global_orient(pose[:, 0], degrees)
    turned, _ = forward_kinematics(axis_angle_to_matrix(pose), rest)
    np.testing.assert_allclose(turned, rotate_points(joints, degrees), atol=1e-12)


def test_a_quarter_turn_takes_right_to_up():
    """At +90 degrees content to the right of the centre (x) goes to the top (-y), as SPEC section 9 maps pixels."""
    turned = rotate_points(np.array([[1.0, 0, 0], [0, 1, 0]]), 90)
    np.testing.assert_allclose(turned, [[0, -1, 0], [1, 0, 0]], atol=1e-15)


def test_twice_flipped_is_the_same():
    pose = np.random.default_rng(2).normal(size=(3, 24, 3)).astype(np.float32)
    assert flip_pose(pose).dtype == np.float32
    np.testing.assert_array_equal(flip_pose(flip_pose(pose)), pose)
