"""A network as torch runs it: the reference for the compiled engines. Imports torch lazily."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import TYPE_CHECKING, Any

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.store import WEIGHTS_FILE
from poco_ros.engine.base import Array, EngineInfo
from poco_ros.engine.batches import PersonEngine, batch_sizes
from poco_ros.engine.model_record import ModelRecord, StoredFile
from poco_ros.errors import EngineError

if TYPE_CHECKING:
    import torch

_log = logging.getLogger(__name__)

PRECISIONS = ('fp32', 'tf32')
"""What the reference runs in; ``tf32`` on an NVIDIA GPU only."""

_WARM_UP_RUNS = 3


class TorchEngine(PersonEngine):
    """The network itself in torch, not the exported graph. Sets torch's threads and TF32 for the whole process.

    :param folder: of the network, with its weights; a lift's are taken from its graph where that is all there is.
    :param record: its record.
    :param precision: one of ``PRECISIONS``.
    :param threads: processor threads on the CPU; 0: as many as torch has.
    :param max_batch: most persons at once, >= 1.
    :param body: the body model that the network was exported with; None for the open body.
    :param device: ``'cuda'``, ``'cpu'``, or None for the first of them that is there.
    :param reason: why this engine, for its info.
    :raises EngineError: when torch or the device is missing, the precision is not one of the reference's, the weights
        are not those of the record, or the body model is another one.
    :raises ModelFileError: when the weights are missing, unreadable or were changed, or a lift's graph holds only some
        of them.
    """

    def __init__(
        self, folder: Path, record: ModelRecord, *, precision: str = 'fp32', threads: int = 0, max_batch: int = 8,
        body: BodyModel | None = None, device: str | None = None, reason: str = '',
    ) -> None:
        torch = import_torch()
        device = device or ('cuda' if torch.cuda.is_available() else 'cpu')
        if precision not in PRECISIONS or (precision == 'tf32' and device != 'cuda'):
            raise EngineError(f'torch is the reference: it runs in fp32, on an NVIDIA GPU also in tf32, not in '
                              f'{precision} on {device}; set precision to auto')
        weights = _weights_of(folder, record)
        graph = _network_graph(folder, record, weights, body).to(device)
        super().__init__(record.inputs, record.outputs, max_batch)
        if device == 'cuda':
            torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = precision == 'tf32'
            try:
                self._runners = {size: _CudaRunner(graph, record, size) for size in batch_sizes(max_batch)}
            except RuntimeError as error:
                raise EngineError(f'torch cannot run {record.name} for {max_batch} persons on the GPU: '
                                  f'{str(error).splitlines()[0]}') from error
        else:
            if threads:
                torch.set_num_threads(threads)
            self._runners = {}
        self._graph = graph
        self._info = EngineInfo(
            engine='torch', version=torch.__version__, precision=precision,
            device=torch.cuda.get_device_name() if device == 'cuda' else f'CPU, {torch.get_num_threads()} threads',
            graph=weights.file, graph_sha256=weights.sha256, reason=reason,
        )

    def _run(self, arrays: list[Array]) -> list[Array]:
        if self._runners:
            return self._runners[min(size for size in self._runners if size >= len(arrays[0]))](arrays)
        import torch

        with torch.inference_mode():
            found = self._graph(*(torch.from_numpy(array) for array in arrays))
        return [tensor.numpy() for tensor in found[:len(self._outputs)]]


class _CudaRunner:
    """The network for one number of persons on the GPU: as a CUDA graph where that can be recorded."""

    def __init__(self, graph: torch.nn.Module, record: ModelRecord, persons: int) -> None:
        import torch

        self._graph, self._count = graph, len(record.outputs)
        self._inputs = [
            torch.zeros((persons, *spec.shape[1:]), dtype=getattr(torch, spec.dtype), device='cuda')
            for spec in record.inputs]
        self._pinned = [torch.zeros(tensor.shape, dtype=tensor.dtype).pin_memory() for tensor in self._inputs]
        self._recorded: torch.cuda.CUDAGraph | None = None
        stream = torch.cuda.Stream()
        stream.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(stream):
            for _ in range(_WARM_UP_RUNS):  # sets things up that must not be recorded
                self._outputs = self._compute()
        torch.cuda.current_stream().wait_stream(stream)
        try:
            recorded = torch.cuda.CUDAGraph()
            with torch.cuda.graph(recorded, capture_error_mode='thread_local'):
                self._outputs = self._compute()
            self._recorded = recorded
        except RuntimeError as error:
            _log.warning('%s cannot run as a CUDA graph for %d persons (%s): every kernel is started by itself, which '
                         'takes longer', record.name, persons, str(error).splitlines()[0])

    def __call__(self, arrays: list[Array]) -> list[Array]:
        """Run on 1 to ``persons`` persons."""
        import torch

        n = len(arrays[0])
        for pinned, tensor, array in zip(self._pinned, self._inputs, arrays, strict=True):
            pinned[:n] = torch.from_numpy(array)
            pinned[n:] = pinned[n - 1].clone()  # somebody real in the rows nobody reads
            tensor.copy_(pinned, non_blocking=True)
        if self._recorded is not None:
            self._recorded.replay()
        else:
            self._outputs = self._compute()
        return [tensor[:n].cpu().numpy() for tensor in self._outputs]

    def _compute(self) -> list[Any]:
        import torch

        with torch.inference_mode():
            return list(self._graph(*self._inputs)[:self._count])


def import_torch() -> Any:
    """Return the module.

    :raises EngineError: when it is not installed.
    """
    try:
        import torch
    except (ImportError, OSError) as error:
        raise EngineError(f"torch cannot be imported ({error}); install it: 'make networks', or pip install -r "
                          'requirements-networks.txt. The engines openvino and tensorrt run without it') from error
    return torch


def _weights_of(folder: Path, record: ModelRecord) -> StoredFile:
    """Return which file of the folder has the weights. Graphs of networks on pictures have them folded together."""
    if (folder / WEIGHTS_FILE).is_file() or not record.is_lift or 'fp32' not in record.graphs:
        return StoredFile(WEIGHTS_FILE, record.weights_sha256)
    return record.graphs['fp32']


def _network_graph(
    folder: Path, record: ModelRecord, weights: StoredFile, body: BodyModel | None,
) -> torch.nn.Module:
    """Return what was exported, before it was."""
    from poco_ros.checkpoints.store import load_network
    from poco_ros.export.graph import NetworkGraph
    from poco_ros.networks.model import PocoModel

    body = load_body_model() if body is None else body
    if body.sha256 != record.body_model_sha256:
        raise EngineError(f'{record.name} was exported for the body model {record.body_model!r} (sha256 '
                          f'{record.body_model_sha256[:12]}), this one is {body.name!r} ({body.sha256[:12]}); give '
                          'that one, or export the network anew')
    if weights.file == WEIGHTS_FILE:
        model, provenance = load_network(folder)
        if provenance.weights_sha256 != record.weights_sha256:
            raise EngineError(f"the weights in {folder} are not those that were exported; run 'poco export {folder}'")
    else:
        try:
            from poco_ros.checkpoints.graph_weights import load_from_graph
        except ImportError as error:
            raise EngineError(f'torch takes the weights of {record.name} from its graph, and onnx cannot be imported '
                              f"({error}); install it: 'make networks', or take the engine openvino") from error
        model = PocoModel(record.variant).eval()
        load_from_graph(model, record.graph_path(folder))
    vertices = any(spec.name == 'vertices' for spec in record.outputs)
    return NetworkGraph(model, body, vertices=vertices).eval()
