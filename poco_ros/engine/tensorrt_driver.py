"""TensorRT 10 and 11 and CUDA: the one file that touches either library. Everything it decides is decided elsewhere.

Only names that both versions of TensorRT have are used; a test compares them with the published interfaces. CUDA is
reached through NVIDIA's ``cuda-bindings``: a few megabytes, where torch would be gigabytes that a node needs not.
"""

from __future__ import annotations

import ctypes
import logging
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from poco_ros.engine.base import Array
from poco_ros.engine.tensorrt_interface import BuildMonitor, Layout, PlanTensor, Platform, Recipe
from poco_ros.errors import EngineError

try:
    import tensorrt as trt
    from cuda.bindings import runtime as cudart
except (ImportError, OSError) as missing:
    raise EngineError(
        f'TensorRT cannot be imported ({missing}); install it: pip install tensorrt cuda-bindings --extra-index-url '
        'https://pypi.nvidia.com (on a Jetson it comes with JetPack: see engines/README.md)'
    ) from missing

_log = logging.getLogger(__name__)


class _Logger(trt.ILogger):  # type: ignore[misc]
    """TensorRT's words in our log; what it said last of errors is kept for our own messages."""

    errors: tuple[str, ...] = ()

    def log(self, severity: Any, msg: str) -> None:
        if severity in (trt.ILogger.ERROR, trt.ILogger.INTERNAL_ERROR):
            self.errors = (*self.errors[-2:], msg)
            _log.error('TensorRT: %s', msg)
        elif severity == trt.ILogger.WARNING:
            _log.warning('TensorRT: %s', msg)


_LOGGER = _Logger()  # TensorRT keeps the first one it is given for everything


class _Monitor(trt.IProgressMonitor):  # type: ignore[misc]
    def __init__(self, monitor: BuildMonitor) -> None:
        trt.IProgressMonitor.__init__(self)
        self.monitor = monitor

    def phase_start(self, phase_name: str, parent_phase: str | None, num_steps: int) -> None:
        self.monitor.phase_start(phase_name, parent_phase, num_steps)

    def step_complete(self, phase_name: str, step: int) -> bool:
        return self.monitor.step_complete(phase_name, step)

    def phase_finish(self, phase_name: str) -> None:
        self.monitor.phase_finish(phase_name)


class Driver:
    """TensorRT on the first GPU that CUDA shows; see :class:`~poco_ros.engine.tensorrt_interface.TensorRtDriver`.

    :raises EngineError: when there is no NVIDIA GPU, or its driver is too old.
    """

    def __init__(self) -> None:
        try:
            gpu = _call(cudart.cudaGetDeviceProperties, 0)
        except EngineError as error:
            raise EngineError(f'no NVIDIA GPU to run TensorRT on ({error}); see that nvidia-smi shows one') from error
        self.platform = Platform(
            tensorrt=trt.__version__, cuda_runtime=_call(cudart.cudaRuntimeGetVersion), gpu=gpu.name.decode(),
            cuda_driver=_call(cudart.cudaDriverGetVersion) // 1000, compute_capability=f'{gpu.major}.{gpu.minor}')
        self._runtime = trt.Runtime(_LOGGER)

    def build(self, graph: Path, recipe: Recipe, timing_cache: bytes, monitor: BuildMonitor) -> tuple[bytes, bytes]:
        """Build a plan."""
        _LOGGER.errors = ()
        builder = trt.Builder(_LOGGER)
        network = builder.create_network(1 << int(trt.NetworkDefinitionCreationFlag.STRONGLY_TYPED))
        parser = trt.OnnxParser(network, _LOGGER)
        if not parser.parse(graph.read_bytes()):
            raise _failed(f'cannot parse {graph}', [parser.get_error(i).desc() for i in range(parser.num_errors)])
        config = builder.create_builder_config()
        config.set_memory_pool_limit(trt.MemoryPoolType.WORKSPACE, recipe.workspace_bytes)
        config.builder_optimization_level = recipe.optimisation_level
        (config.set_flag if recipe.tf32 else config.clear_flag)(trt.BuilderFlag.TF32)
        profile = builder.create_optimization_profile()
        for tensor in map(network.get_input, range(network.num_inputs)):
            profile.set_shape(tensor.name, *((persons, *tuple(tensor.shape)[1:]) for persons in recipe.persons))
        if config.add_optimization_profile(profile) < 0:
            raise _failed(f'{graph} has other open sizes than the number of persons')
        cache = config.create_timing_cache(timing_cache)
        if cache is None or not config.set_timing_cache(cache, False):  # learned elsewhere, or broken: start anew
            cache = config.create_timing_cache(b'')
            config.set_timing_cache(cache, False)
        config.progress_monitor = watcher = _Monitor(monitor)  # noqa: F841, must outlive the build
        plan = builder.build_serialized_network(network, config)
        if plan is None:
            raise _failed(f'cannot build {graph}')
        return bytes(plan), bytes(cache.serialize())

    def load(self, plan: bytes) -> LoadedPlan | None:
        """Take in a plan."""
        engine = self._runtime.deserialize_cuda_engine(plan)
        return None if engine is None else LoadedPlan(engine)


class LoadedPlan:
    """A plan in TensorRT; see :class:`~poco_ros.engine.tensorrt_interface.Plan`."""

    def __init__(self, engine: Any) -> None:
        self._engine = engine
        self.tensors = tuple(_tensor(engine, engine.get_tensor_name(index)) for index in range(engine.num_io_tensors))

    def session(self, layout: Layout) -> LiveSession:
        """Make the plan ready for a number of persons."""
        return LiveSession(self._engine, layout)


class LiveSession:
    """A context with stream and memory; see :class:`~poco_ros.engine.tensorrt_interface.Session`."""

    def __init__(self, engine: Any, layout: Layout) -> None:
        self._context = context = engine.create_execution_context()
        if context is None:
            raise _failed('cannot make an execution context')
        self._engine, self._graph = engine, None  # the engine must outlive its context
        flags, size, split = cudart.cudaStreamNonBlocking, layout.total_bytes, layout.input_bytes
        self._stream = self._owned(cudart.cudaStreamDestroy, cudart.cudaStreamCreateWithFlags, flags)
        host = int(self._owned(cudart.cudaFreeHost, cudart.cudaMallocHost, size))
        device = int(self._owned(cudart.cudaFree, cudart.cudaMalloc, size))
        self.memory: Array = np.ctypeslib.as_array((ctypes.c_uint8 * size).from_address(host))
        up, down = cudart.cudaMemcpyKind.cudaMemcpyHostToDevice, cudart.cudaMemcpyKind.cudaMemcpyDeviceToHost
        self._up = device, host, split, up, self._stream
        self._down = host + split, device + split, size - split, down, self._stream
        for name, place in layout.tensors.items():
            if not (context.set_tensor_address(name, device + place.offset)
                    and (place.offset >= split or context.set_input_shape(name, place.shape))):
                raise _failed(f'does not take {name} of shape {place.shape}')

    def enqueue(self) -> bool:
        """Put copies to the GPU, the network, and copies back on the stream."""
        _call(cudart.cudaMemcpyAsync, *self._up)
        good = bool(self._context.execute_async_v3(int(self._stream)))
        _call(cudart.cudaMemcpyAsync, *self._down)
        return good

    def capture(self) -> bool:
        """Record :meth:`enqueue` as a CUDA graph."""
        _call(cudart.cudaStreamBeginCapture, self._stream,
              cudart.cudaStreamCaptureMode.cudaStreamCaptureModeThreadLocal)
        try:
            good = self.enqueue()
        finally:
            error, graph = cudart.cudaStreamEndCapture(self._stream)
            cudart.cudaGetLastError()  # forget a failed capture, or the next call reports it
        if error == cudart.cudaError_t.cudaSuccess:
            if good:
                self._graph = self._owned(cudart.cudaGraphExecDestroy, cudart.cudaGraphInstantiate, graph, 0)
            cudart.cudaGraphDestroy(graph)
        return self._graph is not None

    def launch(self) -> None:
        """Put the recorded graph on the stream."""
        _call(cudart.cudaGraphLaunch, self._graph, self._stream)

    def wait(self) -> None:
        """Wait until everything on the stream is done."""
        _call(cudart.cudaStreamSynchronize, self._stream)

    def _owned(self, free: Callable[[Any], Any], make: Callable[..., Any], *arguments: Any) -> Any:
        """Make something that is freed with this session; not at the process's end, which CUDA's may precede."""
        made = _call(make, *arguments)
        weakref.finalize(self, free, made).atexit = False
        return made


def _tensor(engine: Any, name: str) -> PlanTensor:
    is_input = engine.get_tensor_mode(name) == trt.TensorIOMode.INPUT
    profile = tuple(tuple(shape) for shape in engine.get_tensor_profile_shape(name, 0)) if is_input else ()
    dtype = np.dtype(trt.nptype(engine.get_tensor_dtype(name))).name
    return PlanTensor(name, is_input, dtype, tuple(engine.get_tensor_shape(name)), profile)


def _call(function: Callable[..., Any], *arguments: Any) -> Any:
    error, *results = function(*arguments)
    if error != cudart.cudaError_t.cudaSuccess:
        raise EngineError(f'CUDA: {function.__name__} failed: {cudart.cudaGetErrorString(error)[1].decode()}')
    return results[0] if results else None


def _failed(what: str, reasons: Sequence[str] = ()) -> EngineError:
    return EngineError(f'TensorRT {trt.__version__} {what}: {" / ".join(reasons or _LOGGER.errors or ["no reason"])}')
