"""Errors of bodies with unseen joints: what grows, what stays, what is given up, and that kinds of estimates add."""

import numpy as np
import pytest

from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.evaluation.infill.skeleton import REST_JOINTS
from poco_ros.temporal.age_law import shipped_age_law
from poco_ros.temporal.last_errors import WIDTH, packed, split
from poco_ros.temporal.life import JointLife
from poco_ros.temporal.unseen import Grown, errors_of
from poco_ros.types import State

LAW = shipped_age_law().of_coverage(0.9)
ELBOW, WRIST, HAND, NECK = (JOINT_INDEX[n] for n in ('left_elbow', 'left_wrist', 'left_hand', 'neck'))
UNKNOWN = np.full((1, 24), np.nan)


def told(state, age, ahead=np.inf, last=np.nan):
    """Errors of one body, and where the source's stay."""
    life = JointLife(np.reshape(state, (1, 24)).astype(np.uint8), np.reshape(age, (1, 24)),
                     np.broadcast_to(np.float64(ahead), (1, 24)))
    return errors_of(REST_JOINTS[None], life, UNKNOWN, np.full((1, WIDTH), last), LAW, 100.0)


def one_unseen(joint, state=State.HELD, age=0.1):
    states, ages = np.full(24, State.OBSERVED), np.zeros(24)
    states[joint], ages[joint] = state, age
    return states, ages


def test_only_what_hangs_on_an_unseen_joint_gets_other_errors():
    fields, stays = told(*one_unseen(ELBOW))
    changed = np.flatnonzero(~stays['joint_error_mm'][0])
    assert changed.tolist() == [ELBOW, WRIST, HAND]
    assert stays['transl_error_mm'].all() and 'body_error_mm' not in stays and 'confidence' not in stays
    nothing, _ = told(np.full(24, State.OBSERVED), np.zeros(24))
    assert fields['joint_error_mm'][0, WRIST] > nothing['joint_error_mm'][0, WRIST]
    assert fields['joint_error_mm'][0, NECK] == nothing['joint_error_mm'][0, NECK]
    assert fields['body_radius_mm'] >= fields['joint_radius_mm'].max()


def test_everything_unseen_leaves_nothing_of_the_source():
    assert told(np.full(24, State.EXTRAPOLATED), np.full(24, 0.3))[1] == {}


def test_the_nearer_end_of_a_gap_counts():
    def error(ahead):
        return told(np.full(24, State.INFILLED), np.full(24, 0.4), ahead)[0]['joint_error_mm'][0, WRIST]
    assert error(0.03) < error(0.1) < error(0.4) < told(
        np.full(24, State.EXTRAPOLATED), np.full(24, 0.4))[0]['joint_error_mm'][0, WRIST]


def test_what_was_stated_last_is_what_grows():
    small, large = (told(np.full(24, State.HELD), np.full(24, 0.05), last=mm)[0] for mm in (10.0, 200.0))
    for name in split(np.zeros((1, WIDTH))):
        assert (small[name] < large[name]).all() and (large[name] >= 200).all()


@pytest.mark.parametrize('state', [State.LOST, State.UNKNOWN])
def test_lost_and_unknown_joints_give_up_what_they_carry_and_the_body(state):
    fields, _ = told(*one_unseen(ELBOW, state, np.nan))
    assert np.flatnonzero(np.isnan(fields['joint_error_mm'][0])).tolist() == [ELBOW, WRIST, HAND]
    assert np.isnan(fields['body_error_mm']).all() and np.isnan(fields['confidence']).all()
    gone, _ = told(np.full(24, State.LOST), np.full(24, np.nan))
    assert gone['confidence'] == 0
    assert np.isnan(gone['joint_radius_mm']).all() and np.isnan(gone['transl_error_mm']).all()


def test_kinds_of_estimates_together_are_as_each_by_itself():
    ages = np.zeros((2, 1, 24))
    ages[0, :, :12], ages[1, :, 12:] = 0.3, 0.1
    both = Grown.of([LAW.predicted, LAW.infilled], REST_JOINTS[None], ages, UNKNOWN)
    for k, kind in enumerate((LAW.predicted, LAW.infilled)):
        alone = Grown.of([kind], REST_JOINTS[None], ages[k:k + 1], UNKNOWN)
        np.testing.assert_allclose(both.errors[k], alone.errors[0])
        np.testing.assert_allclose(both.variance[k], alone.variance[0])


def test_numbers_are_packed_and_split_alike():
    values = packed(*(np.full((1, *shape), i) for i, shape in enumerate(((24,), (24,), (), (), ()))))
    assert values.shape == (1, WIDTH)
    assert [part.flat[0] for part in split(values).values()] == [0, 1, 2, 3, 4]
