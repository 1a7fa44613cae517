"""Flipping and turning poses against the skeleton itself; test_parity_files.py has the golden arrays."""

import numpy as np

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.pose_transforms import flip_points, flip_pose, rotate_global_orient, rotate_points
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.body.smpl import MIRROR


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
