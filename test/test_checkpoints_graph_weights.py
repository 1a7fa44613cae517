"""Weights out of a graph: what the graph computes, all or none."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch

from poco_ros.checkpoints.graph_weights import load_from_graph
from poco_ros.errors import ModelFileError
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import POCO_LIFT
from poco_ros.regressors.poco_lift.shipped import find_shipped_lift


@pytest.fixture
def model() -> PocoModel:
    torch.manual_seed(0)
    return PocoModel(POCO_LIFT).eval()


def test_the_network_gives_what_its_graph_gave(model: PocoModel) -> None:
    stored = np.load(find_shipped_lift() / 'expected.npz')
    flow = {name: entry.clone() for name, entry in model.flow_head.state_dict().items()}
    load_from_graph(model, find_shipped_lift() / 'model.onnx')
    with torch.no_grad():
        said = model(*(torch.from_numpy(stored[f'input_{name}']) for name in ('observation', 'bbox_info')))
    np.testing.assert_allclose(said.rotmat.numpy(), stored['output_rotmat'], atol=2e-5)
    for name, entry in model.flow_head.state_dict().items():
        assert torch.equal(entry, flow[name]), 'the graph has no flow'


def test_a_graph_that_holds_them_otherwise_is_refused_and_changes_nothing(model: PocoModel, tmp_path: Path) -> None:
    graph = onnx.load(find_shipped_lift() / 'model.onnx')
    (entry,) = (t for t in graph.graph.initializer if t.name == 'model.head.fc1.weight')
    entry.name = 'folded'
    onnx.save(graph, tmp_path / 'model.onnx')
    before = {name: value.clone() for name, value in model.state_dict().items()}
    with pytest.raises(ModelFileError, match=r'head\.fc1\.weight and 0 others are not in it'):
        load_from_graph(model, tmp_path / 'model.onnx')
    assert all(torch.equal(value, before[name]) for name, value in model.state_dict().items())
