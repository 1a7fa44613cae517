"""Reading, parting and compiling graphs with OpenVINO: what both OpenVINO engines need. Imports it lazily."""

from __future__ import annotations

import functools
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poco_ros.engine.base import TensorSpec
from poco_ros.errors import EngineError

_FRONT_ENDS = {'.tflite': 'tflite', '.onnx': 'onnx'}


def import_openvino() -> Any:
    """Return the module.

    :raises EngineError: when it is not installed.
    """
    try:
        import openvino
    except ImportError as error:
        raise EngineError(f'OpenVINO cannot be imported ({error}); install it: pip install openvino') from error
    return openvino


def shared_core() -> Any:
    """Return the process's one ``openvino.Core``.

    Each one gives the thread that first compiles with it a stack for signal handlers, and takes it away when it ends.
    Of two, the one that ends last puts back the stack of the one that ended before: the next signal, such as Ctrl-C,
    then crashes the process. One that never ends does not.

    :raises EngineError: when OpenVINO is not installed.
    """
    return _core_of(import_openvino())


@functools.lru_cache(maxsize=1)
def _core_of(openvino: Any) -> Any:
    return openvino.Core()


def unreadable(path: Path, error: Exception) -> EngineError:
    """Return the error for a graph that OpenVINO cannot read or compile; its own exceptions have no common base."""
    reason = (str(error).strip().splitlines() or [type(error).__name__])[-1]
    return EngineError(f'{path} cannot be loaded, the file may be corrupt; fetch or export it anew: {reason}')


def read_model(path: Path, outputs: Sequence[str] | None = None) -> Any:
    """Read a graph and cut it down to some of its tensors.

    In a TensorFlow Lite file only the front end still knows every tensor by name; in an ONNX file the model does.

    :param path: a ``.tflite`` or ``.onnx`` file.
    :param outputs: names of any tensors; None: the graph's own outputs.
    :raises EngineError: when it is of another kind, holds no graph, or lacks an output.
    """
    from openvino.frontend import FrontEndManager

    if path.suffix not in _FRONT_ENDS:
        raise EngineError(f'{path}: a graph file must end in {" or ".join(_FRONT_ENDS)}')
    front_end = FrontEndManager().load_by_framework(_FRONT_ENDS[path.suffix])
    loaded = front_end.load(str(path))
    if outputs is not None:
        places = {name: loaded.get_place_by_tensor_name(name) for name in outputs}
        missing = [name for name, place in places.items() if place is None]
        if missing or not places:
            raise EngineError(f'{path} has no tensor named {", ".join(missing) or "(none asked for)"}')
        if path.suffix == '.tflite':
            loaded.override_all_outputs(list(places.values()))
    model = front_end.convert(loaded)
    if not model.inputs or not model.outputs:
        raise EngineError(f'{path} holds no graph, the file may be corrupt; fetch or export it anew')
    if outputs is not None and path.suffix == '.onnx':
        model.add_outputs([name for name in outputs if not any(name in port.get_names() for port in model.outputs)])
        for port in model.outputs:
            if not port.get_names() & set(outputs):
                model.remove_result(port.node)
    return model


def part_model(model: Any, names: Sequence[str]) -> tuple[Any, Any]:
    """Cut a graph in two.

    :param model: of fixed shapes; not changed.
    :param names: tensors that part it.
    :returns: what leads to these tensors, with them as its outputs in that order; and what follows, with them as its
        first inputs and the graph's outputs.
    :raises EngineError: when a tensor does not exist.
    """
    import openvino

    front, back = model.clone(), model.clone()
    ports = [_port(front, name) for name in names]
    results = [openvino.opset13.result(port) for port in ports]
    front = openvino.Model(results, _needed(front, ports), 'front')
    fresh = []
    for name in names:
        port = _port(back, name)
        targets = port.get_target_inputs()
        parameter = openvino.opset13.parameter(port.get_partial_shape(), port.get_element_type(), name=name)
        parameter.output(0).set_names({name})
        for target in targets:
            target.replace_source_output(parameter.output(0))
        fresh.append(parameter)
    rest = [p for p in _needed(back, [result.input_value(0) for result in back.get_results()]) if p not in fresh]
    return front, openvino.Model(back.get_results(), [*fresh, *rest], 'back')


def compile_for_latency(core: Any, model: Any, precision: str, threads: int) -> Any:
    """Compile a graph for the shortest time of one call on the CPU.

    :param core: ``openvino.Core``.
    :param model: a graph.
    :param precision: OpenVINO's name of the arithmetic: ``'f32'``, ``'bf16'`` or ``'f16'``. Always said: left to itself
        OpenVINO takes bfloat16 where the processor has it, and results would differ between machines.
    :param threads: processor threads; 0: OpenVINO decides, which gives one for every core.
    """
    return core.compile_model(model, 'CPU', {
        'PERFORMANCE_HINT': 'LATENCY', 'NUM_STREAMS': '1', 'INFERENCE_NUM_THREADS': threads,
        'INFERENCE_PRECISION_HINT': precision,
        # Pinned, all processes that give a network one thread would share the first processor.
        'ENABLE_CPU_PINNING': False,
    })


def port_spec(port: Any, name: str | None = None) -> TensorSpec:
    """Return what an input or output of a graph takes or gives."""
    shape = tuple(-1 if size.is_dynamic else size.get_length() for size in port.partial_shape)
    return TensorSpec(name or port.get_any_name(), shape, port.get_element_type().to_dtype().name)


def _port(model: Any, name: str) -> Any:
    for node in model.get_ordered_ops():
        for port in node.outputs():
            if name in port.get_names() and node.get_type_name() != 'Result':
                return port
    raise EngineError(f'the graph has no tensor named {name}; export it anew')


def _needed(model: Any, ports: Sequence[Any]) -> list[Any]:
    """Return the inputs that some tensors are computed from, in the graph's order."""
    seen: set[str] = set()
    pending = [port.get_node() for port in ports]
    while pending:
        node = pending.pop()
        if node.get_name() not in seen:
            seen.add(node.get_name())
            pending += [value.get_node() for value in node.input_values()]
    return [parameter for parameter in model.get_parameters() if parameter.get_name() in seen]
