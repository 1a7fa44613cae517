"""What ``poco synth`` writes: a folder with ``dataset.json`` and shards of whole sequences, and how it is read.

A *sequence* is a few frames of one person: same body, clothes, background and camera, moving, and maybe the same frames
in the mirror, which count on where the others end. Sequences, not frames,
are what is independent of each other. Every shard holds the same number of sequences, and is written whole or not at
all, so that an interrupted run goes on where it stopped.

Reading needs numpy alone, but for the crops, which are JPEG files (OpenCV).
"""

from __future__ import annotations

import dataclasses
import json
import zipfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.errors import DatasetError
from poco_ros.types import FloatArray, Landmarks
from poco_ros.whole_files import written_whole

FORMAT = 2
HEADER = 'dataset.json'
SPLITS = ('train', 'val', 'calibration', 'test')
FROM_TRUTH, FROM_DETECTOR, FOLLOWED = 0, 1, 2
"""Values of :attr:`Samples.region_source`."""
TABLES = ('subject', 'clip', 'outfit', 'background', 'source', 'licence')
"""Columns of text: shards hold numbers, the header what they stand for."""

Ints = npt.NDArray[np.integer[Any]]
Texts = npt.NDArray[np.str_]


@dataclass(frozen=True)
class Samples:
    """S persons, each with what the real BlazePose saw and the truth.

    :param sequence: (S,) int64, unique in the data set.
    :param frame: (S,) int32, within its sequence.
    :param subject: (S,) who was motion-captured; 'prior' for poses that were made up.
    :param clip: (S,) the motion clip.
    :param outfit: (S,) what is worn.
    :param background: (S,) what is behind.
    :param source: (S,) 'mocap' or 'prior'.
    :param licence: (S,) of the pose.
    :param pose: (S, 24, 3) float32 axis-angle; joint 0 in the camera's optical frame, the others to their parents.
    :param betas: (S, 10) float32, of the open body.
    :param transl: (S, 3) float32, metres; the root turns about its own rest position (as in smplx).
    :param joints: (S, 24, 3) float32, metres, optical frame, ``transl`` included.
    :param joint_visibility: (S, 24) uint8, see ``poco_ros.synth.visibility``: 0 out of the picture, 1 behind something
        or somebody else, 2 behind the own body, 3 visible.
    :param intrinsics: (S, 4) float32, fx, fy, cx, cy; no distortion.
    :param image_size: (S, 2) float32, width and height in pixels.
    :param landmarks: as BlazePose gave them.
    :param region: (S, 4) float32, x, y, side, angle of the square it looked at.
    :param region_source: (S,) uint8: 0 the true box with jitter (the detector saw nobody), 1 the detector, 2 where the
        landmarks of the frame before said, as in following.
    :param features: (S, 288) float32, mean over the last shared activation of the landmark network.
    :param local_features: (S, 33, 88) float16, an earlier activation where the landmarks are.
    :param box_px: (S, 4) float32, true box of the body's part in the picture.
    :param occlusion: (S,) float32, share of the body's pixels that others hide.
    """

    sequence: npt.NDArray[np.int64]
    frame: npt.NDArray[np.int32]
    subject: Texts
    clip: Texts
    outfit: Texts
    background: Texts
    source: Texts
    licence: Texts
    pose: FloatArray
    betas: FloatArray
    transl: FloatArray
    joints: FloatArray
    joint_visibility: npt.NDArray[np.uint8]
    intrinsics: FloatArray
    image_size: FloatArray
    landmarks: Landmarks
    region: FloatArray
    region_source: npt.NDArray[np.uint8]
    features: FloatArray
    local_features: npt.NDArray[np.float16]
    box_px: FloatArray
    occlusion: FloatArray

    def __len__(self) -> int:
        return len(self.sequence)

    def take(self, index: npt.NDArray[np.generic]) -> Samples:
        """Return the samples at ``index`` (integers or a boolean mask), in that order."""
        rows: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self) if f.name != 'landmarks'}
        rows = {name: value[index] for name, value in rows.items()}
        return Samples(**rows, landmarks=self.landmarks.take(index))


def layout(count: int) -> dict[str, tuple[tuple[int, ...], str]]:
    """Return shape and dtype of every array of a shard of ``count`` samples."""
    shapes: dict[str, tuple[tuple[int, ...], str]] = {
        'sequence': ((), 'int64'), 'frame': ((), 'int32'), 'split': ((), 'uint8'),
        'pose': ((24, 3), 'float32'), 'betas': ((10,), 'float32'), 'transl': ((3,), 'float32'),
        'joints': ((24, 3), 'float32'), 'joint_visibility': ((24,), 'uint8'), 'intrinsics': ((4,), 'float32'),
        'image_size': ((2,), 'float32'), 'region': ((4,), 'float32'), 'region_source': ((), 'uint8'),
        'features': ((288,), 'float16'), 'local_features': ((33, 88), 'float16'), 'box_px': ((4,), 'float32'),
        'occlusion': ((), 'float32'),
        'landmarks_image_px': ((33, 2), 'float32'), 'landmarks_depth_px': ((33,), 'float32'),
        'landmarks_visibility': ((33,), 'float32'), 'landmarks_presence': ((33,), 'float32'),
        'landmarks_world_m': ((33, 3), 'float32'), 'landmarks_score': ((), 'float32'),
    }  # fmt: skip
    shapes |= {table: ((), 'int32') for table in TABLES}
    return {name: ((count, *shape), dtype) for name, (shape, dtype) in shapes.items()}


@dataclass(frozen=True)
class Header:
    """What holds for a whole data set.

    :param count: samples.
    :param frames: samples of every sequence.
    :param sequences_per_shard: of every shard but the last.
    :param tables: text columns by name: what the numbers in the shards stand for.
    :param recipe: how it was made: seed, hashes of the motion file, the wardrobe and the networks, settings; two data
        sets with the same recipe hold the same samples.
    """

    count: int
    frames: int
    sequences_per_shard: int
    tables: Mapping[str, Sequence[str]]
    recipe: Mapping[str, Any]

    @property
    def sequences(self) -> int:
        """How many sequences there are."""
        return -(-self.count // self.frames)

    @property
    def shards(self) -> int:
        """How many shards there are."""
        return -(-self.sequences // self.sequences_per_shard)

    def of_shard(self, shard: int) -> range:
        """Return the numbers of the sequences of a shard."""
        first = shard * self.sequences_per_shard
        return range(first, min(first + self.sequences_per_shard, self.sequences))

    def to_json(self) -> str:
        """Return the text of ``dataset.json``."""
        return json.dumps({'format': FORMAT, **dataclasses.asdict(self)}, indent=1, sort_keys=True) + '\n'

    def write(self, folder: Path) -> None:
        """Write ``dataset.json``."""
        with written_whole(folder / HEADER) as path:
            path.write_text(self.to_json())

    @classmethod
    def load(cls, folder: Path) -> Header:
        """Read ``dataset.json``.

        :raises DatasetError: when the folder holds no data set of this format.
        """
        path = Path(folder) / HEADER
        try:
            values = json.loads(path.read_text())
            version = values.pop('format')
            header = cls(**values)
        except OSError as error:
            raise DatasetError(f'{folder} is no data set: {HEADER} cannot be read ({error.strerror}); make one with '
                               f'poco synth --out {folder}') from error
        except (ValueError, KeyError, TypeError, AttributeError) as error:
            raise DatasetError(f'{path} is broken: {error}; make the data set anew with poco synth') from error
        if version != FORMAT:
            raise DatasetError(f'{path} has format {version}, this version reads {FORMAT}; make the data set anew')
        return header


def shard_path(folder: Path, shard: int) -> Path:
    """Return the file of a shard."""
    return Path(folder) / f'shard-{shard:05d}.npz'


def write_shard(path: Path, arrays: Mapping[str, npt.NDArray[Any]]) -> None:
    """Write a shard, whole or not at all.

    :raises DatasetError: when it cannot be written; what was made before is kept.
    """
    try:
        with written_whole(path) as temporary, temporary.open('wb') as file:
            np.savez_compressed(file, **dict(arrays))  # type: ignore[arg-type]
    except OSError as error:
        raise DatasetError(f'{path} cannot be written: {error.strerror or error}; free some disk space and run the '
                           'same command again, it goes on where it stopped') from error


def read_shard(path: Path) -> dict[str, npt.NDArray[Any]]:
    """Read a shard and check it.

    :param path: the file.
    :raises DatasetError: when it is missing, broken, or its arrays do not fit together; names the file.
    """
    mend = f'delete it and run the same poco synth command again, which makes only what is missing: {path.parent}'
    try:
        with np.load(path, allow_pickle=False) as file:
            arrays = {name: file[name] for name in file.files}
    except FileNotFoundError as error:
        raise DatasetError(f'the shard {path.name} is missing; run the same poco synth command again to make what is '
                           f'missing: {path.parent}') from error
    except (OSError, ValueError, EOFError, KeyError, zipfile.BadZipFile) as error:
        raise DatasetError(f'the shard {path.name} is broken ({error}); {mend}') from error
    count = len(arrays.get('sequence', ()))
    for name, (shape, dtype) in layout(count).items():
        found = arrays.get(name)
        if found is None or found.shape != shape or found.dtype != dtype:
            what = 'missing' if found is None else f'{found.shape} {found.dtype}'
            raise DatasetError(f'the shard {path.name} is broken: {name} is {what}, expected {shape} {dtype}; {mend}')
    for name in ('pose', 'betas', 'transl', 'joints', 'intrinsics'):
        bad = ~np.isfinite(arrays[name]).reshape(count, -1).all(axis=1)
        if bad.any():
            raise DatasetError(f'the shard {path.name} has labels that are not finite: {name} of sample '
                               f'{int(np.argmax(bad))}; {mend}')
    return arrays


def shards_of(folder: Path, header: Header) -> Iterator[tuple[Path, dict[str, npt.NDArray[Any]]]]:
    """Iterate over the shards in order.

    :raises DatasetError: when one is missing or broken.
    """
    for shard in range(header.shards):
        path = shard_path(folder, shard)
        yield path, read_shard(path)


def read_dataset(folder: Path, split: str = 'all') -> Samples:
    """Read the samples of a split into memory, about 9 kB each.

    :param folder: of the data set.
    :param split: 'train', 'val', 'calibration', 'test' or 'all'.
    :raises DatasetError: when the folder is no data set, a shard is missing or broken, or the split is unknown or
        empty.
    """
    if split not in (*SPLITS, 'all'):
        raise DatasetError(f'a data set has the splits {", ".join(SPLITS)} and all, not {split!r}')
    header = Header.load(folder)
    parts: dict[str, list[npt.NDArray[Any]]] = {name: [] for name in layout(1)}
    for _, arrays in shards_of(folder, header):
        rows = slice(None) if split == 'all' else arrays['split'] == SPLITS.index(split)
        for name, kept in parts.items():
            kept.append(arrays[name][rows])
    joined = {name: np.concatenate(part) for name, part in parts.items()}
    if not len(joined['sequence']):
        raise DatasetError(f'{folder} holds no sample of the split {split!r}')
    return _samples(joined, header)


def _samples(arrays: dict[str, npt.NDArray[Any]], header: Header) -> Samples:
    texts = {name: np.array(header.tables[name], np.str_)[arrays[name]] for name in TABLES}
    landmarks = Landmarks(**{f.name: arrays[f'landmarks_{f.name}'] for f in fields(Landmarks)})
    others = [f.name for f in fields(Samples) if f.name not in texts and f.name != 'landmarks']
    rest: dict[str, Any] = {name: arrays[name] for name in others}
    rest |= {**texts, 'features': arrays['features'].astype(np.float32)}
    return Samples(**rest, landmarks=landmarks)
