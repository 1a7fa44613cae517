"""Mock weights against the specification's own rule, its checksums and its spot values."""

import importlib.util

import numpy as np
import pytest
import torch
from network_models import TINY, official_model
from torch import nn

from poco_ros.errors import ConfigError
from poco_ros.networks.mock_weights import checksum, mock_state
from poco_ros.networks.model import PocoModel


@pytest.mark.parametrize(
    ('name', 'base', 'expected'),
    [
        ('poco_cliff', 'A', 0xB85DA567),
        ('poco_pare', 'A', 0xB139A5E9),
        ('poco_hmr', 'A', 0x27C3DA80),
        ('poco_hmr', 'B', 0x73A6EE36),
    ],
)
def test_checksums_of_the_specification(name, base, expected):
    model = official_model(name)
    assert checksum(model.state_dict() if base == 'A' else mock_state(model, base)) == expected


def test_spot_values_of_the_specification():
    state = official_model('poco_cliff').state_dict()
    conv = state['backbone.conv1.weight'].flatten()[:3]
    torch.testing.assert_close(conv, torch.tensor([-0.07105841, 0.17092651, -0.02447746]), atol=1e-8, rtol=0)
    cam = state['head.init_cam'][0]
    torch.testing.assert_close(cam, torch.tensor([0.8720409, 0.03332935, -0.05422239]), atol=5e-8, rtol=0)


@pytest.mark.shared
def test_every_kind_of_entry_is_bit_identical_to_the_published_rule(shared_dir):
    spec = importlib.util.spec_from_file_location('fill_weights', shared_dir / 'spec' / 'fill_weights.py')
    rule = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(rule)
    state = mock_state(PocoModel(TINY), 'any label')
    expected = rule.fill_state_dict([(name, entry.shape, None) for name, entry in state.items()], 'any label')
    assert expected.pop('flow_head.flow.mask') is None
    assert all(np.array_equal(state[name].numpy(), values) for name, values in expected.items())


def test_the_network_is_not_changed_and_takes_its_state():
    model = PocoModel(TINY)
    before = model.head.fc1.weight.clone()
    state = mock_state(model)
    torch.testing.assert_close(model.head.fc1.weight, before, rtol=0, atol=0)
    model.load_state_dict(state, strict=True)
    torch.testing.assert_close(model.head.fc1.weight, state['head.fc1.weight'], rtol=0, atol=0)


@pytest.mark.parametrize('odd', [nn.Conv3d(1, 1, 1, bias=False), nn.Parameter(torch.zeros(3))], ids=['5-D', 'unnamed'])
def test_an_entry_without_a_rule_is_named(odd):
    model = nn.Module()
    model.odd = odd
    with pytest.raises(ConfigError, match='odd'):
        mock_state(model)
