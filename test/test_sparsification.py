"""Sparsification curves against closed forms, hand-computed arrays, a plain loop and scikit-learn's areas."""

from __future__ import annotations

import math

import numpy as np
import pytest

from poco_ros.evaluation.sparsification import sparsify


def test_a_small_case_by_hand() -> None:
    """Errors 1 2 3 6: mean 3. Left out in the order of the uncertainty 4 3 2 1, which confuses the middle two."""
    result = sparsify([1, 3, 2, 4], [1, 2, 3, 6])
    assert result.mean_error == 3
    np.testing.assert_allclose(result.fraction, [0, 0.25, 0.5, 0.75])
    np.testing.assert_allclose(result.curve, np.array([3, 6 / 3, 4 / 2, 1]) / 3)
    np.testing.assert_allclose(result.oracle, np.array([3, 6 / 3, 3 / 2, 1]) / 3)
    # Only the third point differs, by 0.5 / 3: two trapezoids of width 1/4 and half that height.
    assert result.ause == pytest.approx(0.25 * 0.5 / 3)
    assert result.aurg == pytest.approx(0.25 * ((0 + 1 / 3) / 2 + (1 / 3 + 1 / 3) / 2 + (1 / 3 + 2 / 3) / 2))
    assert result.error_at(1.0) == pytest.approx(3) and result.error_at(0.5) == pytest.approx(2)
    assert result.error_at(0.75) == pytest.approx(2) and result.error_at(1e-9) == pytest.approx(1)


def test_perfect_order_in_any_unit_has_no_ause() -> None:
    errors = np.random.default_rng(0).lognormal(size=500)
    result = sparsify(np.log(errors) * 7 - 3, errors)
    assert result.ause == pytest.approx(0, abs=1e-12) and result.aurg > 0.3


def test_uniform_errors_perfectly_ranked_halve_in_the_limit() -> None:
    """Of errors uniform on [0, 1] the mean of what remains is (1 - f) / 2: the curve is 1 - f and AURG 1/2."""
    errors = (np.arange(20000) + 0.5) / 20000
    result = sparsify(errors, errors)
    assert result.aurg == pytest.approx(0.5, abs=1e-3)
    np.testing.assert_allclose(result.curve, 1 - result.fraction, atol=1e-3)
    assert result.error_at(0.8) == pytest.approx(0.4, abs=1e-4)
    assert sparsify(-errors, errors).ause == pytest.approx(1, abs=2e-3)  # upside down: 1 + f against 1 - f


def test_chance_gains_nothing() -> None:
    rng = np.random.default_rng(1)
    errors = rng.lognormal(size=4000)
    gains = [sparsify(rng.random(4000), errors).aurg for _ in range(40)]
    assert abs(np.mean(gains)) < 0.01 < np.std(gains) + 0.01
    constant = sparsify(np.ones(4000), errors)
    assert constant.aurg == pytest.approx(0, abs=1e-12) and constant.ause > 0.3


def test_ties_are_worth_what_random_orders_give_on_average() -> None:
    rng = np.random.default_rng(2)
    errors, coarse = rng.lognormal(size=60), rng.integers(0, 4, 60)
    broken = [sparsify(coarse + 1e-3 * rng.random(60), errors).ause for _ in range(3000)]
    assert sparsify(coarse, errors).ause == pytest.approx(np.mean(broken), abs=4 * np.std(broken) / math.sqrt(3000))


def test_areas_are_those_of_a_plain_loop_and_sklearn() -> None:
    auc = pytest.importorskip('sklearn.metrics').auc
    rng = np.random.default_rng(3)
    errors = rng.gamma(2, 30, 311)
    uncertainty = errors * rng.lognormal(0, 0.8, 311)

    def risk(order: np.ndarray) -> list[float]:
        return [float(np.mean(errors[order][:kept])) for kept in range(1, 312)]

    coverage = np.arange(1, 312) / 311
    ours = auc(coverage, risk(np.argsort(uncertainty))), auc(coverage, risk(np.argsort(errors)))
    result = sparsify(uncertainty, errors)
    assert result.ause == pytest.approx((ours[0] - ours[1]) / errors.mean(), rel=1e-9)
    assert result.aurg == pytest.approx((1 - 1 / 311) - ours[0] / errors.mean(), rel=1e-9)


def test_the_unknown_is_left_out() -> None:
    errors, uncertainty = np.array([3.0, np.nan, 1, 2, 5]), np.array([0.3, 0.9, 0.1, np.nan, 0.2])
    some, all_known = sparsify(uncertainty, errors), sparsify([0.3, 0.1, 0.2], [3.0, 1, 5])
    np.testing.assert_array_equal(some.curve, all_known.curve)
    nothing = sparsify([np.nan], [1.0])
    assert math.isnan(nothing.ause) and math.isnan(nothing.error_at(0.8)) and not nothing.at_fractions()['curve']
    assert math.isnan(sparsify([1, 2], [0.0, 0]).aurg)


def test_bad_input_is_refused() -> None:
    with pytest.raises(ValueError, match='negative'):
        sparsify([1, 2], [1, -1])
    with pytest.raises(ValueError, match='S'):
        sparsify([1, 2], [1])


def test_a_plot_gets_evenly_spaced_points_of_the_curve() -> None:
    lines = sparsify(np.arange(50), np.arange(1, 51)).at_fractions(11)
    assert len(lines['curve']) == 11 and lines['curve'][0] == 1 and lines['curve'][-1] == pytest.approx(1 / 25.5)
