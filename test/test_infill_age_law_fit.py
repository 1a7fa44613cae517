"""Fitting the age law to samples made by a known law: its radii hold, also for the liveliest person."""

import dataclasses

import numpy as np
import pytest

from poco_ros.errors import PocoError
from poco_ros.evaluation.infill.age_law_fit import COVERAGE, Samples, fit_law, measure
from poco_ros.evaluation.infill.age_law_groups import for_everybody, with_radii
from poco_ros.evaluation.infill.skeleton import REST_JOINTS, positions
from poco_ros.temporal import quaternions as quat

MOVING = np.r_[1:22]
AGES = np.arange(0, 31)


def made_up(seed, lively=(1.0, 1.0), power=1.0, count=80):
    """Bodies of some people of each age: every joint turns away at random, as far as it moved before."""
    rng = np.random.default_rng(seed)
    age = np.repeat(AGES / 30, len(lively) * count)
    subject = np.tile(np.repeat(np.arange(len(lively)), count), len(AGES))
    activity = np.zeros((len(age), 24))
    activity[:, MOVING] = 0.05 * rng.lognormal(sigma=0.6, size=(len(age), 1)) * rng.lognormal(
        sigma=0.2, size=(len(age), len(MOVING)))
    sigma = np.zeros_like(activity)
    own = np.array(lively)[subject][:, None]
    sigma[:, MOVING] = own * 0.25 * np.sqrt(-np.expm1(-age / 0.3))[:, None] * (activity[:, MOVING] / 0.05) ** power
    sigma[:, MOVING] = np.hypot(sigma[:, MOVING], 0.02)
    turns = sigma[..., None] * rng.normal(size=(len(age), 24, 3))
    joints = positions(quat.exp(turns), np.zeros((len(age), 3)))[0]
    error = np.linalg.norm(joints - REST_JOINTS, axis=-1)
    pelvis = np.abs(np.hypot(0.01, 0.1 * age) * rng.normal(size=len(age)))
    nothing = np.full((len(age), 24), np.nan)
    return Samples(subject, age, np.where(age > 0, np.minimum(age, 0.25), np.nan), (turns ** 2).sum(-1), activity,
                   np.broadcast_to(REST_JOINTS, joints.shape), error, pelvis, nothing, nothing[:, 0], nothing[:, 0],
                   nothing[:, 0])


def radii(law, samples, coverage):
    """Radii of the bodies, by the arithmetic of the law."""
    growth = law.of_coverage(coverage).predicted
    ages = np.repeat(samples.age[:, None], 24, axis=1)
    spread = growth.joint_spread_m(samples.joints, ages, samples.activity)
    body = growth.at_age(growth.body_radius_factor, samples.age) * spread.max(axis=1)
    return np.hypot(body, law.of_coverage(coverage).base_body_radius_mm / 1e3)


def share_held(law, samples, coverage):
    return (samples.error.max(axis=1) <= radii(law, samples, coverage)).mean()


@pytest.mark.parametrize('power', [0.0, 1.0])
def test_it_is_found_how_much_it_counts_that_a_joint_moved_fast(power):
    samples = made_up(1, power=power)
    law = fit_law(samples, samples)
    assert law.predicted.rate_power == pytest.approx(power, abs=0.25)
    new = made_up(2, power=power)
    new = new.take(new.age > 0)
    for coverage in (0.8, 0.9):
        assert share_held(law, new, coverage) == pytest.approx(coverage, abs=0.03)
    activity = new.activity[:, 4]
    calm, lively = (new.take(where) for where in (activity < np.median(activity), activity >= np.median(activity)))
    for part in (calm, lively):
        assert share_held(law, part, 0.9) == pytest.approx(0.9, abs=0.05)


def test_radii_hold_for_a_new_person_who_is_livelier_than_most():
    people = (0.7, 0.8, 0.9, 1.0, 1.1)
    samples = made_up(3, lively=people, count=40)
    law = fit_law(samples, samples)
    cautious = for_everybody(law, samples, samples)
    new = made_up(4, lively=(1.15,))
    new = new.take(new.age > 0)
    assert share_held(law, new, 0.9) < 0.8
    assert 0.87 < share_held(cautious, new, 0.9) < 0.95
    for growth in (cautious.predicted, cautious.infilled):
        assert (np.diff(growth.body_radius_factor, axis=1) >= 0).all()
        assert growth.radius_factor.shape == (len(growth.knots_s), len(COVERAGE))
    assert (cautious.base_radius_mm >= law.base_radius_mm).all()
    # what is expected does not change, only what is promised
    assert np.array_equal(cautious.predicted.error_factor, law.predicted.error_factor)


def test_people_who_are_all_alike_get_hardly_more_than_they_need():
    samples = made_up(3, lively=(1.0,) * 5, count=40)
    cautious = for_everybody(fit_law(samples, samples), samples, samples)
    new = made_up(4, lively=(1.0,))
    assert share_held(cautious, new.take(new.age > 0), 0.9) < 0.95


def test_radii_hold_for_gaps_of_which_there_are_few():
    """One in six of the gaps is long, and bodies near its ends are twice as wrong as as near to those of short gaps."""
    samples, far = made_up(3, lively=(1.0,) * 5, count=40), made_up(4, lively=(2.0,), count=40)
    near = np.minimum(samples.age, 0.06), np.minimum(far.age, 0.06)
    samples = dataclasses.replace(samples, age=2 * near[0], distance=near[0])
    far = dataclasses.replace(far, age=np.where(far.age > 0, 0.9, 0), distance=near[1])
    together = Samples.of_others([samples, far])
    together = dataclasses.replace(together, subject=np.zeros_like(together.subject))  # nobody stands out
    law = fit_law(samples, together)
    far = far.take(far.age > 0)
    for one, least, most in ((law, 0.4, 0.75), (for_everybody(law, samples, together), 0.82, 0.95)):
        held = with_radii(far, one, 0.9)
        assert least < (far.error.max(axis=1) <= held.body_radius).mean() < most


def test_samples_get_the_radii_that_the_stream_would_publish():
    samples = made_up(5, count=20)
    law = fit_law(samples, samples)
    told = with_radii(dataclasses.replace(samples, distance=np.full_like(samples.distance, np.nan)), law, 0.9)
    np.testing.assert_allclose(told.body_radius[samples.age > 0], np.maximum(
        radii(law, samples, 0.9), told.radius.max(axis=1))[samples.age > 0])


def test_people_of_several_samples_stay_apart():
    parts = [made_up(5, count=2), made_up(6, count=2)]
    together = Samples.of_others(parts)
    assert np.unique(together.subject).tolist() == [0, 1, 2, 3]
    assert np.unique(Samples.joined(parts).subject).tolist() == [0, 1]
    assert len(together.age) == 2 * len(parts[0].age)


def test_what_was_published_is_compared_with_what_came():
    samples = made_up(7)
    published = dataclasses.replace(
        samples, radius=np.full_like(samples.radius, 10.0), body_radius=np.zeros(len(samples.age)),
        pelvis_radius=samples.pelvis, confidence=np.full(len(samples.age), 0.25))
    row, = measure(published, 0.9, [5])
    assert (row['joints'], row['all_joints'], row['pelvis'], row['confidence']) == (1.0, 0.0, 1.0, 0.25)
    assert row['bodies'] == 160 and row['under_bound'] == (
        samples.error[samples.age == AGES[5] / 30].mean(axis=1) < 0.1).mean()


def test_too_few_windows_are_told():
    few = made_up(8, count=1)
    with pytest.raises(PocoError, match='too few windows'):
        fit_law(few, few)
