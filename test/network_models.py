"""Full-size networks with mock weights, built once for all tests that need one. Tests must not change them."""

from __future__ import annotations

import functools

import torch

from poco_ros.networks.mock_weights import mock_state
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import OFFICIAL, Variant

# Threads that wait for each other on a busy machine take ten times as long as one.
torch.set_num_threads(1)

TINY = Variant('tiny', 'cliff', 'test_resnet', scale_hidden=(16,), flow_context=32)
"""The smallest whole network: timm's own test backbone has 0.4 million parameters."""


@functools.cache
def official_model(name: str, base: str = 'A') -> PocoModel:
    """Return 'poco_cliff', 'poco_pare' or 'poco_hmr' in eval mode."""
    return with_mock_weights(PocoModel(OFFICIAL[name]), base)


def with_mock_weights(model: PocoModel, base: str = 'A') -> PocoModel:
    """Fill a network and put it in eval mode."""
    model.load_state_dict(mock_state(model, base))
    return model.eval()
