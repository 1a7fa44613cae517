"""Long evaluations in chunks that are kept on disk, so that an interrupted one goes on where it stopped."""

from __future__ import annotations

import hashlib
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any, Protocol, TypeVar

import numpy as np
import numpy.typing as npt

import poco_ros
from poco_ros.body.model import BodyModel
from poco_ros.errors import DatasetError
from poco_ros.regressors.base import RegressorInfo
from poco_ros.whole_files import sha256_of

_log = logging.getLogger(__name__)
_KEY_FILE = 'of.json'

Rows = npt.NDArray[np.intp]
Progress = Callable[[int, int], None]


class Storable(Protocol):
    """What a chunk holds."""

    def save(self, path: Path) -> None:
        """Write it, whole or not at all."""

    def __len__(self) -> int:
        """How many samples it is of."""


_T = TypeVar('_T', bound=Storable)


def in_chunks(
    folder: Path, of: Mapping[str, Any], count: int, make: Callable[[Rows], _T], load: Callable[[Path], _T],
    progress: Progress | None = None, size: int = 512,
) -> list[_T]:
    """Make what is not there yet of ``count`` samples, and return all of it.

    :param folder: of the chunks; made if need be. What was made of something else lies beside, in folders of its own.
    :param of: everything that the outcome depends on, as JSON can hold it.
    :param count: samples.
    :param make: gives the chunk of some rows.
    :param load: reads a chunk; a broken one is made anew.
    :param progress: told how many samples are done, and of how many.
    :param size: samples of a chunk.
    :raises DatasetError: when nothing can be written there.
    """
    text = json.dumps({**of, 'count': count, 'size': size}, sort_keys=True)
    place = folder / hashlib.sha256(text.encode()).hexdigest()[:16]
    try:
        place.mkdir(parents=True, exist_ok=True)
        (place / _KEY_FILE).write_text(text + '\n', encoding='utf-8')
    except OSError as error:
        raise DatasetError(f'{place} cannot be written to: {error.strerror}') from error
    chunks = []
    for start in range(0, count, size):
        rows = np.arange(start, min(start + size, count))
        path = place / f'chunk-{start // size:05d}.npz'
        chunk = _there(path, load, len(rows))
        if chunk is None:
            chunk = make(rows)
            chunk.save(path)
        chunks.append(chunk)
        if progress:
            progress(int(rows[-1]) + 1, count)
    return chunks


def _there(path: Path, load: Callable[[Path], _T], count: int) -> _T | None:
    if not path.exists():
        return None
    try:
        chunk = load(path)
    except DatasetError as error:
        _log.warning('%s; it is made anew', error)
        return None
    return chunk if len(chunk) == count else None


def identity(info: RegressorInfo, body: BodyModel) -> dict[str, str]:
    """Return what tells one regressor's predictions from another's: its record, the body, and this package's code."""
    code = hashlib.sha256()
    for part in ('regressors', 'body', 'people', 'synth'):
        for path in sorted((Path(poco_ros.__file__).parent / part).rglob('*.py')):
            code.update(path.read_bytes())
    return {**{name: str(value) for name, value in vars(info).items()}, 'body': body.sha256, 'code': code.hexdigest()}


def hash_of_files(paths: Sequence[Path]) -> str:
    """Return one sha256 for several files, by their names and contents.

    :raises DatasetError: when one cannot be read.
    """
    digest = hashlib.sha256()
    for path in paths:
        try:
            digest.update(f'{path.name} {sha256_of(path)}\n'.encode())
        except OSError as error:
            raise DatasetError(f'{path} cannot be read: {error.strerror}') from error
    return digest.hexdigest()
