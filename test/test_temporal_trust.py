"""Which joints are believed."""

import dataclasses

import numpy as np
import pytest
from temporal_streams import walking

from poco_ros.body.model_file import load_body_model
from poco_ros.temporal.config import TrustConfig
from poco_ros.temporal.trust import _REACH, assess


def bodies(**changes):
    one = walking(0.0)
    return dataclasses.replace(one, **{k: np.full_like(getattr(one, k), v) for k, v in changes.items()})


def bodies_off_by(mm, **changes):
    """Everybody's joints expected to be off by so much on average, by one angle of every rotation."""
    some = bodies(body_error_mm=mm, **changes)
    return dataclasses.replace(some, joint_error_mm=np.tile(np.float32(mm) * _REACH, (len(some), 1)))


@pytest.mark.parametrize(('u', 'trusted', 'usable'), [
    (0.0, True, True), (0.55, True, True), (0.56, False, True), (0.8, False, True), (0.81, False, False),
    (1.0, False, False),
])
def test_thresholds_are_inclusive(u, trusted, usable):
    config = TrustConfig(u_lo=float(np.float32(0.55)), u_hi=float(np.float32(0.8)))
    got = assess(bodies(joint_uncertainty=np.float32(u)), config)
    assert got.trusted.all() == got.trusted.any() == trusted and got.usable.all() == got.usable.any() == usable


def test_joints_without_a_number_take_that_of_the_body_and_else_are_believed():
    config = TrustConfig()
    some = bodies(uncertainty=0.9)
    joint = some.joint_uncertainty.copy()
    joint[0, 5] = np.nan
    got = assess(dataclasses.replace(some, joint_uncertainty=joint), config)
    assert np.flatnonzero(~got.trusted[0]).tolist() == [5]
    assert assess(bodies(uncertainty=np.nan, joint_uncertainty=np.nan), config).trusted.all()
    assert not assess(bodies(uncertainty=0.9), dataclasses.replace(config, scope='body')).usable.any()


def test_millimetres_decide_where_they_are_stated():
    """The same turn everywhere moves joints in proportion to how far from the pelvis they are, by 80 on average."""
    config = TrustConfig(error_lo_mm=80.0, error_hi_mm=120.0)
    for mm, trusted, usable in ((80, True, True), (81, False, True), (120, False, True), (121, False, False)):
        got = assess(bodies_off_by(mm, joint_uncertainty=0.0), config)
        assert got.trusted.all() == got.trusted.any() == trusted and got.usable.all() == got.usable.any() == usable
    uncalibrated = bodies(joint_uncertainty=0.9)
    assert not assess(uncalibrated, config).usable.any()  # the model's own number
    model_alone = dataclasses.replace(config, measure='uncertainty')
    assert assess(bodies_off_by(500, joint_uncertainty=0.0), model_alone).trusted.all()


def test_a_rotation_is_doubted_for_what_it_moves():
    """Legs that are far off: hips and knees turn wrong, though a hip itself lies where it should."""
    some = bodies_off_by(50)
    error = some.joint_error_mm.copy()
    error[:, [4, 5, 7, 8]] *= 10
    doubted = ~assess(dataclasses.replace(some, joint_error_mm=error), TrustConfig()).usable[0]
    assert np.flatnonzero(doubted).tolist() == [1, 2, 4, 5]
    everywhere = assess(dataclasses.replace(some, body_error_mm=np.full_like(some.body_error_mm, 500)), TrustConfig())
    assert np.flatnonzero(~everywhere.usable[0]).tolist() == [0]


def test_an_error_that_is_missing_takes_nothing_else_away():
    some = bodies_off_by(50)
    error = some.joint_error_mm.copy()
    error[:, 4] = np.nan  # what tells of a hip; the body's stands in
    error[:, 20] *= 10
    body = np.full_like(some.body_error_mm, 250)
    got = assess(dataclasses.replace(some, joint_error_mm=error, body_error_mm=body), TrustConfig())
    assert np.flatnonzero(~got.trusted[0]).tolist() == [0, 1, 18]


def test_reach_is_that_of_the_body_that_ships():
    rest = load_body_model().rest_joints()[0].astype(float)
    away = np.linalg.norm(rest - rest[0], axis=1)
    np.testing.assert_allclose(_REACH, np.maximum(away / away[1:].mean(), 0.3), atol=0.006)


def test_noise_grows_steadily_with_uncertainty_and_steeply_past_the_knee():
    levels = np.linspace(0, 0.79, 30)
    factors = [assess(bodies(joint_uncertainty=u), TrustConfig()).variance_factor[0, 0] for u in levels]
    assert (np.diff(factors) > 0).all()
    assert 0.3 < factors[0] < 1 and factors[-1] > 100 * factors[15]
