"""The image networks: timm's, with the feature map that the regression heads read.

timm's HRNets and ResNets carry the names and shapes of the released checkpoints (SPEC section 3); PARE's upsampling
stages are ours.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from poco_ros.errors import ConfigError
from poco_ros.networks.timm_import import timm
from poco_ros.types import NUM_JOINTS

if TYPE_CHECKING:
    from timm.models.hrnet import HighResolutionNet
else:
    HighResolutionNet = timm.models.hrnet.HighResolutionNet

IMAGE_SIZE = 224


class UpsampledHRNet(HighResolutionNet):  # type: ignore[misc]
    """HRNet whose four branches are brought to 56x56 and concatenated: what PARE reads (SPEC section 3.2).

    :ivar num_features: channels of the map, 480 for 'hrnet_w32'.
    """

    def __init__(self, name: str) -> None:
        """Build it with random weights.

        :param name: timm's name of an HRNet, such as 'hrnet_w32'.
        """
        super().__init__(timm.models.hrnet.cfg_cls[name], head='')
        channels = self.stage4_cfg['num_channels']
        self.num_features = sum(channels)
        # Carried by the released checkpoints, never applied.
        self.final_layer = nn.Conv2d(channels[0], NUM_JOINTS, kernel_size=1)
        self.upsample_stage_2 = _upsampling(channels[1], doublings=1)
        self.upsample_stage_3 = _upsampling(channels[2], doublings=2)
        self.upsample_stage_4 = _upsampling(channels[3], doublings=3)

    def forward_features(self, images: Tensor) -> Tensor:
        """Return the map.

        :param images: (N, 3, 224, 224) float32, RGB, normalised by ImageNet's mean and deviation.
        :returns: (N, num_features, 56, 56).
        """
        quarter, eighth, sixteenth, last = super().forward_features(images)
        branches = (quarter, self.upsample_stage_2(eighth), self.upsample_stage_3(sixteenth),
                    self.upsample_stage_4(last))  # fmt: skip
        return torch.cat(branches, dim=1)


def _upsampling(channels: int, doublings: int) -> nn.Sequential:
    """So many times: twice the size, then a convolution that keeps the channels."""
    layers: list[nn.Module] = []
    for _ in range(doublings):
        layers += [
            nn.Upsample(scale_factor=2, mode='bilinear', align_corners=True),
            nn.Conv2d(channels, channels, kernel_size=3, padding=1, bias=False),
            nn.BatchNorm2d(channels),
            nn.ReLU(inplace=True),
        ]
    return nn.Sequential(*layers)


def build_backbone(name: str, *, for_parts: bool = False) -> Any:
    """Build an image network with random weights.

    HRNets keep the classification head's convolutions, and its classifier unused, as the released CLIFF does (SPEC
    section 3.1); every other network ends at its feature map.

    :param name: timm's name, such as 'hrnet_w48', 'resnet50' or, for training, of any network with a feature map.
    :param for_parts: whether the head is PARE's, which wants a fine map: of an HRNet it gets all branches at 56x56.
    :returns: a module with ``num_features`` (int) and ``forward_features``, which turns images (N, 3, 224, 224) into a
        map (N, num_features, h, w).
    :raises ConfigError: when timm has no such network, or it gives no such map (as vision transformers do not).
    """
    if name.startswith('hrnet_') and timm.is_model(name):
        return UpsampledHRNet(name) if for_parts else timm.create_model(name)
    if not timm.is_model(name):
        close = ', '.join(timm.list_models(f'{name[:6]}*')[:8])
        raise ConfigError(f'timm {timm.__version__} has no network {name!r}' + (f'; it has {close}' if close else ''))
    backbone = timm.create_model(name, num_classes=0)
    _check_feature_map(name, backbone)
    return backbone


def _check_feature_map(name: str, backbone: Any) -> None:
    backbone.eval()
    with torch.no_grad():
        shape = tuple(backbone.forward_features(torch.zeros(1, 3, IMAGE_SIZE, IMAGE_SIZE)).shape)
    backbone.train()
    if len(shape) != 4 or shape[1] != backbone.num_features:
        raise ConfigError(
            f'the network {name!r} gives features of shape {shape}, not a map (1, {backbone.num_features}, h, w); '
            f"choose a convolutional one, such as 'resnet50'"
        )
