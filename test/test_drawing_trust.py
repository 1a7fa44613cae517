"""What is shown as trust, and the words that must not claim more than is known."""

import dataclasses

import numpy as np
import pytest

from poco_ros.drawing.trust import (
    NO_TRUST_ERROR_MM,
    body_trust,
    is_calibrated,
    joint_trust,
    state_words,
    trust_words,
    vertex_trust,
)
from poco_ros.types import Bodies, Domain, State


def bodies_with(**fields):
    n = len(next(iter(fields.values())))
    return dataclasses.replace(Bodies.unknown(n), **{k: np.asarray(v) for k, v in fields.items()})


def test_confidence_comes_before_uncertainty_and_unknown_stays_nan():
    nan = np.nan
    bodies = bodies_with(
        confidence=np.float32([0.9, nan, nan, nan]), uncertainty=np.float32([0.7, 0.25, nan, 2.6]))
    np.testing.assert_allclose(body_trust(bodies), [0.9, 0.75, nan, 0.0], atol=1e-6)


def test_a_lost_body_is_not_trusted_whatever_its_last_numbers():
    bodies = bodies_with(confidence=np.float32([0.9, 0.9]), state=np.uint8([State.LOST, State.HELD]))
    np.testing.assert_allclose(body_trust(bodies), [0.0, 0.9], atol=1e-6)


def test_joint_trust_prefers_millimetres_then_the_models_own_then_the_bodys():
    bodies = Bodies.unknown(1)
    bodies.joint_state[0], bodies.joint_state[0, 3] = State.OBSERVED, State.HELD
    bodies.joint_error_mm[0, 3] = NO_TRUST_ERROR_MM / 3
    bodies.joint_uncertainty[0, 3] = 0.9
    bodies.joint_uncertainty[0, 4] = 0.2
    bodies.joint_uncertainty[0, 5] = 1.7
    bodies.joint_state[0, 6] = State.LOST
    trust = joint_trust(bodies)[0]
    np.testing.assert_allclose(trust[[3, 4, 5, 6]], [2 / 3, 0.8, 0.0, 0.0], atol=1e-6)
    assert np.isnan(np.delete(trust, [3, 4, 5, 6])).all()
    bodies.confidence[0] = 0.5
    assert np.nanmax(np.abs(np.delete(joint_trust(bodies)[0], [3, 4, 5, 6]) - 0.5)) < 1e-6


def test_a_calibration_that_says_nothing_of_a_joint_or_body_is_not_made_up_for():
    """As while a hand is lost: the body has no confidence, what hangs on the hand no error, the others have theirs."""
    bodies = Bodies.unknown(2)
    bodies.joint_state[:] = State.OBSERVED
    bodies.uncertainty[:], bodies.joint_uncertainty[:] = 0.3, 0.1
    bodies.joint_error_mm[0, :20] = NO_TRUST_ERROR_MM / 2
    assert is_calibrated(bodies).tolist() == [True, False]
    trust = joint_trust(bodies)
    np.testing.assert_allclose(trust[0, :20], 0.5, atol=1e-6)
    assert np.isnan(trust[0, 20:]).all() and np.isnan(body_trust(bodies)[0])
    np.testing.assert_allclose(trust[1], 0.9, atol=1e-6)
    assert [trust_words(bodies, i) for i in (0, 1)] == ['confidence unknown', 'uncertainty 0.30 (uncalibrated)']


def test_vertex_trust_is_the_skinned_mean_of_known_joints():
    weights = np.zeros((4, 24), np.float32)
    weights[0, 1] = 1
    weights[1, [1, 2]] = 0.5
    weights[2, [1, 3]] = [0.8, 0.2]
    weights[3, [1, 3]] = [0.2, 0.8]
    trust = np.full((1, 24), np.nan, np.float32)
    trust[0, [1, 2]] = [0.4, 1.0]
    np.testing.assert_allclose(vertex_trust(weights, trust), [[0.4, 0.7, 0.4, np.nan]], atol=1e-6)


@pytest.mark.parametrize(('confidence', 'uncertainty', 'words'), [
    (0.873, 0.5, 'confidence 0.87'),
    (np.nan, 0.134, 'uncertainty 0.13 (uncalibrated)'),
    (np.nan, np.nan, 'confidence unknown'),
])
def test_words_say_confidence_only_when_calibrated(confidence, uncertainty, words):
    bodies = bodies_with(confidence=np.float32([confidence]), uncertainty=np.float32([uncertainty]))
    assert trust_words(bodies, 0) == words


def test_state_words():
    bodies = bodies_with(
        state=np.uint8([State.OBSERVED, State.HELD, State.LOST]),
        in_domain=np.uint8([Domain.IN, Domain.UNKNOWN, Domain.OUT]))
    assert [state_words(bodies, i) for i in range(3)] == ['', 'held', 'lost, out of domain']


def test_state_words_tell_how_many_joints_are_in_the_worst_state():
    bodies = Bodies.unknown(1)
    bodies.joint_state[0] = State.OBSERVED
    bodies.joint_state[0, [4, 7, 10]] = State.LOST
    bodies.state[0] = State.LOST
    assert state_words(bodies, 0) == '3 joints lost'
    bodies.joint_state[0] = State.LOST
    assert state_words(bodies, 0) == 'lost'
