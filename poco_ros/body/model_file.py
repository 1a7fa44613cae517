"""Reading body-model files: the open body that ships with the package, or the user's own SMPL."""

from __future__ import annotations

import zipfile
import zlib
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.model import BodyModel
from poco_ros.body.smpl import PARENTS
from poco_ros.body.smpl_pickle import read_pickled_arrays
from poco_ros.errors import BodyModelError
from poco_ros.types import NUM_BETAS, NUM_JOINTS
from poco_ros.whole_files import sha256_of

OPEN_BODY_PATH = Path(__file__).parent / 'data' / 'open_body.npz'

_REQUIRED = ('v_template', 'shapedirs', 'J_regressor', 'weights', 'f', 'kintree_table')
_OPTIONAL = ('posedirs',)
_POSE_FEATURES = 9 * (NUM_JOINTS - 1)
_MEND = 'give the SMPL file as it comes from the SMPL site (e.g. SMPL_NEUTRAL.pkl), or none to use the open body'

Array = npt.NDArray[Any]


def load_body_model(path: Path | None = None) -> BodyModel:
    """Read and check a body model.

    :param path: a SMPL ``.pkl`` or a ``.npz`` of the same arrays; None for the open body. A pickle is read without
        running what stands in it; of more than ten shape directions the first ten are used.
    :returns: the model, named after the file.
    :raises BodyModelError: the file is missing, broken, unsafe, or not SMPL-shaped; the message names the array.
    """
    path = OPEN_BODY_PATH if path is None else Path(path)
    names = _REQUIRED + _OPTIONAL
    try:
        is_npz = zipfile.is_zipfile(path)
        sha256 = sha256_of(path)
    except OSError as error:
        raise BodyModelError(f'cannot read the body model {path} ({error.strerror}): {_MEND}') from error
    arrays = _read_npz(path, names) if is_npz else read_pickled_arrays(path, names)
    missing = [name for name in _REQUIRED if name not in arrays]
    if missing:
        raise BodyModelError(f'{path} is not a SMPL body model: it lacks {", ".join(missing)}; {_MEND}')
    try:
        return _checked(path.stem.lower(), sha256, arrays)
    except _UnfitArrayError as error:
        raise BodyModelError(f'{path}: {error}; {_MEND}') from None


class _UnfitArrayError(ValueError):
    """An array is not what SMPL has; the message starts with its name."""


def _checked(name: str, sha256: str, arrays: dict[str, Array]) -> BodyModel:
    num_vertices = _checked_shape(arrays['v_template'], 'v_template', (None, 3))[0]
    _checked_shape(arrays['J_regressor'], 'J_regressor', (NUM_JOINTS, num_vertices))
    _checked_shape(arrays['weights'], 'weights', (num_vertices, NUM_JOINTS))
    num_shapes = _checked_shape(arrays['shapedirs'], 'shapedirs', (num_vertices, 3, None))[2]
    if num_shapes < NUM_BETAS:
        raise _UnfitArrayError(f"'shapedirs' has {num_shapes} directions, at least {NUM_BETAS} are needed")
    _check_parents(arrays['kintree_table'])
    weights = _as_float32(arrays['weights'], 'weights')
    if weights.min() < 0 or abs(weights.sum(axis=1) - 1).max() > 1e-3:
        raise _UnfitArrayError("'weights' of a vertex are negative or do not sum to 1")
    posedirs = None
    if 'posedirs' in arrays:
        _checked_shape(arrays['posedirs'], 'posedirs', (num_vertices, 3, _POSE_FEATURES))
        # Some files hold zeros because other tools insist on the array; correctives of zero cost time for nothing.
        posedirs = _as_float32(arrays['posedirs'], 'posedirs') if arrays['posedirs'].any() else None
    return BodyModel(
        name=name,
        v_template=_as_float32(arrays['v_template'], 'v_template'),
        shapedirs=_as_float32(arrays['shapedirs'][:, :, :NUM_BETAS], 'shapedirs'),
        posedirs=posedirs,
        J_regressor=_as_float32(arrays['J_regressor'], 'J_regressor'),
        weights=weights,
        faces=_checked_faces(arrays['f'], num_vertices),
        sha256=sha256,
    )


def _checked_shape(array: Array, name: str, expected: tuple[int | None, ...]) -> tuple[int, ...]:
    fits = array.ndim == len(expected) and all(e in (None, n) for e, n in zip(expected, array.shape, strict=True))
    if not fits or array.size == 0:
        wanted = ', '.join('any' if e is None else str(e) for e in expected)
        hint = ' (SMPL-H, SMPL-X and MANO do not fit)' if name == 'J_regressor' else ''
        raise _UnfitArrayError(f"'{name}' has the shape {array.shape} where SMPL has ({wanted}){hint}")
    return array.shape


def _as_float32(array: Array, name: str) -> npt.NDArray[np.float32]:
    if array.dtype.kind != 'f':
        raise _UnfitArrayError(f"'{name}' holds {array.dtype}, not floating-point numbers")
    values = np.ascontiguousarray(array, np.float32)
    if not np.isfinite(values).all():
        raise _UnfitArrayError(f"'{name}' holds NaN or infinity")
    return values


def _checked_faces(faces: Array, num_vertices: int) -> npt.NDArray[np.int32]:
    _checked_shape(faces, 'f', (None, 3))
    if faces.dtype.kind not in 'iu':
        raise _UnfitArrayError(f"'f' holds {faces.dtype}, not vertex numbers")
    if int(faces.min()) < 0 or int(faces.max()) >= num_vertices:
        raise _UnfitArrayError(f"'f' points at vertices beyond the {num_vertices} there are")
    return np.ascontiguousarray(faces, np.int32)


def _check_parents(kintree_table: Array) -> None:
    _checked_shape(kintree_table, 'kintree_table', (2, NUM_JOINTS))
    # The root's own entry is -1, written by some tools as an unsigned number.
    if not np.array_equal(kintree_table[0, 1:], PARENTS[1:]):
        raise _UnfitArrayError("'kintree_table' is not SMPL's tree of 24 joints")


def _read_npz(path: Path, names: Iterable[str]) -> dict[str, Array]:
    arrays: dict[str, Array] = {}
    name = ''
    try:
        with np.load(path, allow_pickle=False) as archive:
            for name in names:
                if name in archive.files:
                    arrays[name] = archive[name]
    except (OSError, ValueError, EOFError, zipfile.BadZipFile, zlib.error, MemoryError) as error:
        if 'allow_pickle' in str(error):
            raise BodyModelError(
                f"{path}: '{name}' is stored as a pickled object, which is not opened because it may run code; give "
                "the .pkl of the same model, whose arrays are read safely, or save the array as plain numbers"
            ) from None
        raise BodyModelError(f"{path}: '{name}' cannot be read ({error}); download the file again") from error
    return arrays
