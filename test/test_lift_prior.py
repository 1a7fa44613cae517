from __future__ import annotations

import numpy as np

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.body.smpl import JOINT_INDEX, MIRROR
from poco_ros.regressors.lift.prior import (
    HINGE_BACKWARDS,
    HINGE_BONES,
    HINGE_JOINTS,
    HINGE_SIDEWAYS,
    MOVING_JOINTS,
    RELAXED,
    SPREAD,
)


def test_left_and_right_are_mirror_images() -> None:
    np.testing.assert_allclose(RELAXED[MIRROR] * (1, -1, -1), RELAXED)
    np.testing.assert_allclose(SPREAD[MIRROR], SPREAD)


def test_everything_but_toes_and_finger_blocks_moves() -> None:
    still = {JOINT_INDEX[name] for name in ('left_foot', 'right_foot', 'left_hand', 'right_hand')}
    assert set(range(24)) - set(MOVING_JOINTS.tolist()) == still


def test_relaxed_body_stands_with_its_arms_hanging() -> None:
    body = load_body_model()
    joints = forward_kinematics(axis_angle_to_matrix(RELAXED)[None], body.rest_joints().astype(float))[0][0]
    for side in ('left', 'right'):
        shoulder, wrist = joints[JOINT_INDEX[f'{side}_shoulder']], joints[JOINT_INDEX[f'{side}_wrist']]
        assert wrist[1] < shoulder[1] - 0.35
        assert wrist[2] > shoulder[2]  # in front, not behind
        assert joints[JOINT_INDEX[f'{side}_ankle'], 1] < joints[JOINT_INDEX[f'{side}_hip'], 1] - 0.7


def test_hinges_bend_away_from_where_they_never_go() -> None:
    """Elbows bring the forearm to the front, knees the shank to the back."""
    hinges = zip(HINGE_JOINTS, HINGE_BONES, HINGE_SIDEWAYS, HINGE_BACKWARDS, strict=True)
    for joint, bone, sideways, backwards in hinges:
        bent = axis_angle_to_matrix(RELAXED[joint]) @ bone
        assert bent @ backwards < 0
        assert abs(bent @ sideways) < 1e-9
        assert abs(np.dot(bone, sideways)) < 1e-12
