"""OpenVINO as the engine on CPUs; reads TensorFlow Lite and ONNX files as they are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from poco_ros.engine.base import Array, EngineInfo, LoadedEngine, check_feeds
from poco_ros.engine.openvino_model import (
    compile_for_latency,
    import_openvino,
    port_spec,
    read_model,
    shared_core,
    unreadable,
)
from poco_ros.errors import EngineError
from poco_ros.whole_files import sha256_of

_PRECISIONS = ('f32', 'bf16', 'f16')


class OpenVinoEngine(LoadedEngine):
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
        openvino = import_openvino()
        digest = _sha256(path)
        try:
            model = read_model(path, outputs)
            core = shared_core()
            self._compiled: Any = compile_for_latency(core, model, precision, threads)
        except EngineError:
            raise
        except Exception as error:
            raise unreadable(path, error) from error
        self._request: Any = self._compiled.create_infer_request()
        self._inputs = tuple(port_spec(port) for port in self._compiled.inputs)
        found = {name: port_spec(port, name) for port in self._compiled.outputs for name in port.get_names()}
        if outputs is None:
            self._outputs = tuple(port_spec(port) for port in self._compiled.outputs)
        else:
            self._outputs = tuple(found[name] for name in outputs)
        self._info = EngineInfo(
            engine='openvino', version=openvino.__version__, precision=precision,
            device=str(core.get_property('CPU', 'FULL_DEVICE_NAME')), graph=path.name, graph_sha256=digest,
        )

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
        return sha256_of(path)
    except OSError as error:
        raise EngineError(f'the graph file {path} cannot be read: {error.strerror}') from error
