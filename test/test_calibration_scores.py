"""Scores of joints from the uncertainties above them, and groups of visibility."""

from __future__ import annotations

import numpy as np

from poco_ros.body.smpl import JOINT_INDEX, PARENTS
from poco_ros.calibration.scores import ANY, EXTREMITIES, POSITION, column_groups, column_scores


def posed(rng, n):
    return rng.normal(0, 0.5, (n, 24, 3)) + [0, 0, 4]


def by_definition(sigma, joints):
    out = np.zeros(24)
    for joint in range(24):
        above = PARENTS[joint]
        while above >= 0:
            out[joint] += (sigma[above] * np.linalg.norm(joints[joint] - joints[above])) ** 2
            above = PARENTS[above]
    return np.sqrt(out)


def test_scores_are_lever_arms_times_uncertainties_up_the_chain():
    rng = np.random.default_rng(0)
    sigma, joints = rng.uniform(0, 1, (6, 24)).astype(np.float32), posed(rng, 6).astype(np.float32)
    scores = column_scores(sigma, joints)
    for i in range(6):
        np.testing.assert_allclose(scores[i, :24], by_definition(sigma[i].astype(float), joints[i].astype(float)),
                                   rtol=1e-6, atol=1e-7)
    np.testing.assert_allclose(scores[:, POSITION], np.linalg.norm(joints[:, 0], axis=1), rtol=1e-6)
    assert (scores[:, 0] == 0).all()


def test_what_is_not_known_makes_what_hangs_on_it_unknown_and_nothing_else():
    rng = np.random.default_rng(1)
    sigma, joints = rng.uniform(0, 1, (3, 24)), posed(rng, 3)
    clean = column_scores(sigma, joints)
    sigma[0, JOINT_INDEX['left_elbow']] = np.nan
    sigma[1] = np.nan
    joints[2] = np.nan
    scores = column_scores(sigma, joints)
    lost = np.flatnonzero(np.isnan(scores[0]))
    assert lost.tolist() == [JOINT_INDEX[name] for name in ('left_elbow', 'left_wrist', 'left_hand')]
    kept = ~np.isnan(scores[0])
    np.testing.assert_allclose(scores[0, kept], clean[0, kept], rtol=1e-6, atol=1e-7)
    assert np.isnan(scores[1, :24]).all() and scores[1, POSITION] == clean[1, POSITION]
    assert np.isnan(scores[2]).all()


def test_groups_follow_what_was_seen_and_the_position_follows_the_pelvis():
    seen = np.full((2, 24), 0.9, np.float32)
    seen[0, [0, 1, 2, 3]] = [0.5, 0.1, np.nan, 2 / 3]
    groups = column_groups(seen)
    assert groups[0, :5].tolist() == [1, 2, ANY, 0, 0]
    assert groups[0, POSITION] == 1 and groups[1, POSITION] == 0


def test_hands_and_feet_are_by_themselves():
    assert sorted(EXTREMITIES) == [10, 11, 22, 23]
