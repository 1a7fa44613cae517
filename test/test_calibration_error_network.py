"""The network that tells how far off a person's joints are: what it reads, what it computes, what it leaves unknown."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from calibration_sequences import arrays, error_network

from poco_ros.calibration.error_network import NUM_CLUES, ErrorNetwork, clues_of
from poco_ros.calibration.outcomes import Outcomes
from poco_ros.calibration.scores import COLUMNS, POSITION, column_scores
from poco_ros.errors import CalibrationError


@pytest.fixture
def network():
    return error_network(np.random.default_rng(0))


def clues(count=40, seed=1, **changed):
    given = {**arrays(np.random.default_rng(seed), count, 1), **changed}
    return clues_of(column_scores(given['sigma'], given['joints_m']), given['sigma'], given['seen'], given['joints_m'])


def test_it_computes_what_torch_does(network):
    given = clues()
    with torch.no_grad():
        usual = torch.tensor((given - network.mean) / network.scale).clamp(-4, 4)
        hidden = torch.nn.functional.silu(usual @ torch.tensor(network.hidden_weight)
                                          + torch.tensor(network.hidden_bias))
        wanted = torch.exp(hidden @ torch.tensor(network.weight) + torch.tensor(network.bias)).numpy()
    np.testing.assert_allclose(network.at(given), wanted, rtol=1e-12)
    assert np.ptp(np.log(wanted), axis=0).min() > 0.1  # it tells people apart


def test_it_reads_logarithms_of_uncertainty_what_was_seen_and_the_pose_and_not_where_the_person_stands():
    given = arrays(np.random.default_rng(2), 5, 1)
    here = clues(5, 2)
    assert here.shape == (5, NUM_CLUES)
    np.testing.assert_allclose(np.exp(here[:, COLUMNS:COLUMNS + 24]), given['sigma'])
    np.testing.assert_array_equal(here[:, COLUMNS + 24:COLUMNS + 48], given['seen'])
    np.testing.assert_allclose(here[:, -72:].reshape(5, 24, 3), given['joints_m'] - given['joints_m'][:, :1])
    there = clues(5, 2, joints_m=given['joints_m'] + [1, 0, 3])
    moved = np.abs(there - here).max(axis=0) > 1e-9
    assert np.flatnonzero(moved).tolist() == [POSITION]
    assert np.isfinite(clues(5, 2, sigma=np.zeros((5, 24)))).all()


def test_what_is_not_known_of_a_joint_is_not_told_and_counts_as_usual_for_the_others(network):
    given = clues(2)
    known = network.at(given)
    given[0, 7] = np.nan  # the score of a joint
    given[1, COLUMNS + 24:COLUMNS + 48] = np.nan  # what was seen
    out = network.at(given)
    assert np.flatnonzero(np.isnan(out[0])).tolist() == [7] and np.isfinite(out[1]).all()
    usual = given.copy()
    usual[0, 7], usual[1, COLUMNS + 24:COLUMNS + 48] = network.mean[7], network.mean[COLUMNS + 24:COLUMNS + 48]
    expected = network.at(usual)
    np.testing.assert_allclose(np.delete(out[0], 7), np.delete(expected[0], 7))
    np.testing.assert_allclose(out[1], expected[1])
    assert np.abs(np.log(out[1] / known[1])).max() > 1e-3
    assert np.isnan(network.at(np.full((1, NUM_CLUES), np.nan))).all()


def test_nothing_is_extrapolated(network):
    far = network.mean[None] + 5 * network.scale
    np.testing.assert_array_equal(network.at(far), network.at(far + 100 * network.scale))


def test_outcomes_take_its_scores_and_keep_what_is_known(network):
    given = arrays(np.random.default_rng(3), 6, 1)
    given['joints_m'][2] = np.nan
    found = Outcomes.of_arrays(**given)
    rated = found.rated(network)
    np.testing.assert_array_equal(np.isnan(rated.scores), np.isnan(found.scores))
    np.testing.assert_array_equal(rated.scores[[0, 5]], network.at(found.clues[[0, 5]]))
    assert found.rated(None) is found


def test_arrays_that_do_not_fit_are_refused(network):
    arrays_of = dict(vars(network))
    arrays_of.pop('_per_scale', None)
    with pytest.raises(CalibrationError, match=r'weight of the error network is an array \(16, 24\), not \(16, 25\)'):
        ErrorNetwork(**{**arrays_of, 'weight': network.weight[:, 1:]})
