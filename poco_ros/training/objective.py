"""The training loss of a network: every term weighted and by name, and their total."""

from __future__ import annotations

from dataclasses import dataclass

import torch

from poco_ros.errors import ConfigError
from poco_ros.networks.model import PocoModel, Prediction
from poco_ros.training import cameras, losses
from poco_ros.training.likelihoods import flow_log_density, gaussian_log_density, scaled_error
from poco_ros.training.loss_config import RELEASED_TERMS, LossConfig
from poco_ros.training.smpl_layer import SmplLayer
from poco_ros.training.targets import Targets

_JOINTS_TERMS = {'squared': losses.joints_3d_mse, 'distance': losses.joints_3d_distance}


@dataclass(frozen=True)
class Losses:
    """What one batch costs.

    :param terms: scalars, weighted but not yet multiplied by the overall factor: 'pose', 'turn', 'betas', 'kp3d',
        'kp2d', 'shape', 'cam', 'nf'; terms of weight 0 are absent.
    :param total: scalar, the overall factor times their sum: what to take the gradient of.
    """

    terms: dict[str, torch.Tensor]
    total: torch.Tensor


class Objective:
    """The loss of predictions against the truth, by one configuration.

    :param config: terms and weights.
    :param body: with the 49 training joints, or without: its 24 SMPL joints are judged then, and the mesh is made for
        the shape term alone.
    """

    def __init__(self, config: LossConfig, body: SmplLayer) -> None:
        self.config = config
        self.body = body

    def __call__(
        self, model: PocoModel, images: torch.Tensor, targets: Targets, bbox_info: torch.Tensor | None = None
    ) -> Losses:
        """Run the network on a batch and judge it.

        :param model: the network, in train mode or in eval mode (running statistics, no dropout).
        :param images: (N, 3, 224, 224) float32, normalised.
        :param targets: the truth.
        :param bbox_info: (N, 3) float32, for CLIFF.
        """
        conditioned = self.conditioned(targets)
        prediction = model(images, bbox_info, scale_pose(targets, conditioned))
        return self.losses(model, prediction, targets, conditioned)

    def conditioned(self, targets: Targets) -> torch.Tensor:
        """Return whose scale network is shown the true pose.

        A chosen sample without a true pose keeps its prediction; its sigma enters no loss anyway.

        :returns: (N,) bool.
        """
        chosen = targets.conditioned(self.config.conditioned_dataset, self.config.conditioned_share)
        return chosen.to(targets.has_smpl.device) & targets.has_smpl

    def losses(
        self, model: PocoModel, prediction: Prediction, targets: Targets, conditioned: torch.Tensor
    ) -> Losses:
        """Judge what a network has predicted.

        :param model: the network; its flow is run.
        :param prediction: of the batch.
        :param targets: the truth.
        :param conditioned: (N,) bool, whose sigma was predicted from the true pose.
        """
        terms = self._body_terms(prediction, targets)
        terms |= self.pose_terms(model, prediction, targets.rotmat, targets.has_smpl, conditioned)
        weighted = {name: getattr(self.config, name) * term for name, term in terms.items()}
        return Losses(weighted, self.config.overall * torch.stack(list(weighted.values())).sum())

    def pose_terms(
        self,
        model: PocoModel,
        prediction: Prediction,
        rotmat: torch.Tensor,
        valid: torch.Tensor,
        conditioned: torch.Tensor,
    ) -> dict[str, torch.Tensor]:
        """Return the terms that sigma and the flow are trained with: 'pose' and 'nf', unweighted.

        :param model: the network; its flow is run.
        :param prediction: of the batch.
        :param rotmat: (N, 24, 3, 3), the true pose.
        :param valid: (N,) bool, where it is known.
        :param conditioned: (N,) bool, whose sigma was predicted from it.
        """
        sigma = prediction.sigma
        terms: dict[str, torch.Tensor] = {}
        if self.config.pose > 0 and self.config.pose_term in RELEASED_TERMS:
            terms['pose'] = losses.released_pose_loss(
                self.config.pose_term, prediction.rotmat, rotmat, sigma, valid, conditioned
            )
        elif self.config.pose > 0:
            spread = losses.per_entry(_known(sigma)[valid])
            variance = spread if self.config.pose_term == 'gaussian_variance' else spread**2
            error = rotmat[valid] - prediction.rotmat[valid]
            terms['pose'] = -losses.mean(gaussian_log_density(error, variance))
        if self.config.nf > 0:
            terms['nf'] = self._flow_term(model, prediction, rotmat, valid)
        return terms

    def _flow_term(
        self, model: PocoModel, prediction: Prediction, rotmat: torch.Tensor, valid: torch.Tensor
    ) -> torch.Tensor:
        sigma, features = _known(prediction.sigma)[valid], prediction.features[valid]
        error = rotmat[valid] - prediction.rotmat[valid]
        if self.config.flow_term == 'released':
            log_phi = model.log_phi(features, losses.released_scaled_error(error, sigma))
            return losses.released_flow_loss(sigma, log_phi)
        scale = losses.per_entry(sigma)
        return -losses.mean(flow_log_density(model.log_phi(features, scaled_error(error, scale)), scale))

    def _body_terms(self, prediction: Prediction, targets: Targets) -> dict[str, torch.Tensor]:
        """'kp2d', 'kp3d', 'turn', 'betas', 'shape' and 'cam', unweighted, those of weight 0 left out."""
        config, valid = self.config, targets.has_smpl
        joints, vertices = self._posed(prediction)
        terms: dict[str, torch.Tensor] = {}
        if config.kp2d > 0:
            terms['kp2d'] = self._keypoint_term(prediction.cam, _matching(joints, targets), targets)
        if config.kp3d > 0:
            terms['kp3d'] = _JOINTS_TERMS[config.joints_term](joints, targets.joints_3d, targets.has_joints_3d)
        if config.turn > 0:
            terms['turn'] = losses.turn_distance(prediction.rotmat, targets.rotmat, valid)
        if config.betas > 0:
            terms['betas'] = losses.betas_mse(prediction.betas, targets.betas, valid)
        if config.shape > 0:
            with torch.no_grad():
                true_body = self.body(targets.rotmat[valid], targets.betas[valid])
            terms['shape'] = losses.vertices_l1(vertices[valid], true_body.vertices)
        if config.cam > 0:
            terms['cam'] = losses.camera_term(prediction.cam)
        return terms

    def _posed(self, prediction: Prediction) -> tuple[torch.Tensor, torch.Tensor]:
        """The joints that are judged, (N, 49 or 24, 3), and the vertices, or none of them where no term needs them."""
        rotmat, betas = prediction.rotmat, prediction.betas
        if not self.body.has_training_joints and self.config.shape == 0:
            return self.body.joints(rotmat, betas), rotmat.new_empty(len(rotmat), 0, 3)
        body = self.body(rotmat, betas)
        return body.joints if body.joints_49 is None else body.joints_49, body.vertices

    def _keypoint_term(self, cam: torch.Tensor, joints: torch.Tensor, targets: Targets) -> torch.Tensor:
        if self.config.keypoint_space == 'crop':
            points = cameras.project_to_crop(joints, cameras.crop_translation(cam))
            return losses.keypoints_crop_mse(points, targets.keypoints_2d)
        if targets.boxes is None or targets.image_size is None:
            raise ConfigError('the 2D loss in the whole image needs boxes and image_size in the targets')
        cam = cam.detach() if self.config.detached_camera else cam
        translation = cameras.image_translation(cam, targets.boxes, targets.image_size)
        points = cameras.project_to_image(joints, translation, targets.image_size)
        return losses.keypoints_image_mse(points, targets.keypoints_2d, targets.boxes, targets.image_size)


def scale_pose(targets: Targets, conditioned: torch.Tensor) -> torch.Tensor | None:
    """Return the poses to put before the scale network in place of the predicted ones.

    :param targets: the truth.
    :param conditioned: (N,) bool.
    :returns: (N, 24, 3, 3), NaN for who keeps the predicted pose; None when all do.
    """
    if not bool(conditioned.any()):
        return None
    return torch.where(conditioned[:, None, None, None], targets.rotmat, torch.nan)


def _matching(joints: torch.Tensor, targets: Targets) -> torch.Tensor:
    if joints.shape[1] != targets.keypoints_2d.shape[1]:
        raise ConfigError(f'the body has {joints.shape[1]} joints, keypoints_2d of the targets '
                          f'{targets.keypoints_2d.shape[1]}: make the SmplLayer with J_regressor_extra for the 49 '
                          'training joints, without it for the 24 SMPL joints')
    return joints


def _known(tensor: torch.Tensor | None) -> torch.Tensor:
    if tensor is None:
        raise ConfigError('the loss needs sigma, but the network has no scale network: take the losses and the network '
                          'of one formulation')
    return tensor
