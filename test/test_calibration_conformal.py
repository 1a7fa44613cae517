"""Conformal bounds: against crepes and MAPIE where frames are independent, by simulation where they are not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from poco_ros.calibration.conformal import conformal_bound, finest_level, sequences_needed
from poco_ros.errors import CalibrationError


def test_with_one_frame_a_sequence_it_is_the_order_statistic_of_split_conformal_prediction():
    rng = np.random.default_rng(0)
    for n, level in ((9, 0.9), (19, 0.95), (37, 0.9), (100, 0.5), (1000, 0.95), (10, 0.9)):
        score = rng.exponential(size=n)
        wanted = np.sort(score)[math.ceil(round((n + 1) * level, 9)) - 1]
        assert conformal_bound(score, np.arange(n), level) == wanted


@pytest.mark.parametrize('level', [0.5, 0.9, 0.95])
def test_normalised_radii_are_those_of_crepes(level):
    crepes = pytest.importorskip('crepes')
    rng = np.random.default_rng(1)
    expected = rng.uniform(5, 80, 403)
    error = expected * rng.lognormal(0, 0.5, 403)
    model = crepes.ConformalRegressor().fit(error, sigmas=expected)
    new = rng.uniform(5, 80, 20)
    interval = model.predict_int(np.zeros(20), sigmas=new, confidence=level)
    ours = new * conformal_bound(error / expected, np.arange(403), level)
    np.testing.assert_allclose(ours, interval[:, 1], rtol=1e-6)


def test_radii_by_group_are_the_mondrian_ones_of_crepes():
    crepes = pytest.importorskip('crepes')
    rng = np.random.default_rng(2)
    group = np.arange(900) % 3
    expected = rng.uniform(5, 80, 900)
    error = expected * rng.lognormal(0, 0.3 + 0.3 * group)
    model = crepes.ConformalRegressor().fit(error, sigmas=expected, bins=group)
    interval = model.predict_int(np.zeros(3), sigmas=np.ones(3), bins=np.arange(3), confidence=0.9)
    ours = [conformal_bound((error / expected)[group == g], np.flatnonzero(group == g), 0.9) for g in range(3)]
    np.testing.assert_allclose(ours, interval[:, 1], rtol=1e-6)


@pytest.mark.parametrize('level', [0.5, 0.9])
def test_plain_radii_are_those_of_mapie(level):
    regression = pytest.importorskip('mapie.regression')
    dummy = pytest.importorskip('sklearn.dummy')
    rng = np.random.default_rng(3)
    x, error = np.zeros((301, 1)), rng.exponential(size=301)
    zero = dummy.DummyRegressor(strategy='constant', constant=0.0).fit(x, error)
    model = regression.SplitConformalRegressor(zero, confidence_level=level, prefit=True).conformalize(x, error)
    _, interval = model.predict_interval(x[:1])
    assert conformal_bound(error, np.arange(301), level) == pytest.approx(float(interval[0, 1, 0]), rel=1e-9)


def alike(rng, sequences, frames=40):
    """Errors with a bias that stays through each sequence, (sequences, frames)."""
    return np.exp(0.5 * rng.normal(size=(sequences, 1)) + 0.4 * rng.normal(size=(sequences, frames)))


def test_sequences_hold_what_is_promised_where_bounds_by_frames_fall_short():
    rng = np.random.default_rng(4)
    n, frames = 12, 40
    names = np.arange(n).repeat(frames)
    ours, naive = [], []
    for _ in range(400):
        known, new = alike(rng, n, frames), alike(rng, 24, frames)
        bound = conformal_bound(known.ravel(), names, 0.9)
        by_frames = np.sort(known.ravel())[math.ceil((known.size + 1) * 0.9) - 1]
        ours.append(((new <= bound).mean(axis=1) >= 0.9).mean())
        naive.append(((new <= by_frames).mean(axis=1) >= 0.9).mean())
    spread = np.std(ours) / math.sqrt(len(ours))
    assert np.mean(ours) >= 0.9 - 3 * spread
    assert np.mean(naive) < 0.8


@pytest.mark.parametrize('level', [0.5, 0.9])
def test_frames_of_new_sequences_hold_what_is_promised_on_average(level):
    rng = np.random.default_rng(5)
    lengths = np.array([1, 3, 30, 8, 2, 15, 40, 5, 9, 11])
    names = np.arange(10).repeat(lengths)
    held = []
    for _ in range(1500):
        score = np.concatenate([alike(rng, 1, k)[0] for k in lengths])
        held.append((alike(rng, 1, 30) <= conformal_bound(score, names, level)).mean())
    assert np.mean(held) >= level - 3 * np.std(held) / math.sqrt(len(held))


def test_with_certainty_all_but_few_draws_hold_the_level():
    rng = np.random.default_rng(6)
    truth = stats.expon.cdf  # coverage of a bound, exactly
    for n in (29, 60, 400):
        short = np.mean([truth(conformal_bound(rng.exponential(size=n), np.arange(n), 0.9, 0.95)) < 0.9
                         for _ in range(2000)])
        plain = np.mean([truth(conformal_bound(rng.exponential(size=n), np.arange(n), 0.9)) < 0.9 for _ in range(500)])
        assert short <= 0.05 + 3 * math.sqrt(0.05 * 0.95 / 2000)
        assert plain > 0.2  # about half of the draws, where only the mean over them is promised


def test_finer_levels_than_the_sequences_support_are_refused_with_the_number_needed():
    assert [sequences_needed(level) for level in (0.5, 0.9, 0.95, 0.99)] == [1, 9, 19, 99]
    assert [sequences_needed(level, 0.95) for level in (0.5, 0.9, 0.95)] == [5, 29, 59]
    assert finest_level(12) == pytest.approx(12 / 13)
    with pytest.raises(CalibrationError, match=r'12 sequences support radii up to the level 0\.923; 0\.95 needs at '
                                               r'least 19'):
        conformal_bound(np.ones(120), np.arange(12).repeat(10), 0.95)
    with pytest.raises(CalibrationError, match='needs at least 29'):
        conformal_bound(np.ones(28), np.arange(28), 0.9, 0.95)


def test_levels_do_not_cross_and_a_short_sequence_must_lie_within_as_a_whole():
    rng = np.random.default_rng(7)
    score, names = rng.exponential(size=800), np.arange(100).repeat(8)
    bounds = [conformal_bound(score, names, level) for level in (0.5, 0.8, 0.9, 0.95)]
    assert bounds == sorted(bounds)
    # nine tenths of eight frames are all eight
    assert bounds[2] == np.sort(score.reshape(100, 8).max(axis=1))[math.ceil(0.9 * 101) - 1]
