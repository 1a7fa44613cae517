import numpy as np

from poco_ros.calibration.bins import equal_weight_bins


def test_bins_weigh_the_same_and_follow_the_score():
    rng = np.random.default_rng(0)
    score, weight = rng.normal(size=4000), rng.uniform(0.5, 1.5, 4000)
    bins = equal_weight_bins(score, weight, 8)
    assert np.allclose(np.bincount(bins, weight), weight.sum() / 8, rtol=0.01)
    order = np.argsort(score)
    assert (np.diff(bins[order]) >= 0).all()


def test_equal_scores_are_never_parted_and_numbers_have_no_gaps():
    score = np.repeat([3.0, 1.0, 2.0], [90, 5, 5])
    bins = equal_weight_bins(score, np.ones(100), 10)
    assert all(len(set(bins[score == value])) == 1 for value in (1.0, 2.0, 3.0))
    assert sorted(set(bins)) == list(range(bins.max() + 1))
