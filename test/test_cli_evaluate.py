"""``poco evaluate`` on a small made-up data set."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import numpy as np
import pytest
import synth_samples
import typer
from scipy import stats
from typer.testing import CliRunner

import poco_ros.evaluation.synthetic as synthetic
from poco_ros.body.model_file import load_body_model
from poco_ros.calibration.calibrator import Calibrator
from poco_ros.calibration.file import CALIBRATION_FILE, read_calibration
from poco_ros.cli.evaluate import evaluate
from poco_ros.errors import ConfigError, DatasetError
from poco_ros.evaluation.predictions import landmark_visibility, predict_bodies
from poco_ros.evaluation.report import Judged, evaluation_report, without_nan
from poco_ros.regressors import calibration_folder
from poco_ros.regressors.lift.regressor import BlazePoseLift
from poco_ros.synth.shards import Header, read_dataset
from poco_ros.types import Bodies

APP = typer.Typer()
APP.command()(evaluate)
MOTION = 'ab' * 32


@pytest.fixture(scope='module')
def body():
    return load_body_model()


@pytest.fixture
def folder(tmp_path, body):
    people = synth_samples.samples(body, sequences=6)
    splits = synth_samples.split_by_sequence(people, 'train', 'test')
    synth_samples.write(tmp_path / 'data', people, splits, recipe={'files': {'mocap': MOTION}})
    return tmp_path / 'data'


def run(*arguments):
    result = CliRunner().invoke(APP, [str(argument) for argument in arguments])
    if result.exception and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output


def test_the_lift_on_a_split(folder, tmp_path, body):
    out = tmp_path / 'out.json'
    shown = run('--data', folder, '--json', out, '--model', 'lift', '--split', 'test')
    report = json.loads(out.read_text())
    samples = read_dataset(folder, 'test')
    errors = Judged.of(predict_bodies(BlazePoseLift(body), samples), body).errors
    model = report['models']['blazepose_lift']
    assert (report['samples'], report['sequences'], report['split'], model['lost']) == (9, 3, 'test', 0)
    for name, values in errors.of_bodies.items():
        assert model['errors'][name] == pytest.approx(values.mean(), rel=1e-5)
        assert f'{values.mean():.1f}' in shown
    assert [row['name'] for row in report['per_sequence']] == ['1', '3', '5']
    assert {row['name']: row['samples'] for row in report['groups']['source']} == {'mocap': 6, 'prior': 3}
    own = report['uncertainties']['own']['bodies']['mpjpe_mm']['pcc']
    scalar = predict_bodies(BlazePoseLift(body), samples).uncertainty
    assert own == pytest.approx(stats.pearsonr(scalar, errors.mpjpe_mm).statistic, abs=1e-4)
    assert set(report['uncertainties']) == {'own', 'calibrated', 'landmark visibility', 'constant per joint'}
    assert len(report['per_joint']) == 24 and 'left_wrist' in shown


def test_an_interrupted_run_goes_on_and_a_change_starts_anew(folder, tmp_path, monkeypatch, body):
    chunks = []
    real = synthetic.predict_bodies

    def counted(regressor, samples, *rest):
        chunks.append(len(samples))
        if len(chunks) == 3:
            raise KeyboardInterrupt
        return real(regressor, samples, *rest)

    monkeypatch.setattr(synthetic, 'predict_bodies', counted)
    monkeypatch.setattr(synthetic.in_chunks, '__defaults__', (None, 4))
    out = tmp_path / 'out.json'
    arguments = ['--data', folder, '--json', out, '--model', 'lift', '--split', 'all']
    CliRunner().invoke(APP, [str(a) for a in arguments], catch_exceptions=True)
    assert chunks == [4, 4, 4] and not out.exists()
    run(*arguments)
    assert chunks[3:] == [4, 4, 2]  # the two chunks that were there are not made again
    first = json.loads(out.read_text())
    run(*arguments)
    assert len(chunks) == 6
    broken = next(tmp_path.glob('out.cache/*/chunk-00001.npz'))
    broken.write_bytes(broken.read_bytes()[:100])
    run(*arguments)
    assert chunks[6:] == [4]
    assert json.loads(out.read_text())['models'] == first['models']
    people = synth_samples.samples(body, sequences=6, seed=1)
    synth_samples.write(folder, people, synth_samples.split_by_sequence(people, 'train', 'test'))
    run(*arguments)
    assert len(chunks) == 7 + 5  # other data


def test_auto_takes_the_test_split_of_data_that_was_trained_on(folder, tmp_path):
    header = Header.load(folder)
    network = tmp_path / 'network'
    network.mkdir()
    assert synthetic.choose_split('auto', header, None) == 'all'
    (network / 'provenance.json').write_text('{"source_sha256": "cd"}')
    assert synthetic.choose_split('auto', header, network) == 'all'
    (network / 'provenance.json').write_text(json.dumps({'training': {'mocap': MOTION}}))
    assert synthetic.choose_split('auto', header, network) == 'test'
    assert synthetic.choose_split('val', header, network) == 'val'


def test_models_are_compared_where_all_answered(body):
    people = synth_samples.samples(body, sequences=5, frames=4)
    said = predict_bodies(BlazePoseLift(body), people)
    gone = np.zeros(20, bool)
    gone[:6] = True
    lazy = dataclasses.replace(said, joints_m=np.where(gone[:, None, None], np.nan, said.joints_m),
                               uncertainty=np.where(gone, np.nan, said.uncertainty))
    models = {'a': Judged.of(said, body), 'b': Judged.of(lazy, body)}
    report = evaluation_report('a', models, landmark_visibility(people), {'source': people.source})
    assert report['common'] == 14 and report['models']['b']['lost'] == 6 and report['models']['a']['lost'] == 0
    assert report['models']['a']['errors'] == report['models']['b']['errors']
    expected = models['a'].errors.mpjpe_mm
    assert report['models']['a']['errors']['mpjpe_mm'] == pytest.approx(expected[6:].mean())
    assert report['models']['a']['errors_of_all_known']['mpjpe_mm'] == pytest.approx(expected.mean())
    same = report['uncertainties']
    assert same['own'] == same['b (its uncertainty)']
    json.dumps(without_nan(report), allow_nan=False)


def test_what_the_calibration_says_is_judged_as_the_node_says_it(folder, body):
    samples = read_dataset(folder, 'all')
    said = predict_bodies(BlazePoseLift(body), samples)
    calibration = read_calibration(calibration_folder(None) / CALIBRATION_FILE)
    judged = Judged.of(said, body)
    report = evaluation_report('lift', {'lift': judged}, landmark_visibility(samples), {}, calibration)
    bodies = dataclasses.replace(Bodies.unknown(len(samples)), joints=said.joints_m,
                                 joint_uncertainty=said.sigma)
    node = Calibrator(calibration, 0.9).apply(bodies, said.seen)
    row = report['uncertainties']['calibrated']
    error = judged.errors.mpjpe_mm
    assert row['bodies']['mpjpe_mm']['pcc'] == pytest.approx(
        stats.pearsonr(node.body_error_mm, error).statistic, abs=1e-4)
    assert row['pooled_pcc_mm'] == pytest.approx(
        stats.pearsonr(node.joint_error_mm.ravel(), judged.errors.joint_mm.ravel()).statistic, abs=1e-4)


def test_bad_input_is_told(folder, tmp_path):
    out = tmp_path / 'out.json'
    with pytest.raises(ConfigError, match='either --data'):
        run('--json', out)
    with pytest.raises(ConfigError, match='split'):
        run('--json', out, '--data', folder, '--model', 'lift', '--split', 'training')
    with pytest.raises(DatasetError, match='poco synth'):
        run('--json', out, '--data', tmp_path / 'nothing', '--model', 'lift')
    with pytest.raises(DatasetError, match='calibration'):
        run('--json', out, '--data', folder, '--model', 'lift', '--split', 'calibration')
    shard = sorted(Path(folder).glob('shard-*'))[1]
    shard.write_bytes(b'')
    with pytest.raises(DatasetError, match=shard.name):
        run('--json', out, '--data', folder, '--model', 'lift')
