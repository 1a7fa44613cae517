"""A calibration fitted to made-up sequences holds on others, and says what it cannot do."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from calibration_sequences import SOURCE, arrays, error_network, outcomes

from poco_ros.calibration.calibrator import Calibrator
from poco_ros.calibration.fit import Learned, fit_calibration
from poco_ros.calibration.outcomes import Outcomes
from poco_ros.calibration.report import measure, measure_shift
from poco_ros.calibration.scores import POSITION
from poco_ros.errors import CalibrationError
from poco_ros.types import NUM_JOINTS, Bodies, Domain


@pytest.fixture(scope='module')
def calibration():
    return fit_calibration(outcomes(np.random.default_rng(0), 600), SOURCE)


@pytest.fixture(scope='module')
def others():
    return outcomes(np.random.default_rng(1), 1500, first=10**6)


@pytest.fixture(scope='module')
def measured(calibration, others):
    return measure(calibration, others)


def bodies_of(given):
    n = len(given['sequence'])
    return dataclasses.replace(
        Bodies.unknown(n), joint_uncertainty=given['sigma'].astype(np.float32),
        joints=given['joints_m'].astype(np.float32))


def test_every_joint_the_body_and_the_position_hold_in_as_many_new_sequences_as_promised(measured):
    for one in measured['coverage']:
        level = one['level']
        slack = 3 * np.sqrt(level * (1 - level) / 1500)  # of the measurement
        for name, column in one['columns'].items():
            assert column['sequences'] >= level - slack, (level, name)
            assert column['frames'] >= level - slack, (level, name)
        for name, group in one['by_group'].items():
            if group['samples']:
                assert group['frames'] >= level - slack, (level, name)


def test_radii_are_not_wider_than_sequences_ask_for(measured):
    for one in measured['coverage']:
        held = [column['sequences'] for name, column in one['columns'].items() if name != 'pelvis']
        assert max(held) <= one['level'] + 0.12  # two promises at once, and certainty over the draw, cost this


def test_expected_errors_and_confidence_are_what_is_found(measured):
    # 200 sequences whose errors differ by half give means to 4 %
    assert measured['expected_error']['joints']['normalised_error'] < 0.12
    assert max(measured['expected_error']['ence'].values()) < 0.2
    assert measured['confidence']['ece'] < 0.03
    promised = measured['confidence']['promised']
    assert max(promised) - min(promised) > 0.15  # it tells bodies apart


def test_a_shift_lets_coverage_fall_and_is_noticed(calibration, others, measured):
    shifted = measure_shift(calibration, others, outcomes(np.random.default_rng(2), 200, first=10**7, shift=0.8))
    before, after = measured['coverage'][1]['summary'], shifted['coverage'][1]['summary']
    assert after['mean_sequences'] < before['mean_sequences'] - 0.2
    assert shifted['domain']['flagged'] > 0.9 and shifted['domain']['auroc'] > 0.95
    assert measured['domain']['inside'] >= measured['domain']['promised']


def test_bodies_get_the_numbers_of_the_calibration(calibration):
    given = arrays(np.random.default_rng(3), 40, 1)
    bodies, found = bodies_of(given), Outcomes.of_arrays(**given)
    out = Calibrator(calibration, 0.9).apply(bodies, given['seen'].astype(np.float32), given['features'])
    for name in ('pose', 'joint_uncertainty', 'track_id', 'joints'):
        assert getattr(out, name) is getattr(bodies, name)
    index = calibration.level_index(0.9)
    for person, joint in ((0, 5), (7, 23), (39, 16)):
        group = found.groups[person, joint]
        curve = calibration.expected.x[joint, group], calibration.expected.y[joint, group]
        mu = np.interp(found.scores[person, joint], *curve)
        assert out.joint_error_mm[person, joint] == pytest.approx(mu, rel=1e-4)
        assert out.joint_radius_mm[person, joint] == pytest.approx(
            mu * calibration.factor[joint, group, index], rel=1e-4)
    np.testing.assert_allclose(out.body_error_mm, out.joint_error_mm.mean(axis=1), rtol=1e-5)
    assert (out.body_radius_mm >= out.joint_radius_mm.max(axis=1) * 0.9).all()
    assert (out.joint_error_mm[:, 0] == 0).all() and (out.joint_radius_mm[:, 0] == 0).all()
    assert ((out.confidence > 0) & (out.confidence < 1)).all()
    assert np.isin(out.in_domain, [Domain.IN, Domain.OUT]).all() and (out.in_domain == Domain.IN).mean() > 0.9


def test_bodies_get_the_errors_that_an_error_network_tells():
    network, lessons = error_network(np.random.default_rng(14)), outcomes(np.random.default_rng(1), 60)
    made = fit_calibration(outcomes(np.random.default_rng(0), 90), SOURCE,
                           learned=Learned(network, lessons, 'lessons', 'e' * 64, 'train'))
    given = arrays(np.random.default_rng(3), 40, 1)
    out = Calibrator(made, 0.9).apply(bodies_of(given), given['seen'], given['features'])
    found = Outcomes.of_arrays(**given)
    scores = network.at(found.clues)
    for person, joint in ((0, 5), (7, 23), (39, 16)):
        curve = (values[joint, found.groups[person, joint]] for values in (made.expected.x, made.expected.y))
        assert out.joint_error_mm[person, joint] == pytest.approx(np.interp(scores[person, joint], *curve), rel=1e-4)
    near, far = made.distance_m  # metres, not what the network makes of them
    assert near < found.scores[:, POSITION].min() and found.scores[:, POSITION].max() < far < 10
    assert (out.in_domain == Domain.IN).mean() > 0.8


def test_radii_grow_with_the_level(calibration):
    given = arrays(np.random.default_rng(4), 5, 1)
    radii = [Calibrator(calibration, level).apply(bodies_of(given), given['seen']).joint_radius_mm[:, 1:]
             for level in (0.5, 0.9, 0.95)]
    assert (radii[0] < radii[1]).all() and (radii[1] < radii[2]).all()
    with pytest.raises(CalibrationError, match=r'0\.5, 0\.9, 0\.95, not 0\.8'):
        Calibrator(calibration, 0.8)


def test_what_is_not_known_stays_unknown(calibration):
    given = arrays(np.random.default_rng(5), 3, 1)
    given['sigma'][0] = np.nan
    given['joints_m'][1] = np.nan
    given['features'][2] = np.nan
    out = Calibrator(calibration, 0.9).apply(bodies_of(given), given['seen'], given['features'])
    for name in ('joint_error_mm', 'joint_radius_mm', 'body_error_mm', 'body_radius_mm', 'confidence'):
        values = getattr(out, name)
        assert np.isnan(values[:2]).all() and np.isfinite(values[2]).all(), name
    assert np.isfinite(out.transl_error_mm[0]) and np.isnan(out.transl_error_mm[1])
    assert out.in_domain.tolist()[1:] == [Domain.UNKNOWN, Domain.UNKNOWN]
    nobody = Calibrator(calibration, 0.9).apply(Bodies.unknown(0), np.zeros((0, NUM_JOINTS)), np.zeros((0, 12)))
    assert len(nobody) == 0


def test_without_features_only_the_distance_can_be_unfamiliar(calibration):
    given = arrays(np.random.default_rng(6), 2, 1)
    given['joints_m'][1, :, 2] += 30
    out = Calibrator(calibration, 0.9).apply(bodies_of(given), given['seen'])
    assert out.in_domain.tolist() == [Domain.UNKNOWN, Domain.OUT]
    with pytest.raises(CalibrationError, match='judges input by 12 features'):
        Calibrator(calibration, 0.9).apply(bodies_of(given), given['seen'], np.zeros((2, 5)))


def test_with_a_guessed_focal_length_nothing_is_said_of_the_position_and_nobody_is_surely_familiar(calibration):
    given = arrays(np.random.default_rng(8), 40, 1)
    given['features'][0] += 100
    bodies = bodies_of(given)
    known, guessed = (Calibrator(calibration, 0.9).apply(bodies, given['seen'], given['features'], metric=metric)
                      for metric in (True, False))
    assert np.isfinite(known.transl_error_mm).all() and np.isfinite(known.transl_radius_mm).all()
    assert np.isnan(guessed.transl_error_mm).all() and np.isnan(guessed.transl_radius_mm).all()
    np.testing.assert_array_equal(guessed.joint_radius_mm, known.joint_radius_mm)
    np.testing.assert_array_equal(guessed.confidence, known.confidence)
    assert (known.in_domain == Domain.IN).any() and known.in_domain[0] == Domain.OUT
    assert not (guessed.in_domain == Domain.IN).any() and guessed.in_domain[0] == Domain.OUT


def test_a_joint_less_seen_has_a_wider_radius_where_that_is_so(calibration):
    given = arrays(np.random.default_rng(7), 50, 1)
    calibrator, bodies = Calibrator(calibration, 0.9), bodies_of(given)
    seen, hidden = (calibrator.apply(bodies, np.full((50, 24), part)).joint_radius_mm[:, 1:] for part in (0.9, 0.1))
    assert np.median(hidden / seen) > 1.4
    unknown = calibrator.apply(bodies, np.full((50, 24), np.nan)).joint_radius_mm[:, 1:]
    assert np.median(seen) < np.median(unknown) < np.median(hidden)


def test_too_few_sequences_are_refused_with_the_number_needed():
    few = outcomes(np.random.default_rng(8), 12)
    with pytest.raises(CalibrationError, match=r'12 sequences are too few.*at least 28 sequences'):
        fit_calibration(few, SOURCE)
    made = fit_calibration(few, SOURCE, levels=(0.5, 0.8))
    assert made.data.num_radius_sequences == 8 and made.data.certainty == 0
    assert 'too few for more' in made.coverage_statement
    enough = fit_calibration(outcomes(np.random.default_rng(8), 28), SOURCE)
    assert enough.levels[-1] == 0.95 and enough.data.num_radius_sequences >= 19


def test_missing_labels_are_left_out_and_a_joint_without_any_takes_what_others_of_its_kind_have():
    rng = np.random.default_rng(9)
    given = arrays(rng, 120)
    given['joint_error_mm'][rng.random((960, 24)) < 0.2] = np.nan
    given['joint_error_mm'][:, 22] = np.nan
    with pytest.raises(CalibrationError, match='no person has true values of all 24 joints'):
        fit_calibration(Outcomes.of_arrays(**given), SOURCE)
    given = arrays(rng, 120)
    given['joint_error_mm'][rng.random((960, 24)) < 0.02] = np.nan
    given['seen'][:, 22] = 0.1  # never seen
    made = fit_calibration(Outcomes.of_arrays(**given), SOURCE)
    assert np.isfinite(made.factor).all() and np.isfinite(made.expected.y).all()
    np.testing.assert_array_equal(made.expected.y[22, 0], made.expected.y[22, 3])  # no 'seen' of its own
    for errors in ('joint_error_mm', 'position_error_mm'):
        given[errors] = np.full_like(given[errors], np.nan)
    with pytest.raises(CalibrationError, match='not one true joint'):
        fit_calibration(Outcomes.of_arrays(**given), SOURCE)


def test_people_without_a_body_are_counted_and_left_out():
    given = arrays(np.random.default_rng(10), 100)
    given['joints_m'][:80] = np.nan
    given['joint_error_mm'][:80] = np.nan
    given['position_error_mm'][:80] = np.nan
    made = fit_calibration(Outcomes.of_arrays(**given), SOURCE)
    assert (made.data.num_lost, made.data.num_frames, made.data.num_sequences) == (80, 720, 90)
    given['joints_m'][:] = np.nan
    with pytest.raises(CalibrationError, match='no body for any'):
        fit_calibration(Outcomes.of_arrays(**given), SOURCE)


def test_a_constant_uncertainty_gives_constant_radii_that_hold():
    rng = np.random.default_rng(11)
    given, other = arrays(rng, 300, known_seen=False), arrays(rng, 600, first=10**6, known_seen=False)
    for one in (given, other):
        one['sigma'][:] = 0.3
        one['joints_m'][:] = one['joints_m'][:1]
    made = fit_calibration(Outcomes.of_arrays(**given), SOURCE)
    out = Calibrator(made, 0.9).apply(bodies_of(other), other['seen'])
    assert np.ptp(out.joint_radius_mm, axis=0).max() < 1e-3
    columns = measure(made, Outcomes.of_arrays(**other))['coverage'][1]['columns']
    assert min(column['sequences'] for column in columns.values()) > 0.9 - 3 * np.sqrt(0.09 / 600)


def test_a_model_without_uncertainty_and_wrong_arrays_are_refused():
    given = arrays(np.random.default_rng(12), 60)
    with pytest.raises(CalibrationError, match='states no uncertainty'):
        fit_calibration(Outcomes.of_arrays(**{**given, 'sigma': np.full((480, 24), np.nan)}), SOURCE)
    with pytest.raises(CalibrationError, match='seen must be an array'):
        Outcomes.of_arrays(**{**given, 'seen': np.zeros((480, 23))})
    with pytest.raises(CalibrationError, match='negative'):
        Outcomes.of_arrays(**{**given, 'position_error_mm': np.full(480, -1.0)})
    with pytest.raises(CalibrationError, match='levels must increase'):
        fit_calibration(Outcomes.of_arrays(**given), SOURCE, levels=(0.9, 0.5))
