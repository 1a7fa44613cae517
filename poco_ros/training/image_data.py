"""Training data of the image regressors: crops, and the truth as the published data sets have it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch

from poco_ros.crops import IMAGE_MEAN, IMAGE_STD, bbox_info
from poco_ros.pinhole import pinhole
from poco_ros.synth.shards import Samples, read_dataset
from poco_ros.synth.stored_crops import StoredCrops
from poco_ros.training.targets import Targets
from poco_ros.training.train_data import Batch, truth_of

CropReader = Callable[[npt.NDArray[np.int64]], npt.NDArray[np.uint8]]
"""From rows (N,) to their crops, (N, 224, 224, 3) RGB, decoded when they are asked for."""

_GAIN = (0.6, 1.4)
_WHITE = 255.0


class ImageData:
    """S crops, read when they are asked for, and their truth in memory.

    CLIFF is told, and judged in, the whole image, with the image diagonal as its focal length, HMR and PARE in the crop
    (SPEC section 10): as the published networks were trained, so that the nodes run them in the same way.
    """

    def __init__(
        self, samples: Samples, squares: npt.NDArray[np.floating], crops: CropReader, regressor: str
    ) -> None:
        """Prepare the truth.

        :param samples: of one split.
        :param squares: (S, 3) cx, cy, side in pixels: where the crops lie.
        :param crops: reads them.
        :param regressor: 'hmr', 'pare' or 'cliff'.
        :raises DatasetError: when a label is not finite; names the sample.
        """
        self._crops = crops
        pixels = pinhole(samples.joints, samples.intrinsics[:, :2], samples.intrinsics[:, 2:])
        self._info = None
        if regressor == 'cliff':
            self._info = torch.from_numpy(_bbox_info(squares, samples.image_size))
        else:
            pixels = 2 * (pixels - squares[:, None, :2]) / squares[:, None, 2:]
        self._truth = truth_of(samples, pixels, squares, samples.image_size)

    def __len__(self) -> int:
        return len(self._truth.betas)

    def batch(self, rows: torch.Tensor, generator: torch.Generator | None = None) -> Batch:
        """Return some of them, with a generator each in a light of its own (SPEC section 9, gain).

        :param rows: (N,) int64.
        :param generator: of the gains, one per channel of each crop, uniform in 0.6 to 1.4; None: all 1.
        """
        pixels = torch.from_numpy(self._crops(rows.numpy())).permute(0, 3, 1, 2).float()
        if generator is not None:
            low, high = _GAIN
            gain = low + (high - low) * torch.rand(len(rows), 3, 1, 1, generator=generator)
            pixels = (pixels * gain).clamp_max(_WHITE)
        mean, std = (torch.from_numpy(v)[:, None, None] for v in (IMAGE_MEAN, IMAGE_STD))
        info = None if self._info is None else self._info[rows]
        return Batch((pixels / _WHITE - mean) / std, info, self.targets(rows))

    def targets(self, rows: torch.Tensor) -> Targets:
        """Return the truth of some of them."""
        return self._truth.targets(rows)


def _bbox_info(squares: npt.NDArray[np.floating], image_size: npt.NDArray[np.floating]) -> npt.NDArray[np.float32]:
    """(S, 3), for images of several sizes."""
    info = np.empty((len(squares), 3), np.float32)
    for size in np.unique(image_size, axis=0):
        rows = (image_size == size).all(axis=1)
        info[rows] = bbox_info(squares[rows], *map(float, size))
    return info


def read_image_data(folder: Path, split: str, regressor: str) -> ImageData:
    """Read the training data of a split of a data set that was made with crops.

    :param folder: the data set.
    :param split: 'train', 'val', ...
    :param regressor: 'hmr', 'pare' or 'cliff'.
    :raises DatasetError: when it is missing or broken, or has no crops.
    """
    crops = StoredCrops(folder, split)
    return ImageData(read_dataset(folder, split), crops.squares, crops.take, regressor)
