"""Which engine runs a network, and why."""

from __future__ import annotations

import dataclasses
import logging
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poco_ros.body.model import BodyModel
from poco_ros.engine import openvino_network
from poco_ros.engine.base import Engine, Progress
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.openvino_network import OpenVinoNetwork
from poco_ros.engine.options import AUTO, ENGINES, EngineOptions
from poco_ros.engine.plan_cache import PlanCache, engines_folder
from poco_ros.engine.smoke import check_engine
from poco_ros.engine.tensorrt_engine import TensorRtEngine
from poco_ros.engine.tensorrt_interface import TensorRtDriver
from poco_ros.engine.torch_engine import TorchEngine, import_torch
from poco_ros.errors import EngineError

__all__ = ['Progress', 'load_engine']

_log = logging.getLogger(__name__)


@dataclass(frozen=True)
class _Request:
    """What is to be loaded, and what was found on the way to it."""

    folder: Path
    record: ModelRecord
    options: EngineOptions
    body: BodyModel | None
    progress: Progress
    reason: str = ''

    def because(self, reason: str) -> _Request:
        return dataclasses.replace(self, reason='; '.join(text for text in (self.reason, reason) if text))


def load_engine(
    folder: Path, options: EngineOptions, progress: Progress | None = None, *, body: BodyModel | None = None
) -> Engine:
    """Load an exported network, and see that it computes what was exported. May be called from any thread.

    ``engine='auto'`` takes TensorRT where its libraries and an NVIDIA GPU are, and can run the network; else OpenVINO;
    torch only where OpenVINO is not installed. ``precision='auto'`` is careful:

    - TensorRT: fp16 where that graph was exported, whose export has checked it; else tf32, which rounds less.
    - OpenVINO: bf16 where the processor has it and a bf16 graph was exported, whose export has checked what it does to
      this network; else fp32. int8 is never taken unasked.
    - torch: fp32.

    :param folder: of the network.
    :param options: which engine, and how.
    :param progress: told what is being done and how far it is, 0 to 1, from any thread; what it raises stops a build
        and comes out here.
    :param body: the body model that the network was exported with, for torch only; None for the open body.
    :returns: the engine; ``info.reason`` says why it.
    :raises EngineError: the network was not exported, a file is missing or was changed, or no engine can run it; has
        every engine's reason.
    """
    request = _Request(folder, ModelRecord.load(folder), options, body, progress or (lambda what, share: None))
    if options.engine != AUTO:
        engine = _LOADERS[options.engine](request.because(f'{options.engine} was asked for'))
    else:
        engine = _first_that_works(request)
    _log.info('%s runs on %s %s, %s: %s', request.record.name, engine.info.engine, engine.info.version,
              engine.info.precision, engine.info.reason)
    request.progress(f'{request.record.name} is loaded', 1.0)
    return engine


def _first_that_works(request: _Request) -> Engine:
    failures: list[str] = []
    for name in ENGINES:
        try:
            return _LOADERS[name](request.because('; '.join(failure.split(';')[0] for failure in failures)))
        except EngineError as error:
            failures.append(f'not {name}: {error}')
            if isinstance(error, _AbsentError):
                continue
            if name != 'tensorrt':  # what OpenVINO cannot run is broken, and not to be hidden by torch
                break
            _log.warning('%s cannot be run by TensorRT, the next engine is tried: %s', request.record.name, error)
    raise EngineError(f'no engine can run {request.record.name}; ' + '; '.join(failures))


class _AbsentError(EngineError):
    """A library or its processor is not on this machine, which is nothing to warn of."""


def _load_tensorrt(request: _Request) -> Engine:
    try:
        driver = _tensorrt_driver()
    except EngineError as error:
        raise _AbsentError(str(error)) from error
    precision, why = request.options.precision, ''
    if precision == AUTO:
        has_fp16 = 'fp16' in request.record.graphs
        precision = 'fp16' if has_fp16 else 'tf32'
        why = 'fp16 passed the check of the export' if has_fp16 else (
            f"tf32 because no fp16 graph was exported ('poco export {request.record.name} --precision fp16' makes one)")
    return TensorRtEngine(
        request.folder, request.record, driver, PlanCache(engines_folder()), precision=precision,
        max_batch=request.options.max_batch, progress=request.progress, reason=request.because(why).reason,
    )


def _tensorrt_driver() -> TensorRtDriver:
    from poco_ros.engine.tensorrt_driver import Driver

    return Driver()


def _load_openvino(request: _Request) -> Engine:
    try:
        has_bf16 = openvino_network.has_bf16()
    except EngineError as error:
        raise _AbsentError(str(error)) from error
    precision, why = request.options.precision, ''
    if precision == AUTO:
        checked = 'bf16' in request.record.graphs
        precision = 'bf16' if has_bf16 and checked else 'fp32'
        if precision == 'bf16':
            why = 'bf16 passed the check of the export and the processor has it'
        elif has_bf16:
            why = ('fp32, not the faster bf16 of this processor, because nothing says what that does to this network '
                   f"('poco export {request.record.name} --precision bf16' checks it)")
        else:
            why = 'fp32 because the processor has no bf16'
    request.progress(f'compiling {request.record.name} with OpenVINO', 0.0)
    engine = OpenVinoNetwork(
        request.folder, request.record, precision=precision, threads=request.options.threads,
        reason=request.because(why).reason,
    )
    check_engine(engine, request.folder, request.record)
    return engine


def _load_torch(request: _Request) -> Engine:
    try:
        import_torch()
    except EngineError as error:
        raise _AbsentError(str(error)) from error
    precision = 'fp32' if request.options.precision == AUTO else request.options.precision
    request.progress(f'loading {request.record.name} with torch', 0.0)
    engine = TorchEngine(
        request.folder, request.record, precision=precision, threads=request.options.threads,
        max_batch=request.options.max_batch, body=request.body, reason=request.reason,
    )
    check_engine(engine, request.folder, request.record)
    return engine


_LOADERS: dict[str, Callable[[_Request], Engine]] = {
    'tensorrt': _load_tensorrt, 'openvino': _load_openvino, 'torch': _load_torch,
}
