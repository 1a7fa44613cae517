"""PARE's head: attention over the map, one softmax per joint, then one small regressor per joint (SPEC section 4.3)."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from poco_ros.networks.regression_heads import CAMERA_SIZE, Regressed, register_mean_parameters
from poco_ros.types import NUM_BETAS, NUM_JOINTS

_POSE_CHANNELS = 128
_SHAPE_CHANNELS = 64


@dataclass(frozen=True)
class PartFeatures:
    """What the attention gathers.

    :ivar pose: (N, 3072): 128 channels of 24 joints, channel-major (index = channel * 24 + joint).
    :ivar shape: (N, 1536): 64 channels of 24 joints, channel-major; for shape and camera.
    :ivar part_logits: (N, 25, h, w): the background and 24 joints; in training a body-part segmentation.
    """

    pose: Tensor
    shape: Tensor
    part_logits: Tensor


class LocallyConnected(nn.Module):  # type: ignore[misc]
    """A linear map of its own for each joint, without bias, stored as the released checkpoints store it."""

    def __init__(self, in_channels: int, out_channels: int) -> None:
        """Build it with random weights."""
        super().__init__()
        scale = in_channels**-0.5
        self.weight = nn.Parameter(scale * torch.randn(1, out_channels, in_channels, NUM_JOINTS, 1, 1))

    def forward(self, channels: Tensor) -> Tensor:
        """(N, in_channels, 24) to (N, 24, out_channels)."""
        weight = self.weight[0, ..., 0, 0].permute(2, 1, 0)
        return (channels.permute(2, 0, 1) @ weight).transpose(0, 1)


class PareHead(nn.Module):  # type: ignore[misc]
    """Pool the map by attention, and regress pose per joint, shape and camera from all joints."""

    def __init__(self, num_features: int) -> None:
        """Build it with random weights.

        :param num_features: channels of the image network's map.
        """
        super().__init__()
        # The temperature and the mean parameters are in the released checkpoints and are not used.
        self.register_buffer('temperature', torch.tensor(1.0))
        register_mean_parameters(self)
        self.keypoint_deconv_layers = _convolutions(num_features)
        self.smpl_deconv_layers = _convolutions(num_features)
        self.keypoint_final_layer = nn.Conv2d(_POSE_CHANNELS, NUM_JOINTS + 1, kernel_size=1)
        self.smpl_final_layer = nn.Conv2d(_POSE_CHANNELS, _SHAPE_CHANNELS, kernel_size=1)
        self.shape_mlp = nn.Linear(_SHAPE_CHANNELS * NUM_JOINTS, NUM_BETAS)
        self.cam_mlp = nn.Linear(_SHAPE_CHANNELS * NUM_JOINTS, CAMERA_SIZE)
        self.pose_mlp = LocallyConnected(_POSE_CHANNELS, 6)

    def pool(self, feature_map: Tensor) -> PartFeatures:
        """Gather the features of each joint from where it looks.

        :param feature_map: (N, num_features, h, w).
        """
        part_logits = self.keypoint_final_layer(self.keypoint_deconv_layers(feature_map))
        body = self.smpl_deconv_layers(feature_map)
        # Channel 0 is the background.
        attention = part_logits[:, 1:].flatten(2).softmax(dim=-1).transpose(1, 2)
        pose = body.flatten(2) @ attention
        shape = self.smpl_final_layer(body).flatten(2) @ attention
        return PartFeatures(pose.flatten(1), shape.flatten(1), part_logits)

    def forward(self, features: Tensor, shape_features: Tensor) -> Regressed:
        """Regress.

        :param features: (N, 3072), :attr:`PartFeatures.pose`.
        :param shape_features: (N, 1536), :attr:`PartFeatures.shape`.
        """
        pose_6d = self.pose_mlp(features.unflatten(1, (_POSE_CHANNELS, NUM_JOINTS)))
        return Regressed(pose_6d, self.shape_mlp(shape_features), self.cam_mlp(shape_features))

    @property
    def num_features(self) -> int:
        """Size of the image feature that the uncertainty is conditioned on."""
        return _POSE_CHANNELS * NUM_JOINTS


def _convolutions(num_features: int) -> nn.Sequential:
    layers: list[nn.Module] = []
    for channels in (num_features, _POSE_CHANNELS):
        layers += [
            nn.Conv2d(channels, _POSE_CHANNELS, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(_POSE_CHANNELS),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)
