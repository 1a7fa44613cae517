"""OpenVINO as the engine on CPUs; reads TensorFlow Lite and ONNX files as they are."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poco_ros.engine.base import Array, EngineInfo, TensorSpec, check_feeds
from poco_ros.errors import EngineError

_FRONT_ENDS = {'.tflite': 'tflite', '.onnx': 'onnx'}
_PRECISIONS = ('f32', 'bf16', 'f16')


class OpenVinoEngine:
    """A graph compiled for one CPU, made for the shortest time per call.

    Same input, same bits out, on one machine. The arithmetic is 32-bit floats unless asked otherwise: left
    to itself OpenVINO takes bfloat16 where the processor has it, and results would differ between machines.

    :param path: a ``.tflite`` or ``.onnx`` file.
    :param outputs: tensors to compute, by their names in the file; any intermediate tensor may be named, and
        what none of them needs is cut off and costs nothing. None: the graph's own outputs.
    :param threads: processor threads for one call, >= 1.
    :param precision: ``'f32'``, ``'bf16'`` or ``'f16'``.
    :raises EngineError: when OpenVINO is not installed, the file is missing, corrupt or of another kind, or an
        output does not exist.
    """

    def __init__(
        self, path: str | Path, *, outputs: Sequence[str] | None = None, threads: int = 1, precision: str = 'f32'
    ) -> None:
        path = Path(path)
        if threads < 1:
            raise EngineError(f'an engine needs at least one thread, got {threads}')
        if precision not in _PRECISIONS:
            raise EngineError(f'precision must be one of {", ".join(_PRECISIONS)}, got {precision!r}')
        try:
            import openvino
        except ImportError as error:
            raise EngineError(f'OpenVINO cannot be imported ({error}); install it: pip install openvino') from error
        digest = _sha256(path)
        try:
            model = _read(path, outputs)
            core = openvino.Core()
            self._compiled: Any = core.compile_model(model, 'CPU', {
                'PERFORMANCE_HINT': 'LATENCY', 'NUM_STREAMS': '1', 'INFERENCE_NUM_THREADS': threads,
                'INFERENCE_PRECISION_HINT': precision,
            })
        except EngineError:
            raise
        except Exception as error:  # OpenVINO's own exceptions have no common base but this
            reason = str(error).strip().splitlines()[-1]
            raise EngineError(f'{path} cannot be loaded, the file may be corrupt; fetch or export it anew: {reason}'
                              ) from error
        self._request: Any = self._compiled.create_infer_request()
        self._inputs = tuple(_spec(port) for port in self._compiled.inputs)
        found = {name: _spec(port, name) for port in self._compiled.outputs for name in port.get_names()}
        if outputs is None:
            self._outputs = tuple(_spec(port) for port in self._compiled.outputs)
        else:
            self._outputs = tuple(found[name] for name in outputs)
        self._info = EngineInfo(
            engine='openvino', version=openvino.__version__, precision=precision,
            device=str(core.get_property('CPU', 'FULL_DEVICE_NAME')), graph=path.name, graph_sha256=digest,
        )

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs, in the graph's order."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs, in the order asked for."""
        return self._outputs

    @property
    def info(self) -> EngineInfo:
        """What this engine is and which file it runs."""
        return self._info

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph once.

        :param feeds: an array for every input by name, of exactly the input's shape and dtype.
        :returns: an array for every output by name, owned by the caller.
        :raises EngineError: when an input is missing, unknown, or of another shape or dtype.
        """
        arrays = check_feeds(self._inputs, feeds)
        self._request.infer(arrays, share_inputs=True)
        return {spec.name: self._request.get_tensor(spec.name).data.copy() for spec in self._outputs}


def _sha256(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise EngineError(f'the graph file {path} cannot be read: {error.strerror}') from error


def _read(path: Path, outputs: Sequence[str] | None) -> Any:
    """Read a graph and cut it down to some of its tensors.

    In a TensorFlow Lite file only the front end still knows every tensor by name; in an ONNX file the model does.
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


def _spec(port: Any, name: str | None = None) -> TensorSpec:
    shape = tuple(-1 if size.is_dynamic else size.get_length() for size in port.partial_shape)
    return TensorSpec(name or port.get_any_name(), shape, port.get_element_type().to_dtype().name)
