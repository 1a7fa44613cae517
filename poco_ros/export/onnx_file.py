"""From the torch module to one ONNX file, with fixed names, open batch, and nothing of torch left.

torch's TorchScript-based exporter is used (``dynamo=False``): it folds batch norms into the convolutions, needs no
package beside onnx, and gives plain operators of one opset. Its successor needs onnxscript, which brings its own
intermediate representation and pins of onnx, for the same graph.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path
from typing import TYPE_CHECKING

import onnx
import torch
from onnx import TensorProto, helper

from poco_ros.engine.base import TensorSpec
from poco_ros.errors import ExportError
from poco_ros.export.graph import NetworkGraph
from poco_ros.whole_files import written_whole

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Understood by TensorRT 10 and 11, OpenVINO and ONNX Runtime alike.
OPSET = 18
# Two persons: with one, the trace could not tell a size that is one from the number of persons.
_TRACED_PERSONS = 2
_ELEMENT_TYPES = {'uint8': TensorProto.UINT8, 'float32': TensorProto.FLOAT}


def export_onnx(graph: NetworkGraph) -> onnx.ModelProto:
    """Turn a network into an ONNX model.

    Inputs and outputs are those of the graph, with an open first dimension N >= 1. The tensors of ``graph.boundary``
    keep their names inside, and part the graph: see :func:`check_boundary`.

    :returns: the checked model, its shapes inferred.
    :raises ExportError: when torch cannot export the network, or the result is not a valid graph.
    """
    inputs = tuple(
        torch.zeros((_TRACED_PERSONS, *spec.shape[1:]), dtype=getattr(torch, spec.dtype)) for spec in graph.inputs)
    input_names = [spec.name for spec in graph.inputs]
    output_names = list(dict.fromkeys([*(spec.name for spec in graph.outputs), *graph.boundary]))
    with tempfile.TemporaryDirectory(prefix='poco-export-') as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore')  # that the exporter is the older one, and traces
        path = Path(folder) / 'traced.onnx'
        try:
            torch.onnx.export(
                graph, inputs, str(path), dynamo=False, opset_version=OPSET, input_names=input_names,
                output_names=output_names, dynamic_axes={name: {0: 'N'} for name in (*input_names, *output_names)},
            )
            model = onnx.load(path)
        except (RuntimeError, ValueError, TypeError, OSError, torch.onnx.errors.OnnxExporterError) as error:
            raise ExportError(f'torch cannot export {graph.variant.name}: {_first_line(error)}') from error
    _set_signature(model, graph.inputs, graph.outputs)
    model.producer_name, model.producer_version = 'poco_ros', ''
    try:
        model = onnx.shape_inference.infer_shapes(model, strict_mode=True, data_prop=True)
        onnx.checker.check_model(model, full_check=False)
    except (onnx.checker.ValidationError, onnx.shape_inference.InferenceError) as error:
        raise ExportError(f'{graph.variant.name} exports to a graph that is not valid: {_first_line(error)}') from error
    check_boundary(model, graph.boundary)
    return model


def check_boundary(model: onnx.ModelProto, boundary: Iterable[str]) -> None:
    """Make sure that a graph falls in two at the given tensors: no other value leads from their makers to the rest.

    :raises ExportError: when a tensor does not exist, or another one crosses; names it.
    """
    before = ancestors(model, boundary)
    made = {name for index in before for name in model.graph.node[index].output}
    missing = sorted(set(boundary) - made)
    if missing:
        raise ExportError(f'the graph has no tensor {", ".join(missing)}')
    made -= constants(model) | set(boundary)
    for index, node in enumerate(model.graph.node):
        crossing = made & set(node.input)
        if index not in before and crossing:
            raise ExportError(f'{node.op_type} {node.name} reads {", ".join(sorted(crossing))} past {list(boundary)}')


def ancestors(model: onnx.ModelProto, names: Iterable[str]) -> set[int]:
    """Return the indices of the nodes that the named tensors are computed by."""
    makers = {name: index for index, node in enumerate(model.graph.node) for name in node.output}
    found: set[int] = set()
    pending = [name for name in names if name in makers]
    while pending:
        index = makers[pending.pop()]
        if index not in found:
            found.add(index)
            pending += [name for name in model.graph.node[index].input if name in makers]
    return found


def write_onnx(model: onnx.ModelProto, path: Path) -> None:
    """Write a model as one file: whole, or not at all.

    :raises ExportError: when the folder cannot be written to, or the model is beyond the 2 GiB of one file.
    """
    try:
        data = model.SerializeToString(deterministic=True)
    except ValueError as error:
        raise ExportError(f'{path.name} is too large for one ONNX file: {error}') from error
    try:
        with written_whole(path) as temporary:
            temporary.write_bytes(data)
    except OSError as error:
        raise ExportError(f'{path} cannot be written: {error.strerror}; free or unlock the disk, or set POCO_CACHE to '
                          'another folder') from error


def _set_signature(model: onnx.ModelProto, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...]) -> None:
    """State every input's and output's shape; what else was traced as an output stays as a named tensor inside."""
    for values, specs in ((model.graph.input, inputs), (model.graph.output, outputs)):
        del values[:]
        values.extend(
            helper.make_tensor_value_info(
                spec.name, _ELEMENT_TYPES[spec.dtype], ['N' if size < 0 else size for size in spec.shape])
            for spec in specs
        )


def constants(model: onnx.ModelProto) -> set[str]:
    """Return the tensors that are made of stored values alone."""
    found = {'', *(tensor.name for tensor in model.graph.initializer)}
    for node in model.graph.node:  # in topological order, as ONNX demands
        if found.issuperset(node.input):
            found.update(node.output)
    return found


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
