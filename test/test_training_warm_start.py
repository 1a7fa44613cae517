"""Training that goes on: from the lift that ships, whose graph says what its weights must give, and from one's own."""

from __future__ import annotations

import dataclasses
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from poco_ros.checkpoints.provenance import Provenance
from poco_ros.checkpoints.store import save_network
from poco_ros.engine.model_record import ModelRecord
from poco_ros.errors import ConfigError, EngineError, ModelFileError
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import POCO_LIFT
from poco_ros.regressors.poco_lift.shipped import find_shipped_lift
from poco_ros.training.warm_start import begin_with


def new(seed: int, **changes: object) -> PocoModel:
    torch.manual_seed(seed)
    return PocoModel(dataclasses.replace(POCO_LIFT, name='other', **changes)).eval()


def shipped_copy(folder: Path) -> Path:
    shutil.copytree(find_shipped_lift(), folder)
    return folder


def test_the_lift_that_ships_gives_what_its_graph_gives() -> None:
    model, stored = new(0), np.load(find_shipped_lift() / 'expected.npz')
    flow = {name: entry.clone() for name, entry in model.flow_head.state_dict().items()}
    start = begin_with(model, 'poco_lift')
    assert dataclasses.asdict(start) == {'name': 'poco_lift', 'weights_sha256': ModelRecord.load(
        find_shipped_lift()).weights_sha256}
    with torch.no_grad():
        said = model(*(torch.from_numpy(stored[f'input_{name}']) for name in ('observation', 'bbox_info')))
    for name, got in (('rotmat', said.rotmat), ('betas', said.betas), ('cam', said.cam), ('features', said.features)):
        np.testing.assert_allclose(got.numpy(), stored[f'output_{name}'], atol=2e-5)
    for name, entry in model.flow_head.state_dict().items():
        assert torch.equal(entry, flow[name]), 'the graph has no flow'


def test_a_network_of_ones_own_with_its_flow(tmp_path: Path) -> None:
    own, model = new(1), new(2)
    saved = save_network(tmp_path / 'own', own, Provenance('own', own.variant, '', '', 'test', 'Apache-2.0', 'now'))
    start = begin_with(model, str(tmp_path / 'own'))
    assert (start.name, start.weights_sha256) == ('own', saved.weights_sha256)
    for name, entry in model.state_dict().items():
        assert torch.equal(entry, own.state_dict()[name]), name


def test_another_structure_is_refused_by_name() -> None:
    with pytest.raises(ConfigError, match='gone on from: it has flow_context 512 instead of 256, encoder_width 512'):
        begin_with(new(0, encoder_width=256, flow_context=256), 'poco_lift')


def test_a_graph_that_was_changed_is_refused(tmp_path: Path) -> None:
    folder = shipped_copy(tmp_path / 'net')
    with (folder / 'model.onnx').open('ab') as file:
        file.write(b'more')
    with pytest.raises(EngineError, match=r'model\.onnx'):
        begin_with(new(0), str(folder))


def test_a_network_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ModelFileError, match='there is no network'):
        begin_with(new(0), str(tmp_path / 'nothing'))
