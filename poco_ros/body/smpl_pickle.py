"""Reading the arrays of a SMPL ``.pkl`` without running anything that stands in it.

A pickle is a small program: it names functions, and loading it calls them. Here every name leads to an inert
stand-in of ours that only keeps what it is given, and any other name is refused. Plain numbers are then taken out
of the stand-ins for numpy arrays, scipy's compressed sparse matrices, and chumpy's ``Ch`` (as official SMPL files
of Python 2 hold them). Neither scipy nor chumpy is needed.
"""

from __future__ import annotations

import io
import pickle
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.errors import BodyModelError
from poco_ros.pickled_bytes import read_pickled_bytes

Array = npt.NDArray[Any]

_NUMERIC_DTYPE = re.compile(r'[<>=|]?(b1|[iu][1248]|f[248])')


def read_pickled_arrays(path: Path, names: Iterable[str]) -> dict[str, Array]:
    """Return those of the named arrays that a pickled dictionary holds.

    :param path: a pickle of any protocol, of Python 2 or 3.
    :param names: keys to look for; what stands under other keys is skipped.
    :returns: the arrays found, dense, of the number type of the file.
    :raises BodyModelError: the file names something other than arrays, is not a pickled dictionary, is cut short, or
        one of the named entries holds no plain numbers.
    """
    try:
        with path.open('rb') as file:
            content = _ArrayUnpickler(io.BytesIO(read_pickled_bytes(file)), encoding='latin1').load()
    except BodyModelError as error:
        raise BodyModelError(f'{path}: {error}') from None
    except MemoryError:
        raise BodyModelError(f'{path} asks for more memory than there is; it is not a SMPL file') from None
    except Exception as error:  # an unpickler meeting foreign bytes may raise nearly anything
        reason = ' '.join(str(error).split())
        raise BodyModelError(
            f'{path} is neither an .npz nor a readable pickle ({type(error).__name__}: {reason}); it may be cut short '
            'or be no model file at all: download it again'
        ) from error
    if not isinstance(content, dict):
        raise BodyModelError(f'{path} holds a {type(content).__name__}, not the dictionary of arrays of a SMPL file')
    arrays = {}
    for name in names:
        if name in content:
            try:
                arrays[name] = _to_array(content[name])
            except (ValueError, TypeError, LookupError, OverflowError, MemoryError, RecursionError) as error:
                raise BodyModelError(
                    f"{path}: '{name}' holds no plain numbers ({error}); use the file as it comes from the SMPL site"
                ) from error
    return arrays


class _StandIn:
    """What a name in the pickle leads to: keeps the call's arguments and the state, and does nothing."""

    args: tuple[Any, ...] = ()
    state: Any = None

    def __init__(self, *args: Any) -> None:
        self.args = args

    # Without this the unpickler would write whatever attributes the file names.
    def __setstate__(self, state: Any) -> None:
        self.state = state


class _NdarrayType(_StandIn):
    """``numpy.ndarray``, named only as the type to make."""


class _Ignored(_StandIn):
    """Something that SMPL files hold beside the arrays."""


class _Bytes(_StandIn):
    """``_codecs.encode(text, 'latin1')`` or ``bytes()``: how Python 3 writes bytes with protocol 2 and older."""


class _Dtype(_StandIn):
    """``numpy.dtype(code, ...)`` with the state (version, byte order, ...)."""

    def resolve(self) -> np.dtype[Any]:
        code = self.args[0]
        if not isinstance(code, str) or not _NUMERIC_DTYPE.fullmatch(code):
            raise TypeError(f'elements of type {code!r}')
        dtype: np.dtype[Any] = np.dtype(code)
        return dtype.newbyteorder('>') if self.state and self.state[1] == '>' else dtype


class _Ndarray(_StandIn):
    """``numpy._reconstruct(...)`` with the state (version, shape, dtype, is_fortran, bytes)."""

    def resolve(self) -> Array:
        shape, dtype, fortran, data = self.state[-4:]
        return _from_bytes(data, dtype, shape, 'F' if fortran else 'C')


class _NdarrayFromBuffer(_StandIn):
    """``numpy._frombuffer(bytes, dtype, shape, order)``: how protocol 5 holds arrays."""

    def resolve(self) -> Array:
        data, dtype, shape, order = self.args
        return _from_bytes(data, dtype, shape, order)


class _Chumpy(_StandIn):
    """A chumpy object: a plain ``Ch`` keeps its numbers as ``x``, an expression has none."""

    def resolve(self) -> Array:
        if not isinstance(self.state, dict) or 'x' not in self.state:
            raise TypeError('a chumpy expression, not a chumpy array')
        return _to_array(self.state['x'])


class _Compressed(_StandIn):
    """A sparse matrix of scipy in compressed form; ``major`` is the axis whose slices are stored one by one."""

    major: int

    def resolve(self) -> Array:
        data, indices, indptr = (_to_array(self.state[key]) for key in ('data', 'indices', 'indptr'))
        rows, columns = (int(n) for n in self.state['_shape'])
        counts = np.diff(indptr)
        if rows * columns > 1 << 27 or len(indptr) != (rows, columns)[self.major] + 1 or counts.sum() != len(data):
            raise ValueError('a damaged sparse matrix')
        slices = np.repeat(np.arange(len(counts)), counts)
        dense = np.zeros((rows, columns), data.dtype)
        np.add.at(dense, (slices, indices) if self.major == 0 else (indices, slices), data)
        return dense


class _CompressedRows(_Compressed):
    major = 0


class _CompressedColumns(_Compressed):
    major = 1


class _Reconstructor(_StandIn):
    """``copy_reg._reconstructor(class, object, None)``: how protocols 0 and 1 make objects."""

    def __new__(cls, target: type[_StandIn], *_: Any) -> Any:
        if not (isinstance(target, type) and issubclass(target, _StandIn)):
            raise pickle.UnpicklingError('damaged object')
        return object.__new__(target)


_STAND_INS: dict[tuple[str, str], type[_StandIn]] = {
    ('numpy', 'ndarray'): _NdarrayType,
    ('numpy', 'dtype'): _Dtype,
    ('numpy.core.multiarray', '_reconstruct'): _Ndarray,
    ('numpy.core.multiarray', 'scalar'): _Ignored,
    ('numpy.core.numeric', '_frombuffer'): _NdarrayFromBuffer,
    ('_codecs', 'encode'): _Bytes,
    ('copy_reg', '_reconstructor'): _Reconstructor,
    ('__builtin__', 'bytes'): _Bytes,
    ('__builtin__', 'object'): _Ignored,
    ('__builtin__', 'set'): _Ignored,
    ('scipy.sparse', 'csc_matrix'): _CompressedColumns,
    ('scipy.sparse', 'csc_array'): _CompressedColumns,
    ('scipy.sparse', 'csr_matrix'): _CompressedRows,
    ('scipy.sparse', 'csr_array'): _CompressedRows,
}
# numpy 2 moved its modules, Python 3 renamed Python 2's, and scipy's classes have lived in several.
_MOVED = {'numpy._core': 'numpy.core', 'builtins': '__builtin__', 'copyreg': 'copy_reg'}


class _ArrayUnpickler(pickle.Unpickler):
    """An unpickler for which every global is a stand-in or an error."""

    def find_class(self, module: str, name: str) -> Any:
        """Return the stand-in for a global.

        :raises BodyModelError: it is not one of those that arrays need.
        """
        known = module
        for new, old in _MOVED.items():
            if known == new or known.startswith(new + '.'):
                known = old + known[len(new) :]
        if known.split('.')[0] == 'chumpy':
            return _Chumpy
        if known == 'scipy.sparse' or known.startswith('scipy.sparse.'):
            known = 'scipy.sparse'
        stand_in = _STAND_INS.get((known, name))
        if stand_in is None:
            raise BodyModelError(
                f"refused to load '{module}.{name}', which no SMPL file needs: this pickle may run code. Do not open "
                'it with other tools either; use the file as it comes from the SMPL site'
            )
        return stand_in


def _to_array(value: Any) -> Array:
    if isinstance(value, (_Ndarray, _NdarrayFromBuffer, _Chumpy, _Compressed)):
        return value.resolve()
    raise TypeError(f'a {type(value).__name__.lstrip("_")}')


def _from_bytes(data: Any, dtype: Any, shape: Any, order: Any) -> Array:
    if not isinstance(dtype, _Dtype):
        raise TypeError('an array without a type')
    if isinstance(data, _Bytes):
        data = data.args[0] if data.args else b''
    if isinstance(data, str):  # bytes of Python 2, read as latin1
        data = data.encode('latin1')
    flat: Array = np.frombuffer(data, dtype.resolve())
    return flat.reshape(tuple(int(n) for n in shape), order='F' if order == 'F' else 'C')
