"""``poco import-checkpoint`` and ``poco mock-checkpoint`` as a user types them."""

import json

import pytest
import torch
import typer
from network_models import TINY, official_model, with_mock_weights
from typer.testing import CliRunner

from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.known import KNOWN
from poco_ros.checkpoints.mock import mock_checkpoint as mock_tree
from poco_ros.checkpoints.store import load_network
from poco_ros.cli import network_packages
from poco_ros.cli.import_checkpoint import import_checkpoint
from poco_ros.cli.mock_checkpoint import mock_checkpoint
from poco_ros.engine.model_record import ModelRecord
from poco_ros.errors import BodyModelError, CheckpointError, ConfigError, ModelFileError, PocoError
from poco_ros.networks.mock_weights import checksum
from poco_ros.networks.model import PocoModel

APP = typer.Typer()
APP.command('import-checkpoint')(import_checkpoint)
APP.command('mock-checkpoint')(mock_checkpoint)
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('POCO_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setitem(KNOWN, 'tiny', TINY)  # a known network that is quick
    return tmp_path / 'cache' / 'networks'


@pytest.fixture(scope='module')
def tiny():
    return with_mock_weights(PocoModel(TINY))


@pytest.fixture
def checkpoint(tmp_path, tiny):
    path = tmp_path / 'net.pt'
    torch.save(mock_tree(tiny, 'lightning', with_body=True), path)
    return path


def files(folder):
    return sorted(path.name for path in folder.iterdir())


def poco(*words):
    result = CliRunner().invoke(APP, [str(word) for word in words])
    if result.exception is not None:
        raise result.exception
    return result.output


def test_import_says_what_it_did(cache, checkpoint, tiny):
    said = poco('import-checkpoint', checkpoint, '--variant', 'tiny', '--name', 'mine', '--no-export')
    for part in ('tiny: CLIFF on test_resnet, with uncertainty', "read from: net.pt (torch, under 'state_dict'",
                 'licence: CC0', 'not used when it runs: *.num_batches_tracked', 'flow_head.* (27), smpl.* (12)',
                 'made up or', 'objects in the file that were not made: argparse.Namespace',
                 f'stored in {cache / "mine"}'):
        assert part in said
    assert 'replacing' not in said and 'converted' not in said
    model, provenance = load_network('mine')
    assert checksum(model.state_dict()) == checksum(tiny.state_dict()) and provenance.mock
    assert files(cache / 'mine') == ['provenance.json', 'weights.safetensors']
    assert b'smpl.smpl' not in (cache / 'mine' / 'weights.safetensors').read_bytes()  # the body stays where it is


def test_weights_that_saw_pictures_are_not_marked(cache, checkpoint, tiny):
    trained = PocoModel(TINY)
    trained.load_state_dict(tiny.state_dict())
    trained.state_dict()['backbone.bn1.running_var'][0] = 0.02
    torch.save(trained.state_dict(), checkpoint)
    said = poco('import-checkpoint', checkpoint, '--variant', 'tiny', '--no-export')
    assert 'mock' not in said.split('stored in')[0] and 'licence: as the publisher' in said
    assert not load_network('tiny')[1].mock


def test_import_again_replaces(cache, tmp_path, checkpoint):
    words = ('import-checkpoint', checkpoint, '--variant', 'tiny', '--no-export')
    poco(*words)
    (cache / 'tiny' / 'model.json').write_text('of the old weights')
    half = {name: tensor.half() for name, tensor in with_mock_weights(PocoModel(TINY), 'B').state_dict().items()
            if not name.startswith('flow_head.')}
    torch.save(half, checkpoint)
    said = poco(*words)
    assert 'replacing the network tiny that was there' in said and 'converted to float32 from: float16' in said
    assert 'not in the checkpoint, and not needed to run it: 26 entries (flow_head)' in said
    assert not (cache / 'tiny' / 'model.json').exists()
    assert torch.equal(load_network('tiny')[0].state_dict()['head.fc1.bias'], half['head.fc1.bias'].float())


def test_import_exports_in_the_same_command(cache, checkpoint):
    said = poco('import-checkpoint', checkpoint, '--variant', 'tiny')
    assert 'exported (fp32), with the joints of the body model open_body; next' in said
    record = ModelRecord.load(cache / 'tiny', 'fp32')
    assert record.name == 'tiny' and record.body_model == load_body_model().name
    provenance = json.loads((cache / 'tiny' / 'provenance.json').read_text())
    assert record.weights_sha256 == provenance['weights_sha256'] and dict(record.provenance) == provenance


def test_the_body_is_kept_on_demand_and_used(cache, tmp_path, checkpoint, monkeypatch):
    bodies = []
    monkeypatch.setattr('poco_ros.export.network.export_network', lambda folder, body, **_: bodies.append(body))
    said = poco('import-checkpoint', checkpoint, '--variant', 'tiny', '--keep-smpl', tmp_path / 'smpl.npz')
    assert f'body model written to {tmp_path / "smpl.npz"}: this is SMPL: its own licence' in said
    assert bodies[0].name == 'smpl' and bodies[0].sha256 == load_body_model(tmp_path / 'smpl.npz').sha256


def test_auto_tells_the_kind(cache, tmp_path):
    torch.save(mock_tree(official_model('poco_hmr'), 'bare'), tmp_path / 'any.pth')
    said = poco('import-checkpoint', tmp_path / 'any.pth', '--no-export')
    assert 'poco_hmr: HMR on resnet50' in said and 'weights.safetensors' in files(cache / 'poco_hmr')


@pytest.mark.parametrize(('words', 'kind', 'message'), [
    (['--variant', 'poco'], ConfigError, 'must be one of poco_cliff'),
    (['--name', '../x'], ConfigError, "network's name"), (['--name', 'cliff'], ConfigError, "cannot be called 'cliff'"),
    (['--precision', 'int8'], ConfigError, 'poco export --precision int8 --calibration-video'),
    (['--precision', 'fp8'], ConfigError, '--precision must be fp32, fp16, bf16 here'),
    (['--body-model', 'missing.pkl'], BodyModelError, r'missing\.pkl'),
    (['--variant', 'poco_hmr'], CheckpointError, r'net\.pt: not a whole poco_hmr'),
    (['--variant', 'tiny', '--keep-smpl', 'missing/x.npz'], CheckpointError, 'cannot be written'),
])
def test_mistakes_are_told_and_nothing_is_stored(cache, checkpoint, words, kind, message):
    with pytest.raises(kind, match=message):
        poco('import-checkpoint', checkpoint, *words)
    assert not cache.exists() or files(cache) == []


def test_a_cache_that_cannot_be_written_to(tmp_path, checkpoint, monkeypatch):
    (tmp_path / 'file').write_text('in the way')
    monkeypatch.setenv('POCO_CACHE', str(tmp_path / 'file'))
    with pytest.raises(ModelFileError, match='cannot be written to .*POCO_CACHE'):
        poco('import-checkpoint', checkpoint, '--variant', 'tiny', '--no-export')


def test_missing_packages_are_named(checkpoint, monkeypatch):
    monkeypatch.setattr(network_packages.importlib.util, 'find_spec', lambda name: None if name == 'timm' else name)
    for words in (['import-checkpoint', checkpoint], ['mock-checkpoint', '--install']):
        with pytest.raises(PocoError, match=r'this needs timm, .*requirements-networks\.txt'):
            poco(*words)


def test_mock_file_and_install(cache, tmp_path, tiny):
    path = tmp_path / 'mock.pt'
    said = poco('mock-checkpoint', '--variant', 'tiny', '--layout', 'nested', '--base', 'A', '--out', path, '--install',
                '--with-smpl')
    assert f'{path}: made-up weights of tiny, set A, layout nested' in said and 'next: poco export mock_tiny' in said
    state = torch.load(path, weights_only=True)['model']['state_dict']
    assert all(torch.equal(state[name], tensor) for name, tensor in tiny.state_dict().items())
    assert 'smpl.smpl.posedirs' in state
    model, provenance = load_network('mock_tiny')
    assert provenance.mock and checksum(model.state_dict()) == checksum(tiny.state_dict())
    assert 'marked as mock' in poco('import-checkpoint', path, '--variant', 'tiny', '--no-export')


def test_mock_of_another_set_and_name(cache, tiny):
    poco('mock-checkpoint', '--variant', 'tiny', '--base', 'B', '--install', '--name', 'other')
    assert checksum(load_network('other')[0].state_dict()) != checksum(tiny.state_dict())


@pytest.mark.parametrize(('words', 'message'), [
    ([], 'nothing to do'), (['--install', '--variant', 'x'], 'must be one of'),
    (['--install', '--name', 'a b'], 'name'),
    (['--variant', 'tiny', '--layout', 'odd', '--out', 'x.pt'], 'layout of a checkpoint'),
])
def test_mock_mistakes(words, message):
    with pytest.raises(ConfigError, match=message):
        poco('mock-checkpoint', *words)
