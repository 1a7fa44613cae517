"""The monotone maps against scikit-learn, and what they do at the edges."""

from __future__ import annotations

import numpy as np
import pytest
from calibration_sequences import COLUMN_CASES

from poco_ros.calibration.expected_error import ExpectedError, cells
from poco_ros.calibration.isotonic import Curve, fit_curve, isotonic_regression


@pytest.mark.parametrize('seed', range(5))
def test_pool_adjacent_violators_is_scikit_learns_isotonic_regression(seed):
    isotonic = pytest.importorskip('sklearn.isotonic').isotonic_regression
    rng = np.random.default_rng(seed)
    values, weights = rng.normal(size=200).cumsum() + rng.normal(0, 5, 200), rng.uniform(0.1, 3, 200)
    np.testing.assert_allclose(isotonic_regression(values, weights), isotonic(values, sample_weight=weights), rtol=1e-9)


def test_a_monotone_sequence_stays_and_a_falling_one_becomes_its_mean():
    rising = np.array([1.0, 2, 2, 5])
    np.testing.assert_array_equal(isotonic_regression(rising, np.ones(4)), rising)
    np.testing.assert_allclose(isotonic_regression(rising[::-1], np.array([1.0, 1, 1, 3])), (5 + 2 + 2 + 3) / 6)


def test_the_curve_finds_a_known_expectation_and_does_not_fall():
    rng = np.random.default_rng(1)
    score = rng.uniform(0, 2, 40000)
    value = (10 + 40 * score) * rng.exponential(size=40000)
    curve = fit_curve(score, value, np.ones(40000))
    assert (np.diff(curve.y) >= 0).all()
    at = np.linspace(0.2, 1.8, 9)
    np.testing.assert_allclose(curve(at), 10 + 40 * at, rtol=0.05)
    assert curve(score).mean() == pytest.approx(value.mean(), rel=0.01)


def test_the_curve_is_constant_beyond_its_ends_and_where_the_score_is():
    one = fit_curve(np.full(7, 0.3), np.arange(7.0), np.ones(7))
    assert one([0.0, 0.3, 9.0]).tolist() == [3.0] * 3
    assert np.isnan(one(np.nan))
    falling = fit_curve(np.arange(900.0), (np.arange(900.0) < 300).astype(float), np.ones(900), increasing=False)
    assert falling([-5.0, 1e9]).tolist() == [1.0, 0.0] and (np.diff(falling.y) <= 0).all()


def test_a_sequence_with_many_frames_weighs_as_its_weight_says():
    score, value = np.zeros(101), np.r_[np.full(100, 10.0), 30.0]
    assert fit_curve(score, value, np.r_[np.full(100, 0.01), 1.0]).y.tolist() == pytest.approx([20.0])


def test_all_curves_at_once_are_each_curve_by_itself():
    rng = np.random.default_rng(2)
    curves = [[Curve(np.sort(rng.uniform(0, 1, k)), np.sort(rng.uniform(0, 99, k))) for k in row]
              for row in COLUMN_CASES]
    expected = ExpectedError.of_curves(curves, 9)
    scores, groups = rng.uniform(-0.2, 1.4, (3000, 25)), rng.integers(0, 4, (3000, 25))
    scores[7, 3] = np.nan
    at = expected.at(scores, cells(groups))
    for person in (0, 7, 2999):
        wanted = [curves[c][groups[person, c]](scores[person, c]) for c in range(25)]
        np.testing.assert_allclose(at[person], wanted, rtol=1e-9)
