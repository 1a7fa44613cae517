"""Learned errors: better than scores of single joints where joints tell of each other, and as honest."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from calibration_sequences import SOURCE, arrays, outcomes
from scipy.stats import spearmanr

from poco_ros.calibration.fit import Learned, fit_calibration
from poco_ros.calibration.outcomes import Outcomes
from poco_ros.calibration.report import measure
from poco_ros.calibration.scores import POSITION
from poco_ros.errors import CalibrationError
from poco_ros.training.error_learning import learn_errors

HEAD, LEFT_HAND, RIGHT_HAND = 15, 22, 23


def telling(seed, sequences, first=0):
    """Sequences in which a hand is as wrong as the head is hidden, whatever is said of the hand itself."""
    rng = np.random.default_rng(seed)
    given = arrays(rng, sequences, 4, first=first, alike=0.3)
    given['seen'][:, HEAD] = rng.random(len(given['seen']))
    noise = np.exp(0.3 * rng.normal(size=(len(given['seen']), 2)))
    given['joint_error_mm'][:, [LEFT_HAND, RIGHT_HAND]] = 40 * np.exp(
        3 * (0.5 - given['seen'][:, HEAD]))[:, None] * noise
    return Outcomes.of_arrays(**given)


@pytest.fixture(scope='module')
def network():
    return learn_errors(telling(0, 800))


@pytest.fixture(scope='module')
def calibrations(network):
    """Without and with what was learned."""
    given = telling(1, 400, first=10**6)
    return tuple(fit_calibration(given, SOURCE, learned=learned)
                 for learned in (None, Learned(network, telling(0, 800), 'lessons', 'f' * 64, 'train')))


def test_it_finds_what_one_joint_tells_of_another(calibrations):
    others = telling(2, 400, first=10**7)
    alone, together = (calibration.expected_errors(others) for calibration in calibrations)
    for hand in (LEFT_HAND, RIGHT_HAND):
        assert spearmanr(together[:, hand], others.error_mm[:, hand])[0] > 0.9
        assert spearmanr(alone[:, hand], others.error_mm[:, hand])[0] < 0.3
    for joint in range(1, POSITION):  # and loses little where a joint's own score says all
        one, both = (spearmanr(mu[:, joint], others.error_mm[:, joint])[0] for mu in (alone, together))
        assert both > one - 0.05, joint


def test_radii_hold_as_promised_and_are_narrower_where_more_is_known(calibrations):
    others = telling(3, 1000, first=10**7)
    alone, together = (measure(calibration, others)['coverage'][1] for calibration in calibrations)
    for name, column in together['columns'].items():
        assert column['sequences'] >= 0.9 - 3 * np.sqrt(0.09 / 1000), name
    for hand in ('left_hand', 'right_hand'):
        assert together['columns'][hand]['radius_mm'] < 0.7 * alone['columns'][hand]['radius_mm']
    assert measure(calibrations[1], others)['expected_error']['joints']['normalised_error'] < 0.12


def test_the_record_and_the_promise_say_what_was_learned_from(calibrations):
    alone, together = calibrations
    assert together.data.learned_name == 'lessons' and together.data.num_learned_sequences == 800
    words = 'errors on 800 others, of lessons (train), which an error network learned from'
    assert words in together.coverage_statement
    assert alone.data.learned_name == '' and 'learned' not in alone.coverage_statement
    assert together.data.num_radius_sequences == 400 > alone.data.num_radius_sequences
    assert (alone.error_network, together.distance_m) == (None, alone.distance_m)


def test_the_same_people_give_the_same_network_and_nobody_elses_random_numbers_change():
    given = telling(4, 500)
    torch.manual_seed(0)
    before = torch.random.get_rng_state()
    told: list[int] = []
    first, second = learn_errors(given, lambda done, total: told.append(done)), learn_errors(given)
    assert torch.equal(before, torch.random.get_rng_state())
    np.testing.assert_array_equal(first.weight, second.weight)
    assert told == list(range(1, len(told) + 1)) and len(told) > 1


def test_labels_and_uncertainties_may_be_missing_and_too_few_people_are_refused():
    given = arrays(np.random.default_rng(5), 600, 2)
    given['joint_error_mm'][::3, 5] = np.nan
    given['joint_error_mm'][:, 9] = np.nan
    given['seen'][:, 3] = np.nan
    given['joints_m'][7] = np.nan
    found = Outcomes.of_arrays(**given)
    told = learn_errors(found).at(found.clues)
    assert np.isnan(told[7]).all() and np.isfinite(np.delete(told, 7, axis=0)).all()
    with pytest.raises(CalibrationError, match='12 sequences with a stated uncertainty are too few.*at least 500'):
        learn_errors(outcomes(np.random.default_rng(6), 12))
    silent = dataclasses.replace(found, scores=np.full_like(found.scores, np.nan))
    with pytest.raises(CalibrationError, match='0 sequences with a stated uncertainty'):
        learn_errors(silent)
