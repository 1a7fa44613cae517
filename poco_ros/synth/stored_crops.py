"""The pictures of a data set that was made with ``--crops``: JPEG files in the shards, decoded when asked for."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.crops import CROP_SIZE
from poco_ros.errors import DatasetError
from poco_ros.synth.shards import SPLITS, Header, shards_of
from poco_ros.types import FloatArray


class StoredCrops:
    """The crops of a split, in the order of :func:`poco_ros.synth.shards.read_dataset`; kept as JPEG in memory.

    :param folder: of the data set.
    :param split: as of ``read_dataset``.
    :raises DatasetError: when the data set was made without crops, or a shard is broken.
    """

    def __init__(self, folder: Path, split: str = 'all') -> None:
        header = Header.load(folder)
        self._codes: list[npt.NDArray[np.uint8]] = []
        squares = []
        for path, arrays in shards_of(folder, header):
            if 'crop_jpeg' not in arrays:
                raise DatasetError(f'{folder} was made without pictures; a network that reads images needs '
                                   'poco synth --crops')
            wanted = np.full(len(arrays['split']), True) if split == 'all' else arrays['split'] == SPLITS.index(split)
            rows = np.flatnonzero(wanted)
            ends = arrays['crop_end']
            if len(ends) != len(arrays['split']) or ends[-1] != len(arrays['crop_jpeg']):
                raise DatasetError(f'the pictures of the shard {path.name} are broken; delete it and run the same '
                                   'poco synth command again')
            starts = np.concatenate([[0], ends[:-1]])
            self._codes += [arrays['crop_jpeg'][starts[row]:ends[row]].copy() for row in rows]
            squares.append(arrays['crop_square'][rows])
        self.squares: FloatArray = np.concatenate(squares)
        """(S, 3) float32 cx, cy, side: where the crops were cut from, in the camera's pixels."""

    def __len__(self) -> int:
        return len(self._codes)

    def take(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        """Decode some of them.

        :param rows: (N,) integers.
        :returns: (N, 224, 224, 3) uint8 RGB.
        :raises DatasetError: when one cannot be decoded.
        """
        out = np.empty((len(rows), CROP_SIZE, CROP_SIZE, 3), np.uint8)
        for picture, row in zip(out, rows.tolist(), strict=True):
            decoded = cv2.imdecode(self._codes[row], cv2.IMREAD_COLOR)
            if decoded is None or decoded.shape != picture.shape:
                raise DatasetError(f'the picture of sample {row} is broken')
            picture[:] = decoded[..., ::-1]
        return out
