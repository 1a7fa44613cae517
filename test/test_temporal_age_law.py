"""The law of growing errors: its arithmetic against simulation, and its file."""

import dataclasses
import json

import numpy as np
import pytest

from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.errors import ModelFileError
from poco_ros.evaluation.infill.skeleton import REST_JOINTS, positions
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.age_law import ABOVE, confidence, from_plain, load_age_law, shipped_age_law, to_plain


def test_ancestors():
    wrist = np.flatnonzero(ABOVE[JOINT_INDEX['left_wrist']])
    assert [list(JOINT_INDEX)[j] for j in wrist] == [
        'pelvis', 'spine1', 'spine2', 'spine3', 'left_collar', 'left_shoulder', 'left_elbow']


@pytest.mark.parametrize('joint', ['left_shoulder', 'pelvis', 'right_hip'])
def test_spread_is_what_turning_a_joint_at_random_gives(joint):
    growth = shipped_age_law().predicted
    age = np.zeros((1, 24))
    age[0, JOINT_INDEX[joint]] = 0.05
    spread = growth.joint_spread_m(REST_JOINTS[None], age, growth.rate_rad[None])[0]
    j = JOINT_INDEX[joint]
    sigma = np.radians(growth.rotation_deg[j]) * np.sqrt(1 - np.exp(-0.05 / growth.time_s[j]))
    turns = np.zeros((20000, 24, 3))
    turns[:, j] = sigma * np.random.default_rng(0).normal(size=(20000, 3))
    moved = positions(quat.exp(turns), np.zeros((20000, 3)))[0] - REST_JOINTS
    np.testing.assert_allclose(np.sqrt((moved ** 2).sum(-1).mean(0)), spread, rtol=0.05, atol=1e-9)


def test_published_errors_grow_with_age_at_every_level():
    law = shipped_age_law()
    ages = np.linspace(0.03, 1.0, 40)
    for growth in (law.predicted,):
        spread = growth.joint_spread_m(
            np.repeat(REST_JOINTS[None], 40, 0), np.repeat(ages[:, None], 24, 1), np.full((40, 24), np.nan))[:, 20]
        for factor in (growth.error_factor, *growth.radius_factor.T):
            assert (np.diff(growth.at_age(factor, ages) * spread) > 0).all()


def test_levels_are_interpolated_and_ordered():
    law = shipped_age_law()
    assert law.at_coverage(law.base_body_radius_mm, 0.9) == pytest.approx(law.base_body_radius_mm[2])
    radii = [law.at_coverage(law.base_body_radius_mm, c) for c in (0.5, 0.7, 0.85, 0.9, 0.97, 0.99)]
    assert (np.diff(radii) > 0).all()


def test_confidence_is_a_probability_that_falls_with_the_error():
    got = confidence(np.zeros(5), np.full(5, 0.4), np.array([1.0, 50, 100, 200, 5000]), 100.0)
    assert (np.diff(got) < 0).all() and got[2] == pytest.approx(0.5) and got[0] > 0.999 and got[-1] < 0.001


def test_the_file_survives_a_round_trip_and_its_id_follows_its_content(tmp_path):
    law = shipped_age_law()
    plain = json.loads(json.dumps(to_plain(law)))
    again = from_plain(plain)
    assert again.law_id == law.law_id and np.array_equal(again.base_radius_mm, law.base_radius_mm)
    plain['base_pelvis_error_mm'] += 1
    assert from_plain(plain).law_id != law.law_id
    path = tmp_path / 'law.json'
    path.write_text(json.dumps({'law': plain}))
    assert load_age_law(path).base_pelvis_error_mm == law.base_pelvis_error_mm + 1


@pytest.mark.parametrize('text', ['', '{}', '{"law": {}}', '[1]'])
def test_what_is_no_law_is_refused_with_its_path(tmp_path, text):
    path = tmp_path / 'law.json'
    path.write_text(text)
    with pytest.raises(ModelFileError, match=r'law\.json'):
        load_age_law(path)
    with pytest.raises(ModelFileError, match='cannot read'):
        load_age_law(tmp_path / 'none.json')


def test_the_shipped_law_comes_from_motion_that_may_be_shipped_and_its_radii_held():
    from importlib import resources
    plain = json.loads((resources.files('poco_ros.temporal') / 'data' / 'age_law.json').read_text())
    assert all(text.startswith('CMU') for text in plain['fitted']['licences'])
    known, new = ([row for name, rows in plain['measured'].items() if text in name for row in rows]
                  for text in ('the same clips', 'by the law of the other half'))
    for rows in (known, new):
        assert {row['age_frames'] for row in rows} == {1, 5, 10, 15, 30}
        for what in ('joints', 'all_joints', 'pelvis'):
            assert all(row['coverage'] <= row[what] < 0.99 for row in rows)


def test_joints_that_moved_gain_more_and_unknown_or_usual_ones_what_is_usual():
    growth = dataclasses.replace(shipped_age_law().predicted, rate_power=0.5)
    usual = growth.rate_rad[None]
    np.testing.assert_allclose(growth.liveliness(usual), 1)
    np.testing.assert_allclose(growth.liveliness(np.full((1, 24), np.nan)), 1)
    moving = growth.rate_rad > 0
    calm, lively, absurd = (growth.liveliness(k * usual)[0, moving] for k in (0.0, 2.0, 1e6))
    assert (calm > 0).all() and (calm < 1).all() and (lively > 1).all() and (absurd <= 9 ** 0.5).all()
    age = np.full((1, 24), 0.2)
    spread = [growth.joint_spread_m(REST_JOINTS[None], age, k * usual)[0, 20] for k in (0.5, 1.0, 2.0)]
    assert (np.diff(spread) > 0).all()


def test_the_law_of_one_coverage_has_the_radii_of_that_level():
    law = shipped_age_law()
    one = law.of_coverage(0.9)
    np.testing.assert_allclose(one.base_radius_mm, law.base_radius_mm[:, 2])
    np.testing.assert_allclose(one.predicted.body_radius_factor, law.predicted.body_radius_factor[:, 2])
    np.testing.assert_allclose(one.infilled.pelvis_radius_factor, law.infilled.pelvis_radius_factor[:, 2])
    assert one.predicted.rotation_deg is law.predicted.rotation_deg and law.of_coverage(0.9) is one
