"""Drawing estimates to where joints have been: by how much, when not, and the file of the law."""

import numpy as np
import pytest

from poco_ros.errors import ModelFileError
from poco_ros.evaluation.infill.steadying_fit import FORGETTING, means_over_the_past, regressed
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.body_dynamics import shipped_body_dynamics
from poco_ros.temporal.steadying import Steadying, SteadyingLaw, load_steadying, shipped_steadying

GAIN = np.zeros((2, 25))
GAIN[1, :24] = 0.5


def drawn(far, correction=0.0, strength=1.0):
    """Return by what an estimate is moved whose past lies ``far`` away, about x."""
    part = Steadying(GAIN, 1)
    part.grow(1)
    past = np.zeros((1, 2, 25, 3))
    past[:, :, :, 0] = far
    part.keep(0, past, np.array([strength]))
    corrected = np.zeros((1, 25, 3))
    corrected[..., 0] = correction
    return part.applied(0, corrected)[0, :, 0]


def test_a_joint_is_drawn_by_its_gain_and_the_position_is_not():
    moved = drawn(1e-4)
    np.testing.assert_allclose(moved[:24], 0.5e-4, rtol=1e-4)
    assert moved[24] == 0


def test_what_is_far_off_is_motion_and_is_left_alone():
    near, far = drawn(np.radians(1.0))[0], drawn(np.radians(60.0))[0]
    assert near > 0.8 * 0.5 * np.radians(1.0) and far < 0.02 * 0.5 * np.radians(60.0)


def test_a_correction_by_later_frames_moves_away_from_the_past_and_is_drawn_back_as_well():
    correction = 2e-4
    np.testing.assert_allclose(drawn(1e-4, correction)[0], correction + 0.5 * (1e-4 - correction), rtol=1e-3)


def test_a_steady_sensor_is_not_touched():
    assert (drawn(0.01, 0.002, strength=0.0) == 0.002).all()


def test_gains_are_found_by_the_lengths_of_the_past_and_a_missing_one_is_told():
    law = SteadyingLaw(np.array([8.0, 20.0]), np.arange(48.0).reshape(2, 24), {})
    gains = law.for_means(np.array([3.0, 8.0, 20.0]))
    assert (gains[0] == 0).all() and (gains[1:, :24] == law.gain).all() and (gains[:, 24] == 0).all()
    with pytest.raises(ModelFileError, match='mean over 20 frames'):
        law.for_means(np.array([3.0, 8.0]))


def test_the_shipped_law_comes_from_motion_that_may_be_shipped_and_fits_the_shipped_dynamics():
    law = shipped_steadying()
    assert all(text.startswith('CMU') for text in law.provenance['licences'])
    assert np.abs(law.for_means(shipped_body_dynamics().forgetting)).max() > 0.1
    assert (law.gain[:, 22:] == 0).all()  # nothing is known of hands


def test_the_file_survives_and_broken_ones_are_refused(tmp_path):
    path = tmp_path / 's.json'
    SteadyingLaw(np.array([8.0]), np.full((1, 24), 0.25), {'by': 'test'}).save(path)
    again = load_steadying(path)
    assert (again.gain == 0.25).all() and again.provenance == {'by': 'test'}
    SteadyingLaw(np.array([8.0]), np.zeros((2, 24)), {}).save(path)
    with pytest.raises(ModelFileError, match='do not fit'):
        load_steadying(path)
    path.write_text('[]')
    with pytest.raises(ModelFileError, match=r's\.json does not say'):
        load_steadying(path)
    with pytest.raises(ModelFileError, match='cannot read'):
        load_steadying(tmp_path / 'none.json')


def test_means_over_the_past_are_weighted_means_of_where_the_joint_was():
    """About one axis, angles add up: the mean is what a first-order low pass says of the angle, relative to now."""
    angle = np.cumsum(np.random.default_rng(0).normal(size=40)) * 0.01
    rotations = np.zeros((1, 40, 24, 4))
    rotations[0, :, :, 0], rotations[0, :, :, 3] = np.cos(angle / 2)[:, None], np.sin(angle / 2)[:, None]
    assert np.allclose(quat.log(rotations)[0, :, 5, 2], angle)
    means = means_over_the_past(rotations)[0, :, :, 5, 2]
    for k, length in enumerate(FORGETTING):
        low = angle[0]
        for t in range(1, 40):
            low = angle[t] + (1 - 1 / length) * (low - angle[t])
            assert abs(means[t, k] - (low - angle[t])) < 1e-9


def test_the_regression_finds_the_gains_of_errors_that_hang_on_the_past():
    rng = np.random.default_rng(0)
    past = 0.02 * rng.normal(size=(4000, 2, 24, 3))
    true = np.full((2, 24), 0.3)
    true[:, 22:] = 0
    error = np.einsum('ekji,kj->eji', past, true) + 0.001 * rng.normal(size=(4000, 24, 3))
    found = regressed(past, error)
    np.testing.assert_allclose(found[:, :12], true[:, :12], atol=0.05)
    assert (found[:, 22:] == 0).all()
