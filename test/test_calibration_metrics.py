"""Measures of a calibration against closed forms and scikit-learn."""

from __future__ import annotations

import numpy as np
import pytest

from poco_ros.calibration.domain import fit_domain
from poco_ros.calibration.metrics import auroc, coverage, reliability, sequence_coverage


def test_coverage_counts_sequences_alike_whatever_their_length():
    sequence = np.array([5, 5, 5, 5, 9])
    error = np.array([1.0, 1, 1, 9, 9])
    assert sequence_coverage(error <= 2, sequence).tolist() == [0.75, 0.0]
    found = coverage(error, np.full(5, 2.0), sequence, 0.75)
    assert (found.frames, found.sequences, found.worst_sequence, found.radius_mm) == (0.375, 0.5, 0.0, 2.0)
    unknown = coverage(np.r_[error, np.nan], np.r_[np.full(5, 2.0), 2.0], np.r_[sequence, 7], 0.75)
    assert unknown == found
    assert coverage(np.full(2, np.nan), np.ones(2), np.arange(2), 0.9) is None


def test_errors_that_are_all_wrong_by_a_tenth_have_a_normalised_error_of_a_tenth():
    promised = np.repeat([10.0, 20, 40, 80], 25)
    found = reliability(promised, 1.1 * promised, np.arange(100))
    assert found.normalised_error == pytest.approx(0.1)
    assert found.calibration_error == pytest.approx(0.1 * promised.mean())
    np.testing.assert_allclose(found.weight, 0.25)


def test_ece_of_a_probability_by_hand():
    sure = np.repeat([0.2, 0.9], [10, 30])
    right = np.r_[np.ones(5), np.zeros(5), np.ones(24), np.zeros(6)]
    assert reliability(sure, right, np.arange(40)).calibration_error == pytest.approx(0.25 * 0.3 + 0.75 * 0.1)


@pytest.mark.parametrize('ties', [False, True])
def test_auroc_is_scikit_learns(ties):
    score = pytest.importorskip('sklearn.metrics').roc_auc_score
    rng = np.random.default_rng(0)
    a, b = rng.normal(size=300), rng.normal(0.7, 1, 200)
    if ties:
        a, b = a.round(), b.round()
    assert auroc(a, b) == pytest.approx(score(np.r_[np.zeros(300), np.ones(200)], np.r_[a, b]))
    assert np.isnan(auroc(a, np.array([np.nan])))


def test_distance_is_mahalanobis_for_normal_features_and_a_stated_part_passes():
    rng = np.random.default_rng(1)
    mixing = rng.normal(size=(6, 6))
    sequence = np.arange(4000) // 4
    features = rng.normal(size=(4000, 6)) @ mixing + 3
    detector = fit_domain(features, sequence, sequence % 3 > 0)
    new = rng.normal(size=(2000, 6)) @ mixing + 3
    centred = new - features.mean(axis=0)
    exact = np.einsum('ni,ij,nj->n', centred, np.linalg.inv(np.cov(features.T)), centred) / 6
    assert np.corrcoef(np.argsort(np.argsort(detector.distance(new))), np.argsort(np.argsort(exact)))[0, 1] > 0.8
    assert detector.familiar(new).mean() >= 0.94
    assert detector.familiar(new + 15).mean() < 0.1


def test_what_calibration_never_did_is_unfamiliar_though_it_lies_in_no_component():
    rng = np.random.default_rng(2)
    features = np.zeros((900, 40))
    features[:, :3] = rng.normal(size=(900, 3))
    detector = fit_domain(features, np.arange(900), np.arange(900) % 3 > 0)
    strange = features[:5].copy()
    strange[:, 39] = 1.0
    assert detector.familiar(features).mean() > 0.9 and not detector.familiar(strange).any()
    strange[0, 0] = np.nan
    assert not detector.familiar(strange)[0]
