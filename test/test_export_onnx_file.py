"""The ONNX file: names, shapes and types as stated, one file, open batch, and other runtimes agree with torch."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from exported_networks import TINY, exported
from onnx import TensorProto, helper

from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.mock import mock_network
from poco_ros.crops import normalise
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.errors import ExportError
from poco_ros.export.graph import NetworkGraph
from poco_ros.export.onnx_file import ancestors, check_boundary, export_onnx, write_onnx
from poco_ros.export.pictures import feeds_for, synthetic_crops

OUTPUTS = {'rotmat': (24, 3, 3), 'betas': (10,), 'cam': (3,), 'joints': (24, 3), 'sigma': (24,), 'uncertainty': ()}


def signature(values: list[onnx.ValueInfoProto]) -> dict[str, tuple[str, tuple[object, ...]]]:
    return {
        value.name: (
            helper.tensor_dtype_to_np_dtype(value.type.tensor_type.elem_type).name,
            tuple(dim.dim_param or dim.dim_value for dim in value.type.tensor_type.shape.dim),
        ) for value in values
    }


@pytest.mark.parametrize('name', TINY)
def test_inputs_and_outputs_are_as_promised(name: str) -> None:
    folder, _ = exported(name)
    graph = onnx.load(folder / 'model.onnx').graph
    inputs = {'crops': ('uint8', ('N', 224, 224, 3))}
    if name == 'tiny_cliff':
        inputs['bbox_info'] = ('float32', ('N', 3))
    assert signature(list(graph.input)) == inputs
    assert signature(list(graph.output)) == {key: ('float32', ('N', *shape)) for key, shape in OUTPUTS.items()}


def test_it_is_one_valid_file_that_old_tools_can_read() -> None:
    folder, _ = exported()
    onnx.checker.check_model(str(folder / 'model.onnx'), full_check=True)
    model = onnx.load(folder / 'model.onnx', load_external_data=False)
    assert {opset.domain: opset.version for opset in model.opset_import} == {'': 18}
    assert not any(tensor.data_location == TensorProto.EXTERNAL for tensor in model.graph.initializer)
    assert not any(node.op_type == 'BatchNormalization' for node in model.graph.node)
    # TensorRT takes uint8 as an input and does nothing with it but cast it.
    assert [node.op_type for node in model.graph.node if 'crops' in node.input] == ['Cast']


def test_the_flow_and_the_unused_classifier_stay_behind() -> None:
    folder, _ = exported()
    names = [tensor.name for tensor in onnx.load(folder / 'model.onnx').graph.initializer]
    assert any('uncert_head' in name for name in names)
    assert not any('flow' in name or 'classifier' in name for name in names)


@pytest.mark.parametrize('name', TINY)
def test_onnx_runtime_agrees_with_torch_for_any_number_of_persons(name: str) -> None:
    runtime = pytest.importorskip('onnxruntime')
    folder, record = exported(name)
    session = runtime.InferenceSession(str(folder / 'model.onnx'))
    model = mock_network(TINY[name])
    crops = synthetic_crops(5)
    feeds = feeds_for(record.inputs, crops)
    info = torch.from_numpy(feeds['bbox_info']) if 'bbox_info' in feeds else None
    with torch.inference_mode():
        expected = model(torch.from_numpy(normalise(crops)), info)
    for count in (1, 3, 5):
        rotmat, betas, _, joints, sigma, uncertainty = session.run(
            list(OUTPUTS), {key: array[:count] for key, array in feeds.items()})
        np.testing.assert_allclose(rotmat, expected.rotmat[:count], atol=1e-3)
        np.testing.assert_allclose(betas, expected.betas[:count], atol=1e-4)
        np.testing.assert_allclose(sigma, expected.sigma[:count], atol=1e-5)
        np.testing.assert_allclose(joints, load_body_model().joints(rotmat, betas), atol=1e-5)
        assert uncertainty.shape == (count,)


@pytest.mark.parametrize('name', TINY)
def test_the_graph_falls_in_two_at_the_features(name: str) -> None:
    folder, record = exported(name)
    model = onnx.load(folder / 'model.onnx')
    before = ancestors(model, record.fp32_from)
    behind = [node.op_type for index, node in enumerate(model.graph.node) if index not in before]
    assert 'Conv' not in behind
    assert 'Gemm' in behind
    found = OpenVinoEngine(folder / 'model.onnx', outputs=record.fp32_from)(
        {'crops': synthetic_crops(2)} if name != 'tiny_cliff' else feeds_for(record.inputs, synthetic_crops(2)))
    assert [found[key].shape[0] for key in record.fp32_from] == [2] * len(record.fp32_from)


def chain(*nodes: tuple[str, list[str], str]) -> onnx.ModelProto:
    made = [helper.make_node(op, inputs, [output], name=output) for op, inputs, output in nodes]
    values = [helper.make_tensor_value_info(name, TensorProto.FLOAT, ['N', 4]) for name in ('x', nodes[-1][2])]
    return helper.make_model(helper.make_graph(made, 'chain', values[:1], values[1:]))


def test_a_value_that_leads_past_the_boundary_is_found() -> None:
    check_boundary(chain(('Relu', ['x'], 'a'), ('Relu', ['a'], 'f'), ('Add', ['f', 'f'], 'y')), ['f'])
    with pytest.raises(ExportError, match='Add y reads a past'):
        check_boundary(chain(('Relu', ['x'], 'a'), ('Relu', ['a'], 'f'), ('Add', ['f', 'a'], 'y')), ['f'])
    with pytest.raises(ExportError, match='no tensor g'):
        check_boundary(chain(('Relu', ['x'], 'f')), ['g'])


def test_constants_may_lead_past_the_boundary() -> None:
    model = chain(('Add', ['x', 'c'], 'f'), ('Add', ['f', 'c'], 'y'))
    model.graph.node.insert(0, helper.make_node('Constant', [], ['c'], value_float=1.0))
    check_boundary(model, ['f'])


def test_a_network_that_torch_cannot_export_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    graph = NetworkGraph(mock_network(TINY['tiny_cliff']), load_body_model())
    monkeypatch.setattr(graph, 'forward', lambda crops, info: (torch.linalg.eigvals(info[..., None] @ info[:, None]),))
    with pytest.raises(ExportError, match='torch cannot export tiny_cliff'):
        export_onnx(graph)


def test_a_folder_that_cannot_be_written_to_is_named(tmp_path: Path) -> None:
    with pytest.raises(ExportError, match=r'nowhere/model\.onnx cannot be written'):
        write_onnx(chain(('Relu', ['x'], 'y')), tmp_path / 'nowhere' / 'model.onnx')
    assert list(tmp_path.iterdir()) == []
