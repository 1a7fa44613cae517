"""The command from data set to file, the node that takes the file, and what bad input gets."""

from __future__ import annotations

import dataclasses
import json

import numpy as np
import pytest
import typer
from synth_samples import samples, split_by_sequence, write
from typer.testing import CliRunner

from poco_ros.body.model_file import load_body_model
from poco_ros.calibration.file import read_calibration
from poco_ros.camera import Camera
from poco_ros.cli.calibrate import calibrate, named_folders
from poco_ros.errors import CalibrationError, ConfigError
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.regressors.lift.regressor import BlazePoseLift
from poco_ros.types import Boxes, Frame, People


def run(*args: object):
    app = typer.Typer()
    app.command()(calibrate)
    return CliRunner().invoke(app, [str(arg) for arg in args])


@pytest.fixture(scope='module')
def body():
    return load_body_model()


@pytest.fixture(scope='module')
def folder(body, tmp_path_factory):
    """60 sequences to calibrate on, 60 to measure on; some of their people are such that the node would not find."""
    people = samples(body, sequences=120)
    people = dataclasses.replace(people, landmarks=dataclasses.replace(
        people.landmarks, score=np.where(np.arange(360) % 45, people.landmarks.score, 0.1).astype(np.float32)))
    path = tmp_path_factory.mktemp('data')
    write(path, people, split_by_sequence(people, 'calibration', 'test'))
    return path


@pytest.fixture(scope='module')
def made(folder, tmp_path_factory):
    out = tmp_path_factory.mktemp('out')
    result = run('--data', folder, '--model', 'lift', '--out', out / 'calibration.json', '--report',
                 out / 'report.json', '--shift', f'same={folder}')
    assert result.exit_code == 0, (result.output, result.exception)
    return out, result.output


def test_the_file_says_what_it_is_for_and_what_was_measured(folder, made, body):
    calibration = read_calibration(made[0] / 'calibration.json')
    assert calibration.made_for.model == 'blazepose_lift' and calibration.made_for.body_model_hash == body.sha256
    data = calibration.data
    assert (data.split, data.num_sequences, data.num_radius_sequences) == ('calibration', 60, 40)
    assert data.num_frames + data.num_lost < 180  # not those whom the node does not find
    test = calibration.measured
    assert test['sequences'] == 60 and [one['level'] for one in test['coverage']] == [0.5, 0.9, 0.95]
    assert test['coverage'][1]['mean_sequences'] > 0.75
    assert calibration.calibration_id in made[1] and 'sequences held' in made[1]


def test_the_report_has_everything_and_a_plot(made):
    report = json.loads((made[0] / 'report.json').read_text())
    assert report['calibration_id'] == read_calibration(made[0] / 'calibration.json').calibration_id
    assert set(report['test']['coverage'][0]['columns']) >= {'left_hand', 'position', 'body'}
    assert set(report['shift']) == {'same'} and report['statement']
    assert (made[0] / 'report.png').read_bytes()[:4] == b'\x89PNG'


def test_a_node_takes_the_file_and_fills_the_fields(made, body):
    path = made[0] / 'calibration.json'
    pipeline = Pipeline.load(PipelineConfig(model='lift', calibration=str(path)))
    assert pipeline.calibrator is not None and pipeline.calibrator.coverage == 0.9
    people = samples(body, sequences=1, seed=9)
    lift = BlazePoseLift(body)
    n = len(people)
    found = People(Boxes(people.box_px, np.ones(n, np.float32), np.arange(1, n + 1, dtype=np.int32)), people.landmarks)
    fx, fy, cx, cy = map(float, people.intrinsics[0])
    frame = Frame(np.zeros((720, 1280, 3), np.uint8), Camera(1280, 720, fx, fy, cx, cy))
    plain, evidence = lift.regress_with_evidence(frame, found)
    bodies = pipeline.calibrator.apply(plain, evidence.seen, evidence.features)
    known = np.isfinite(plain.joints).all(axis=(1, 2))
    assert known.any()
    assert np.isfinite(bodies.joint_radius_mm[known]).all() and np.isfinite(bodies.confidence[known]).all()
    assert pipeline.calibrator.calibration.calibration_id == json.loads(path.read_text())['calibration_id']
    with pytest.raises(CalibrationError, match='cannot be read'):
        Pipeline.load(PipelineConfig(model='lift', calibration='/nowhere/calibration.json'))


def test_what_is_learned_from_others_is_told_and_those_calibrated_on_are_refused_as_lessons(folder, body, tmp_path):
    people = samples(body, sequences=600, seed=5)
    people = dataclasses.replace(people, subject=np.char.add('other ', people.subject))
    write(tmp_path / 'lessons', people, split_by_sequence(people, 'train'))
    args = ('--data', folder, '--model', 'lift', '--out', tmp_path / 'c.json', '--test-split', '')
    result = run(*args, '--learn', tmp_path / 'lessons')
    assert result.exit_code == 0, (result.output, result.exception)
    calibration = read_calibration(tmp_path / 'c.json')
    assert calibration.error_network is not None
    assert (calibration.data.learned_name, calibration.data.learned_split) == ('lessons', 'train')
    assert 550 < calibration.data.num_learned_sequences <= 600
    assert f'errors on {calibration.data.num_learned_sequences} others, of lessons (train)' in ' '.join(
        result.output.split())
    for split, measured in (('calibration', ''), ('test', 'test')):
        same = run(*args[:-1], measured, '--learn', folder, '--learn-split', split)
        assert isinstance(same.exception, ConfigError) and f'another split than {split!r}' in str(same.exception)


def test_too_few_sequences_and_wrong_options_are_errors(body, folder, tmp_path):
    people = samples(body, sequences=6)
    write(tmp_path / 'few', people, split_by_sequence(people, 'calibration'))
    few = run('--data', tmp_path / 'few', '--model', 'lift', '--out', tmp_path / 'c.json', '--test-split', '')
    assert isinstance(few.exception, CalibrationError) and 'at least 28 sequences' in str(few.exception)
    assert not (tmp_path / 'c.json').exists()
    for option in ('--out', '--report'):
        into = run('--data', tmp_path / 'few', '--model', 'lift', '--out', tmp_path / 'c.json', option,
                   tmp_path / 'nowhere' / 'c.json')
        assert isinstance(into.exception, ConfigError) and 'nowhere' in str(into.exception)
    with pytest.raises(ConfigError, match='NAME=FOLDER'):
        named_folders(['tall'])
    with pytest.raises(ConfigError, match='each name once'):
        named_folders(['a=/x', 'a=/y'])
