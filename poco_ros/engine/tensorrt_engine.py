"""A network on an NVIDIA GPU: TensorRT plans run as CUDA graphs."""

from __future__ import annotations

import logging
import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poco_ros.engine.base import Array, EngineInfo, Progress, TensorSpec
from poco_ros.engine.batches import PersonEngine, batch_sizes
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.plan_cache import PlanCache
from poco_ros.engine.smoke import check_outputs
from poco_ros.engine.tensorrt_builder import TensorRtBuilder
from poco_ros.engine.tensorrt_interface import Layout, PlacedTensor, Plan, PlanTensor, Session, TensorRtDriver
from poco_ros.errors import EngineError

_log = logging.getLogger(__name__)

#: CUDA wants at least this alignment of a tensor's first byte; TensorRT is fastest with it.
_ALIGNMENT = 256


class TensorRtEngine(PersonEngine):
    """An exported network as a TensorRT plan, built where it is not in the cache.

    :param folder: of the network.
    :param record: its record.
    :param driver: TensorRT on a GPU.
    :param cache: of plans.
    :param precision: one of ``options.PRECISIONS``.
    :param max_batch: most persons at once, >= 1.
    :param progress: told how far loading or building is.
    :param reason: why this engine, for its info.
    :raises EngineError: as :meth:`~poco_ros.engine.tensorrt_builder.TensorRtBuilder.plan`.
    """

    def __init__(
        self, folder: Path, record: ModelRecord, driver: TensorRtDriver, cache: PlanCache, *, precision: str,
        max_batch: int, progress: Progress, reason: str = '',
    ) -> None:
        super().__init__(record.inputs, record.outputs, max_batch)
        feeds, expected = record.expected_values(folder)
        self._sizes = batch_sizes(max_batch)
        self._runners: dict[int, _Runner] = {}

        def check(plan: Plan) -> None:
            self._runners = {size: _Runner(plan, size, record) for size in self._sizes}
            check_outputs(record, precision, expected, self(feeds))

        ready = TensorRtBuilder(driver, cache, progress).plan(folder, record, precision, max_batch, check)
        self._info = EngineInfo(
            engine='tensorrt', version=driver.platform.tensorrt, precision=precision,
            device=f'{driver.platform.gpu} (compute capability {driver.platform.compute_capability})',
            graph=record.graphs[ready.stored].file, graph_sha256=record.graphs[ready.stored].sha256,
            engine_sha256=ready.sha256, reason='; '.join(text for text in (reason, ready.source) if text),
        )

    def _run(self, arrays: list[Array]) -> list[Array]:
        n = len(arrays[0])
        return self._runners[next(size for size in self._sizes if size >= n)](arrays)


def layout(tensors: tuple[PlanTensor, ...], persons: int) -> Layout:
    """Return where the tensors of a plan lie in one block of memory, the inputs first.

    :param tensors: of the plan.
    :param persons: to make room for.
    """
    placed: dict[str, PlacedTensor] = {}
    end = 0
    ends = []
    for wanted in (True, False):
        for tensor in tensors:
            if tensor.is_input == wanted:
                shape = (persons, *tensor.shape[1:])
                placed[tensor.name] = PlacedTensor(shape, end)
                size = math.prod(shape) * np.dtype(tensor.dtype).itemsize
                end += -(-size // _ALIGNMENT) * _ALIGNMENT
        ends.append(end)
    return Layout(placed, input_bytes=ends[0], total_bytes=ends[1])


@dataclass(frozen=True)
class _View:
    """The arrays of a session's inputs and outputs, in the record's order."""

    inputs: list[Array]
    outputs: list[Array]


class _Runner:
    """A plan, ready for one number of persons: as a CUDA graph where that can be recorded."""

    def __init__(self, plan: Plan, persons: int, record: ModelRecord) -> None:
        places = layout(plan.tensors, persons)
        self._session = session = plan.session(places)
        self._persons = persons
        self._view = _View(
            [_array(session.memory, places, spec) for spec in record.inputs],
            [_array(session.memory, places, spec) for spec in record.outputs])
        self._has_graph = False
        session.memory[:] = 0
        # The first run sets things up that must not be recorded.
        self._enqueue()
        session.wait()
        self._has_graph = _captured(session)
        if not self._has_graph:
            _log.warning('%s cannot run as a CUDA graph for %d persons: every kernel is started by itself, which takes '
                         'longer', record.name, persons)

    def __call__(self, arrays: list[Array]) -> list[Array]:
        """Run on 1 to ``persons`` persons; what is returned is overwritten by the next call."""
        n = len(arrays[0])
        for place, array in zip(self._view.inputs, arrays, strict=True):
            place[:n] = array
            place[n:] = array[-1]  # somebody real, so that nothing odd is computed for the rows nobody reads
        if self._has_graph:
            self._session.launch()
        else:
            self._enqueue()
        self._session.wait()
        return [array[:n] for array in self._view.outputs]

    def _enqueue(self) -> None:
        if not self._session.enqueue():
            raise EngineError(f'TensorRT refused to run the network for {self._persons} persons')


def _captured(session: Session) -> bool:
    try:
        return session.capture()
    except EngineError as error:
        _log.info('recording a CUDA graph failed: %s', error)
        return False


def _array(memory: Array, places: Layout, spec: TensorSpec) -> Array:
    place = places.tensors[spec.name]
    size = math.prod(place.shape) * np.dtype(spec.dtype).itemsize
    return memory[place.offset:place.offset + size].view(spec.dtype).reshape(place.shape)
