"""From a file in any layout to the same network, bit for bit."""

import argparse
import hashlib
import sys
import types

import numpy as np
import pytest
import safetensors.torch
import torch
from network_models import TINY, official_model, with_mock_weights

from poco_ros.checkpoints.importing import read_mean_parameters, read_network
from poco_ros.checkpoints.known import KNOWN
from poco_ros.checkpoints.mock import LAYOUTS, mock_checkpoint, write_mock_checkpoint
from poco_ros.checkpoints.store import load_network, save_network
from poco_ros.errors import CheckpointError
from poco_ros.networks.mock_weights import checksum
from poco_ros.networks.model import PocoModel

torch.set_num_threads(1)


@pytest.fixture(scope='module')
def tiny():
    return with_mock_weights(PocoModel(TINY))


def same(model, other):
    state, expected = model.state_dict(), other.state_dict()
    return state.keys() == expected.keys() and all(torch.equal(state[name], expected[name]) for name in expected)


@pytest.mark.parametrize('kind', ['torch', 'torch before 1.6'])
@pytest.mark.parametrize('layout', LAYOUTS)
def test_every_layout_gives_the_same_network(tmp_path, tiny, layout, kind):
    path = tmp_path / 'net.pt'
    torch.save(mock_checkpoint(tiny, layout), path, _use_new_zipfile_serialization=kind == 'torch')
    read = read_network(path, variant=TINY)
    assert same(read.model, tiny) and not read.model.training
    provenance = read.provenance
    assert provenance.name == 'tiny' and provenance.variant == TINY and provenance.mock
    assert provenance.source_file == 'net.pt'
    assert provenance.source_sha256 == hashlib.sha256(path.read_bytes()).hexdigest()
    assert provenance.layout.startswith(f'{kind}, ') and provenance.absent == () and provenance.converted_from == ()
    assert read.forgotten == (('argparse.Namespace',) if layout == 'lightning' else ())


def test_a_file_with_the_hyper_parameters_of_a_training_framework(tmp_path, tiny, monkeypatch):
    config, lightning = types.ModuleType('yacs.config'), types.ModuleType('pytorch_lightning.utilities.parsing')
    for package in ('yacs', 'pytorch_lightning', 'pytorch_lightning.utilities'):
        monkeypatch.setitem(sys.modules, package, types.ModuleType(package))
    for module, name in ((config, 'CfgNode'), (lightning, 'AttributeDict')):
        thing = type(name, (dict,), {'__module__': module.__name__})
        setattr(module, name, thing)
        monkeypatch.setitem(sys.modules, module.__name__, module)
    tree = mock_checkpoint(tiny, 'lightning')
    tree['hyper_parameters'] = lightning.AttributeDict(hparams=config.CfgNode(LOSS=config.CfgNode(WEIGHT=60.0)))
    tree['callbacks'] = {argparse.Namespace: {'best_model_score': torch.tensor(50.0), 'numpy': np.float64(1)}}
    torch.save(tree, tmp_path / 'net.ckpt')
    for name in ('yacs.config', 'pytorch_lightning.utilities.parsing'):
        monkeypatch.delitem(sys.modules, name)
    read = read_network(tmp_path / 'net.ckpt', variant=TINY)
    assert same(read.model, tiny)
    assert {'yacs.config.CfgNode', 'pytorch_lightning.utilities.parsing.AttributeDict'} <= set(read.forgotten)


def test_safetensors(tmp_path, tiny):
    safetensors.torch.save_file(tiny.state_dict(), tmp_path / 'net.safetensors')
    read = read_network(tmp_path / 'net.safetensors', variant=TINY, name='mine')
    assert same(read.model, tiny) and read.provenance.name == 'mine'
    assert read.provenance.layout == 'safetensors, at the top'


def test_half_precision_is_told(tmp_path, tiny):
    half = PocoModel(TINY)
    half.load_state_dict(tiny.state_dict())
    torch.save(half.half().state_dict(), tmp_path / 'net.pt')
    read = read_network(tmp_path / 'net.pt', variant=TINY)
    assert read.provenance.converted_from == ('float16',) and same(read.model, half.float())
    assert all(t.dtype == torch.float32 for t in read.model.state_dict().values() if t.is_floating_point())


def test_body_and_trainer_entries_are_listed_and_left(tmp_path, tiny):
    tree = mock_checkpoint(tiny, 'state_dict', with_body=True)
    tree['state_dict']['loss.weight'] = torch.ones(1)
    torch.save(tree, tmp_path / 'net.pt')
    provenance = read_network(tmp_path / 'net.pt', variant=TINY).provenance
    batch_norms = sum(name.endswith('num_batches_tracked') for name in tiny.state_dict())
    assert set(provenance.unused) == {'loss.weight', f'*.num_batches_tracked ({batch_norms})', 'flow_head.* (27)',
                                      'smpl.* (12)'}


@pytest.mark.parametrize(('name', 'expected'), [
    ('poco_cliff', 0xB85DA567), ('poco_pare', 0xB139A5E9), ('poco_hmr', 0x27C3DA80)])
def test_full_size_there_and_back(tmp_path, name, expected):
    path = tmp_path / 'net.pt'
    write_mock_checkpoint(path, mock_checkpoint(official_model(name), 'lightning'))
    read = read_network(path)
    assert read.provenance.variant == KNOWN[name]
    path.unlink()
    save_network(tmp_path / 'kept', read.model, read.provenance)
    model, _ = load_network(tmp_path / 'kept')
    assert checksum(model.state_dict()) == expected  # of the specification


@pytest.fixture(scope='module')
def hmr(tmp_path_factory):
    path = tmp_path_factory.mktemp('hmr') / 'hmr.pt'
    write_mock_checkpoint(path, mock_checkpoint(official_model('poco_hmr'), 'bare'))
    return path


@pytest.mark.parametrize('wrong', ['poco_cliff', 'plain_cliff'])
def test_a_checkpoint_of_another_kind(hmr, wrong):
    with pytest.raises(CheckpointError, match=rf'hmr\.pt: a checkpoint of poco_hmr, not of {wrong}; leave --variant'):
        read_network(hmr, variant=KNOWN[wrong])


def test_with_uncertainty_it_is_not_read_as_without(hmr):
    with pytest.raises(CheckpointError, match=r"hmr\.pt: not a whole plain_hmr: plain_hmr has no 'uncert_head"):
        read_network(hmr, variant=KNOWN['plain_hmr'])


def test_without_uncertainty(tmp_path, hmr):
    state = {name: tensor for name, tensor in torch.load(hmr).items() if name.startswith(('backbone.', 'head.'))}
    torch.save(state, tmp_path / 'plain.pt')
    with pytest.raises(CheckpointError, match='not a whole poco_hmr: .*whole scale network.*--variant plain_hmr'):
        read_network(tmp_path / 'plain.pt')
    read = read_network(tmp_path / 'plain.pt', variant=KNOWN['plain_hmr'])
    assert read.provenance.name == 'plain_hmr' and not read.model.variant.has_uncertainty
    assert torch.equal(read.model.state_dict()['head.fc1.bias'], state['head.fc1.bias'])


def mean_file(path, pose=144, **arrays):
    np.savez(path, **{'pose': np.arange(pose) / 7, 'shape': np.arange(10.0), 'cam': np.array([0.9, 0, 0])} | arrays)
    return path


def test_mean_parameters(tmp_path, tiny):
    state = dict(tiny.state_dict())
    path = mean_file(tmp_path / 'mean.npz')
    torch.save(state, tmp_path / 'whole.pt')
    whole = read_network(tmp_path / 'whole.pt', variant=TINY, mean_params=path)
    assert same(whole.model, tiny) and whole.provenance.mean_parameters == ''
    for name in ('head.init_pose', 'head.init_shape', 'head.init_cam'):
        del state[name]
    torch.save(state, tmp_path / 'net.pt')
    with pytest.raises(CheckpointError, match='--mean-params'):
        read_network(tmp_path / 'net.pt', variant=TINY)
    read = read_network(tmp_path / 'net.pt', variant=TINY, mean_params=path)
    np.testing.assert_array_equal(read.model.head.init_pose[0].numpy(), (np.arange(144) / 7).astype(np.float32))
    np.testing.assert_array_equal(read.model.head.init_cam.numpy(), np.array([[0.9, 0, 0]], np.float32))
    assert read.provenance.mean_parameters.startswith('mean.npz, sha256 ') and read.provenance.absent == ()


@pytest.mark.parametrize('spoil', [
    lambda path: path.unlink(), lambda path: path.write_bytes(b'no arrays'), lambda path: mean_file(path, pose=72),
    lambda path: mean_file(path, cam=np.array([np.nan, 0, 0])), lambda path: np.savez(path, pose=np.zeros(144)),
    lambda path: mean_file(path, shape=np.array([{}] * 10)),
    lambda path: path.write_bytes(path.read_bytes()[:300]), lambda path: np.save(path.open('wb'), np.zeros(3)),
])
def test_files_without_mean_parameters(tmp_path, spoil):
    path = mean_file(tmp_path / 'mean.npz')
    assert read_mean_parameters(path)['head.init_pose'].shape == (1, 144)
    spoil(path)
    with pytest.raises(CheckpointError, match=r'mean\.npz does not hold the mean parameters'):
        read_mean_parameters(path)
