"""Confidence scores against scipy, closed forms and made-up people whose errors are known."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from poco_ros.evaluation import metrics
from poco_ros.evaluation.uncertainty import (
    Errors,
    body_scores,
    constant_per_joint,
    scores,
    spearman,
    within_joints,
)


def lognormal_errors(spread: float, samples: int = 4000, joints: int = 24) -> np.ndarray:
    """Joints whose mean errors lie up to ten times apart, each scattering about its own."""
    rng = np.random.default_rng(5)
    means = np.geomspace(1, 10, joints)
    return means * rng.lognormal(-spread**2 / 2, spread, (samples, joints))


@pytest.mark.parametrize(('spread', 'expected'), [(0.6, 0.68), (0.9, 0.48), (1.2, 0.31)])
def test_a_constant_for_each_joint_does_well_by_the_published_number(spread: float, expected: float) -> None:
    """Closed form: r^2 = Var(m) / (Var(m) + E(m^2) (exp(s^2) - 1)) for joint means m, with nothing seen at all."""
    errors = lognormal_errors(spread)
    constant = constant_per_joint(errors, np.arange(len(errors)))
    pooled = metrics.pcc(constant, errors)[0]
    m = np.geomspace(1, 10, 24)
    closed = math.sqrt(m.var() / (m.var() + (m**2).mean() * (math.exp(spread**2) - 1)))
    assert pooled == pytest.approx(closed, abs=0.02) and pooled == pytest.approx(expected, abs=0.04)
    within = within_joints(constant, errors)
    assert max(within['spearman']) < 0.05  # the published number says well done, each joint by itself says nothing


def test_the_constant_is_the_mean_over_the_other_groups() -> None:
    errors = np.array([[1.0, 10], [3, 20], [5, np.nan], [7, 60]])
    constant = constant_per_joint(errors, ['a', 'a', 'b', 'c'])
    np.testing.assert_allclose(constant, [[6, 60], [6, 60], [11 / 3, 30], [3, 15]])
    assert np.isnan(constant_per_joint(errors, [0, 0, 0, 0])).all()


def test_spearman_is_scipys_with_ties_and_gaps() -> None:
    rng = np.random.default_rng(0)
    a = rng.integers(0, 9, 200).astype(float)
    b = a + rng.normal(0, 3, 200).round()
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b).statistic, abs=1e-12)
    b[::7] = np.nan
    assert spearman(a, b) == pytest.approx(stats.spearmanr(a, b, nan_policy='omit').statistic, abs=1e-12)
    assert math.isnan(spearman([1, 1, 1], [1, 2, 3])) and math.isnan(spearman([1], [1]))


def test_within_joints_is_column_by_column() -> None:
    rng = np.random.default_rng(1)
    errors = rng.random((50, 3))
    sigma = np.column_stack([errors[:, 0] * 2, -errors[:, 1], rng.random(50)])
    found = within_joints(sigma, errors)
    assert found['pcc'][:2] == pytest.approx([1, -1]) and found['spearman'][:2] == pytest.approx([1, -1])
    assert found['pcc'][2] == pytest.approx(stats.pearsonr(sigma[:, 2], errors[:, 2]).statistic)


def made_up(samples: int = 600) -> Errors:
    joint = lognormal_errors(0.8, samples) * 10
    body = joint.mean(axis=1)
    return Errors(joint / 1000, joint, body * 1.2, body, body**0.9)


def test_an_uncertainty_that_knows_the_errors_is_perfect_everywhere() -> None:
    errors = made_up()
    found = scores(errors.rotation, errors.mpjpe_mm, errors)
    for name in ('pooled_pcc', 'within_joint_pcc', 'pooled_pcc_mm', 'within_joint_spearman'):
        assert found[name] == pytest.approx(1)
    for body in found['bodies'].values():
        assert body['spearman'] == pytest.approx(1) and body['ause'] == pytest.approx(0, abs=1e-12)
    lowest = np.sort(errors.pve_mm)[:480].mean()
    assert found['bodies']['pve_mm']['error_at_80'] == pytest.approx(lowest)
    assert found['bodies_known'] == 600


def test_lost_bodies_touch_nobody_else() -> None:
    errors = made_up()
    sigma, scalar = errors.rotation * 2, errors.mpjpe_mm**2
    lost = np.zeros(600, bool)
    lost[::5] = True
    sigma[lost], scalar[lost] = np.nan, np.nan
    some, rest = scores(sigma, scalar, errors), scores(sigma[~lost], scalar[~lost], errors.take(~lost))
    assert some == rest and some['bodies_known'] == 480


def test_body_scores_are_scipys() -> None:
    errors = made_up(200)
    scalar = errors.pve_mm * np.random.default_rng(3).lognormal(0, 1, 200)
    found = body_scores(scalar, errors)
    for name, error in errors.of_bodies.items():
        assert found[name]['pcc'] == pytest.approx(stats.pearsonr(scalar, error).statistic)
        assert found[name]['spearman'] == pytest.approx(stats.spearmanr(scalar, error).statistic)
