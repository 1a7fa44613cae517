"""Mixed precision: types say where it begins and ends, and the numbers are those of rounded weights and layers."""

from __future__ import annotations

from pathlib import Path

import ml_dtypes
import numpy as np
import onnx
import pytest
from exported_networks import TINY, exported
from onnx import TensorProto, helper, numpy_helper
from onnx.reference import ReferenceEvaluator

from poco_ros.errors import ExportError
from poco_ros.export.mixed_precision import to_mixed_precision

LOW = {'fp16': TensorProto.FLOAT16, 'bf16': TensorProto.BFLOAT16}
DTYPES = {'fp16': np.float16, 'bf16': ml_dtypes.bfloat16}
PRECISIONS = ('fp32', 'fp16', 'bf16')


def types(model: onnx.ModelProto) -> dict[str, int]:
    graph = model.graph
    values = {v.name: v.type.tensor_type.elem_type for v in (*graph.value_info, *graph.input, *graph.output)}
    return values | {tensor.name: tensor.data_type for tensor in graph.initializer}


@pytest.mark.parametrize('precision', LOW)
@pytest.mark.parametrize('name', TINY)
def test_convolutions_are_low_and_everything_behind_the_features_is_not(name: str, precision: str) -> None:
    folder, record = exported(name)
    model = onnx.load(record.graph_path(folder, precision))
    onnx.checker.check_model(model, full_check=True)
    type_of, behind, low_ops = types(model), set(record.fp32_from), []
    for node in model.graph.node:  # in topological order
        if behind.intersection(node.input):
            behind.update(node.output)
        if type_of.get(node.output[0]) == LOW[precision]:
            low_ops.append(node.op_type)
            assert not behind.intersection(node.output), node.name
        if node.op_type == 'Conv':
            assert {type_of[key] for key in (*node.input, *node.output)} == {LOW[precision]}, node.name
    assert all(type_of[key] == TensorProto.FLOAT for key in record.fp32_from)
    assert low_ops.count('Cast') == 1  # the normalised pixels; from there on nothing goes up and down again
    assert not {'Softmax', 'ReduceMean', 'MatMul', 'Gemm', 'Sigmoid', 'ReduceL2'}.intersection(low_ops)
    assert set(low_ops) >= {'Conv', 'Relu', 'Add', 'MaxPool'}


def test_names_and_types_of_inputs_and_outputs_do_not_change() -> None:
    folder, record = exported()
    full, *others = (onnx.load(record.graph_path(folder, precision)).graph for precision in PRECISIONS)
    for other in others:
        assert (list(other.input), list(other.output)) == (list(full.input), list(full.output))


def test_the_weights_of_the_image_network_take_half_the_space() -> None:
    folder, record = exported('tiny_pare')
    full, half, brain = (record.graph_path(folder, precision).stat().st_size for precision in PRECISIONS)
    assert half < 0.6 * full
    assert brain == pytest.approx(half, rel=1e-3)


def test_the_opset_knows_the_types() -> None:
    folder, record = exported()
    versions = [onnx.load(record.graph_path(folder, precision)).opset_import[0].version for precision in PRECISIONS]
    assert versions == [18, 18, 22]  # convolutions of bfloat16 came with 22


def small(weight: np.ndarray, *, twice: bool = False) -> onnx.ModelProto:
    """A pixel, scaled; a 1x1 convolution; the mean as the features; and a product with the weights behind them."""
    nodes = [
        helper.make_node('Mul', ['x', 'scale'], ['scaled']), helper.make_node('Conv', ['scaled', 'w'], ['c'], name='c'),
        helper.make_node('Relu', ['c'], ['r']), helper.make_node('ReduceMean', ['r', 'axes'], ['features'], keepdims=0),
        helper.make_node('Mul', ['features', 'scale'], ['y']),
    ]
    if twice:  # the same weights behind the features
        nodes[-1] = helper.make_node('ReduceSum', ['w'], ['total'], keepdims=0)
        nodes.append(helper.make_node('Mul', ['features', 'total'], ['y']))
    tensors = {'scale': np.float32(0.1), 'w': weight.astype(np.float32), 'axes': np.array([2, 3])}
    graph = helper.make_graph(
        nodes, 'small', [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['N', 2, 1, 2])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, ['N', 3])],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()])
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid('', 18)])
    return onnx.shape_inference.infer_shapes(model, strict_mode=True)


WEIGHT = np.random.default_rng(0).normal(size=(3, 2, 1, 1))
PIXELS = np.random.default_rng(1).normal(size=(4, 2, 1, 2)).astype(np.float32)


def test_the_numbers_are_those_of_rounded_pixels_weights_and_layers() -> None:
    rounded = (PIXELS * np.float32(0.1)).astype(np.float16).astype(np.float64)
    product = np.einsum('nchw,oc->nohw', rounded, WEIGHT.astype(np.float16)[..., 0, 0]).astype(np.float16)
    expected = np.maximum(product, 0).astype(np.float32).mean((2, 3)) * np.float32(0.1)
    found = ReferenceEvaluator(to_mixed_precision(small(WEIGHT), 'fp16', ['features'])).run(None, {'x': PIXELS})[0]
    np.testing.assert_allclose(found, expected, rtol=2e-3, atol=2e-5)
    assert np.abs(found - ReferenceEvaluator(small(WEIGHT)).run(None, {'x': PIXELS})[0]).max() > 0


@pytest.mark.parametrize('precision', LOW)
def test_weights_used_before_and_behind_the_boundary_exist_twice(precision: str) -> None:
    model = to_mixed_precision(small(WEIGHT, twice=True), precision, ['features'])
    stored = {tensor.name: numpy_helper.to_array(tensor) for tensor in model.graph.initializer}
    np.testing.assert_array_equal(stored['w'], WEIGHT.astype(np.float32))
    np.testing.assert_array_equal(stored[f'w_{precision}'].astype(np.float32),
                                  WEIGHT.astype(np.float32).astype(DTYPES[precision]).astype(np.float32))


def test_the_fp32_model_is_left_as_it_was() -> None:
    model = small(WEIGHT)
    before = model.SerializeToString(deterministic=True)
    to_mixed_precision(model, 'bf16', ['features'])
    assert model.SerializeToString(deterministic=True) == before


def test_weights_beyond_the_range_of_fp16_are_refused() -> None:
    with pytest.raises(ExportError, match='weights w lie beyond the range of fp16; use bf16 or fp32'):
        to_mixed_precision(small(1e6 * WEIGHT), 'fp16', ['features'])
    to_mixed_precision(small(1e6 * WEIGHT), 'bf16', ['features'])


def test_the_scales_of_a_resize_stay_as_they_are(tmp_path: Path) -> None:
    nodes = [
        helper.make_node('Conv', ['x', 'w'], ['a']),
        helper.make_node('Resize', ['a', '', 'twice'], ['b'], mode='nearest'),
        helper.make_node('Conv', ['b', 'v'], ['c']), helper.make_node('ReduceMean', ['c', 'axes'], ['y'], keepdims=0),
    ]
    tensors = {'w': WEIGHT.astype(np.float32), 'v': np.ones((1, 3, 1, 1), np.float32), 'axes': np.array([2, 3]),
               'twice': np.array([1, 1, 2, 2], np.float32)}
    model = helper.make_model(helper.make_graph(
        nodes, 'resized', [helper.make_tensor_value_info('x', TensorProto.FLOAT, ['N', 2, 1, 2])],
        [helper.make_tensor_value_info('y', TensorProto.FLOAT, ['N', 1])],
        [numpy_helper.from_array(array, name) for name, array in tensors.items()],
    ), opset_imports=[helper.make_opsetid('', 18)])
    model = to_mixed_precision(onnx.shape_inference.infer_shapes(model), 'fp16', ['y'])
    type_of = types(model)
    assert (type_of['twice'], type_of['b'], type_of['y']) == (TensorProto.FLOAT, TensorProto.FLOAT16, TensorProto.FLOAT)
    assert np.isfinite(ReferenceEvaluator(model).run(None, {'x': PIXELS})[0]).all()
