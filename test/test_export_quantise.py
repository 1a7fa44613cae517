"""int8: all convolutions of the image network and nothing else, symmetric ranges, and bodies that stay close."""

from __future__ import annotations

import sys

import numpy as np
import onnx
import pytest
from exported_networks import exported
from onnx import numpy_helper

from poco_ros.engine.agreement import compare
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.errors import ExportError
from poco_ros.export.check import limits_for
from poco_ros.export.onnx_file import ancestors, write_onnx
from poco_ros.export.pictures import feeds_for, synthetic_crops
from poco_ros.export.quantise import quantise


@pytest.fixture(scope='module')
def models():
    pytest.importorskip('onnxruntime')
    folder, record = exported()
    model = onnx.load(folder / 'model.onnx')
    return record, model, quantise(model, synthetic_crops(12)[:6], record.inputs, record.fp32_from)


def test_every_convolution_and_nothing_else_is_quantised(models) -> None:
    record, _, int8 = models
    makers = {name: node for node in int8.graph.node for name in node.output}
    inputs = {name for node in int8.graph.node if node.op_type == 'Conv' for name in node.input}
    convolutions = [node for node in int8.graph.node if node.op_type == 'Conv']
    assert len(convolutions) == 15
    for node in convolutions:
        assert [makers[name].op_type for name in node.input[:2]] == ['DequantizeLinear'] * 2, node.name
    before = ancestors(int8, record.fp32_from)
    for index, node in enumerate(int8.graph.node):
        if node.op_type in ('QuantizeLinear', 'DequantizeLinear'):
            assert index in before
            assert node.op_type == 'QuantizeLinear' or node.output[0] in inputs  # none that no convolution reads


def test_ranges_are_symmetric_and_weights_have_one_per_channel(models) -> None:
    _, fp32, int8 = models
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in int8.graph.initializer}
    full = {tensor.name: numpy_helper.to_array(tensor) for tensor in fp32.graph.initializer}
    seen = 0
    for node in int8.graph.node:
        if node.op_type == 'DequantizeLinear':
            assert not stored[node.input[2]].any()
            if node.input[0] in stored:
                weight, scale = stored[node.input[0]], stored[node.input[1]]
                original = full[node.input[0].removesuffix('_quantized')]
                assert (weight.dtype, scale.shape) == (np.int8, (len(original),))
                error = np.abs(weight * scale.reshape(-1, 1, 1, 1) - original)
                assert (error <= 0.501 * scale.reshape(-1, 1, 1, 1)).all()
                seen += 1
    assert seen == 15


def test_bodies_of_other_pictures_stay_close(models, tmp_path) -> None:
    record, _, int8 = models
    write_onnx(int8, tmp_path / 'model_int8.onnx')
    folder, _ = exported()
    feeds = feeds_for(record.inputs, synthetic_crops(12)[6:])
    expected = OpenVinoEngine(folder / 'model.onnx')(feeds)
    agreement = compare(expected, OpenVinoEngine(tmp_path / 'model_int8.onnx')(feeds))
    assert agreement.misses(limits_for('int8', mock=True)) == []
    assert agreement.joints_mm > 0.01  # it is another arithmetic
    assert (tmp_path / 'model_int8.onnx').stat().st_size < (folder / 'model.onnx').stat().st_size


def test_the_quantiser_keeps_quiet(capfd) -> None:
    pytest.importorskip('onnxruntime')
    folder, record = exported()
    quantise(onnx.load(folder / 'model.onnx'), synthetic_crops(1), record.inputs, record.fp32_from)
    assert capfd.readouterr() == ('', '')


def test_without_onnx_runtime_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    folder, record = exported()
    monkeypatch.setitem(sys.modules, 'onnxruntime.quantization', None)
    with pytest.raises(ExportError, match='pip install onnxruntime'):
        quantise(onnx.load(folder / 'model.onnx'), synthetic_crops(1), record.inputs, record.fp32_from)
