"""The network that ships, as the filter uses it: still people, drift, neighbours, time steps, and broken files."""

import json
import shutil
from importlib import resources

import numpy as np
import pytest

from poco_ros.errors import ModelFileError
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.config import MotionConfig
from poco_ros.temporal.dynamics import COLUMNS
from poco_ros.temporal.filter_state import Measurement
from poco_ros.temporal.learned_dynamics import load_learned_dynamics, pose_features, record_path
from poco_ros.temporal.predictors import shipped_predictor
from poco_ros.temporal.smoother import Smoother
from poco_ros.temporal.tracks import filter_noise


@pytest.fixture(scope='module')
def dynamics():
    return shipped_predictor('learned')


@pytest.fixture
def copied(tmp_path):
    """A copy of the shipped files, to be broken."""
    folder = resources.files('poco_ros.temporal') / 'data'
    for name in ('learned_dynamics.onnx', 'learned_dynamics.json'):
        shutil.copy(folder / name, tmp_path / name)
    return tmp_path / 'learned_dynamics.onnx'


def bent(count, seed=0):
    return quat.exp(0.6 * np.random.default_rng(seed).normal(size=(count, 24, 3)))


def moving(dynamics, count, size, seed=0):
    rng = np.random.default_rng(seed)
    return size * rng.normal(size=(count, 25, 3)), 3 * size * rng.normal(size=(count, dynamics.memory, 25, 3))


def rolled(dynamics, rate, past, rotations, frames=30):
    """Return the displacements (frames, N, 23, 3) after each frame."""
    total, out = np.zeros((len(rate), 25, 3)), []
    for _ in range(frames):
        move, after = np.zeros_like(rate), np.zeros_like(rate)
        move[:, COLUMNS], after[:, COLUMNS] = dynamics.predict(rate, past, rotations, 1.0)
        rotations = quat.multiply(rotations, quat.exp(move[:, :24]))
        rate, past = after, dynamics.forget(past, move, 1.0)
        total = total + move
        out.append(total[:, COLUMNS])
    return np.array(out)


def test_it_comes_from_motion_that_may_be_shipped(dynamics):
    assert dynamics.provenance['licences'] and all(text.startswith('CMU') for text in dynamics.provenance['licences'])
    assert all(name.startswith('cmu') for name in dynamics.provenance['validation_clips'])


def test_who_stands_still_stays_still_in_any_pose(dynamics):
    rate, past = moving(dynamics, 20, 0.0)
    assert not rolled(dynamics, rate, past, bent(20)).any()


def drift_of_the_still(dynamics, count=40):
    """Angles (N, 22), degrees, and places (N,), metres, by which jittering people are off after a second unseen."""
    rng = np.random.default_rng(0)
    smoother = Smoother(0, filter_noise(MotionConfig()), dynamics)
    smoother.grow(count)
    seen, unseen = np.ones((count, 25), bool), np.zeros((count, 25), bool)
    pose = quat.exp(0.3 * rng.normal(size=(count, 24, 3)))
    for t in range(60):
        if t < 30:
            jitter = quat.exp(np.radians(1.0) * rng.normal(size=(count, 24, 3)))
            at = 0.006 * rng.normal(size=(count, 3))
        m = Measurement(quat.multiply(pose, jitter), at, np.ones((count, 25)), np.ones((count, 25)),
                        seen if t < 30 else unseen)
        if t == 0:
            smoother.restart(seen, m)
        else:
            smoother.predict(1.0, m.used, unseen)
        smoother.update(m, smoother.innovation(m))
    rotations, pelvis = smoother.estimate(0)
    off = np.degrees(np.linalg.norm(quat.log(quat.multiply(quat.conjugate(pose), rotations)), axis=-1))
    return off[:, :22], np.linalg.norm(pelvis, axis=1)


def test_a_still_person_under_sensor_noise_drifts_about_as_little_as_by_the_linear_step(dynamics):
    """Through the filter: what is left of the jitter in its rates must not grow while nobody looks."""
    (off, place), (by_linear, _) = map(drift_of_the_still, (dynamics, shipped_predictor('whole_body')))
    assert np.median(off) < np.median(by_linear)
    assert np.percentile(off, 99) < 1.1 * np.percentile(by_linear, 99)
    assert off.max() < 20 and place.max() < 0.15


def test_it_never_runs_away(dynamics):
    """However long and from whatever state: nobody is left unseen for so long, but nothing may overflow either."""
    rate, past = moving(dynamics, 30, 0.05)
    arrived = rolled(dynamics, rate, past, bent(30), 300)
    steps = np.abs(np.diff(arrived, axis=0)).max(axis=(1, 2, 3))
    assert np.isfinite(arrived).all() and steps.max() < 0.6 and steps[-1] < 0.3


def test_people_do_not_influence_each_other(dynamics):
    rate, past = moving(dynamics, 7, 0.03)
    rotations = bent(7)
    together = dynamics.predict(rate, past, rotations, 1.0)
    for k in range(7):
        one = slice(k, k + 1)
        alone = dynamics.predict(rate[one], past[one], rotations[one], 1.0)
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a[one], b, atol=1e-6)


def test_three_frames_at_once_are_three_steps(dynamics):
    rate, past = moving(dynamics, 3, 0.03)
    rate[:, [22, 23]], past[:, :, [22, 23]] = 0, 0
    expected = rolled(dynamics, rate, past, bent(3), 3)[-1]
    np.testing.assert_allclose(dynamics.predict(rate, past, bent(3), 3.0)[0], expected, atol=1e-6)


def test_features_are_the_first_two_columns_of_the_rotations():
    rotations = bent(2)
    features = pose_features(rotations).reshape(2, 21, 3, 2)
    for joint in (1, 21):
        np.testing.assert_allclose(features[:, joint - 1], quat.to_matrix(rotations[:, joint])[..., :2])


def test_broken_and_missing_files_are_refused_in_words(copied):
    record = json.loads(record_path(copied).read_text())
    assert load_learned_dynamics(copied).memory == len(record['forgetting'])

    def refused(match, **changes):
        record_path(copied).write_text(json.dumps({**record, **changes}))
        with pytest.raises(ModelFileError, match=match):
            load_learned_dynamics(copied)

    refused('not the graph', sha256='0' * 64)
    refused('do not fit', forgetting=record['forgetting'][:-1])
    refused('no record', forgetting='long ago')
    refused('no record', provenance=None)
    record_path(copied).write_text('nothing')
    with pytest.raises(ModelFileError, match='no record'):
        load_learned_dynamics(copied)
    record_path(copied).write_text(json.dumps(record))
    copied.write_bytes(b'nothing')
    with pytest.raises(ModelFileError, match=r'learned_dynamics\.onnx.*poco fit-learned-dynamics'):
        load_learned_dynamics(copied)
    copied.unlink()
    with pytest.raises(ModelFileError, match='cannot be read'):
        load_learned_dynamics(copied)
    record_path(copied).unlink()
    with pytest.raises(ModelFileError, match=r'learned_dynamics\.json.*poco fit-learned-dynamics'):
        load_learned_dynamics(copied)
