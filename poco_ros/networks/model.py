"""A whole POCO network: image features, body, and how far to trust it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from poco_ros.errors import ConfigError
from poco_ros.networks.backbones import build_backbone
from poco_ros.networks.flow import ErrorFlow
from poco_ros.networks.landmark_encoder import LandmarkEncoder
from poco_ros.networks.pare_head import PareHead
from poco_ros.networks.regression_heads import RELEASED_DROPOUT, IterationSteps, IterativeHead
from poco_ros.networks.rotations import rot6d_to_matrix
from poco_ros.networks.scale_network import ScaleNetwork
from poco_ros.networks.variants import LIFT, Variant
from poco_ros.types import NUM_JOINTS

# A lift is small and sees much data; a half, as of the image networks, would starve it.
_LIFT_DROPOUT = 0.1


@dataclass(frozen=True)
class Encoding:
    """What the image gives, before anything is regressed: where low precision may end.

    :ivar features: (N, F), the image feature that head, scale network and flow see (of CLIFF and HMR 2048 numbers, of
        PARE 3072, of the lift ``encoder_width``).
    :ivar shape_features: (N, 1536), what PARE regresses shape and camera from; else None.
    :ivar part_logits: (N, 25, 56, 56), where PARE looks (:class:`poco_ros.networks.pare_head.PartFeatures`); else None.
    """

    features: Tensor
    shape_features: Tensor | None = None
    part_logits: Tensor | None = None


@dataclass(frozen=True)
class Prediction:
    """What a network says of a batch of N crops.

    :ivar features: (N, F), see :class:`Encoding`.
    :ivar pose_6d: (N, 144) of CLIFF and HMR, (N, 24, 6) of PARE.
    :ivar rotmat: (N, 24, 3, 3); joint 0 relative to the optical frame (x right, y down, z forward), the others relative
        to their parents.
    :ivar betas: (N, 10), shape coefficients.
    :ivar cam: (N, 3), weak-perspective camera (s, tx, ty) of the crop.
    :ivar sigma: (N, 24), or (N, 24, 3, 3) with nine numbers per joint, or None without uncertainty.
    :ivar steps: what each iteration of CLIFF or HMR added; of PARE None.
    :ivar part_logits: see :class:`Encoding`.
    """

    features: Tensor
    pose_6d: Tensor
    rotmat: Tensor
    betas: Tensor
    cam: Tensor
    sigma: Tensor | None
    steps: IterationSteps | None = None
    part_logits: Tensor | None = None


class PocoModel(nn.Module):  # type: ignore[misc]
    """Regress people's bodies and their uncertainty from crops.

    The state dict has the names, shapes and dtypes of the released checkpoints, less the body model (``smpl.*``).

    :ivar variant: what it is made of.
    :ivar backbone: the image network, or the lift's encoder.
    :ivar head: the regression head.
    :ivar uncert_head: the scale network, or None.
    :ivar flow_head: the flow, of training alone, or None.
    """

    head: PareHead | IterativeHead
    uncert_head: ScaleNetwork | None
    flow_head: ErrorFlow | None

    def __init__(self, variant: Variant) -> None:
        """Build it with random weights.

        :raises ConfigError: when the backbone is not one of timm's, or gives no feature map.
        """
        super().__init__()
        self.variant = variant
        for_parts = variant.regressor == 'pare'
        is_lift = variant.regressor == LIFT
        if is_lift:
            self.backbone = LandmarkEncoder(variant.encoder_width, variant.encoder_blocks)
        else:
            self.backbone = build_backbone(variant.backbone, for_parts=for_parts)
        size: int = self.backbone.num_features
        if for_parts:
            self.head = PareHead(size)
            size = self.head.num_features
        else:
            dropout = _LIFT_DROPOUT if is_lift else RELEASED_DROPOUT
            self.head = IterativeHead(
                size, with_bbox_info=variant.sees_box, hidden=variant.head_hidden, dropout=dropout)
            if is_lift:
                self.head.stand_upright()
        self.uncert_head = None
        if variant.has_uncertainty:
            self.uncert_head = ScaleNetwork(
                size, variant.scale_hidden, inputs=variant.scale_sees, activation=variant.scale_activation,
                sigma_size=variant.sigma_size, multiplier=variant.sigma_multiplier,
            )  # fmt: skip
        self.flow_head = None
        if variant.has_flow:
            self.flow_head = ErrorFlow(
                size, layers=variant.flow_layers, mask=variant.flow_mask, context_size=variant.flow_sees
            )

    def forward(
        self, images: Tensor, bbox_info: Tensor | None = None, scale_pose: Tensor | None = None
    ) -> Prediction:
        """Regress.

        :param images: (N, 3, 224, 224) float32, RGB, normalised by ImageNet's mean and deviation. Of a lift (N, D)
            float32, what was seen of the person (:mod:`poco_ros.regressors.poco_lift.observation`).
        :param bbox_info: (N, 3) float32, where the crop lies in the image (SPEC section 10); CLIFF and the lift need
            it, the others do not take it.
        :param scale_pose: (N, 24, 3, 3), poses for the scale network to judge in place of the predicted ones: the true
            ones of a few people in training. A person with a NaN keeps the predicted pose.
        :raises ConfigError: when bbox_info is missing, or given to a network that does not take it.
        """
        return self.decode(self.encode(images), bbox_info, scale_pose)

    def encode(self, images: Tensor) -> Encoding:
        """Return the image features: nearly all of the work.

        :param images: as of :meth:`forward`.
        """
        if isinstance(self.backbone, LandmarkEncoder):
            return Encoding(self.backbone(images))
        feature_map = self.backbone.forward_features(images)
        if isinstance(self.head, PareHead):
            parts = self.head.pool(feature_map)
            return Encoding(parts.pose, parts.shape, parts.part_logits)
        return Encoding(feature_map.mean(dim=(2, 3)))

    def decode(
        self, encoding: Encoding, bbox_info: Tensor | None = None, scale_pose: Tensor | None = None
    ) -> Prediction:
        """Regress body and sigma from image features.

        :param encoding: from :meth:`encode`.
        :param bbox_info: as of :meth:`forward`.
        :param scale_pose: as of :meth:`forward`.
        :raises ConfigError: when bbox_info is missing, or given to a network that does not take it.
        """
        if (bbox_info is not None) != self.variant.sees_box:
            must = 'needs' if bbox_info is None else 'takes no'
            raise ConfigError(f'the network {self.variant.name!r} ({self.variant.regressor}) {must} bbox_info')
        features = encoding.features
        second = encoding.shape_features if self.variant.regressor == 'pare' else bbox_info
        body = self.head(features, second)
        rotmat = rot6d_to_matrix(body.pose_6d.unflatten(1, (NUM_JOINTS, 6)) if body.pose_6d.ndim == 2 else body.pose_6d)
        sigma = None
        if self.uncert_head is not None:
            sigma = self.uncert_head(features, rotmat if scale_pose is None else _replaced(rotmat, scale_pose))
        return Prediction(
            features, body.pose_6d, rotmat, body.betas, body.cam, sigma, body.steps, encoding.part_logits
        )

    def log_phi(self, features: Tensor, error_over_sigma: Tensor) -> Tensor:
        """Return the flow's log density of pose errors.

        :param features: (M, F), :attr:`Prediction.features` of the people whose true pose is known.
        :param error_over_sigma: (M, 24, 9) or (M, 24, 3, 3), each entry's error divided by sigma.
        :returns: (M, 24).
        :raises ConfigError: when the network has no flow.
        """
        if self.flow_head is None:
            raise ConfigError(f'the network {self.variant.name!r} ({self.variant.formulation}) has no flow')
        return self.flow_head(features, error_over_sigma.flatten(2))

    def inference_parameters(self) -> Iterator[nn.Parameter]:
        """Iterate over the parameters that inference needs: all but the flow's."""
        for name, parameter in self.named_parameters():
            if not name.startswith('flow_head.'):
                yield parameter


def _replaced(rotmat: Tensor, scale_pose: Tensor) -> Tensor:
    """The predicted poses, and in their place the given ones of those people whose pose is given."""
    unknown = scale_pose.isnan().flatten(1).any(dim=1)
    return torch.where(unknown[:, None, None, None], rotmat, scale_pose)
