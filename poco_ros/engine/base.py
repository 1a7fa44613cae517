"""What every inference engine is to the rest of the package: named arrays in and out, and a record of what ran."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from poco_ros.errors import EngineError

Array = npt.NDArray[Any]

Progress = Callable[[str, float], None]
"""Told what is being done, and how much of it is done, 0 to 1. Called from any thread."""


@dataclass(frozen=True)
class TensorSpec:
    """One named input or output of a graph.

    :param name: the tensor's name in the graph file.
    :param shape: sizes; -1 where the graph leaves one open.
    :param dtype: numpy's name of the element type, such as ``'float32'``.
    """

    name: str
    shape: tuple[int, ...]
    dtype: str


@dataclass(frozen=True)
class EngineInfo:
    """Provenance of a loaded graph: enough to say which arithmetic produced a result.

    :param engine: name of the inference library, such as ``'openvino'``.
    :param version: its version.
    :param precision: arithmetic asked for: of a network one of ``options.PRECISIONS``, such as ``'bf16'``; of a graph
        that :class:`~poco_ros.engine.openvino_engine.OpenVinoEngine` runs by itself ``'f32'``, ``'bf16'`` or ``'f16'``.
    :param device: the processor's full name.
    :param graph: name of the graph file.
    :param graph_sha256: SHA-256 of the graph file, hexadecimal.
    :param engine_sha256: SHA-256 of the compiled engine (TensorRT's plan); empty where it is compiled at each start.
    :param reason: why this engine and precision were chosen, in words; empty where there was nothing to choose.
    """

    engine: str
    version: str
    precision: str
    device: str
    graph: str
    graph_sha256: str
    engine_sha256: str = ''
    reason: str = ''


class Engine(Protocol):
    """A compiled graph. One object serves one thread at a time; two threads load two."""

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs, in the graph's order."""

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs, in the order asked for."""

    @property
    def info(self) -> EngineInfo:
        """What this engine is and which file it runs."""

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the graph once.

        :param feeds: an array for every input by name, of exactly the input's shape and dtype.
        :returns: an array for every output by name, owned by the caller.
        :raises EngineError: when an input is missing, unknown, or of another shape or dtype.
        """


class LoadedEngine:
    """What every engine keeps of the graph it has loaded; gives the properties of :class:`Engine`."""

    _inputs: tuple[TensorSpec, ...]
    _outputs: tuple[TensorSpec, ...]
    _info: EngineInfo

    @property
    def inputs(self) -> tuple[TensorSpec, ...]:
        """Inputs, in the graph's order; of an exported network as its record has them, -1 for the number of persons."""
        return self._inputs

    @property
    def outputs(self) -> tuple[TensorSpec, ...]:
        """Outputs, in the order asked for; likewise."""
        return self._outputs

    @property
    def info(self) -> EngineInfo:
        """What this engine is and which file it runs."""
        return self._info


def check_feeds(specs: tuple[TensorSpec, ...], feeds: Mapping[str, Array]) -> list[Array]:
    """Return the arrays of ``feeds`` in the order of ``specs``, C-contiguous.

    :raises EngineError: when an input is missing, unknown, or of another shape or dtype.
    """
    names = [spec.name for spec in specs]
    unknown = sorted(set(feeds) - set(names))
    if unknown:
        raise EngineError(f'no such input: {", ".join(unknown)}; the graph takes {", ".join(names)}')
    arrays = []
    for spec in specs:
        if spec.name not in feeds:
            raise EngineError(f'input {spec.name} is missing; the graph takes {", ".join(names)}')
        array = feeds[spec.name]
        same_shape = array.ndim == len(spec.shape) and all(
            want in (-1, have) for want, have in zip(spec.shape, array.shape, strict=True)
        )
        if not same_shape or array.dtype != np.dtype(spec.dtype):
            raise EngineError(
                f'input {spec.name} must be {spec.dtype} of shape {spec.shape}, '
                f'got {array.dtype} of shape {array.shape}'
            )
        arrays.append(np.ascontiguousarray(array))
    return arrays
