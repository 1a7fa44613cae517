"""Who has a body, and which of his joints were seen."""

from __future__ import annotations

import numpy as np

from poco_ros.regressors.lift.outcome import Outcome, unknown_bodies
from poco_ros.types import Boxes, State

JOINTS = np.zeros((1, 24, 3)) + np.array([0, 0, 3.0])


def judge(visibility: float = 1.0, unseen: float = 0.0, joints: np.ndarray = JOINTS) -> Outcome:
    return Outcome.judge(np.full((1, 33), visibility), np.full((1, 24), unseen), joints)


def test_a_person_needs_a_trunk_a_joint_and_a_place_before_the_camera() -> None:
    assert judge().usable.tolist() == [True]
    behind, broken = JOINTS * -1, JOINTS.copy()
    broken[0, 7, 1] = np.nan
    for lost in (judge(visibility=0.2), judge(unseen=0.95), judge(joints=behind), judge(joints=broken)):
        assert lost.usable.tolist() == [False]
        assert (lost.joint_state == State.LOST).all()


def test_joints_of_which_nothing_was_seen_are_unknown_not_lost() -> None:
    unseen = np.zeros((1, 24))
    unseen[0, [18, 20]] = 0.95
    outcome = Outcome.judge(np.ones((1, 33)), unseen, JOINTS)
    assert outcome.usable[0]
    assert np.flatnonzero(outcome.joint_state[0] == State.UNKNOWN).tolist() == [18, 20]
    bodies = outcome.write(
        unknown_bodies(Boxes(np.ones((1, 4), np.float32), np.ones(1, np.float32), np.array([7], np.int32))),
        pose=np.ones((1, 24, 3)), betas=np.ones((1, 10)), transl=np.ones((1, 3)), joints=JOINTS)
    assert np.flatnonzero(np.isnan(bodies.joint_age[0])).tolist() == [18, 20]
    assert bodies.track_id.tolist() == [7] and bodies.state.tolist() == [State.OBSERVED]
    assert bodies.pose.dtype == np.float32 and np.isfinite(bodies.pose).all()


def test_of_the_lost_nothing_is_written() -> None:
    outcome = judge(visibility=0.0)
    boxes = Boxes(np.ones((1, 4), np.float32), np.ones(1, np.float32), np.array([7], np.int32))
    bodies = outcome.write(
        unknown_bodies(boxes), pose=np.ones((1, 24, 3)), betas=np.ones((1, 10)), transl=np.ones((1, 3)), joints=JOINTS)
    assert bodies.state.tolist() == [State.LOST]
    for array in (bodies.pose, bodies.betas, bodies.transl, bodies.joints, bodies.joint_age):
        assert np.isnan(array).all()
    np.testing.assert_array_equal(bodies.box_px, boxes.xyxy)
