"""A small exported lift with random weights for tests; its bodies mean nothing, but are standing people in view."""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from pathlib import Path

import torch

from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.provenance import Provenance, now
from poco_ros.checkpoints.store import save_network
from poco_ros.engine.model_record import ModelRecord
from poco_ros.export.network import export_network
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import POCO_LIFT, Variant
from poco_ros.regressors.poco_lift.observation import D

# Threads that wait for each other on a busy machine take ten times as long as one.
torch.set_num_threads(1)

TINY_LIFT = dataclasses.replace(
    POCO_LIFT, name='tiny_lift', encoder_width=16, encoder_blocks=1, head_hidden=16, scale_hidden=(8,), flow_context=8)


def lift_model(variant: Variant = TINY_LIFT, seed: int = 0) -> PocoModel:
    """Return a lift with random weights and statistics, in eval mode."""
    torch.manual_seed(seed)
    model = PocoModel(variant)
    model.backbone.set_statistics(0.1 * torch.randn(D), 0.5 + torch.rand(D))
    return model.eval()


def store_lift(folder: Path, variant: Variant = TINY_LIFT, *, mock: bool = False, seed: int = 0) -> Path:
    """Store a lift with random weights, not exported.

    :param folder: of the network, to be made.
    """
    provenance = Provenance(variant.name, variant, '', '', 'made for a test', 'Apache-2.0', now(), mock=mock)
    save_network(folder, lift_model(variant, seed), provenance)
    return folder


def export_lift(folder: Path, variant: Variant = TINY_LIFT, *, mock: bool = False, seed: int = 0) -> ModelRecord:
    """Store a lift with random weights, and export it with the open body.

    :param folder: of the network, to be made.
    """
    return export_network(store_lift(folder, variant, mock=mock, seed=seed), body=load_body_model())


@functools.cache
def exported_lift(variant: Variant = TINY_LIFT) -> tuple[Path, ModelRecord]:
    """Return the folder and the record of an exported lift; nobody may change what lies in it."""
    folder = tempfile.TemporaryDirectory(prefix='poco-lift-')
    _KEPT.append(folder)  # removed when the interpreter ends
    return Path(folder.name) / variant.name, export_lift(Path(folder.name) / variant.name, variant)


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
