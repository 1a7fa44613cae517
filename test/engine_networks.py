"""A small exported network, made by hand: a folder like those of real ones, that any engine loads in milliseconds.

It has the inputs, outputs and names of a CLIFF network, but its "image network" is one pooling and one product.
"""

from __future__ import annotations

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

from poco_ros.engine.base import TensorSpec
from poco_ros.engine.model_record import ModelRecord, StoredFile
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.networks.variants import OFFICIAL

INPUTS = (TensorSpec('crops', (-1, 224, 224, 3), 'uint8'), TensorSpec('bbox_info', (-1, 3), 'float32'))
OUTPUTS = (
    TensorSpec('rotmat', (-1, 24, 3, 3), 'float32'), TensorSpec('betas', (-1, 10), 'float32'),
    TensorSpec('cam', (-1, 3), 'float32'), TensorSpec('joints', (-1, 24, 3), 'float32'),
    TensorSpec('sigma', (-1, 24), 'float32'), TensorSpec('uncertainty', (-1,), 'float32'),
)
FEATURES = 192


def small_graph(seed: int = 0, *, poison: bool = False) -> onnx.ModelProto:
    """crops -> 8 x 8 means -> tanh(product) = features -> everything else, linear, sigma a sigmoid."""
    rng = np.random.default_rng(seed)
    weights = {
        'front': rng.normal(0, 1 / 14, (FEATURES, FEATURES)), 'rotmat_w': rng.normal(0, 0.01, (FEATURES, 216)),
        'betas_w': rng.normal(0, 0.1, (FEATURES, 10)), 'cam_w': rng.normal(0, 0.1, (FEATURES, 3)),
        'joints_w': rng.normal(0, 0.01, (FEATURES, 72)), 'sigma_w': rng.normal(0, 0.1, (FEATURES, 24)),
        'eye': np.tile(np.eye(3), (24, 1, 1))[None], 'scale': np.array(1 / 64), 'middle': np.array(2.0),
    }
    if poison:
        weights['sigma_w'][0] = np.nan
    constants = [numpy_helper.from_array(np.asarray(value, np.float32), name) for name, value in weights.items()]
    sizes = {'flat': [-1, FEATURES], 'as_rotmat': [-1, 24, 3, 3], 'as_joints': [-1, 24, 3], 'last': [1]}
    constants += [numpy_helper.from_array(np.array(value, np.int64), name) for name, value in sizes.items()]

    def node(op, inputs, output, **attributes):
        return helper.make_node(op, inputs.split(), [output], **attributes)

    nodes = [
        node('Cast', 'crops', 'pixels', to=TensorProto.FLOAT), node('Transpose', 'pixels', 'image', perm=[0, 3, 1, 2]),
        node('AveragePool', 'image', 'means', kernel_shape=[28, 28], strides=[28, 28]),
        node('Mul', 'means scale', 'scaled'), node('Sub', 'scaled middle', 'centred'),
        node('Reshape', 'centred flat', 'row'), node('MatMul', 'row front', 'product'),
        node('Tanh', 'product', 'features'),
        node('MatMul', 'features rotmat_w', 'r'), node('Reshape', 'r as_rotmat', 'turn'),
        node('Add', 'turn eye', 'rotmat'), node('MatMul', 'features betas_w', 'betas'),
        node('MatMul', 'features cam_w', 'c'), node('Add', 'c bbox_info', 'cam'),
        node('MatMul', 'features joints_w', 'j'), node('Reshape', 'j as_joints', 'joints'),
        node('MatMul', 'features sigma_w', 's'), node('Sigmoid', 's', 'sigma'),
        node('ReduceMean', 'sigma', 'uncertainty', axes=[1], keepdims=0),
    ]
    types = {'uint8': TensorProto.UINT8, 'float32': TensorProto.FLOAT}
    infos = [[helper.make_tensor_value_info(s.name, types[s.dtype], ['N', *s.shape[1:]]) for s in specs]
             for specs in (INPUTS, OUTPUTS)]
    graph = helper.make_graph(nodes, 'small', *infos, initializer=constants)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid('', 17)], ir_version=8)


def quantised_graph(seed: int = 0) -> onnx.ModelProto:
    """The same with its product in 8 bits: quantise/dequantise pairs around the input, int8 weights."""
    model = small_graph(seed)
    graph = model.graph
    index, product = next((i, node) for i, node in enumerate(graph.node) if 'product' in node.output)
    weights = next(tensor for tensor in graph.initializer if tensor.name == 'front')
    values = numpy_helper.to_array(weights)
    scale = np.float32(np.abs(values).max() / 127)
    graph.initializer.remove(weights)
    graph.initializer.extend(numpy_helper.from_array(value, name) for value, name in (
        (np.round(values / scale).astype(np.int8), 'front_int8'), (np.array(scale), 'front_scale'),
        (np.array(0, np.int8), 'zero'), (np.array(2 / 127, np.float32), 'row_scale')))
    pairs = [
        helper.make_node('QuantizeLinear', ['row', 'row_scale', 'zero'], ['row_int8']),
        helper.make_node('DequantizeLinear', ['row_int8', 'row_scale', 'zero'], ['row_again']),
        helper.make_node('DequantizeLinear', ['front_int8', 'front_scale', 'zero'], ['front']),
    ]
    product.input[0] = 'row_again'
    for offset, node in enumerate(pairs):
        graph.node.insert(index + offset, node)
    return model


def pictures(n: int, seed: int = 0) -> dict[str, np.ndarray]:
    """Feeds of n persons."""
    rng = np.random.default_rng(seed)
    blocks = rng.integers(0, 256, (n, 8, 8, 3), dtype=np.uint8)
    return {'crops': blocks.repeat(28, 1).repeat(28, 2), 'bbox_info': rng.normal(size=(n, 3)).astype(np.float32)}


def make_network(folder, *, seed: int = 0, poison: bool = False, precisions=('fp32',), **changes) -> ModelRecord:
    """Fill a folder as an export does; all precisions but int8 have the same graph, but for its doc string."""
    folder.mkdir(parents=True, exist_ok=True)
    graphs = {}
    for precision in precisions:
        model = quantised_graph(seed) if precision == 'int8' else small_graph(seed, poison=poison)
        model.doc_string = precision
        path = folder / f'model_{precision}.onnx'
        onnx.save(model, path)
        graphs[precision] = StoredFile.of(path)
    inputs = pictures(5, seed=99)
    good = folder / 'good.onnx'
    onnx.save(small_graph(seed), good)
    outputs = OpenVinoEngine(good)(inputs)
    good.unlink()
    np.savez(folder / 'expected.npz', **{f'input_{name}': value for name, value in inputs.items()},
             **{f'output_{name}': value for name, value in outputs.items()})
    fields = {
        'name': 'small', 'variant': OFFICIAL['poco_cliff'], 'graphs': graphs,
        'expected': StoredFile.of(folder / 'expected.npz'), 'inputs': INPUTS, 'outputs': OUTPUTS,
        'fp32_from': ('features',), 'weights_sha256': '0' * 64, 'provenance': {}, 'body_model': 'open_body',
        'body_model_sha256': '1' * 64, 'crop_size': 224, 'box_padding': 1.2, 'focal_rule': 'diagonal',
        'uncertainty_definition': 'made up', 'licence': 'Apache-2.0', 'mock': True, 'made': {}, 'checks': {}, **changes,
    }
    record = ModelRecord(**fields)
    record.write(folder)
    return record
