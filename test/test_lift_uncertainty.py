from __future__ import annotations

import numpy as np
from lift_scenes import SWAP

from poco_ros.body.smpl import JOINT_INDEX, MIRROR
from poco_ros.regressors.lift.rig import LANDMARK_INDEX
from poco_ros.regressors.lift.uncertainty import agreement, joint_uncertainty

ONE = np.ones(1)


def test_all_seen_is_0_and_nothing_seen_is_1() -> None:
    np.testing.assert_allclose(joint_uncertainty(np.ones((2, 33)), np.ones(2)), 0, atol=1e-12)
    np.testing.assert_array_equal(joint_uncertainty(np.zeros((2, 33)), np.ones(2)), np.ones((2, 24)))


def test_seeing_more_never_raises_it() -> None:
    rng = np.random.default_rng(0)
    before = rng.random((200, 33))
    after = before + (1 - before) * rng.random((200, 33)) * (rng.random((200, 33)) < 0.2)
    score = rng.random(200)
    assert (joint_uncertainty(after, score) <= joint_uncertainty(before, score) + 1e-12).all()
    assert (joint_uncertainty(before, np.minimum(1, score + 0.1)) <= joint_uncertainty(before, score) + 1e-12).all()


def test_every_joint_depends_on_what_defines_it() -> None:
    seen = np.ones((33, 33)) - np.eye(33)  # row i: all but landmark i
    loss = joint_uncertainty(seen, np.ones(33)) > 1e-9
    assert loss.any(axis=0).all()  # no joint that nothing can make uncertain
    for landmark, joints in {
        'left_elbow': {'left_shoulder', 'left_elbow'}, 'right_knee': {'right_hip', 'right_knee'},
        'left_toe': {'left_ankle', 'left_foot'}, 'nose': {'neck', 'head'}, 'right_thumb': {'right_hand'},
    }.items():
        assert {name for name, j in JOINT_INDEX.items() if loss[LANDMARK_INDEX[landmark], j]} == joints, landmark


def test_hidden_foot_leaves_the_hands_certain() -> None:
    visibility = np.ones((1, 33))
    visibility[0, [LANDMARK_INDEX[name] for name in ('left_ankle', 'left_heel', 'left_toe')]] = 0
    u = joint_uncertainty(visibility, ONE)[0]
    assert u[JOINT_INDEX['left_ankle']] == u[JOINT_INDEX['left_foot']] == u[JOINT_INDEX['left_knee']] == 1
    assert u[JOINT_INDEX['right_foot']] < 1e-9 and u[JOINT_INDEX['left_hand']] < 1e-9


def test_left_and_right_are_treated_alike() -> None:
    visibility = np.random.default_rng(1).random((20, 33))
    np.testing.assert_allclose(joint_uncertainty(visibility[:, SWAP], np.ones(20)),
                               joint_uncertainty(visibility, np.ones(20))[:, MIRROR], atol=1e-12)


def test_region_that_may_show_nobody_makes_all_uncertain() -> None:
    np.testing.assert_allclose(joint_uncertainty(np.ones((1, 33)), np.array([0.25])), 0.75)


def test_landmarks_that_fit_no_body_are_not_believed() -> None:
    a = agreement(np.array([0, 0.01, 0.02, 0.03, 0.06, 0.3, np.inf]))
    assert (np.diff(a) < 0).all()
    np.testing.assert_allclose(a[[0, 3]], [1, 0.5])
    assert a[1] > 0.98 and a[4] < 0.06 and a[-1] < 1e-9
