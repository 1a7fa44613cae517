"""What is known to be true of a training batch."""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch

from poco_ros.errors import ConfigError
from poco_ros.training.joint_set import SMPL_JOINTS, TRAINING_JOINTS
from poco_ros.types import NUM_BETAS, NUM_JOINTS


@dataclass(frozen=True)
class Targets:
    """Ground truth of N crops; where a mask or a confidence says that it is missing it may hold anything, NaN too.

    :param rotmat: (N, 24, 3, 3) float32, joint 0 in the camera's optical frame (x right, y down, z forward), the others
        relative to their parents (:func:`poco_ros.networks.rotations.axis_angle_to_matrix`).
    :param betas: (N, 10) float32.
    :param has_smpl: (N,) bool, whether rotmat and betas are known.
    :param keypoints_2d: (N, K, 3) float32: x, y and confidence, in the space that the loss configuration names: the
        crop spanning [-1, 1], or pixels of the whole image. K is 49, or 24 for a body without the training joints
        (:mod:`poco_ros.training.joint_set`).
    :param joints_3d: (N, 24, 3 or more) float32, metres, camera axes, any origin: the last 24 of the K joints.
    :param has_joints_3d: (N,) bool.
    :param boxes: (N, 3) float32, cx, cy, side in pixels, square; for the whole image's camera. None where every loss is
        in the crop.
    :param image_size: (N, 2) float32, width and height in pixels; as boxes.
    :param datasets: N names of the data sets that the crops come from; () where nothing depends on it.
    :raises ConfigError: when a shape does not fit; names the field.
    """

    rotmat: torch.Tensor
    betas: torch.Tensor
    has_smpl: torch.Tensor
    keypoints_2d: torch.Tensor
    joints_3d: torch.Tensor
    has_joints_3d: torch.Tensor
    boxes: torch.Tensor | None = None
    image_size: torch.Tensor | None = None
    datasets: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        n = len(self.rotmat)
        shapes = {
            'rotmat': (n, NUM_JOINTS, 3, 3), 'betas': (n, NUM_BETAS), 'has_smpl': (n,),
            'has_joints_3d': (n,), 'boxes': (n, 3), 'image_size': (n, 2),
        }  # fmt: skip
        for name, expected in shapes.items():
            tensor = getattr(self, name)
            if tensor is not None and tuple(tensor.shape) != expected:
                raise ConfigError(f'{name} of the targets must be {expected}, got {tuple(tensor.shape)}')
        if self.keypoints_2d.shape not in [(n, kind.count, 3) for kind in (TRAINING_JOINTS, SMPL_JOINTS)]:
            raise ConfigError(f'keypoints_2d of the targets must be ({n}, 49, 3) or ({n}, 24, 3), '
                              f'got {tuple(self.keypoints_2d.shape)}')
        if self.joints_3d.ndim != 3 or self.joints_3d.shape[:2] != (n, NUM_JOINTS) or self.joints_3d.shape[2] < 3:
            raise ConfigError(f'joints_3d of the targets must be ({n}, 24, 3 or more), '
                              f'got {tuple(self.joints_3d.shape)}')
        for name in ('has_smpl', 'has_joints_3d'):
            if getattr(self, name).dtype != torch.bool:
                raise ConfigError(f'{name} of the targets must be bool, got {getattr(self, name).dtype}')
        if self.datasets and len(self.datasets) != n:
            raise ConfigError(f'the targets name {len(self.datasets)} data sets for {n} crops')

    def conditioned(self, dataset: str, share: float) -> torch.Tensor:
        """Return whose scale network is shown the true pose: the first so many of one data set (SPEC section 9).

        Which of them is chosen by their place in the batch, so the batch has to be shuffled.

        :param dataset: its name.
        :param share: of the samples of that data set, in [0, 1]; rounded down to whole samples.
        :returns: (N,) bool, on the CPU as the names are.
        """
        rows = [row for row, name in enumerate(self.datasets) if name == dataset]
        mask = torch.zeros(len(self.rotmat), dtype=torch.bool)
        mask[rows[: math.floor(share * len(rows))]] = True
        return mask
