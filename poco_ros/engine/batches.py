"""A frame's people through an engine that takes only so many at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from poco_ros.engine.base import Array, LoadedEngine, TensorSpec, check_feeds
from poco_ros.errors import EngineError

Run = Callable[[list[Array]], list[Array]]


def run_in_turns(
    run: Run, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], feeds: Mapping[str, Array], limit: int
) -> dict[str, Array]:
    """Run a network on N persons, at most ``limit`` at once.

    :param run: takes the inputs' arrays in order, of 1 to ``limit`` persons; returns the outputs' in order. What it
        returns may be overwritten by its next call.
    :param inputs: the network's inputs, with -1 for the number of persons, first.
    :param outputs: likewise.
    :param feeds: an array for every input by name, all of the same N >= 0.
    :param limit: most persons at once, >= 1.
    :returns: an array of N persons for every output by name, owned by the caller; empty ones without running for N = 0.
    :raises EngineError: when an input is missing, unknown, of another shape or dtype, or of another N than the first.
    """
    arrays = check_feeds(inputs, feeds)
    counts = {spec.name: len(array) for spec, array in zip(inputs, arrays, strict=True)}
    if len(set(counts.values())) != 1:
        raise EngineError('inputs of different numbers of persons: '
                          + ', '.join(f'{name} {count}' for name, count in counts.items()))
    n = len(arrays[0])
    results = [np.empty((n, *spec.shape[1:]), spec.dtype) for spec in outputs]
    for start in range(0, n, limit):
        stop = min(start + limit, n)
        for result, part in zip(results, run([array[start:stop] for array in arrays]), strict=True):
            result[start:stop] = part
    return {spec.name: result for spec, result in zip(outputs, results, strict=True)}


def batch_sizes(max_batch: int) -> list[int]:
    """Return the numbers of persons that a GPU is made ready for: powers of two, and the largest.

    A CUDA graph is of one number of persons; a frame with another number is filled up to the next. All of them are
    made ready while loading, so that no number of people makes a robot wait when it is first seen.
    """
    return sorted({min(1 << power, max_batch) for power in range(max_batch.bit_length() + 1)})


class PersonEngine(LoadedEngine):
    """What engines of exported networks share: every input and output is of N persons, run some at a time.

    :param inputs: of the network, with -1 for the number of persons, first.
    :param outputs: likewise.
    :param limit: most persons at once, >= 1.
    """

    def __init__(self, inputs: tuple[TensorSpec, ...], outputs: tuple[TensorSpec, ...], limit: int) -> None:
        self._inputs, self._outputs, self._limit = inputs, outputs, limit

    def __call__(self, feeds: Mapping[str, Array]) -> dict[str, Array]:
        """Run the network on N persons, as many at once as it takes.

        :param feeds: an array for every input by name, of N >= 0 persons.
        :returns: an array of N persons for every output by name, owned by the caller.
        :raises EngineError: when an input is missing, unknown, or of another shape, dtype or N, or when a GPU fails.
        """
        return run_in_turns(self._run, self._inputs, self._outputs, feeds, self._limit)

    def _run(self, arrays: list[Array]) -> list[Array]:
        """Return the outputs' arrays for 1 to ``limit`` persons; they may be overwritten by the next call."""
        raise NotImplementedError
