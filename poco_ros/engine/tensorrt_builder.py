"""A network's TensorRT plan: from the cache if it is there and good, else built, checked and kept."""

from __future__ import annotations

import hashlib
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poco_ros.engine.base import Progress, TensorSpec
from poco_ros.engine.build_progress import BuildProgress
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.plan_cache import PlanCache
from poco_ros.engine.plan_key import plan_key
from poco_ros.engine.tensorrt_interface import Plan, PlanTensor, Recipe, TensorRtDriver
from poco_ros.errors import EngineError

_log = logging.getLogger(__name__)

#: The exported graph that gives a precision.
_GRAPHS = {'fp32': 'fp32', 'tf32': 'fp32', 'fp16': 'fp16', 'bf16': 'bf16', 'int8': 'int8'}


@dataclass(frozen=True)
class ReadyPlan:
    """A plan that TensorRT has taken in and that was found to do what the network does.

    :param plan: it.
    :param sha256: of its bytes, hexadecimal.
    :param stored: precision of the graph it was built from.
    :param source: where it comes from, in words.
    """

    plan: Plan
    sha256: str
    stored: str
    source: str


class TensorRtBuilder:
    """Gets plans for one GPU.

    :param driver: TensorRT.
    :param cache: where plans are kept.
    :param progress: told what is being done and how far it is.
    """

    def __init__(self, driver: TensorRtDriver, cache: PlanCache, progress: Progress) -> None:
        self._driver, self._cache, self._progress = driver, cache, progress

    def plan(
        self, folder: Path, record: ModelRecord, precision: str, max_batch: int, check: Callable[[Plan], None]
    ) -> ReadyPlan:
        """Return a network's plan, from the cache or newly built.

        Of several processes that need the same plan one builds it; the others wait and then load it. One that is
        broken, that TensorRT refuses, or that fails the check, is built again, once.

        :param folder: of the network.
        :param record: its record.
        :param precision: one of ``options.PRECISIONS``.
        :param max_batch: most persons at once.
        :param check: runs the plan and raises EngineError when it does not do what the network does.
        :raises EngineError: the precision was not exported, the graph was changed, TensorRT cannot build it, or what
            it builds is not what the network does.
        """
        stored = _GRAPHS[precision]
        # 32-bit sums and products outside the low-precision part stay exact; only tf32 asks for less.
        recipe = Recipe((1, 1, max_batch), tf32=precision == 'tf32')
        graph = record.graph_path(folder, stored)
        key = plan_key(record, stored, recipe, self._driver.platform)

        def waiting() -> None:
            self._progress(f'waiting for another process that builds {key.stem}', 0.0)

        with self._cache.lock(key, waiting):
            data = self._cache.read(key)
            if data is not None:
                self._progress(f'loading {key.stem}', 0.0)
                try:
                    return ReadyPlan(self._loaded(data, record, max_batch, check), _sha256(data), stored,
                                     f'plan {key.stem} from the cache')
                except EngineError as error:
                    _log.warning('the plan %s is not usable and is built again: %s', key.stem, error)
            monitor = BuildProgress(self._progress, f'building {key.stem}')
            started = time.monotonic()
            timing = self._cache.read_timing(key)
            try:
                data, timing = self._driver.build(graph, recipe, timing, monitor)
            finally:
                monitor.raise_if_stopped()
            seconds = time.monotonic() - started
            plan = self._loaded(data, record, max_batch, check)
            monitor.finish()
            self._cache.write_timing(key, timing)
            kept = self._cache.write(key, data, seconds)
        _log.info('built %s in %.0f s', key.stem, seconds)
        where = '' if kept else f' and not kept, for {self._cache.folder} cannot be written to'
        return ReadyPlan(plan, _sha256(data), stored, f'plan {key.stem} built in {seconds:.0f} s{where}')

    def _loaded(self, data: bytes, record: ModelRecord, max_batch: int, check: Callable[[Plan], None]) -> Plan:
        """Take in a plan and compare it with the record.

        :raises EngineError: when it is refused, or is not the network's.
        """
        plan = self._driver.load(data)
        if plan is None:
            raise EngineError('TensorRT cannot load it: it is broken, or of another version or GPU')
        check_tensors(plan.tensors, record, max_batch)
        check(plan)
        return plan


def check_tensors(tensors: tuple[PlanTensor, ...], record: ModelRecord, max_batch: int) -> None:
    """Compare names, directions, types, sizes and numbers of persons of a plan with the network's record.

    :raises EngineError: when they differ; names the tensor.
    """
    wanted: dict[str, tuple[TensorSpec, bool]] = {spec.name: (spec, True) for spec in record.inputs}
    wanted |= {spec.name: (spec, False) for spec in record.outputs}
    found = {tensor.name: tensor for tensor in tensors}
    if set(found) != set(wanted):
        raise EngineError(f'its tensors are {", ".join(sorted(found))}, the network has {", ".join(sorted(wanted))}')
    for name, (spec, is_input) in wanted.items():
        tensor = found[name]
        if (tensor.is_input, tensor.dtype, tensor.shape) != (is_input, spec.dtype, spec.shape):
            way = 'an input' if tensor.is_input else 'an output'
            raise EngineError(f'its tensor {name} is {way}, {tensor.dtype} of shape {tensor.shape}; the network has '
                              f'{spec.dtype} of shape {spec.shape}')
        if is_input:
            least, most = tensor.profile[0][0], tensor.profile[-1][0]
            if least > 1 or most < max_batch:
                raise EngineError(f'it takes {least} to {most} persons, not 1 to {max_batch}')


def _sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
