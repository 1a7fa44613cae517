"""Training data of the learned lift: what BlazePose saw as one vector, and the truth seen by the true camera.

The losses know one camera, whose focal length is the diagonal of the image. So that it is the true pinhole, everything
lies in a *virtual image*: one whose diagonal is the true focal length, with the principal point in its middle
(:mod:`poco_ros.regressors.poco_lift.observation`).
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from poco_ros.errors import DatasetError
from poco_ros.pinhole import pinhole
from poco_ros.regressors.poco_lift.observation import observe, virtual_size, virtual_squares
from poco_ros.synth.found import found
from poco_ros.synth.shards import Samples, read_dataset
from poco_ros.training.targets import Targets
from poco_ros.training.train_data import Batch, Truth, check_finite, truth_of


@dataclass(frozen=True)
class LiftData:
    """S observations in memory.

    :param vector: (S, D) float32.
    :param bbox_info: (S, 3) float32.
    :param truth: S rows.
    """

    vector: torch.Tensor
    bbox_info: torch.Tensor
    truth: Truth

    def __len__(self) -> int:
        return len(self.vector)

    def batch(self, rows: torch.Tensor, generator: torch.Generator | None = None) -> Batch:
        """Return some of them; nothing is changed at random, whatever the generator."""
        return Batch(self.vector[rows], self.bbox_info[rows], self.targets(rows))

    def targets(self, rows: torch.Tensor) -> Targets:
        """Return the truth of some of them."""
        return self.truth.targets(rows)


def lift_data(samples: Samples) -> LiftData:
    """Return the training data of samples, those left out whom the node would not have seen.

    :param samples: of one split.
    :raises DatasetError: when nobody is left, or a label or an observation is not finite; names the sample.
    """
    samples = samples.take(np.flatnonzero(found(samples)))
    if not len(samples):
        raise DatasetError('BlazePose saw nobody in any sample of this split: there is nothing to learn from')
    seen = observe(samples.landmarks, samples.features, samples.local_features, samples.landmarks.image_px,
                   samples.intrinsics)
    for part in (seen.vector, seen.bbox_info, seen.squares):
        check_finite(samples, 'what BlazePose saw', part)
    size = virtual_size(samples.intrinsics)
    focal = math.sqrt(2) * np.asarray(size, np.float64)
    pixels = pinhole(samples.joints, focal, size / 2)
    truth = truth_of(samples, pixels, virtual_squares(seen.squares, samples.intrinsics), size)
    return LiftData(torch.from_numpy(seen.vector), torch.from_numpy(seen.bbox_info), truth)


def read_lift_data(folder: Path, split: str) -> LiftData:
    """Read the training data of a split.

    :param folder: the data set.
    :param split: 'train', 'val', ...
    :raises DatasetError: when it is missing or broken, or nobody in it was seen.
    """
    return lift_data(read_dataset(folder, split))
