"""What the rest of the package asks of TensorRT and CUDA: a few plain records and three protocols.

:mod:`poco_ros.engine.tensorrt_driver` does it for real and is the only file that touches either. Everything else
about TensorRT is written against these protocols, so that it runs, and is tested, on machines that have neither.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from poco_ros.engine.base import Array


@dataclass(frozen=True)
class Platform:
    """Where a plan is built and run; a plan fits no other.

    :param tensorrt: version of the library.
    :param cuda_runtime: version of the CUDA runtime as CUDA counts, such as 13020 for 13.2.
    :param cuda_driver: newest major version of CUDA that the driver knows, such as 13.
    :param gpu: its full name.
    :param compute_capability: such as '9.0'.
    """

    tensorrt: str
    cuda_runtime: int
    cuda_driver: int
    gpu: str
    compute_capability: str


@dataclass(frozen=True)
class Recipe:
    """How a plan is built.

    :param persons: that the plan takes at least, most often (its kernels are chosen for that), and at most.
    :param tf32: whether 32-bit products may be rounded to 10 bits of mantissa.
    :param optimisation_level: 0 to 5; how long TensorRT looks for the fastest kernels. 3 is its default.
    :param workspace_bytes: most scratch memory of a kernel on the GPU.
    """

    persons: tuple[int, int, int]
    tf32: bool
    optimisation_level: int = 3
    workspace_bytes: int = 1 << 30


@dataclass(frozen=True)
class PlanTensor:
    """An input or output of a plan.

    :param name: its name.
    :param is_input: whether it goes in.
    :param dtype: numpy's name of the element type.
    :param shape: sizes; -1 where open.
    :param profile: of an input, its least, usual and largest shape; empty for an output.
    """

    name: str
    is_input: bool
    dtype: str
    shape: tuple[int, ...]
    profile: tuple[tuple[int, ...], ...] = ()


class BuildMonitor(Protocol):
    """Told by TensorRT, from any of its threads, how far a build is."""

    def phase_start(self, phase: str, parent: str | None, steps: int) -> None:
        """A phase of so many steps begins, inside another or none."""

    def step_complete(self, phase: str, step: int) -> bool:
        """A step is done, counted from 0. False ends the build."""

    def phase_finish(self, phase: str) -> None:
        """A phase ends, perhaps before its last step."""


@dataclass(frozen=True)
class PlacedTensor:
    """Where a tensor lies in a session's memory.

    :param shape: for this session's number of persons.
    :param offset: of its first byte.
    """

    shape: tuple[int, ...]
    offset: int


@dataclass(frozen=True)
class Layout:
    """One block of memory for all inputs and outputs of a session, so that one copy brings each over.

    :param tensors: every input and output by name.
    :param input_bytes: size of the block's first part, which holds all inputs; the rest holds all outputs.
    :param total_bytes: size of the block.
    """

    tensors: Mapping[str, PlacedTensor]
    input_bytes: int
    total_bytes: int


class Session(Protocol):
    """A plan ready to run for one number of persons, with its own stream, memory and execution context.

    One object serves one thread at a time.
    """

    @property
    def memory(self) -> Array:
        """Page-locked memory of ``layout.total_bytes`` uint8: write the inputs, run, wait, read the outputs."""

    def enqueue(self) -> bool:
        """Put copies to the GPU, the network, and copies back on the stream. False: TensorRT refused.

        :raises EngineError: when CUDA fails.
        """

    def capture(self) -> bool:
        """Record :meth:`enqueue` as a CUDA graph. False: it cannot be recorded; then nothing has changed."""

    def launch(self) -> None:
        """Put the recorded graph on the stream.

        :raises EngineError: when CUDA fails.
        """

    def wait(self) -> None:
        """Wait until everything on the stream is done.

        :raises EngineError: when CUDA failed in the meantime.
        """


class Plan(Protocol):
    """A plan that TensorRT has taken in."""

    @property
    def tensors(self) -> tuple[PlanTensor, ...]:
        """Inputs and outputs."""

    def session(self, layout: Layout) -> Session:
        """Make the plan ready for a number of persons.

        :raises EngineError: when TensorRT or CUDA refuses, for lack of memory for example.
        """


class TensorRtDriver(Protocol):
    """TensorRT on one GPU."""

    @property
    def platform(self) -> Platform:
        """Where plans are built and run."""

    def build(self, graph: Path, recipe: Recipe, timing_cache: bytes, monitor: BuildMonitor) -> tuple[bytes, bytes]:
        """Build a plan; takes minutes. Strongly typed: the arithmetic is what the graph's own types say.

        :param graph: an ONNX file that holds all its weights; its inputs' first size is open, and only that.
        :param recipe: how.
        :param timing_cache: what an earlier build on this platform learned; empty for nothing.
        :param monitor: told how far it is.
        :returns: the plan, and the timing cache for the next build.
        :raises EngineError: when the graph cannot be parsed or built; has TensorRT's own words.
        """

    def load(self, plan: bytes) -> Plan | None:
        """Take in a plan.

        :returns: None when TensorRT refuses it: broken, or of another version or GPU.
        """
