"""When a recomputed array counts as the golden one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from poco_ros.evaluation.parity.comparison import (
    EXACT,
    GENERAL,
    GREY_LEVELS,
    ROTATION_VECTOR,
    ArrayResult,
    Limit,
    Measure,
    compare,
)


def result(golden: object, computed: object, limit: Limit = GENERAL) -> ArrayResult:
    return compare('x', np.asarray(golden), np.asarray(computed), limit)


def test_errors_are_relative_to_the_largest_magnitude() -> None:
    golden = np.array([[-50.0, 1e-6], [3.0, 20.0]], np.float32)
    close = result(golden, golden + np.array([[0, 4e-3], [0, 0]]))
    assert close.passed and close.error == pytest.approx(8e-5) and close.used == pytest.approx(0.8)
    far = result(golden, golden - np.array([[0, 0], [6e-3, 0]]))
    assert not far.passed and far.error == pytest.approx(1.2e-4) and far.used == pytest.approx(1.2)
    assert 'off by 0.00012 of max-abs, allowed 0.0001' in far.problem


def test_zeros_must_be_zeros() -> None:
    assert result(np.zeros(3), np.zeros(3)).passed
    missed = result(np.zeros(3), np.array([0, 0, 1e-30]))
    assert not missed.passed and missed.used == math.inf


def test_a_scalar_and_nothing() -> None:
    assert result(np.float32(2.0), 2.0).passed and not result(np.float32(2.0), 2.001).passed
    assert result(np.zeros((0, 24)), np.zeros((0, 24))).passed


@pytest.mark.parametrize('limit', [GENERAL, EXACT, GREY_LEVELS, ROTATION_VECTOR])
@pytest.mark.parametrize('value', [np.nan, np.inf])
def test_what_is_not_finite_never_agrees(limit: Limit, value: float) -> None:
    known, unknown = np.ones((2, 3)), np.ones((2, 3))
    unknown[1, 1] = value
    for golden, computed, whose in ((unknown, known, 'golden'), (known, unknown, 'computed'),
                                    (unknown, unknown, 'golden')):
        missed = result(golden, computed, limit)
        assert not missed.passed and f'1 entries of the {whose}' in missed.problem and math.isnan(missed.error)
        assert missed.used == math.inf


@pytest.mark.parametrize('limit', [GENERAL, EXACT, GREY_LEVELS])
def test_shapes_do_not_broadcast(limit: Limit) -> None:
    missed = result(np.ones((1, 3)), np.ones(3), limit)
    assert not missed.passed and '(1, 3), computed (3,)' in missed.problem


def test_exact_counts_entries() -> None:
    assert result([1, 2, 3], [1, 2, 3], EXACT).passed
    missed = result([1, 2, 3], [1, 0, 0], EXACT)
    assert not missed.passed and missed.error == 2 and missed.used == math.inf
    assert not result(np.float32([0.1]), np.nextafter(np.float32([0.1]), np.float32(1)), EXACT).passed


def test_levels_do_not_wrap_around() -> None:
    golden, computed = np.array([3, 250], np.uint8), np.array([9, 250], np.uint8)
    assert result(golden, computed, GREY_LEVELS).error == 6 == result(computed, golden, GREY_LEVELS).error
    assert result(golden, computed, GREY_LEVELS).passed
    assert not result(golden, np.array([10, 250], np.uint8), GREY_LEVELS).passed


def test_rotation_vectors_are_compared_as_rotations() -> None:
    axis = np.array([0.6, 0.0, -0.8])
    golden = np.stack([(np.pi - 1e-6) * axis, 0.3 * axis, 0 * axis])
    other_way = golden.copy()
    other_way[0] = -(np.pi + 1e-6) * axis
    assert not result(golden, other_way, GENERAL).passed
    agreed = result(golden, other_way, ROTATION_VECTOR)
    assert agreed.passed and agreed.error < 1e-12
    assert not result(golden, -golden, ROTATION_VECTOR).passed


def test_a_limit_reads_as_such() -> None:
    assert str(GENERAL) == '0.0001 of max-abs' and str(EXACT) == 'exact'
    assert str(Limit(Measure.LEVELS, 6)) == '6 levels'
