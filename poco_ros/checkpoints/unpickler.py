"""An unpickler for what ``torch.save`` writes that runs nothing of what stands in the file.

A pickle is a small program: it names functions, and loading it calls them. Here a name leads to one of a few inert
classes of this module. Those that tensors are made of keep what they are given; every other class, such as those of
hyper-parameters in a training framework's checkpoint, becomes a stand-in that forgets it. Functions of Python itself
have no business in a checkpoint: a file that names one is refused.
"""

from __future__ import annotations

import _compat_pickle
import io
import pickle
import sys
from collections.abc import Callable
from dataclasses import dataclass
from typing import IO, Any

from poco_ros.errors import CheckpointError
from poco_ros.pickled_bytes import read_pickled_bytes

#: Number types that a file may hold, by the name that torch has for them, with the bytes of one number.
DTYPES = {
    'float64': 8, 'float32': 4, 'float16': 2, 'bfloat16': 2, 'int64': 8, 'int32': 4, 'int16': 2, 'int8': 1, 'uint8': 1,
    'bool': 1,
}
_STORAGES = {
    'DoubleStorage': 'float64', 'FloatStorage': 'float32', 'HalfStorage': 'float16', 'BFloat16Storage': 'bfloat16',
    'LongStorage': 'int64', 'IntStorage': 'int32', 'ShortStorage': 'int16', 'CharStorage': 'int8',
    'ByteStorage': 'uint8', 'BoolStorage': 'bool', 'UntypedStorage': 'uint8',
}
# What checkpoints name of Python itself for the sake of data: whole modules, and names of others.
_DATA_MODULES = {'_codecs', 'argparse', 'array', 'collections', 'copyreg', 'datetime', 'decimal', 'enum', 'fractions',
                 'pathlib', 'uuid'}
_DATA_NAMES = {'functools.partial', 'types.SimpleNamespace'} | {
    f'builtins.{name}' for name in (
        'bool', 'bytearray', 'bytes', 'complex', 'dict', 'float', 'frozenset', 'int', 'list', 'long', 'object', 'range',
        'set', 'slice', 'str', 'tuple', 'unicode')
}


class StandIn:
    """What an unknown class becomes: takes all that a pickle does to an object, and keeps nothing.

    :ivar original: full name of the class that the file names.
    """

    original = ''

    def __init__(self, *_: Any, **__: Any) -> None:
        pass

    # Without these the unpickler would write attributes and items that the file names.
    def __setstate__(self, state: Any) -> None:
        pass

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def append(self, item: Any) -> None:
        """Forget an item of a list."""

    def extend(self, items: Any) -> None:
        """Forget items of a list."""

    def add(self, item: Any) -> None:
        """Forget an item of a set."""


@dataclass(frozen=True)
class Storage(StandIn):
    """Where the numbers of tensors lie.

    :param key: its name in the file.
    :param dtype: one of ``DTYPES``.
    :param size: count of numbers.
    """

    key: str
    dtype: str
    size: int

    @property
    def num_bytes(self) -> int:
        """Size in bytes."""
        return self.size * DTYPES[self.dtype]


@dataclass(frozen=True)
class TensorView(StandIn):
    """A tensor of the file: a view into a storage, not read yet.

    :param storage: what it looks into.
    :param dtype: one of ``DTYPES``.
    :param offset: of its first number in the storage, in numbers.
    :param shape: sizes.
    :param stride: steps along the axes, in numbers.
    """

    storage: Storage
    dtype: str
    offset: int
    shape: tuple[int, ...]
    stride: tuple[int, ...]


class Mapping(dict[Any, Any], StandIn):
    """An ``OrderedDict``; what state dicts are."""

    def __init__(self, items: Any = ()) -> None:
        super().__init__(items if isinstance(items, list) else ())

    # A stand-in forgets its items; a mapping does not.
    __setitem__ = dict.__setitem__


class _Rebuild(StandIn):
    """``torch._utils._rebuild_tensor`` (and ``_v2``): storage, offset, shape, stride, and what does not matter here."""

    def __new__(cls, storage: Any, offset: Any, shape: Any, stride: Any, *_: Any) -> Any:
        dtype = storage.dtype if isinstance(storage, Storage) else None
        return _view(storage, dtype, offset, shape, stride)


class _RebuildTyped(StandIn):
    """``torch._utils._rebuild_tensor_v3``: as ``_v2``, and the number type last, over a storage of bytes."""

    def __new__(cls, storage: Any, offset: Any, shape: Any, stride: Any, _grad: Any, _hooks: Any, dtype: Any,
                *_: Any) -> Any:
        return _view(storage, dtype, offset, shape, stride)


class _RebuildParameter(StandIn):
    """``torch._utils._rebuild_parameter``: a parameter is read as its tensor."""

    def __new__(cls, data: Any, *_: Any) -> Any:
        return data if isinstance(data, TensorView) else super().__new__(cls)


class _Reconstructor(StandIn):
    """``copyreg._reconstructor(class, base, state)``: how old protocols make objects."""

    def __new__(cls, target: Any, *_: Any) -> Any:
        if not _is_stand_in(target):
            raise pickle.UnpicklingError('damaged object')
        return target.__new__(target)


_KNOWN: dict[tuple[str, str], Any] = {
    ('collections', 'OrderedDict'): Mapping,
    ('copyreg', '_reconstructor'): _Reconstructor,
    ('torch._utils', '_rebuild_tensor'): _Rebuild,
    ('torch._utils', '_rebuild_tensor_v2'): _Rebuild,
    ('torch._utils', '_rebuild_tensor_v3'): _RebuildTyped,
    ('torch._utils', '_rebuild_parameter'): _RebuildParameter,
    ('torch._utils', '_rebuild_parameter_with_state'): _RebuildParameter,
    **{('torch', dtype): dtype for dtype in DTYPES},
    **{(module, name): dtype for name, dtype in _STORAGES.items() for module in ('torch', 'torch.cuda')},
    **{('torch.storage', name): 'uint8' for name in ('UntypedStorage', '_UntypedStorage')},
}


class InertUnpickler(pickle.Unpickler):
    """Unpickles dictionaries, lists, plain values and :class:`TensorView`; all else becomes a :class:`StandIn`.

    :param file: open for reading bytes, at the start of the pickle; made to stand behind it.
    :param on_storage: told of every storage that the file names.
    """

    def __init__(self, file: IO[bytes], on_storage: Callable[[Storage], None] = lambda storage: None) -> None:
        super().__init__(io.BytesIO(read_pickled_bytes(file)), encoding='latin1')
        self._on_storage = on_storage
        self._stand_ins: dict[str, type[StandIn]] = {}

    @property
    def forgotten(self) -> list[str]:
        """Full names of the classes whose objects were not kept, sorted."""
        return sorted(self._stand_ins)

    def find_class(self, module: str, name: str) -> Any:
        """Return what a global of the file stands for here: never the thing itself.

        :raises CheckpointError: it is of Python itself, and no data type.
        """
        module, name = _compat_pickle.NAME_MAPPING.get((module, name), (module, name))  # Python 2's names
        module = _compat_pickle.IMPORT_MAPPING.get(module, module)
        known = _KNOWN.get((module, name))
        if known is not None:
            return known
        root, full = module.split('.')[0], f'{module}.{name}'
        is_data = root in _DATA_MODULES or full in _DATA_NAMES
        if root in sys.stdlib_module_names and not is_data:
            raise CheckpointError(
                f"refused: it names '{full}', which no checkpoint needs, so this file may run code when it is opened. "
                'Do not open it with other tools; get it again from where it is published'
            )
        if full not in self._stand_ins:
            self._stand_ins[full] = type('StandIn', (StandIn,), {'original': full})
        return self._stand_ins[full]

    def persistent_load(self, pid: Any) -> Any:
        """Return the storage, or the class, that a persistent identifier of torch names.

        :raises CheckpointError: it names something else.
        """
        if isinstance(pid, tuple) and len(pid) == 4 and pid[0] == 'module' and isinstance(pid[1], type):
            return pid[1]
        parts: list[Any] = list(pid) if isinstance(pid, tuple) and len(pid) in (5, 6) else [None] * 5
        kind, dtype, key, _location, size, *view = parts
        if kind == 'storage' and _is_stand_in(dtype):  # numbers of a type that weights never have
            return dtype()
        if kind != 'storage' or dtype not in DTYPES or not isinstance(key, str) or not _is_size(size) or any(view):
            raise CheckpointError(f'damaged, or of an unknown kind: it refers to {str(pid)[:80]}')
        storage = Storage(key, dtype, size)
        self._on_storage(storage)
        return storage


def _view(storage: Any, dtype: Any, offset: Any, shape: Any, stride: Any) -> Any:
    if _is_stand_in(type(storage)) and not isinstance(storage, Storage):
        return storage
    if _is_stand_in(dtype):
        return dtype()
    sizes = (offset, *shape, *stride)
    if not isinstance(storage, Storage) or dtype not in DTYPES or not all(map(_is_size, sizes)) \
            or len(shape) != len(stride):
        raise pickle.UnpicklingError('damaged tensor')
    return TensorView(storage, dtype, offset, tuple(shape), tuple(stride))


def _is_stand_in(value: Any) -> bool:
    return isinstance(value, type) and issubclass(value, StandIn)


def _is_size(value: Any) -> bool:
    return type(value) is int and 0 <= value < 1 << 40
