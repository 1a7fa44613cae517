from __future__ import annotations

import numpy as np
import pytest
from lift_scenes import SWAP, random_poses, scene

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix, geodesic_angle, matrix_to_axis_angle
from poco_ros.body.smpl import JOINT_INDEX, MIRROR
from poco_ros.regressors.lift.inverse_kinematics import InverseKinematics
from poco_ros.regressors.lift.prior import RELAXED
from poco_ros.regressors.lift.rig import LANDMARK_JOINT, landmark_offsets

LIMB_BONES = [(16, 18), (17, 19), (18, 20), (19, 21), (1, 4), (2, 5), (4, 7), (5, 8)]
UP = np.diag([1.0, -1, -1])


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


@pytest.fixture(scope='module')
def solve(body: BodyModel) -> InverseKinematics:
    rest = body.rest_joints().astype(np.float64)
    return InverseKinematics((rest[:, LANDMARK_JOINT] + landmark_offsets(rest))[0])


def angles(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    return np.degrees(geodesic_angle(a, b))


def test_body_at_rest_gives_next_to_no_rotation(solve: InverseKinematics, body: BodyModel) -> None:
    still = scene(body, np.zeros((1, 24, 3)))
    turn = np.swapaxes(still.rotmats[:, 0], -1, -2)
    rotmats = solve(still.points @ np.swapaxes(turn, -1, -2), np.ones((1, 33)))
    error = angles(rotmats, np.eye(3))[0]
    assert error[[0, 3, 6, 9, 12, 15]].max() < 0.01
    assert error.max() < 6  # limbs at rest are a few degrees off straight: a faint bend that says little of its axis


def test_limb_bones_point_where_they_pointed(solve: InverseKinematics, body: BodyModel) -> None:
    truth = scene(body, random_poses(200, 5))
    joints = forward_kinematics(solve(truth.points, np.ones((200, 33))), body.rest_joints().astype(float))[0]
    for parent, child in LIMB_BONES:
        a, b = joints[:, child] - joints[:, parent], truth.joints[:, child] - truth.joints[:, parent]
        cosine = (a * b).sum(axis=1) / np.linalg.norm(a, axis=1) / np.linalg.norm(b, axis=1)
        error = np.degrees(np.arccos(np.clip(cosine, -1, 1)))
        # Landmarks sit a centimetre or two beside the joints, hence not exact.
        assert np.median(error) < 3 and error.max() < 15, (parent, child)


def test_hinges_give_the_twist_of_a_bent_limb(solve: InverseKinematics, body: BodyModel) -> None:
    """Upper arm and thigh turn about themselves: seen only in where forearm and shank go."""
    for twist in (-40, 0, 40):
        pose = np.zeros((1, 24, 3))
        pose[0, 16] = matrix_to_axis_angle(
            axis_angle_to_matrix(np.radians([0.0, 0, -60])) @ axis_angle_to_matrix(np.radians([twist, 0.0, 0])))
        pose[0, 18, 1] = np.radians(-80)
        pose[0, 1] = np.radians([-50.0, 0, 0])
        pose[0, 1] = matrix_to_axis_angle(
            axis_angle_to_matrix(pose[0, 1]) @ axis_angle_to_matrix(np.radians([0, twist / 2, 0])))
        pose[0, 4, 0] = np.radians(70)
        truth = scene(body, pose)
        error = angles(solve(truth.points, np.ones((1, 33))), truth.rotmats)
        assert error[0, [16, 18]].max() < 9, twist
        assert error[0, [1, 4]].max() < 9, twist


def test_straight_limbs_do_not_flip_their_twist(solve: InverseKinematics, body: BodyModel) -> None:
    """Elbows and knees a degree or two beyond straight, as noise makes them, must not turn the limb half round."""
    for beyond in np.linspace(-4, 4, 9):
        pose = np.zeros((1, 24, 3))
        pose[0, 16, 2], pose[0, 17, 2] = np.radians([-65, 65])
        pose[0, 18, 1], pose[0, 19, 1] = np.radians([beyond, -beyond])
        pose[0, [4, 5], 0] = np.radians(beyond)
        truth = scene(body, pose)
        error = angles(solve(truth.points, np.ones((1, 33))), truth.rotmats)
        assert error[0, [16, 17, 18, 19, 1, 2, 4, 5]].max() < 25, beyond


def test_palm_turns_the_forearm(solve: InverseKinematics, body: BodyModel) -> None:
    def turned(degrees: float) -> float:
        pose = np.zeros((1, 24, 3))
        pose[0, 16, 2] = np.radians(-65)
        pose[0, 18, 1] = np.radians(-60)
        local = axis_angle_to_matrix(pose[0, 18]) @ axis_angle_to_matrix(np.radians([degrees, 0.0, 0]))
        pose[0, 18] = matrix_to_axis_angle(local)
        return float(angles(solve(scene(body, pose).points, np.ones((1, 33)))[0, 18], local))

    for degrees in (-70, -30, 30, 70):
        assert turned(degrees) < 8, degrees


def test_head_turns_nods_and_tilts(solve: InverseKinematics, body: BodyModel) -> None:
    for axis in range(3):
        for degrees in (-35, 35):
            pose = np.zeros((1, 24, 3))
            pose[0, [12, 15], axis] = np.radians(degrees / 2)
            truth = scene(body, pose)
            found = forward_kinematics(solve(truth.points, np.ones((1, 33))), body.rest_joints().astype(float))[1]
            wanted = forward_kinematics(truth.rotmats, body.rest_joints().astype(float))[1]
            assert angles(found[0, 15], wanted[0, 15]) < 3


def test_bend_of_the_trunk_is_shared_by_the_spine(solve: InverseKinematics, body: BodyModel) -> None:
    pose = np.zeros((1, 24, 3))
    pose[0, [3, 6, 9], 1] = np.radians(12)  # a twist of 36 degrees: seen between hips and shoulders
    rotmats = solve(scene(body, pose).points, np.ones((1, 33)))[0]
    found = np.degrees(matrix_to_axis_angle(rotmats[[3, 6, 9]]))
    assert np.ptp(found[:, 1]) < 1e-6
    assert 20 < found[:, 1].sum() < 37


def test_mirrored_points_give_the_mirrored_pose(solve: InverseKinematics, body: BodyModel) -> None:
    points = scene(body, random_poses(20, 6)).points
    weights = np.random.default_rng(0).uniform(0.2, 1, (20, 33))
    pose = matrix_to_axis_angle(solve(points, weights))
    mirrored = axis_angle_to_matrix(pose[:, MIRROR] * (1, -1, -1))
    # The rest body itself is symmetric to a few tenths of a millimetre only.
    assert angles(solve(points[:, SWAP] * (-1, 1, 1), weights[:, SWAP]), mirrored).max() < 0.6


def test_position_and_scale_do_not_matter(solve: InverseKinematics, body: BodyModel) -> None:
    points = scene(body, random_poses(10, 7)).points
    ones = np.ones((10, 33))
    np.testing.assert_allclose(solve(2.5 * points + (1, 2, 3), ones), solve(points, ones), atol=1e-9)


def test_limbs_that_are_not_seen_hang(solve: InverseKinematics, body: BodyModel) -> None:
    truth = scene(body, np.zeros((1, 24, 3)))  # arms stretched out, but hidden
    weights = np.ones((1, 33))
    weights[:, [13, 14, 15, 16, 17, 18, 19, 20, 21, 22]] = 0
    rotmats = solve(truth.points, weights)
    assert angles(rotmats[0, 16], axis_angle_to_matrix(RELAXED[16])) < 15
    joints = forward_kinematics(rotmats, body.rest_joints().astype(float))[0][0] @ UP
    for side in ('left', 'right'):  # hanging, whichever way the camera is held
        drop = joints[JOINT_INDEX[f'{side}_wrist']] - joints[JOINT_INDEX[f'{side}_shoulder']]
        assert abs(drop[1]) > 0.8 * np.linalg.norm(drop)


@pytest.mark.parametrize('seed', range(3))
def test_nonsense_still_gives_rotations(solve: InverseKinematics, seed: int) -> None:
    rng = np.random.default_rng(seed)
    points = rng.normal(size=(60, 33, 3))
    points[:10] = 0
    points[10:20, 12:] = 0
    points[20:30] *= 1e-12
    points[30:40, :, 2] = 0
    weights = rng.integers(0, 2, (60, 33)).astype(float)
    weights[::2] = 1
    rotmats = solve(points, weights)
    eye = np.broadcast_to(np.eye(3), rotmats.shape)
    np.testing.assert_allclose(rotmats @ np.swapaxes(rotmats, -1, -2), eye, atol=1e-6)
