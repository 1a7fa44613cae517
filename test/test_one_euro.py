"""The one-euro filter against linear filters, and what it does to rotations."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import signal
from scipy.spatial.transform import Rotation

from poco_ros.errors import ConfigError
from poco_ros.evaluation.one_euro import OneEuroFilter


def smoothed(values: np.ndarray, *setting: float) -> np.ndarray:
    smooth = OneEuroFilter(*setting)
    return np.array([smooth(frame) for frame in values])


def weight(cutoff: float) -> float:
    return 2 * np.pi * cutoff / (2 * np.pi * cutoff + 1)


def test_without_beta_it_is_a_linear_filter() -> None:
    values = np.random.default_rng(0).normal(size=(40, 3, 2))
    a = weight(0.05)
    expected, _ = signal.lfilter([a], [1, a - 1], values, axis=0, zi=(1 - a) * values[:1])
    np.testing.assert_allclose(smoothed(values, 0.05, 0.0), expected, atol=1e-12)


def test_a_ramp_is_followed_at_the_cutoff_of_its_speed() -> None:
    """Behind a ramp of slope v the speed settles at that of the lag's end, v, plus the lag: fixed point of SPEC 11."""
    slope, min_cutoff, beta = 0.1, 0.01, 2.0
    values = slope * np.arange(400)
    filtered = smoothed(values, min_cutoff, beta)
    lag = (values - filtered)[-1]
    # the speed is measured from the last filtered value, which lies the lag and one step behind
    a = weight(min_cutoff + beta * (lag + slope))
    np.testing.assert_allclose(lag, (1 - a) * (lag + slope), rtol=1e-9)
    assert 0 < lag < slope


def test_what_stands_still_passes() -> None:
    np.testing.assert_array_equal(smoothed(np.full((5, 4), 0.3)), np.full((5, 4), 0.3))


def test_the_faster_the_less_it_holds_back() -> None:
    values = np.concatenate([np.zeros(10), np.ones(10)])
    slow, fast = smoothed(values, 0.004, 0.1)[10:], smoothed(values, 0.004, 1.5)[10:]
    assert (fast > slow).all() and (np.diff(fast) > 0).all()


def test_every_number_is_filtered_by_itself() -> None:
    values = np.random.default_rng(1).normal(size=(20, 6))
    one_by_one = np.stack([smoothed(column) for column in values.T], axis=1)
    np.testing.assert_array_equal(smoothed(values), one_by_one)


def test_smoothed_rotations_shrink() -> None:
    """Why the demo's mesh shrinks where joints move fast (SPEC B19)."""
    turning = Rotation.from_rotvec(np.linspace(0, 6, 30)[:, None] * np.array([0, 0, 1])).as_matrix()
    determinants = np.linalg.det(smoothed(turning, 0.004, 0.7))
    assert determinants[0] == pytest.approx(1) and determinants[-1] < 0.95


def test_the_type_stays_and_the_input_too() -> None:
    values = np.random.default_rng(2).normal(size=(3, 2)).astype(np.float32)
    before = values.copy()
    assert smoothed(values).dtype == np.float32
    np.testing.assert_array_equal(values, before)
    assert OneEuroFilter()([1, 2]).dtype == np.float64


@pytest.mark.parametrize('setting', [(0.0, 1.0, 1.0), (0.1, -1.0, 1.0), (0.1, 1.0, 0.0), (np.nan, 1.0, 1.0)])
def test_settings_out_of_range_are_refused(setting: tuple[float, ...]) -> None:
    with pytest.raises(ConfigError, match='min_cutoff > 0'):
        OneEuroFilter(*setting)


def test_a_frame_of_another_shape_is_refused() -> None:
    smooth = OneEuroFilter()
    smooth(np.zeros(3))
    with pytest.raises(ValueError, match='shape'):
        smooth(np.zeros(4))
