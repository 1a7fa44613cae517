"""What a training step is given: rows of a data set as one batch of inputs and truth."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt
import torch

from poco_ros.errors import DatasetError
from poco_ros.networks.rotations import axis_angle_to_matrix
from poco_ros.pinhole import MIN_DEPTH
from poco_ros.synth.shards import Samples
from poco_ros.training.targets import Targets

_OUT_OF_PICTURE = 0


@dataclass(frozen=True)
class Batch:
    """N people.

    :param inputs: what the network sees: (N, D) float32 observations, or (N, 3, 224, 224) float32 normalised images.
    :param bbox_info: (N, 3) float32; None for networks that do not take it.
    :param targets: the truth.
    """

    inputs: torch.Tensor
    bbox_info: torch.Tensor | None
    targets: Targets

    def to(self, device: torch.device) -> Batch:
        """Return it on a device."""
        values = {f.name: getattr(self.targets, f.name) for f in dataclasses.fields(self.targets)}
        moved: dict[str, Any] = {name: v.to(device) for name, v in values.items() if isinstance(v, torch.Tensor)}
        info = None if self.bbox_info is None else self.bbox_info.to(device)
        return Batch(self.inputs.to(device), info, dataclasses.replace(self.targets, **moved))


class TrainingData(Protocol):
    """People to train with or to validate on."""

    def __len__(self) -> int:
        """How many there are."""

    def batch(self, rows: torch.Tensor, generator: torch.Generator | None = None) -> Batch:
        """Return some of them.

        :param rows: (N,) int64.
        :param generator: for random changes of the input; None: none, as for validation.
        """

    def targets(self, rows: torch.Tensor) -> Targets:
        """Return the truth alone, without making the input.

        :param rows: (N,) int64.
        """


@dataclass(frozen=True)
class Truth:
    """The truth of S people.

    :param rotmat: (S, 24, 3, 3).
    :param betas: (S, 10).
    :param joints: (S, 24, 3) metres, camera axes, the pelvis at 0.
    :param keypoints: (S, 24, 3) x, y and confidence.
    :param boxes: (S, 3) cx, cy, side, as :class:`poco_ros.training.targets.Targets` has them.
    :param image_size: (S, 2).
    """

    rotmat: torch.Tensor
    betas: torch.Tensor
    joints: torch.Tensor
    keypoints: torch.Tensor
    boxes: torch.Tensor
    image_size: torch.Tensor

    def targets(self, rows: torch.Tensor) -> Targets:
        """Return the targets of some of them."""
        known = torch.ones(len(rows), dtype=torch.bool)
        return Targets(
            rotmat=self.rotmat[rows], betas=self.betas[rows], has_smpl=known, keypoints_2d=self.keypoints[rows],
            joints_3d=self.joints[rows], has_joints_3d=known, boxes=self.boxes[rows], image_size=self.image_size[rows],
        )  # fmt: skip


def truth_of(
    samples: Samples, pixels: npt.NDArray[np.floating], boxes: npt.NDArray[np.floating],
    image_size: npt.NDArray[np.floating],
) -> Truth:
    """Return the truth of samples.

    A joint outside the picture has the confidence 0: what cannot be seen teaches nothing about the picture. It still
    counts in 3D, as do joints that something hides.

    :param samples: S people.
    :param pixels: (S, 24, 2), where the joints are seen, in the space of the 2D loss.
    :param boxes: (S, 3).
    :param image_size: (S, 2).
    :raises DatasetError: when a label is not finite; names the label and the sample.
    """
    for name in ('pose', 'betas', 'joints', 'intrinsics', 'image_size'):
        check_finite(samples, name, getattr(samples, name))
    seen = (samples.joint_visibility != _OUT_OF_PICTURE) & (samples.joints[..., 2] > MIN_DEPTH)
    keypoints = np.concatenate([pixels, seen[..., None]], axis=-1)
    arrays = (samples.betas, samples.joints - samples.joints[:, :1], keypoints, boxes, image_size)
    betas, joints, keypoints_2d, box, size = (torch.from_numpy(np.array(a, np.float32)) for a in arrays)
    return Truth(axis_angle_to_matrix(torch.from_numpy(samples.pose)), betas, joints, keypoints_2d, box, size)


def check_finite(samples: Samples, what: str, values: npt.NDArray[np.floating]) -> None:
    """Check that there is a number everywhere.

    :param samples: S people.
    :param what: the name of the values.
    :param values: (S, ...).
    :raises DatasetError: when one is NaN or infinite; names the values and the sample.
    """
    bad = np.flatnonzero(~np.isfinite(values).reshape(len(values), -1).all(axis=1))
    if len(bad):
        row = int(bad[0])
        raise DatasetError(f'{what} of {len(bad)} samples is not finite, first of frame {samples.frame[row]} of the '
                           f'sequence {samples.sequence[row]} (clip {samples.clip[row]!r}): delete the shard it lies '
                           'in and run the same poco synth command again, which makes only what is missing')
