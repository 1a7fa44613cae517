"""Whether an exported graph does what the network does: compared with torch on people, before anybody may run it.

The limits are for trained networks, and are a decision, not a fact: fp32 must be the same but for rounding; what fp16,
bf16 and int8 may cost is what one would hardly notice beside the network's own error. Made-up weights amplify rounding
(they were never trained to be robust, and see little difference between persons), so theirs are wider; what was
measured stands in ``model.json``.
"""

from __future__ import annotations

import contextlib
import dataclasses
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from poco_ros.engine.agreement import Agreement, Limits, compare
from poco_ros.engine.base import Array
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.errors import ExportError
from poco_ros.export.graph import NetworkGraph

#: Numbers of persons that a graph is run with.
BATCHES = (1, 2, 5, 8)

_FP32 = Limits(
    joints_mm=0.05, joints_worst_mm=0.2, vertices_mm=0.05, rotation_deg=0.005, rotation_worst_deg=0.05, betas=5e-4,
    cam=5e-4, sigma=1e-5, sigma_worst=1e-4, sigma_rank=0.9999, scalar_rank=0.999,
)
LIMITS: Mapping[str, Limits] = {
    'fp32': _FP32,
    'fp16': Limits(
        joints_mm=2, joints_worst_mm=5, vertices_mm=2, rotation_deg=0.2, rotation_worst_deg=3, betas=0.02, cam=0.02,
        sigma=0.001, sigma_worst=0.01, sigma_rank=0.999, scalar_rank=0.98,
    ),
    'bf16': Limits(
        joints_mm=10, joints_worst_mm=25, vertices_mm=10, rotation_deg=1, rotation_worst_deg=10, betas=0.1, cam=0.05,
        sigma=0.005, sigma_worst=0.05, sigma_rank=0.995, scalar_rank=0.95,
    ),
    'int8': Limits(
        joints_mm=30, joints_worst_mm=60, vertices_mm=30, rotation_deg=3, rotation_worst_deg=25, betas=0.3, cam=0.15,
        sigma=0.02, sigma_worst=0.2, sigma_rank=0.98, scalar_rank=0.9,
    ),
}
"""How far each precision may be from torch in fp32."""

_MOCK_FACTOR = 3
_DTYPES = {'fp16': torch.float16, 'bf16': torch.bfloat16}


def limits_for(precision: str, mock: bool) -> Limits:
    """Return the limits of a precision.

    :param mock: whether the weights are made up; fp32 must be exact then too.
    """
    limits = LIMITS[precision]
    if not mock or precision == 'fp32':
        return limits
    wider = {
        name: 1 - _MOCK_FACTOR * (1 - value) if name.endswith('_rank') else _MOCK_FACTOR * value
        for name, value in dataclasses.asdict(limits).items()
    }
    return Limits(**wider)


def torch_outputs(graph: NetworkGraph, feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Run the network in torch, one person at a time.

    :param feeds: by name, of N persons.
    :returns: outputs by name.
    :raises ExportError: when one is not finite.
    """
    rows = []
    with torch.inference_mode():
        for row in range(len(feeds[graph.inputs[0].name])):
            inputs = (torch.from_numpy(feeds[spec.name][row : row + 1]) for spec in graph.inputs)
            rows.append([tensor.numpy() for tensor in graph(*inputs)])
    outputs = {
        spec.name: np.concatenate(values) for spec, values in zip(graph.outputs, zip(*rows, strict=True), strict=False)}
    broken = [name for name, array in outputs.items() if not np.isfinite(array).all()]
    if broken:
        raise ExportError(f'{graph.variant.name} gives NaN or infinity in {", ".join(broken)}: its weights are broken, '
                          'or belong to another network; import the checkpoint again')
    return outputs


def check_file(
    path: Path, precision: str, feeds: Mapping[str, Array], expected: Mapping[str, Array], limits: Limits
) -> dict[str, Any]:
    """Compare a graph's file with torch, through OpenVINO, for several numbers of persons at once.

    With fp32 and int8 that is the arithmetic of the graph; of fp16 and bf16 it shows the rounded weights and that the
    graph is whole, while the arithmetic is fp32.

    :param path: the ONNX file.
    :param precision: of the file.
    :param feeds: inputs of N persons.
    :param expected: what torch gave for them.
    :param limits: none may be missed.
    :returns: what was measured, by number of persons, as JSON can hold it.
    :raises ExportError: when a limit is missed, or the graph cannot take so many persons; says which and by how much.
    """
    engine = OpenVinoEngine(path)
    total = len(expected['joints'])
    measured: dict[str, Any] = {}
    batches = BATCHES if precision == 'fp32' else BATCHES[:1]  # the other graphs are made of that one
    for count in sorted({*(n for n in batches if n < total), total}):
        found = engine({name: array[:count] for name, array in feeds.items()})
        try:
            agreement = compare({name: array[:count] for name, array in expected.items()}, found)
        except ValueError as error:
            raise ExportError(f'{path.name} does not work for {count} persons: {error}') from error
        _demand(agreement, limits, f'{path.name} ({precision}, {count} persons)')
        measured[str(count)] = agreement.to_dict()
    return measured


def check_rounding(
    graph: NetworkGraph, precision: str, feeds: Mapping[str, Array], expected: Mapping[str, Array], limits: Limits
) -> dict[str, Any]:
    """Measure what fp16 or bf16 costs, in torch: weights and every layer's output are rounded, sums are fp32.

    That is how tensor cores and bfloat16 units compute, up to the order of sums.

    :param precision: 'fp16' or 'bf16'.
    :returns: what was measured, as JSON can hold it.
    :raises ExportError: when a limit is missed, or a value lies beyond the precision's range.
    """
    with _rounded(graph, _DTYPES[precision]):
        try:
            found = torch_outputs(graph, feeds)
        except ExportError as error:
            raise ExportError(f'{graph.variant.name} leaves the range of {precision}; take bf16 or fp32') from error
    agreement = compare(expected, found)
    _demand(agreement, limits, f'{graph.variant.name} in {precision}')
    return agreement.to_dict()


def _demand(agreement: Agreement, limits: Limits, what: str) -> None:
    misses = agreement.misses(limits)
    if misses:
        raise ExportError(f'{what} is too far from torch: {"; ".join(misses)}')


@contextlib.contextmanager
def _rounded(graph: NetworkGraph, dtype: torch.dtype) -> Iterator[None]:
    """Round what the image network's layers hold and give, for a while."""
    def round_(tensor: Tensor) -> Tensor:
        return tensor.to(dtype).to(tensor.dtype)

    kept: list[tuple[Tensor, Tensor]] = []
    hooks: list[Any] = []
    try:
        for module in _layers(graph):
            if isinstance(module, nn.Conv2d):
                kept.append((module.weight, module.weight.data))
                module.weight.data = round_(module.weight.data)
                hooks.append(module.register_forward_pre_hook(_on_inputs(round_)))
            if not isinstance(module, nn.Conv2d) or module.bias is not None:  # else a batch norm follows, of one piece
                hooks.append(module.register_forward_hook(_on_output(round_)))
        yield
    finally:
        for hook in hooks:
            hook.remove()
        for parameter, data in kept:
            parameter.data = data


def _layers(graph: NetworkGraph) -> Iterator[nn.Module]:
    """Layers that a graph of mixed precision computes in low precision."""
    for module in graph.model.backbone.modules():
        if not any(module.children()):
            yield module
    for module in graph.model.head.modules():
        if isinstance(module, (nn.Conv2d, nn.BatchNorm2d, nn.ReLU)):
            yield module


def _on_inputs(change: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    return lambda module, inputs: tuple(change(tensor) for tensor in inputs)


def _on_output(change: Callable[[Tensor], Tensor]) -> Callable[..., Any]:
    return lambda module, inputs, output: change(output)
