"""Opening checkpoint files without running anything that stands in them.

Three kinds are read: what ``torch.save`` writes (a zip archive), what it wrote before torch 1.6 (pickles in a row), and
safetensors. Tensors are read when asked for, so the state of an optimiser in the same file costs nothing.
"""

from __future__ import annotations

import contextlib
import io
import os
import struct
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any

from poco_ros.checkpoints.unpickler import InertUnpickler, Storage, TensorView
from poco_ros.errors import CheckpointError

if TYPE_CHECKING:
    import torch

_ZIP_MAGIC = b'PK\x03\x04'
_PICKLE_MAGIC = b'\x80'
_TORCH_MAGIC = 0x1950A86A20F9469CFC6C  # the number that torch wrote first before it wrote zip archives
_MEND = 'it may be cut short or be another file: get it again'


@dataclass(frozen=True)
class StoredTensor:
    """A tensor in an open file.

    :param shape: sizes.
    :param dtype: torch's name of the number type, without 'torch.'.
    :param read: reads the numbers; raises CheckpointError when the file has not got them.
    """

    shape: tuple[int, ...]
    dtype: str
    read: Callable[[], torch.Tensor]


@dataclass(frozen=True)
class Content:
    """What an open checkpoint holds.

    :param tree: dictionaries and lists with :class:`StoredTensor`, plain values and
        :class:`poco_ros.checkpoints.unpickler.StandIn` in them.
    :param kind: 'torch', 'torch before 1.6' or 'safetensors'.
    :param forgotten: full names of classes whose objects in the file were not made.
    """

    tree: Any
    kind: str
    forgotten: tuple[str, ...] = ()


@contextlib.contextmanager
def open_checkpoint(path: Path) -> Iterator[Content]:
    """Open a checkpoint; its tensors can be read until the context ends.

    :param path: a file of any of the three kinds, whatever its name ends in.
    :raises CheckpointError: it is missing, cut short, of another kind, or may run code.
    """
    try:
        file = path.open('rb')
    except OSError as error:
        raise CheckpointError(f'{path} cannot be read: {error.strerror}') from error
    with file:
        try:
            yield _read(file)
        except CheckpointError as error:
            raise CheckpointError(f'{path}: {error}') from error.__cause__


def _read(file: IO[bytes]) -> Content:
    try:
        start = file.read(16)
        file.seek(0)
        if not start:
            raise CheckpointError('the file is empty; get it again')
        if start.startswith(_ZIP_MAGIC):
            return _read_zip(file)
        if start.startswith(_PICKLE_MAGIC):
            return _read_pickles(file)
        if len(start) > 8 and start[8:9] == b'{':
            return _read_safetensors(file)
    except CheckpointError:
        raise
    except OSError as error:
        raise CheckpointError(f'cannot be read: {error.strerror or error}') from error
    except MemoryError:
        raise CheckpointError('it asks for more memory than there is; it is no checkpoint') from None
    except Exception as error:  # an unpickler meeting foreign bytes may raise nearly anything
        reason = ' '.join(str(error).split())
        raise CheckpointError(f'not a readable checkpoint ({type(error).__name__}: {reason}); {_MEND}') from error
    if start.lstrip().startswith(b'<'):
        raise CheckpointError('a web page, not a checkpoint: log in where it is published and download it again')
    raise CheckpointError(f'neither a checkpoint of torch nor a safetensors file; {_MEND}')


def _read_zip(file: IO[bytes]) -> Content:
    archive = zipfile.ZipFile(file)
    members = {info.filename: info for info in archive.infolist()}
    roots = {name.split('/')[0] for name in members if name.count('/') == 1 and name.endswith('/data.pkl')}
    if len(roots) != 1:
        raise CheckpointError('a zip archive, but none of torch: it has no data.pkl')
    root = roots.pop()
    if f'{root}/constants.pkl' in members:
        raise CheckpointError('a TorchScript program, which is code and is not run; save the state dict of the model')
    size = os.fstat(file.fileno()).st_size
    if any(info.compress_type != zipfile.ZIP_STORED for info in members.values()) \
            or sum(info.file_size for info in members.values()) > size:
        raise CheckpointError('its members are compressed, which torch never does; it is no checkpoint')
    if f'{root}/byteorder' in members and archive.read(f'{root}/byteorder') != b'little':
        raise CheckpointError('written on a big-endian machine, which is not read; save it again on another machine')

    def load(storage: Storage) -> bytes:
        try:
            return archive.read(f'{root}/data/{storage.key}')
        except KeyError:
            raise CheckpointError(f"it lacks the data of storage '{storage.key}'; {_MEND}") from None
        except (zipfile.BadZipFile, EOFError, ValueError, RuntimeError) as error:  # what a damaged member raises
            raise CheckpointError(f'damaged: {error}; {_MEND}') from error

    unpickler = InertUnpickler(io.BytesIO(archive.read(f'{root}/data.pkl')))
    tree = unpickler.load()
    return Content(_readable(tree, _loader(load)), 'torch', tuple(unpickler.forgotten))


def _read_pickles(file: IO[bytes]) -> Content:
    size = os.fstat(file.fileno()).st_size
    storages: dict[str, Storage] = {}

    def note(storage: Storage) -> None:
        if storages.setdefault(storage.key, storage) != storage:
            raise CheckpointError(f"two storages named '{storage.key}'; {_MEND}")

    if InertUnpickler(file).load() != _TORCH_MAGIC:
        raise CheckpointError('a pickle, but not a checkpoint that torch.save wrote')
    InertUnpickler(file).load()  # the protocol's version
    machine = InertUnpickler(file).load()
    if not (isinstance(machine, dict) and machine.get('little_endian') is True):
        raise CheckpointError('written on a big-endian machine, which is not read; save it again on another machine')
    unpickler = InertUnpickler(file, note)
    tree = unpickler.load()
    keys = InertUnpickler(file).load()
    if set(keys) != set(storages):
        raise CheckpointError(f'damaged: its list of storages does not fit; {_MEND}')
    positions: dict[str, int] = {}
    position = file.tell()
    for key in keys:
        positions[key] = position + 8  # eight bytes of size come before the numbers
        position += 8 + storages[key].num_bytes
    if position > size:
        raise CheckpointError(f'cut short: {size} bytes of {position}; get it again')

    def load(storage: Storage) -> bytes:
        file.seek(positions[storage.key] - 8)
        (count,) = struct.unpack('<q', file.read(8))
        if count != storage.size:
            raise CheckpointError(f"damaged: storage '{storage.key}' has {count} numbers, not {storage.size}")
        return file.read(storage.num_bytes)

    return Content(_readable(tree, _loader(load)), 'torch before 1.6', tuple(unpickler.forgotten))


def _read_safetensors(file: IO[bytes]) -> Content:
    from safetensors.torch import load

    tensors = load(file.read())
    tree = {
        name: StoredTensor(tuple(own.shape), str(own.dtype).removeprefix('torch.'), partial(tensors.__getitem__, name))
        for name, own in tensors.items()
    }
    return Content(tree, 'safetensors')


def _loader(load: Callable[[Storage], bytes]) -> Callable[[TensorView], torch.Tensor]:
    """Return what reads a view, each storage from the file only once."""
    loaded: dict[str, torch.Tensor] = {}

    def read(view: TensorView) -> torch.Tensor:
        import torch

        storage = view.storage
        if storage.key not in loaded:
            try:
                data = bytearray(load(storage))
            except OSError as error:
                raise CheckpointError(f'cannot be read: {error.strerror or error}') from error
            if len(data) != storage.num_bytes:
                raise CheckpointError(f"cut short: storage '{storage.key}' has {len(data)} bytes of "
                                      f'{storage.num_bytes}; get it again')
            loaded[storage.key] = torch.frombuffer(data or bytearray(8), dtype=torch.uint8)[:len(data)]
        try:
            numbers = loaded[storage.key].view(getattr(torch, view.dtype))
            return numbers.as_strided(view.shape, view.stride, view.offset)
        except RuntimeError as error:
            raise CheckpointError(f"a tensor reaches beyond its storage '{storage.key}'; {_MEND}") from error

    return read


def _readable(tree: Any, read: Callable[[TensorView], torch.Tensor], depth: int = 4) -> Any:
    """Return the tree with its tensors readable, as deep as the wrappers of a checkpoint may go."""
    if isinstance(tree, TensorView):
        return StoredTensor(tree.shape, tree.dtype, lambda: read(tree))
    if isinstance(tree, dict) and depth:
        return {key: _readable(value, read, depth - 1) for key, value in tree.items()}
    return tree
