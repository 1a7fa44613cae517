"""Checkpoints with made-up weights, in every layout, so that all behind them is tested without any licensed file."""

from __future__ import annotations

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poco_ros.body.smpl import PARENTS
from poco_ros.checkpoints.provenance import Provenance, now
from poco_ros.errors import CheckpointError, ConfigError
from poco_ros.networks.mock_weights import mock_state
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import Variant
from poco_ros.whole_files import written_whole

LAYOUTS = ('bare', 'model', 'state_dict', 'nested', 'lightning')
LICENCE = 'CC0-1.0: made-up numbers, not trained'


def mock_network(variant: Variant, base: str = 'A') -> PocoModel:
    """Return a network with deterministic weights (SPEC section 15.1), in evaluation mode.

    :param variant: its structure.
    :param base: label of the set of weights: 'A', 'B', or any other.
    """
    model = PocoModel(variant)
    model.load_state_dict(mock_state(model, base))
    return model.eval()


def mock_provenance(name: str, variant: Variant, base: str) -> Provenance:
    """Return the provenance of a network of :func:`mock_network`."""
    return Provenance(name, variant, '', '', f'made up, set {base}', LICENCE, now(), mock=True)


def is_made_up(state: Mapping[str, torch.Tensor]) -> bool:
    """Tell whether weights are those of :func:`mock_network`, with any label, or were never trained.

    :param state: of a network with batch normalisation. Where all its running statistics lie in the narrow ranges of
        the rule, the initial 0 and 1 included, no pictures ever went through it.
    """
    means = [tensor for name, tensor in state.items() if name.endswith('.running_mean')]
    variances = [tensor for name, tensor in state.items() if name.endswith('.running_var')]
    return bool(means) and all(bool((mean.abs() <= 0.0875).all()) for mean in means) and all(
        bool(((variance >= 0.5) & (variance <= 1.5)).all()) for variance in variances)


def mock_checkpoint(model: PocoModel, layout: str, *, with_body: bool = False) -> dict[str, Any]:
    """Return what a trainer would give to ``torch.save``.

    :param model: gives the weights.
    :param layout: one of ``LAYOUTS``: at the top; under 'model'; under 'state_dict' with names that start with
        'model.'; under 'model' and 'state_dict'; or all that a training framework writes, objects included.
    :param with_body: whether there are entries ``smpl.smpl.*`` too: random numbers in the shapes of SMPL.
    :raises ConfigError: when there is no such layout.
    """
    state = dict(model.state_dict()) | (mock_body_entries() if with_body else {})
    prefixed = {f'model.{name}': tensor for name, tensor in state.items()}
    framework = {
        'epoch': 3, 'global_step': 1200, 'pytorch-lightning_version': '1.5.10',
        'optimizer_states': [{'state': {0: {'exp_avg': torch.zeros(3)}}, 'param_groups': [{'lr': 1e-4}]}],
        'hyper_parameters': argparse.Namespace(METHOD='poco', SEED_VALUE=88),
    }
    trees: dict[str, dict[str, Any]] = {
        'bare': state, 'model': {'model': state}, 'state_dict': {'state_dict': prefixed},
        'nested': {'model': {'state_dict': state}}, 'lightning': {**framework, 'state_dict': prefixed},
    }
    if layout not in trees:
        raise ConfigError(f'the layout of a checkpoint must be one of {", ".join(LAYOUTS)}, got {layout!r}')
    return trees[layout]


def write_mock_checkpoint(path: Path, tree: dict[str, Any]) -> None:
    """Write a checkpoint; it appears whole or not at all.

    :raises CheckpointError: when it cannot be written.
    """
    try:
        with written_whole(path) as temporary:
            torch.save(tree, temporary)
    except (OSError, RuntimeError) as error:
        raise CheckpointError(f'{path} cannot be written: {getattr(error, "strerror", error)}') from error


def mock_body_entries() -> dict[str, torch.Tensor]:
    """Return random numbers under the names and in the shapes of the body model in released checkpoints."""
    random = np.random.default_rng(6890)
    regressor, weights, extra = (random.random(shape) ** 20 for shape in ((24, 6890), (6890, 24), (9, 6890)))
    floats = {
        'betas': np.zeros((1, 10)), 'global_orient': np.zeros((1, 3)), 'body_pose': np.zeros((1, 69)),
        'shapedirs': 0.01 * random.standard_normal((6890, 3, 10)), 'v_template': random.standard_normal((6890, 3)),
        'J_regressor': regressor / regressor.sum(axis=1, keepdims=True),
        'posedirs': 0.003 * random.standard_normal((207, 20670)),
        'lbs_weights': weights / weights.sum(axis=1, keepdims=True),
        'J_regressor_extra': extra / extra.sum(axis=1, keepdims=True),
    }
    integers = {
        'faces_tensor': random.integers(0, 6890, (13776, 3)), 'parents': np.asarray(PARENTS),
        'vertex_joint_selector.extra_joints_idxs': np.arange(21),
    }
    return {f'smpl.smpl.{name}': torch.from_numpy(np.asarray(array, np.float32)) for name, array in floats.items()} | {
        f'smpl.smpl.{name}': torch.from_numpy(np.asarray(array, np.int64)) for name, array in integers.items()
    }
