"""``poco train`` from a data set on disk to a network that loads, as a user runs it."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import typer
from lift_samples import lift_samples, write_samples
from typer.testing import CliRunner

from poco_ros.checkpoints.provenance import Provenance
from poco_ros.checkpoints.store import load_network
from poco_ros.cli.train import train
from poco_ros.errors import ConfigError, DatasetError, TrainingError
from poco_ros.synth.shards import read_shard, shard_path
from poco_ros.training.trained_network import dataset_sha256

REPOSITORY = Path(__file__).resolve().parents[1]
QUICK = ('--steps', '4', '--scale-steps', '2', '--batch', '8', '--validate-every', '2', '--threads', '1')


@pytest.fixture(scope='module')
def data(tmp_path_factory) -> Path:
    folder = tmp_path_factory.mktemp('data') / 'set'
    write_samples(folder, {'train': lift_samples(40, 0), 'val': lift_samples(16, 1)}, crops=True)
    return folder


def poco_train(*arguments: object):
    app = typer.Typer()
    app.command()(train)
    return CliRunner().invoke(app, [str(a) for a in arguments])


@pytest.fixture(scope='module')
def trained(data, tmp_path_factory) -> Path:
    out = tmp_path_factory.mktemp('networks') / 'little_lift'
    result = poco_train('lift', '--data', data, '--out', out, *QUICK)
    assert result.exit_code == 0, result.exception
    assert 'next: poco export' in result.stdout and 'PVE' in result.stdout
    return out


def test_the_network_loads_and_tells_where_it_comes_from(trained, data):
    model, provenance = load_network(trained)
    assert model.variant.regressor == 'lift' and not provenance.mock and provenance.name == 'little_lift'
    assert provenance.licence == 'Apache-2.0' and provenance.source_file == ''
    about = provenance.training
    assert about['data_sha256'] == dataset_sha256(data) and about['seed'] == 0 and about['mode'] == 'paper'
    assert about['validation']['val_pve_mm'] > 0
    assert model.backbone.mean.abs().max() > 0, 'the statistics of the data are not in the weights'
    assert {'state.pt', 'log.csv', 'tensorboard'} == {path.name for path in (trained / 'training').iterdir()}
    assert Provenance.from_dict(json.loads((trained / 'provenance.json').read_text())) == provenance


def test_training_people_alone_are_validated_on_another_data_set(data, trained, tmp_path):
    write_samples(tmp_path / 'training', {'train': lift_samples(40, 0)})
    write_samples(tmp_path / 'others', {'train': lift_samples(8, 3), 'val': lift_samples(16, 1)})
    alone = poco_train('lift', '--data', tmp_path / 'training', '--out', tmp_path / 'a', *QUICK)
    assert isinstance(alone.exception, DatasetError) and "no sample of the split 'val'" in str(alone.exception)
    both = ('--data', tmp_path / 'training', '--validation', tmp_path / 'others', '--out', tmp_path / 'b', *QUICK)
    assert poco_train('lift', *both).exit_code == 0
    about = load_network(tmp_path / 'b')[1].training
    assert (about['data'], about['validation_data']) == ('training', 'others')
    assert about['validation_sha256'] == dataset_sha256(tmp_path / 'others')
    # the same people to train with and to choose by as those of the fixture, so the same weights
    assert about['validation'] == load_network(trained)[1].training['validation']
    assert load_network(trained)[1].training['validation_data'] == data.name
    changed = poco_train('lift', *both[:2], '--validation', data, *both[4:], '--resume')
    assert isinstance(changed.exception, TrainingError) and 'validation_sha256' in str(changed.exception)


def test_training_goes_on_from_a_network(trained, tmp_path):
    write_samples(tmp_path / 'more', {'train': lift_samples(24, 5), 'val': lift_samples(8, 6)})
    arguments = ('lift', '--data', tmp_path / 'more', '--out', tmp_path / 'on', *QUICK, '--start', trained)
    assert poco_train(*arguments).exit_code == 0
    model, provenance = load_network(tmp_path / 'on')
    begun, before = load_network(trained)
    assert (provenance.training['start'], provenance.training['start_sha256']) == ('little_lift', before.weights_sha256)
    assert 'start' not in before.training
    # not the statistics of this data, and not far from where it began
    np.testing.assert_array_equal(model.backbone.mean, begun.backbone.mean)
    apart = (model.head.fc1.weight - begun.head.fc1.weight).detach().abs().max()
    assert 0 < apart < 0.01
    otherwise = poco_train(*arguments[:-2], '--resume')
    assert isinstance(otherwise.exception, TrainingError) and 'start' in str(otherwise.exception)


def test_what_is_there_is_not_overwritten(trained, data):
    result = poco_train('lift', '--data', data, '--out', trained, *QUICK)
    assert isinstance(result.exception, ConfigError)
    assert 'holds a training already: go on with it by --resume' in str(result.exception)
    before = (trained / 'weights.safetensors').read_bytes()
    assert poco_train('lift', '--data', data, '--out', trained, *QUICK, '--resume').exit_code == 0
    assert (trained / 'weights.safetensors').read_bytes() == before


def test_other_options_do_not_go_on(trained, data):
    result = poco_train('lift', '--data', data, '--out', trained, *QUICK, '--seed', '1', '--resume')
    assert isinstance(result.exception, TrainingError) and 'has seed = 0, not 1' in str(result.exception)


@pytest.mark.parametrize('regressor', ['hmr', 'cliff'])
def test_image_networks(data, tmp_path, regressor):
    out = tmp_path / f'little_{regressor}'
    result = poco_train(regressor, '--data', data, '--out', out, '--backbone', 'test_resnet', *QUICK,
                        '--pose-weight', '30')
    assert result.exit_code == 0, result.exception
    model, provenance = load_network(out)
    assert model.variant.backbone == 'test_resnet' and provenance.training['batch'] == 8
    assert provenance.training['learning_rate'] == 1e-4
    assert provenance.training['losses']['pose'] == provenance.training['losses']['nf'] == pytest.approx(3e-3)


@pytest.mark.parametrize(('arguments', 'message'), [
    (('lifts',), 'regressor must be one of hmr, pare, cliff, lift'),
    (('lift', '--backbone', 'resnet18'), 'the lift has none'),
    (('pare', '--backbone', 'resnet18'), '--backbone must be hrnet_..., not resnet18'),
    (('lift', '--formulation', 'pocco'), 'formulation must be one of'),
    (('lift', '--pose-weight', '0'), '--pose-weight must be positive, got 0'),
    (('lift', '--device', 'tpu'), 'device must be one of auto, cpu, cuda'),
])  # fmt: skip
def test_mistakes(data, tmp_path, arguments, message):
    result = poco_train(*arguments, '--data', data, '--out', tmp_path / 'net', *QUICK)
    assert isinstance(result.exception, ConfigError) and message in str(result.exception)


def test_the_name_of_another_network(data, tmp_path):
    result = poco_train('lift', '--data', data, '--out', tmp_path / 'lift', *QUICK)
    assert isinstance(result.exception, ConfigError) and "cannot be called 'lift'" in str(result.exception)


def test_labels_that_are_no_numbers_name_shard_and_sample(tmp_path):
    folder = tmp_path / 'set'
    write_samples(folder, {'train': lift_samples(16, 0), 'val': lift_samples(8, 1)})
    arrays = read_shard(shard_path(folder, 0))
    arrays['betas'][5, 2] = np.nan
    np.savez(shard_path(folder, 0), **arrays)
    result = poco_train('lift', '--data', folder, '--out', tmp_path / 'net', *QUICK)
    assert isinstance(result.exception, DatasetError)
    assert 'shard-00000.npz has labels that are not finite: betas of sample 5' in str(result.exception)


def test_no_data_and_no_pictures(tmp_path):
    result = poco_train('lift', '--data', tmp_path / 'none', '--out', tmp_path / 'net', *QUICK)
    assert isinstance(result.exception, DatasetError) and 'is no data set' in str(result.exception)
    folder = tmp_path / 'set'
    write_samples(folder, {'train': lift_samples(16, 0), 'val': lift_samples(8, 1)})
    result = poco_train('hmr', '--data', folder, '--out', tmp_path / 'net', *QUICK)
    assert isinstance(result.exception, DatasetError) and 'poco synth --crops' in str(result.exception)


def test_ctrl_c_saves_the_state_and_says_how_to_go_on(data, tmp_path):
    """A real process and a real signal; what it saved is where it goes on."""
    out = tmp_path / 'net'
    arguments = ['lift', '--data', data, '--out', out, '--steps', '1000000', '--batch', '8', '--validate-every', '5',
                 '--threads', '1']  # fmt: skip
    code = 'import typer; from poco_ros.cli.train import train; app = typer.Typer(); app.command()(train); app()'
    environment = {**os.environ, 'PYTHONPATH': str(REPOSITORY), 'OMP_NUM_THREADS': '1'}
    process = subprocess.Popen([sys.executable, '-c', code, *map(str, arguments)], env=environment, text=True,
                               stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 60
        while not (out / 'training' / 'state.pt').exists() and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        said, errors = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode == 130, errors
    assert 'the state is saved. Go on with the same command and --resume' in said
    assert not (out / 'provenance.json').exists()
