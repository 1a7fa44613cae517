"""Which joints are believed."""

import dataclasses

import numpy as np
import pytest
from temporal_streams import walking

from poco_ros.temporal.config import TrustConfig
from poco_ros.temporal.trust import assess


def bodies(**changes):
    one = walking(0.0)
    return dataclasses.replace(one, **{k: np.full_like(getattr(one, k), v) for k, v in changes.items()})


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
    config = TrustConfig(measure='error_mm', error_lo_mm=80.0, error_hi_mm=120.0)
    for mm, trusted, usable in ((80, True, True), (81, False, True), (120, False, True), (121, False, False)):
        got = assess(bodies(joint_error_mm=mm, joint_uncertainty=0.0), config)
        assert got.trusted.all() == trusted and got.usable.all() == usable
    assert not assess(bodies(joint_uncertainty=0.9), config).usable.any()  # not calibrated: the model's own number


def test_noise_grows_steadily_with_uncertainty_and_steeply_past_the_knee():
    levels = np.linspace(0, 0.79, 30)
    factors = [assess(bodies(joint_uncertainty=u), TrustConfig()).variance_factor[0, 0] for u in levels]
    assert (np.diff(factors) > 0).all()
    assert 0.3 < factors[0] < 1 and factors[-1] > 100 * factors[15]
