"""One step of the released training on the batch of a network's golden file: loss terms and gradients.

As in the file, dropout is off and batch norm uses its running statistics.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeVar

import numpy as np
import torch

from poco_ros.crops import SCALE_UNIT_PX
from poco_ros.evaluation.parity.comparison import Array
from poco_ros.evaluation.parity.golden import Arrays
from poco_ros.networks.model import Encoding, PocoModel, Prediction
from poco_ros.networks.rotations import axis_angle_to_matrix
from poco_ros.training import losses
from poco_ros.training.formulations import formulation
from poco_ros.training.loss_config import LossConfig
from poco_ros.training.objective import Objective, scale_pose
from poco_ros.training.smpl_layer import SmplLayer
from poco_ros.training.targets import Targets

Part = TypeVar('Part')

#: The golden names of the weighted terms of the loss.
TERMS = {
    'kp2d': 'loss_keypoints', 'kp3d': 'loss_keypoints_3d', 'pose': 'loss_regr_pose', 'betas': 'loss_regr_betas',
    'shape': 'loss_shape', 'cam': 'loss_cam', 'nf': 'loss_nf',
}  # fmt: skip

_COMMON_GRADIENTS = (
    'uncert_head.uncert_fc1.bias', 'flow_head.cond_layer.bias', 'flow_head.flow.t.0.4.bias',
    'flow_head.flow.s.1.4.bias', 'backbone.conv1.weight',
)
GRADIENTS = {
    'cliff': (*_COMMON_GRADIENTS, 'head.deccam.bias', 'head.decpose.bias', 'head.fc1.bias',
              'uncert_head.uncert_fc_poseNet.bias'),
    'pare': (*_COMMON_GRADIENTS, 'head.cam_mlp.bias', 'head.shape_mlp.bias', 'uncert_head.uncert_fc2.bias'),
    'hmr': (*_COMMON_GRADIENTS, 'head.deccam.bias', 'head.decpose.bias', 'head.fc1.bias',
            'uncert_head.uncert_fc2.bias'),
}  # fmt: skip
"""By regressor: the parameters whose gradients a file holds."""
_GRADIENT_ENTRIES = 128
_VERTEX_STRIDE = 530


@dataclass(frozen=True)
class Batch:
    """A file's ground truth, and whose scale network is shown the true pose.

    :ivar regressor: 'cliff', 'pare' or 'hmr'.
    :ivar config: the released losses of that regressor.
    :ivar targets: the truth.
    :ivar conditioned: (N,) bool.
    """

    regressor: str
    config: LossConfig
    targets: Targets
    conditioned: torch.Tensor

    @classmethod
    def of(cls, golden: Arrays, regressor: str) -> Batch:
        """Read the batch of a file."""
        t = {name: torch.from_numpy(golden[name]) for name in (
            'gt_pose_aa', 'gt_betas', 'has_smpl', 'kp2d_crop', 'kp2d_full', 'gt_pose_3d', 'has_pose_3d')}
        config = formulation('poco', regressor, 'official').losses
        boxes = np.column_stack([golden['center_xy'], golden['scale'] * SCALE_UNIT_PX])
        targets = Targets(
            axis_angle_to_matrix(t['gt_pose_aa'].unflatten(1, (24, 3))), t['gt_betas'], t['has_smpl'] > 0,
            t['kp2d_full' if config.keypoint_space == 'image' else 'kp2d_crop'], t['gt_pose_3d'], t['has_pose_3d'] > 0,
            torch.from_numpy(boxes).float(), torch.from_numpy(golden['orig_shape_hw']).flip(1).float(),
            tuple(golden['dataset_name'].tolist()))
        conditioned = targets.conditioned(config.conditioned_dataset, config.conditioned_share)
        return cls(regressor, config, targets, conditioned)

    def predict(self, model: PocoModel, encoding: Encoding, bbox_info: torch.Tensor | None) -> Prediction:
        """Return what the network says in training."""
        shown = scale_pose(self.targets, self.conditioned)
        return model.decode(encoding, bbox_info, None if shown is None else shown.to(encoding.features.dtype))

    def log_phi(self, model: PocoModel, prediction: Prediction) -> torch.Tensor:
        """Return the flow's log density of the errors, (M, 24) of the M samples with a true pose."""
        valid = self.targets.has_smpl
        error = self.targets.rotmat[valid].to(prediction.rotmat.dtype) - prediction.rotmat[valid]
        scaled = losses.released_scaled_error(error, present(prediction.sigma)[valid])
        return model.log_phi(prediction.features[valid], scaled)


def train(
    batch: Batch, model: PocoModel, body: SmplLayer, encoding: Encoding, bbox_info: torch.Tensor | None
) -> dict[str, Array]:
    """Return sigma, flow, loss terms and gradients of one step, and the true bodies, by their golden names.

    :param batch: of the file.
    :param model: in eval mode; its gradients are those of the step afterwards.
    :param body: with the 49 joints.
    :param encoding: of the images, with gradients.
    :param bbox_info: (N, 3), of CLIFF.
    """
    prediction = batch.predict(model, encoding, bbox_info)
    cost = Objective(batch.config, body).losses(model, prediction, batch.targets, batch.conditioned)
    cost.total.backward()
    with torch.no_grad():
        truth = body(batch.targets.rotmat, batch.targets.betas)
        values = {
            'train_sigma': present(prediction.sigma), 'log_phi': batch.log_phi(model, prediction),
            'gt_pose_cond_idx': batch.conditioned.nonzero()[:, 0], 'total_loss': cost.total,
            'synthbody_gt_vertices_every_530': truth.vertices[:, ::_VERTEX_STRIDE],
            'synthbody_gt_joints49': truth.joints_49,
        }
        # A term of weight 0 is not there.
        values |= {golden: cost.terms.get(ours, torch.zeros(())) for ours, golden in TERMS.items()}
        values |= {f'grad_{name}': present(model.get_parameter(name).grad).flatten()[:_GRADIENT_ENTRIES]
                   for name in GRADIENTS[batch.regressor]}
        return {name: value.detach().numpy() for name, value in values.items()}


def present(part: Part | None) -> Part:
    """Return what other networks lack and all golden ones have."""
    if part is None:
        raise ValueError('a golden network has every part: backbone, head, scale network and conditional flow')
    return part
