"""A network's graph on the CPU: one person at a time, in low precision up to the features and in fp32 behind them.

Persons go one after the other because a batch was measured not to pay on CPUs in fp32 and bf16, while a graph of open
batch takes about an eighth (fp32) to a fifth (bf16) longer for one person: its shapes are known only when it runs. A
fixed shape never has anything compiled while a robot waits, whatever the number of people.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from poco_ros.engine.base import Array, EngineInfo, TensorSpec
from poco_ros.engine.batches import PersonEngine
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.openvino_model import (
    compile_for_latency,
    import_openvino,
    part_model,
    port_spec,
    read_model,
    shared_core,
    unreadable,
)
from poco_ros.errors import EngineError

PRECISIONS = ('fp32', 'bf16', 'int8')
"""What the CPU can do. ``bf16`` is made from the fp32 graph, ``int8`` is the exported quantised graph."""


def has_bf16() -> bool:
    """Tell whether the processor computes in bfloat16 (AVX512_BF16, AMX or its like on Arm).

    :raises EngineError: when OpenVINO is not installed.
    """
    return 'BF16' in shared_core().get_property('CPU', 'OPTIMIZATION_CAPABILITIES')


class OpenVinoNetwork(PersonEngine):
    """An exported network, compiled by OpenVINO for the shortest time per person.

    Same input, same bits out, on one machine. The graph is cut at ``record.fp32_from`` and compiled as two: the front
    in the precision asked for, the back in fp32, so that a low precision changes the features and nothing behind them.

    :param folder: of the network.
    :param record: its record.
    :param precision: one of ``PRECISIONS``.
    :param threads: processor threads; 0: OpenVINO decides.
    :param reason: why this engine, for its info.
    :raises EngineError: when OpenVINO is not installed, the processor cannot do the precision, or the graph is missing,
        was changed, or cannot be compiled.
    """

    def __init__(
        self, folder: Path, record: ModelRecord, *, precision: str = 'fp32', threads: int = 0, reason: str = ''
    ) -> None:
        if precision not in PRECISIONS:
            raise EngineError(f'OpenVINO on the CPU runs networks in {", ".join(PRECISIONS)}, not in {precision}; set '
                              'precision to one of them, or to auto')
        openvino = import_openvino()
        if precision == 'bf16' and not has_bf16():
            raise EngineError('this processor cannot compute in bfloat16; set precision to fp32, or to auto')
        stored = 'int8' if precision == 'int8' else 'fp32'
        path = record.graph_path(folder, stored)
        core = shared_core()
        try:
            front, back = _parts(path, record)
            low = 'bf16' if precision == 'bf16' else 'f32'
            self._front: Any = compile_for_latency(core, front, low, threads).create_infer_request()
            self._back: Any = compile_for_latency(core, back, 'f32', threads).create_infer_request()
        except EngineError:
            raise
        except Exception as error:
            raise unreadable(path, error) from error
        super().__init__(record.inputs, record.outputs, 1)
        for name in record.fp32_from:  # what the front writes is what the back reads
            self._back.set_tensor(name, self._front.get_tensor(name))
        self._front_rows = [self._row(port.get_any_name()) for port in front.inputs]
        self._back_rows = [
            self._row(port.get_any_name()) for port in back.inputs if port.get_any_name() not in record.fp32_from]
        self._info = EngineInfo(
            engine='openvino', version=openvino.__version__, precision=precision,
            device=str(core.get_property('CPU', 'FULL_DEVICE_NAME')), graph=path.name,
            graph_sha256=record.graphs[stored].sha256, reason=reason,
        )

    def _run(self, arrays: list[Array]) -> list[Array]:
        for request, rows in ((self._front, self._front_rows), (self._back, self._back_rows)):
            for name, index in rows:
                request.get_tensor(name).data[:] = arrays[index]
            request.infer()
        return [self._back.get_tensor(spec.name).data for spec in self._outputs]

    def _row(self, name: str) -> tuple[str, int]:
        return name, [spec.name for spec in self._inputs].index(name)


def _parts(path: Path, record: ModelRecord) -> tuple[Any, Any]:
    """Read a graph for one person, in its two parts.

    :raises EngineError: when it is not the graph of the record.
    """
    model = read_model(path)
    model.reshape({port.get_any_name(): [1, *port.get_partial_shape()[1:]] for port in model.inputs})
    front, back = part_model(model, record.fp32_from)
    image = record.inputs[0].name
    reads_image = [any(image in port.get_names() for port in part.inputs) for part in (front, back)]
    if reads_image != [True, False]:
        raise EngineError(f'{path} does not fall in two at {", ".join(record.fp32_from) or "nothing"}; export it anew')
    _check_signature(path, record, (*front.inputs, *back.inputs), back.outputs)
    return front, back


def _check_signature(path: Path, record: ModelRecord, inputs: Any, outputs: Any) -> None:
    """Compare the graph with its record.

    :raises EngineError: when a name, type or size differs.
    """
    given = {name: port_spec(port, name) for port in inputs for name in port.get_names()}
    made = {name: port_spec(port, name) for port in outputs for name in port.get_names()}
    for specs, found in ((record.inputs, given), (record.outputs, made)):
        for spec in specs:
            want = TensorSpec(spec.name, (1, *spec.shape[1:]), spec.dtype)
            if found.get(spec.name) != want:
                raise EngineError(f'{path} has {found.get(spec.name)} where its record has {want}; export it anew')
