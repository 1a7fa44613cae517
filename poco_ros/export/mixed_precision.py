"""From the fp32 graph to a strongly typed one of mixed precision: fp16 or bf16 where the convolutions are, fp32 behind.

TensorRT 11 takes no wish for a precision any more: the types in the file decide. Weights and convolutions become half
as wide; pooling, softmax, heads, rotations and everything about uncertainty stay as they are, between explicit casts.

Of the libraries that do this, onnxconverter-common and ONNX Runtime's converter know no bf16, and NVIDIA's ModelOpt
brings CuPy, a GPU build of ONNX Runtime and an older onnx; the graph is our own and this is little work.
"""

from __future__ import annotations

from collections.abc import Iterable

import ml_dtypes
import numpy as np
import numpy.typing as npt
import onnx
from onnx import TensorProto, helper, numpy_helper

from poco_ros.errors import ExportError
from poco_ros.export.onnx_file import ancestors, constants

# Sums over many values, and exponentials: also inside an image network they stay in fp32.
_FULL_PRECISION = {
    'Softmax', 'LogSoftmax', 'LayerNormalization', 'InstanceNormalization', 'GroupNormalization', 'GlobalAveragePool',
    'ReduceMean', 'ReduceSum', 'ReduceL2', 'Exp', 'Pow', 'Sqrt',
}
# What may follow the last convolution without leaving its precision: runtimes compute it together with the convolution.
_FUSED = {'Relu', 'Add', 'Clip', 'LeakyRelu', 'HardSwish'}
# Inputs that stay fp32 whatever the node computes in: the scales of a resize.
_PLAIN_INPUTS = {'Resize': (1, 2)}
# Convolutions of bfloat16 came with opset 22; of the operators used here nothing else changed since ours.
_LEAST_OPSET = {'fp16': 18, 'bf16': 22}
_TYPES: dict[str, tuple[int, npt.DTypeLike]] = {
    'fp16': (TensorProto.FLOAT16, np.float16), 'bf16': (TensorProto.BFLOAT16, ml_dtypes.bfloat16),
}


def to_mixed_precision(model: onnx.ModelProto, precision: str, boundary: Iterable[str]) -> onnx.ModelProto:
    """Lower the precision of the image network.

    :param model: in fp32, with inferred shapes, as :func:`poco_ros.export.onnx_file.export_onnx` gives it.
    :param precision: 'fp16' or 'bf16'.
    :param boundary: tensors where low precision must end at the latest; they stay fp32.
    :returns: a new model with the same inputs and outputs.
    :raises ExportError: when a weight lies beyond the precision's range, or the result is not a valid graph.
    """
    low = _low_nodes(model, boundary)
    result = onnx.ModelProto()
    result.CopyFrom(model)
    del result.graph.node[:], result.graph.initializer[:], result.graph.value_info[:]
    converter = _Converter(model, precision)
    nodes = [node for index, node in enumerate(model.graph.node) for node in converter.converted(node, index in low)]
    result.graph.node.extend(nodes)
    used = {name for node in nodes for name in node.input}
    result.graph.initializer.extend(t for t in (*model.graph.initializer, *converter.initializers) if t.name in used)
    for opset in result.opset_import:
        if opset.domain in ('', 'ai.onnx'):
            opset.version = max(opset.version, _LEAST_OPSET[precision])
    result.ir_version = max(result.ir_version, helper.find_min_ir_version_for(result.opset_import))
    try:
        result = onnx.shape_inference.infer_shapes(result, strict_mode=True, data_prop=True)
        onnx.checker.check_model(result)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f'the {precision} graph is not valid: {error}') from error
    return result


def _low_nodes(model: onnx.ModelProto, boundary: Iterable[str]) -> set[int]:
    """Return the nodes between the first and the last convolution, and what is computed together with the last."""
    nodes = model.graph.node
    before, fixed = ancestors(model, boundary), constants(model)
    convolutions = {i for i in before if nodes[i].op_type == 'Conv'}
    reached: set[str] = set()
    behind: set[int] = set()  # a convolution or behind one
    for index in sorted(before):
        if index in convolutions or reached.intersection(nodes[index].input):
            behind.add(index)
            reached.update(set(nodes[index].output) - fixed)
    leads_to = ancestors(model, [name for i in convolutions for name in nodes[i].output])
    low = behind & leads_to
    outputs = {name for i in low for name in nodes[i].output}
    for index in sorted(behind - low):  # in topological order
        if nodes[index].op_type in _FUSED and (outputs | fixed).issuperset(nodes[index].input):
            low.add(index)
            outputs.update(nodes[index].output)
    return {i for i in low if nodes[i].op_type not in _FULL_PRECISION and not set(nodes[i].output) & set(boundary)}


class _Converter:
    """Rewrites nodes one after the other, and keeps which tensor exists in which type."""

    def __init__(self, model: onnx.ModelProto, precision: str) -> None:
        self._precision = precision
        self._type, self._dtype = _TYPES[precision]
        self._weights = {t.name: t for t in model.graph.initializer if t.data_type == TensorProto.FLOAT}
        values = (*model.graph.value_info, *model.graph.input, *model.graph.output)
        self._floats = {v.name for v in values if v.type.tensor_type.elem_type == TensorProto.FLOAT}
        self._low: set[str] = set()  # tensors that are of low precision under their own name
        self._casts: set[str] = set()
        self.initializers: list[TensorProto] = []

    def converted(self, node: onnx.NodeProto, is_low: bool) -> list[onnx.NodeProto]:
        """Return the node in its precision, behind the casts that it needs."""
        copy, new = onnx.NodeProto(), []
        copy.CopyFrom(node)
        for index, name in enumerate(node.input):
            wants_low = is_low and index not in _PLAIN_INPUTS.get(node.op_type, ())
            if wants_low and name in self._weights:
                copy.input[index] = self._low_weight(name)
            elif wants_low != (name in self._low) and (name in self._low or name in self._floats):
                copy.input[index] = f'{name}_{self._precision if wants_low else "fp32"}'
                if copy.input[index] not in self._casts:
                    self._casts.add(copy.input[index])
                    to = self._type if wants_low else TensorProto.FLOAT
                    new.append(helper.make_node('Cast', [name], [copy.input[index]], copy.input[index], to=to))
        if is_low:
            self._low.update(name for name in node.output if name in self._floats)
        return [*new, copy]

    def _low_weight(self, name: str) -> str:
        low_name = f'{name}_{self._precision}'
        if low_name not in self._casts:
            self._casts.add(low_name)
            with np.errstate(over='ignore'):  # found below
                values = numpy_helper.to_array(self._weights[name]).astype(self._dtype)
            if not np.isfinite(values.astype(np.float32)).all():
                raise ExportError(f'the weights {name} lie beyond the range of {self._precision}; use bf16 or fp32')
            self.initializers.append(numpy_helper.from_array(values, low_name))
        return low_name
