"""Made-up checkpoints have the names, shapes and layouts of real ones."""

import argparse
import json

import numpy as np
import pytest
import torch
from network_models import TINY, official_model

from poco_ros.checkpoints.known import KNOWN, known_variant
from poco_ros.checkpoints.mock import (
    LAYOUTS,
    is_made_up,
    mock_body_entries,
    mock_checkpoint,
    mock_network,
    mock_provenance,
    write_mock_checkpoint,
)
from poco_ros.errors import CheckpointError, ConfigError
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import OFFICIAL

torch.set_num_threads(1)


@pytest.fixture(scope='module')
def tiny():
    return mock_network(TINY)


@pytest.mark.shared
@pytest.mark.parametrize('name', list(OFFICIAL))
def test_names_shapes_and_number_types_of_the_released_ones(shared_dir, name):
    listed = json.loads((shared_dir / 'spec' / f'state_dict_{name}.json').read_text())
    listed = listed['entries'] if isinstance(listed, dict) else listed
    made = {entry: (list(tensor.shape), str(tensor.dtype).removeprefix('torch.'))
            for entry, tensor in mock_checkpoint(official_model(name), 'bare', with_body=True).items()}
    assert made == {entry: (shape, dtype) for entry, shape, dtype in listed}


def test_layouts(tiny):
    trees = {layout: mock_checkpoint(tiny, layout) for layout in LAYOUTS}
    state = tiny.state_dict()
    assert trees['bare'].keys() == trees['model']['model'].keys() == trees['nested']['model']['state_dict'].keys() \
        == state.keys()
    prefixed = {f'model.{name}' for name in state}
    assert set(trees['state_dict']['state_dict']) == set(trees['lightning']['state_dict']) == prefixed
    assert isinstance(trees['lightning']['hyper_parameters'], argparse.Namespace)
    with pytest.raises(ConfigError, match='layout of a checkpoint must be one of bare, .* got .square'):
        mock_checkpoint(tiny, 'square')


def test_files_are_what_torch_loads(tmp_path, tiny):
    write_mock_checkpoint(tmp_path / 'net.pt', mock_checkpoint(tiny, 'bare'))
    loaded = torch.load(tmp_path / 'net.pt', weights_only=True)
    assert all(torch.equal(loaded[name], tensor) for name, tensor in tiny.state_dict().items())
    write_mock_checkpoint(tmp_path / 'net.pt', mock_checkpoint(tiny, 'lightning'))
    with pytest.raises(Exception, match=r'argparse\.Namespace'):  # as a training framework's files
        torch.load(tmp_path / 'net.pt', weights_only=True)
    assert [path.name for path in tmp_path.iterdir()] == ['net.pt']


def test_files_that_cannot_be_written(tmp_path, tiny):
    with pytest.raises(CheckpointError, match=r'net\.pt cannot be written: No such file'):
        write_mock_checkpoint(tmp_path / 'missing' / 'net.pt', mock_checkpoint(tiny, 'bare'))


def test_the_made_up_body_is_a_body_by_its_sums():
    body = mock_body_entries()
    for name, axis in (('J_regressor', 1), ('lbs_weights', 1), ('J_regressor_extra', 1)):
        np.testing.assert_allclose(body[f'smpl.smpl.{name}'].sum(axis).numpy(), 1, atol=1e-5)


def test_provenance_says_that_it_is_made_up():
    provenance = mock_provenance('mock_cliff', TINY, 'B')
    assert provenance.mock and 'B' in provenance.layout and 'CC0' in provenance.licence


@pytest.mark.parametrize('base', ['A', 'B', 'any other'])
def test_made_up_weights_are_recognised(base):
    state = mock_network(TINY, base).state_dict()
    assert is_made_up(state)
    for name, value in (('backbone.bn1.running_var', 0.4), ('backbone.bn1.running_var', 1.6),
                        ('backbone.bn1.running_mean', -0.1)):
        trained = {entry: tensor.clone() for entry, tensor in state.items()}
        trained[name][3] = value
        assert not is_made_up(trained)


def test_untrained_weights_are_recognised():
    model = PocoModel(TINY)
    assert is_made_up(model.state_dict())
    with torch.no_grad():
        for _ in range(5):
            model.train()(torch.rand(4, 3, 224, 224), torch.zeros(4, 3))
    assert not is_made_up(model.state_dict())  # pictures went through it
    assert not is_made_up({'weight': torch.ones(3)})


def test_known_networks():
    assert list(KNOWN) == ['poco_cliff', 'poco_pare', 'poco_hmr', 'plain_cliff', 'plain_pare', 'plain_hmr']
    for name, variant in KNOWN.items():
        assert known_variant(name) is variant and variant.name == name
        assert variant.has_uncertainty == variant.has_flow == name.startswith('poco_')
        assert variant.backbone == KNOWN[f'poco_{variant.regressor}'].backbone
    with pytest.raises(ConfigError, match='must be one of poco_cliff, .* got .spin'):
        known_variant('spin')
