"""The iterative regression heads of HMR and CLIFF (SPEC sections 4.1 and 4.2)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from poco_ros.types import NUM_BETAS, NUM_JOINTS

POSE_SIZE = 6 * NUM_JOINTS
CAMERA_SIZE = 3
BBOX_INFO_SIZE = 3
ITERATIONS = 3
RELEASED_HIDDEN = 1024
RELEASED_DROPOUT = 0.5
_STANDING_6D = (1.0, 0.0, 0.0, -1.0, 0.0, 0.0)
_FIRST_CAMERA = (0.9, 0.0, 0.0)
_IDENTITY_6D = (1.0, 0.0, 0.0, 1.0, 0.0, 0.0)


@dataclass(frozen=True)
class IterationSteps:
    """What each iteration added.

    :ivar pose: (N, 3, 144).
    :ivar shape: (N, 3, 10).
    :ivar cam: (N, 3, 3).
    """

    pose: Tensor
    shape: Tensor
    cam: Tensor


@dataclass(frozen=True)
class Regressed:
    """What a regression head says of a batch of people.

    :ivar pose_6d: (N, 144), or (N, 24, 6) of PARE: 24 rotations in the 6D form of :mod:`poco_ros.networks.rotations`.
    :ivar betas: (N, 10), shape coefficients.
    :ivar cam: (N, 3), the weak-perspective camera (s, tx, ty) of the crop.
    :ivar steps: the increments of an iterative head, else None.
    """

    pose_6d: Tensor
    betas: Tensor
    cam: Tensor
    steps: IterationSteps | None = None


class IterativeHead(nn.Module):  # type: ignore[misc]
    """Regress pose, shape and camera by three corrections of a mean, all with the same weights.

    There is no non-linearity between the layers. The mean is a buffer: the released networks carry SMPL's mean
    parameters, a new network starts from the rest pose, the mean shape and a person that fills 0.9 of the crop.
    """

    init_pose: Tensor
    init_shape: Tensor
    init_cam: Tensor

    def __init__(
        self, num_features: int, *, with_bbox_info: bool, hidden: int = RELEASED_HIDDEN,
        dropout: float = RELEASED_DROPOUT,
    ) -> None:
        """Build it with random weights whose first output is close to the mean.

        :param num_features: size of the image feature.
        :param with_bbox_info: whether the head sees where in the image the crop was taken (CLIFF) or not (HMR).
        :param hidden: size of the two hidden layers; 1024 as released.
        :param dropout: share of their values that is dropped in training; a half as released.
        """
        super().__init__()
        outputs = POSE_SIZE + NUM_BETAS + CAMERA_SIZE
        register_mean_parameters(self)
        self.fc1 = nn.Linear(num_features + (BBOX_INFO_SIZE if with_bbox_info else 0) + outputs, hidden)
        self.drop1 = nn.Dropout(dropout)
        self.fc2 = nn.Linear(hidden, hidden)
        self.drop2 = nn.Dropout(dropout)
        self.decpose = nn.Linear(hidden, POSE_SIZE)
        self.decshape = nn.Linear(hidden, NUM_BETAS)
        self.deccam = nn.Linear(hidden, CAMERA_SIZE)
        for decoder in (self.decpose, self.decshape, self.deccam):
            nn.init.xavier_uniform_(decoder.weight, gain=0.01)

    def stand_upright(self) -> None:
        """Start from a person who stands before the camera and faces it.

        The rest pose has y up; in the optical frame, where y is down, it hangs head first.
        """
        self.init_pose[0, :6] = torch.tensor(_STANDING_6D)

    def set_mean(self, rotmat: Tensor, betas: Tensor, cam: Tensor) -> None:
        """Say what to start from, such as the mean of the training data.

        :param rotmat: (24, 3, 3), joint 0 in the optical frame, the others relative to their parents.
        :param betas: (10,).
        :param cam: (3,), s > 0, tx, ty.
        """
        self.init_pose[0] = rotmat[:, :, :2].flatten()
        self.init_shape[0] = betas
        self.init_cam[0] = cam

    def forward(self, features: Tensor, bbox_info: Tensor | None = None) -> Regressed:
        """Regress.

        :param features: (N, num_features).
        :param bbox_info: (N, 3), SPEC section 10, when the head was built for it.
        """
        count = features.shape[0]
        fixed = features if bbox_info is None else torch.cat([features, bbox_info], dim=1)
        pose, shape, cam = (mean.expand(count, -1) for mean in (self.init_pose, self.init_shape, self.init_cam))
        steps: list[tuple[Tensor, Tensor, Tensor]] = []
        for _ in range(ITERATIONS):
            hidden = self.drop1(self.fc1(torch.cat([fixed, pose, shape, cam], dim=1)))
            hidden = self.drop2(self.fc2(hidden))
            step = self.decpose(hidden), self.decshape(hidden), self.deccam(hidden)
            pose, shape, cam = pose + step[0], shape + step[1], cam + step[2]
            steps.append(step)
        increments = (torch.stack([step[kind] for step in steps], dim=1) for kind in range(3))
        return Regressed(pose, shape, cam, IterationSteps(*increments))


def register_mean_parameters(head: nn.Module) -> None:
    """Give a head the buffers of the mean parameters, as the released checkpoints name them."""
    head.register_buffer('init_pose', torch.tensor(_IDENTITY_6D).repeat(1, NUM_JOINTS))
    head.register_buffer('init_shape', torch.zeros(1, NUM_BETAS))
    head.register_buffer('init_cam', torch.tensor([_FIRST_CAMERA]))
