"""What a golden file holds, how it is read, and how one is checked."""

from __future__ import annotations

import logging
import zipfile
import zlib
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from poco_ros.errors import PocoError
from poco_ros.evaluation.parity.comparison import Array, ArrayResult, Limit, compare

logger = logging.getLogger(__name__)

Arrays = Mapping[str, Array]


@dataclass(frozen=True)
class Input:
    """An array that others are computed from.

    :param dtype: numpy's name, or 'str' for text of any length.
    :param shape: sizes; a letter stands for any size, the same one wherever the letter stands in a file.
    :param rule: returns what is wrong with the values, '' if nothing; NaN and infinity are always wrong.
    """

    dtype: str
    shape: tuple[int | str, ...] = ()
    rule: Callable[[Array], str] | None = None

    def problem(self, array: Array, sizes: dict[str, int]) -> str:
        """Return why an array cannot be this input, '' if it can.

        :param array: as read.
        :param sizes: of the letters met so far; new ones are added.
        """
        if not has_dtype(array, self.dtype):
            return f'is {array.dtype}, not {self.dtype}'
        wanted = tuple(sizes.get(size, size) if isinstance(size, str) else size for size in self.shape)
        if array.ndim != len(wanted) or any(
                isinstance(size, int) and size != actual for size, actual in zip(wanted, array.shape, strict=True)):
            return f'has the shape {array.shape}, not ({", ".join(map(str, wanted))})'
        sizes.update({size: actual for size, actual in zip(wanted, array.shape, strict=True) if isinstance(size, str)})
        if array.dtype.kind == 'f' and not np.isfinite(array).all():
            return f'{np.count_nonzero(~np.isfinite(array))} entries are not finite'
        return self.rule(array) if self.rule else ''


@dataclass(frozen=True)
class Output:
    """An array that this package must reproduce.

    :param limit: how far it may be off.
    :param dtype: that the golden array must have; numpy's name. Empty arrays may have any.
    """

    limit: Limit
    dtype: str = 'float32'


@dataclass(frozen=True)
class Context:
    """What a computation may need beside the arrays of its own file.

    :param base: label of the weights' rule, e.g. 'A' (SPEC section 15.1).
    :param folder: of the golden files.
    """

    base: str
    folder: Path


@dataclass(frozen=True)
class GoldenFile:
    """One file of SPEC section 15.3.

    :param name: of the file.
    :param inputs: arrays given.
    :param outputs: arrays to reproduce.
    :param compute: returns every output from the arrays of the file.
    :param note: for the reader of the table.
    """

    name: str
    inputs: Mapping[str, Input]
    outputs: Mapping[str, Output]
    compute: Callable[[Arrays, Context], Arrays]
    note: str = ''


@dataclass(frozen=True)
class FileResult:
    """What came of one golden file.

    :param name: of the file.
    :param arrays: results, in the order of the definition, unknown arrays last.
    :param problem: why the file is a miss as a whole, else ''.
    :param note: for the reader of the table.
    """

    name: str
    arrays: tuple[ArrayResult, ...] = ()
    problem: str = ''
    note: str = ''

    @property
    def misses(self) -> tuple[ArrayResult, ...]:
        """The arrays that are not what they should be."""
        return tuple(array for array in self.arrays if not array.passed)

    @property
    def passed(self) -> bool:
        """Whether the file agrees, whole."""
        return not self.problem and not self.misses


def load_arrays(path: Path) -> dict[str, Array]:
    """Read all arrays of an npz file, without executing anything in it.

    :raises PocoError: when the file is missing, damaged, or holds something else than plain arrays.
    """
    name = ''
    try:
        archive = np.load(path, allow_pickle=False)
        if not isinstance(archive, np.lib.npyio.NpzFile):
            raise PocoError(f'{path} is no npz archive')
        with archive:
            arrays = {}
            for name in archive.files:
                arrays[name] = archive[name]
                if not isinstance(arrays[name], np.ndarray):
                    raise PocoError(f'{path}: {name} is no array')
            return arrays
    except FileNotFoundError:
        raise PocoError(f'{path} is missing') from None
    except (OSError, ValueError, EOFError, MemoryError, KeyError, zipfile.BadZipFile, zlib.error) as error:
        at = f', at the array {name!r}' if name else ''
        raise PocoError(f'{path} cannot be read{at} ({error}): make it again') from error


def has_dtype(array: Array, dtype: str) -> bool:
    """Return whether an array has the type of this name; 'str' is text of any length."""
    return array.dtype.kind == 'U' if dtype == 'str' else array.dtype == np.dtype(dtype)


def check_file(golden_file: GoldenFile, context: Context) -> FileResult:
    """Recompute and compare all arrays of one golden file.

    :param golden_file: its definition.
    :param context: the folder it lies in, and the label of the weights.
    """
    try:
        arrays = load_arrays(context.folder / golden_file.name)
    except PocoError as error:
        return FileResult(golden_file.name, problem=str(error), note=golden_file.note)
    inputs = list(_inputs(golden_file, arrays))
    broken = next((f'{r.name} {r.problem}' for r in inputs if not r.passed), '')
    computed: Arrays = {}
    if not broken:
        try:
            computed = golden_file.compute(arrays, context)
        except (PocoError, ValueError, IndexError, RuntimeError) as error:
            logger.debug('%s cannot be computed', golden_file.name, exc_info=True)
            broken = f'{type(error).__name__}: {error}'
    outputs = [
        _output(name, output, arrays.get(name), computed.get(name), broken)
        for name, output in golden_file.outputs.items()]
    unknown = [
        ArrayResult(name, 'unknown', problem='is not known')
        for name in arrays if name not in golden_file.inputs and name not in golden_file.outputs]
    problem = f'nothing could be computed: {broken}' if broken else ''
    return FileResult(golden_file.name, (*inputs, *outputs, *unknown), problem, golden_file.note)


def _inputs(golden_file: GoldenFile, arrays: Arrays) -> Iterator[ArrayResult]:
    sizes: dict[str, int] = {}
    for name, form in golden_file.inputs.items():
        problem = form.problem(arrays[name], sizes) if name in arrays else 'is missing'
        yield ArrayResult(name, 'input', problem=problem)


def _output(name: str, output: Output, golden: Array | None, computed: Array | None, broken: str) -> ArrayResult:
    if golden is None:
        problem = 'is missing'
    elif golden.size and not has_dtype(golden, output.dtype):
        problem = f'is {golden.dtype}, not {output.dtype}'
    elif computed is None:
        problem = 'was not compared' if broken else 'was not computed'
    else:
        return compare(name, golden, np.asarray(computed), output.limit)
    return ArrayResult(name, 'compared', limit=output.limit, problem=problem)
