"""The user's files of a data set: an npz in the layout that the field shares, the images, and what SMPL's truth needs.

The npz holds ``imgname`` (N,), relative to the folder of images; ``center`` (N, 2) and ``scale`` (N,), the person's
square in pixels, its side being 200 times the scale; and the truth: where it is SMPL, ``pose`` (N, 72) axis-angle,
``shape`` (N, 10) and ``gender`` (N,), 'm' and 'f' or 0 and 1; where it is joints, ``S`` (N, 24, 3 or 4), metres
relative to the pelvis, and a confidence.
"""

from __future__ import annotations

import re
import zipfile
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.crops import SCALE_UNIT_PX
from poco_ros.errors import DatasetError
from poco_ros.evaluation.datasets.protocols import H36M_JOINTS, STORED_JOINTS, Protocol

Array = npt.NDArray[Any]

_PLAIN_FOLDERS = {'images', 'image', 'imagefiles', 'imagesequence', 'imageframes', 'img', 'imgs', 'frames'}


@dataclass(frozen=True)
class Files:
    """Where the user keeps a data set.

    :param npz: the truth and the boxes.
    :param images: folder that the image names are relative to.
    :param h36m_regressor: ``J_regressor_h36m.npy``, (17, V).
    :param male: SMPL file; needed where the truth is gendered.
    :param female: SMPL file; likewise.
    """

    npz: Path
    images: Path
    h36m_regressor: Path
    male: Path | None = None
    female: Path | None = None


@dataclass(frozen=True)
class Benchmark:
    """N persons of a data set; what a file does not hold is None.

    :param image: (N,) paths relative to the folder of images.
    :param sequence: (N,) names.
    :param square: (N, 3) float64 cx, cy, side in pixels.
    :param pose: (N, 24, 3) axis-angle.
    :param betas: (N, 10).
    :param female: (N,) bool.
    :param joints: (N, 24, 3 or 4).
    """

    image: npt.NDArray[np.str_]
    sequence: npt.NDArray[np.str_]
    square: Array
    pose: Array | None
    betas: Array | None
    female: npt.NDArray[np.bool_] | None
    joints: Array | None

    def __len__(self) -> int:
        return len(self.image)

    def take(self, rows: npt.NDArray[Any]) -> Benchmark:
        """Return some persons."""
        values: dict[str, Any] = {name: getattr(self, name) for name in self.__dataclass_fields__}
        taken: dict[str, Any] = {name: None if value is None else value[rows] for name, value in values.items()}
        return Benchmark(**taken)


def read_benchmark(path: Path, protocol: Protocol) -> Benchmark:
    """Read and check an npz.

    :param path: the file.
    :param protocol: what it must hold; of its sequences, if it names some, only those are kept.
    :raises DatasetError: when the file is missing, broken, lacks what the protocol needs, or holds NaN; names it.
    """
    arrays = _load(path)
    n = len(arrays.get('imgname', ()))
    if not n:
        raise DatasetError(f'{path} holds no person: the array imgname is missing or empty')
    needed = ('center', 'scale', *(('pose', 'shape', 'gender') if protocol.gendered else ('S',)))
    for name in needed:
        if name not in arrays:
            raise DatasetError(f'{path} lacks the array {name}, which {protocol.name} is measured by')
    shapes = {'center': (n, 2), 'scale': (n,), 'pose': (n, 72), 'shape': (n, 10), 'gender': (n,)}
    for name, shape in shapes.items():
        if name in arrays:
            arrays[name] = _checked(path, name, arrays[name], shape)
    joints = arrays.get('S')
    if joints is not None:
        if joints.shape not in ((n, STORED_JOINTS, 3), (n, STORED_JOINTS, 4)):
            raise DatasetError(f'{path}: S is {joints.shape}, expected ({n}, {STORED_JOINTS}, 3 or 4)')
        joints = _checked(path, 'S', joints, joints.shape)
    image = np.array([_text(name) for name in arrays['imgname']])
    benchmark = Benchmark(
        image, np.array([sequence_of(name) for name in image]),
        np.column_stack([arrays['center'], SCALE_UNIT_PX * arrays['scale']]).astype(np.float64),
        arrays['pose'].reshape(n, 24, 3) if 'pose' in arrays else None, arrays.get('shape'),
        _is_female(path, arrays['gender']) if 'gender' in arrays else None, joints)
    return _of_stems(path, benchmark, protocol)


def check_images(folder: Path, benchmark: Benchmark) -> None:
    """Check that every image is there.

    :raises DatasetError: when some are missing; names the first, and how many.
    """
    missing = [name for name in dict.fromkeys(benchmark.image.tolist()) if not (folder / name).is_file()]
    if missing:
        total = len(np.unique(benchmark.image))
        raise DatasetError(f'{len(missing)} of {total} images are missing, first {folder / missing[0]}; --images must '
                           'be the folder that the names in the npz are relative to')


def read_regressor(path: Path, vertices: int) -> Array:
    """Read the regressor of Human3.6M's joints.

    :param path: of the ``.npy`` file.
    :param vertices: of the body model.
    :returns: (17, V) float64.
    :raises DatasetError: when it is missing or of another shape.
    """
    try:
        matrix = np.asarray(np.load(path, allow_pickle=False))
    except (OSError, ValueError, EOFError) as error:
        raise DatasetError(f'{path} cannot be read as the regressor of Human3.6M joints: {error}') from error
    if matrix.shape != (H36M_JOINTS, vertices) or not np.allclose(matrix.sum(axis=1), 1, atol=0.02):
        raise DatasetError(f'{path} is no regressor of Human3.6M joints: it is {matrix.shape}, expected '
                           f'({H36M_JOINTS}, {vertices}) with rows that sum to 1')
    return matrix.astype(np.float64)


def sequence_of(image: str) -> str:
    """Return the name of the sequence that an image's path tells.

    The nearest folder whose name is no mere 'images', 'imageFiles' and the like; without one, what stands before the
    number at the end of the file name.
    """
    path = PurePosixPath(image)
    for folder in path.parts[-2::-1]:
        if folder.lower() not in _PLAIN_FOLDERS and folder not in ('/', '.', '..'):
            return folder
    return re.sub(r'[_\-.]?\d+$', '', path.stem) or 'all'


def _of_stems(path: Path, benchmark: Benchmark, protocol: Protocol) -> Benchmark:
    if not protocol.stems:
        return benchmark
    stems = np.array([re.sub(r'_\d+$', '', name) for name in benchmark.sequence])
    kept = np.isin(stems, protocol.stems)
    if not kept.any():
        raise DatasetError(f'{path} holds no sequence of {protocol.name}, such as {protocol.stems[0]}_00; it has '
                           f'{benchmark.sequence[0]}')
    return benchmark.take(kept)


def _load(path: Path) -> dict[str, Array]:
    try:
        with np.load(path, allow_pickle=False) as file:
            wanted = ('imgname', 'center', 'scale', 'pose', 'shape', 'gender', 'S')
            return {name: file[name] for name in wanted if name in file}
    except (OSError, ValueError, EOFError, zipfile.BadZipFile) as error:
        raise DatasetError(f'{path} cannot be read as the npz of a data set: {error}') from error


def _checked(path: Path, name: str, array: Array, shape: tuple[int, ...]) -> Array:
    if array.shape != shape:
        raise DatasetError(f'{path}: {name} is {array.shape}, expected {shape}')
    if array.dtype.kind in 'fiu':
        bad = ~np.isfinite(array).reshape(len(array), -1).all(axis=1)
        if bad.any():
            raise DatasetError(f'{path}: {name} is not finite for {int(bad.sum())} of {len(array)} persons, first of '
                               f'number {int(np.argmax(bad))}')
    elif name != 'gender':
        raise DatasetError(f'{path}: {name} holds no numbers but {array.dtype}')
    return array


def _is_female(path: Path, gender: Array) -> npt.NDArray[np.bool_]:
    words = np.array([_text(word).lower()[:1] for word in gender])
    known = {'m': False, 'f': True, '0': False, '1': True}
    if not np.isin(words, list(known)).all():
        raise DatasetError(f"{path}: gender must be 'm' or 'f', or 0 (male) or 1; it holds {gender[0]!r}")
    return np.array([known[word] for word in words])


def _text(value: Any) -> str:
    return value.decode('utf-8') if isinstance(value, bytes) else str(value)
