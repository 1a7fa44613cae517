"""The check lets through what does what the network does, and nothing else; it says what is off, and by how much."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from exported_networks import TINY, exported
from onnx import numpy_helper

from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.mock import mock_network
from poco_ros.engine.base import Array
from poco_ros.errors import ExportError
from poco_ros.export.check import LIMITS, check_file, check_rounding, limits_for, torch_outputs
from poco_ros.export.graph import NetworkGraph
from poco_ros.export.pictures import feeds_for, synthetic_crops

Edit = Callable[[onnx.GraphProto], None]


@pytest.fixture(scope='module')
def graph() -> NetworkGraph:
    return NetworkGraph(mock_network(TINY['tiny_cliff']), load_body_model())


@pytest.fixture(scope='module')
def feeds(graph: NetworkGraph) -> dict[str, Array]:
    return feeds_for(graph.inputs, synthetic_crops(8))


@pytest.fixture(scope='module')
def expected(graph: NetworkGraph, feeds: dict[str, Array]) -> dict[str, Array]:
    return torch_outputs(graph, feeds)


def edited(tmp_path: Path, edit: Edit) -> Path:
    folder, _ = exported()
    model = onnx.load(folder / 'model.onnx')
    edit(model.graph)
    onnx.save(model, tmp_path / 'edited.onnx')
    return tmp_path / 'edited.onnx'


def weights(name: str, change: Callable[[np.ndarray], np.ndarray]) -> Edit:
    def edit(graph: onnx.GraphProto) -> None:
        tensor = next(tensor for tensor in graph.initializer if tensor.name.endswith(name))
        tensor.CopyFrom(numpy_helper.from_array(change(numpy_helper.to_array(tensor)).astype(np.float32), tensor.name))
    return edit


def test_an_exported_graph_passes_for_each_number_of_persons(feeds, expected) -> None:
    folder, _ = exported()
    measured = check_file(folder / 'model.onnx', 'fp32', feeds, expected, LIMITS['fp32'])
    assert list(measured) == ['1', '2', '5', '8']
    assert measured['8']['joints_mm'] < 0.01
    assert measured['8']['scalar_rank'] == pytest.approx(1)
    assert measured['1']['scalar_rank'] is None


@pytest.mark.parametrize(('edit', 'miss'), [
    (weights('deccam.bias', lambda bias: bias + [0, 0.001, 0]), r'^edited\.onnx \(fp32, 1 persons\).*: cam is 0\.00'),
    (weights('decshape.bias', lambda bias: bias + 0.01), 'betas is'),
    (weights('uncert_fc1.bias', lambda bias: bias + 0.001), 'sigma is'),
    (weights('uncert_fc1.weight', lambda weight: weight[::-1]), 'sigma_rank is'),
    (weights('decpose.bias', lambda bias: bias + 0.001), 'rotation_deg is'),
    (weights('skeleton.template', lambda joints: joints + 0.001), 'joints_mm is 1.7'),
    (weights('pixel_shift', lambda shift: shift + 0.02), 'rotation_deg is'),
])
def test_a_graph_that_does_something_else_is_refused(tmp_path, feeds, expected, edit: Edit, miss: str) -> None:
    with pytest.raises(ExportError, match=miss):
        check_file(edited(tmp_path, edit), 'fp32', feeds, expected, LIMITS['fp32'])


def test_a_graph_that_works_for_one_person_only_is_refused(tmp_path, feeds, expected) -> None:
    def fix_to_one(graph: onnx.GraphProto) -> None:  # the last product gives the first person's joints to everybody
        name = next(node.output[0] for node in graph.node if 'joints' in node.output)
        maker = next(node for node in graph.node if name in node.output)
        maker.output[0] = 'all_joints'
        graph.initializer.append(numpy_helper.from_array(np.array([0]), 'first'))
        graph.node.append(onnx.helper.make_node('Gather', ['all_joints', 'first'], ['joints'], axis=0))

    with pytest.raises(ExportError, match='does not work for 2 persons: joints must have the shape'):
        check_file(edited(tmp_path, fix_to_one), 'fp32', feeds, expected, LIMITS['fp32'])


@pytest.mark.parametrize('precision', ['fp16', 'bf16'])
def test_rounding_costs_about_what_torchs_own_low_precision_costs(graph, feeds, expected, precision: str) -> None:
    few = {name: array[:4] for name, array in feeds.items()}
    measured = check_rounding(graph, precision, few, {name: array[:4] for name, array in expected.items()},
                              limits_for(precision, mock=True))
    dtype = {'fp16': torch.float16, 'bf16': torch.bfloat16}[precision]
    pixels = torch.from_numpy(few['crops']).float().permute(0, 3, 1, 2) * graph.pixel_scale - graph.pixel_shift
    with torch.inference_mode():
        with torch.autocast('cpu', dtype=dtype):
            low = graph.model.encode(pixels)
        low = dataclasses.replace(low, features=low.features.float())
        betas = graph.model.decode(low, torch.from_numpy(few['bbox_info'])).betas.numpy()
    theirs = np.abs(betas - expected['betas'][:4]).max()
    assert 0.3 < measured['betas'] / theirs < 3


def test_rounding_leaves_the_network_as_it_was(graph, feeds, expected) -> None:
    one = {name: array[:1] for name, array in feeds.items()}
    check_rounding(graph, 'bf16', one, {name: array[:1] for name, array in expected.items()}, limits_for('bf16', True))
    np.testing.assert_array_equal(torch_outputs(graph, one)['joints'], expected['joints'][:1])


def test_numbers_beyond_fp16_are_found(feeds, expected) -> None:
    model = mock_network(TINY['tiny_cliff'])
    norm = next(module for module in model.backbone.modules() if isinstance(module, torch.nn.BatchNorm2d))
    with torch.no_grad():
        norm.weight *= 1e6
    graph = NetworkGraph(model, load_body_model())
    with pytest.raises(ExportError, match='leaves the range of fp16; take bf16 or fp32'):
        check_rounding(graph, 'fp16', {name: array[:1] for name, array in feeds.items()}, expected, LIMITS['fp16'])


def test_a_network_that_gives_nan_is_refused(feeds) -> None:
    model = mock_network(TINY['tiny_cliff'])
    with torch.no_grad():
        model.head.deccam.bias[0] = np.nan
    with pytest.raises(ExportError, match='tiny_cliff gives NaN or infinity in rotmat.*import the checkpoint again'):
        torch_outputs(NetworkGraph(model, load_body_model()), feeds)


def test_made_up_weights_have_wider_limits_but_not_in_fp32() -> None:
    assert limits_for('fp32', mock=True) == limits_for('fp32', mock=False) == LIMITS['fp32']
    assert limits_for('int8', mock=False) == LIMITS['int8']
    wide = limits_for('int8', mock=True)
    for field in dataclasses.fields(wide):
        tight, loose = getattr(LIMITS['int8'], field.name), getattr(wide, field.name)
        assert loose < tight if field.name.endswith('_rank') else loose > tight
