"""``loss.npz``: each term of the loss by itself, and the scale network with and without the true pose."""

from __future__ import annotations

import itertools

import torch

from poco_ros.crops import SCALE_UNIT_PX
from poco_ros.evaluation.parity.comparison import EXACT, GENERAL, ROTATION
from poco_ros.evaluation.parity.golden import Arrays, Context, GoldenFile, Input, Output
from poco_ros.evaluation.parity.weights import filled
from poco_ros.networks.rotations import axis_angle_to_matrix
from poco_ros.networks.scale_network import ScaleNetwork
from poco_ros.networks.variants import OFFICIAL
from poco_ros.training import losses
from poco_ros.training.formulations import formulation
from poco_ros.training.objective import scale_pose
from poco_ros.training.targets import Targets

#: Loss names of the released code, and the pose term that each stands for with nine sigmas per joint; with one per
#: joint it is always the squared error.
_POSE_TERMS = {
    'norm_flow_res_gaus': 'norm_flow_res_gaus', 'norm_flow_res': 'norm_flow_res',
    'norm_flow_res_gauss': None, 'gauss_sigma': None,
}
_SIGMAS = {'s24': 'sigma24', 's9': 'sigma24x3x3'}
_CONDITIONED = ('nocond', 'cond')
_FEATURES = 2048


def _tensors(golden: Arrays) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(array) for name, array in golden.items() if array.dtype.kind != 'U'}


def _pose_terms(t: dict[str, torch.Tensor], true_rotmat: torch.Tensor) -> Arrays:
    seen = torch.zeros_like(t['has_smpl'])
    seen[t['gt_cond_idx']] = True
    computed = {}
    for name, size, conditioned in itertools.product(_POSE_TERMS, _SIGMAS, _CONDITIONED):
        term = 'mse' if size == 's24' else _POSE_TERMS[name]
        loss = losses.released_pose_loss(
            term, t['pred_rotmat'], true_rotmat, t[_SIGMAS[size]], t['has_smpl'],
            seen if conditioned == 'cond' else None)
        # Where the released code knows no term it starts from a vector of one zero.
        computed[f'pose_{name}_{size}_{conditioned}'] = loss.numpy().reshape((1,) if term is None else ())
    return computed


def _plain_terms(t: dict[str, torch.Tensor], true_rotmat: torch.Tensor) -> Arrays:
    valid = t['has_smpl']
    side = t['full_scale'] * SCALE_UNIT_PX
    boxes = torch.stack([torch.zeros_like(side), torch.zeros_like(side), side], 1)
    image_size = t['full_orig_shape_hw'].flip(1).float()
    terms = {
        'plain_pose_mse': losses.mse((t['pred_rotmat'] - true_rotmat)[valid]),
        'nf_term_unweighted': losses.released_flow_loss(t['sigma24'][valid], t['log_phi']),
        'kp2d_loss_mean': losses.keypoints_crop_mse(t['pred_kp2d'], t['gt_kp2d']),
        'kp2d_fullimg_loss_mean': losses.keypoints_image_mse(
            t['full_pred_kp2d_px'], t['full_gt_kp2d_px'], boxes, image_size),
        'kp3d_loss': losses.joints_3d_mse(t['pred_joints49'], t['gt_pose3d_24x4'], t['has_pose_3d']),
        'cam_loss': losses.camera_term(t['pred_cam']),
        'shape_l1': losses.vertices_l1(t['verts_pred'][valid], t['verts_gt'][valid]),
    }
    betas = losses.betas_mse(t['pred_betas'], t['gt_betas'], valid)
    terms |= dict.fromkeys(_BETAS, betas)
    return {name: value.numpy() for name, value in terms.items()}


def _scale_network(golden: Arrays, t: dict[str, torch.Tensor], true_rotmat: torch.Tensor, base: str) -> Arrays:
    variant = OFFICIAL['poco_cliff']
    network = filled(
        ScaleNetwork(_FEATURES, variant.scale_hidden, inputs=variant.scale_sees, activation=variant.scale_activation),
        'uncert_head', base)
    targets = Targets(
        true_rotmat, t['gt_betas'], t['has_smpl'], t['gt_kp2d'], t['gt_pose3d_24x4'], t['has_pose_3d'],
        datasets=tuple(golden['uh_dataset_name'].tolist()))
    config = formulation('poco', 'cliff', 'official').losses
    seen = targets.conditioned(config.conditioned_dataset, config.conditioned_share)
    shown = scale_pose(targets, seen)
    judged = t['pred_rotmat'] if shown is None else torch.where(shown.isnan(), t['pred_rotmat'], shown)
    return {
        'uh_sigma': network(t['uh_feat'], t['pred_rotmat']).numpy(),
        'uh_sigma_gtcond': network(t['uh_feat'], judged).numpy(),
        'uh_gtcond_idx': seen.nonzero()[:, 0].numpy(),
    }


def _compute(golden: Arrays, context: Context) -> Arrays:
    t = _tensors(golden)
    true_rotmat = axis_angle_to_matrix(t['gt_pose_aa'].unflatten(1, (24, 3)))
    with torch.no_grad():
        return {
            'gt_rotmat': true_rotmat.numpy(), **_pose_terms(t, true_rotmat), **_plain_terms(t, true_rotmat),
            **_scale_network(golden, t, true_rotmat, context.base),
        }


_CASES = [f'{name}_{size}_{conditioned}'
          for name, size, conditioned in itertools.product(_POSE_TERMS, _SIGMAS, _CONDITIONED)]
_BETAS = [*(f'betas_{case}' for case in _CASES), 'plain_betas_mse']
_INPUTS = {
    'pred_rotmat': ('N', 24, 3, 3), 'gt_pose_aa': ('N', 72), 'pred_betas': ('N', 10), 'gt_betas': ('N', 10),
    'sigma24': ('N', 24), 'sigma24x3x3': ('N', 24, 3, 3), 'log_phi': ('M', 24), 'pred_kp2d': ('N', 49, 2),
    'gt_kp2d': ('N', 49, 3), 'full_scale': ('N',), 'full_pred_kp2d_px': ('N', 49, 2), 'full_gt_kp2d_px': ('N', 49, 3),
    'pred_joints49': ('N', 49, 3), 'gt_pose3d_24x4': ('N', 24, 4), 'pred_cam': ('N', 3), 'verts_pred': ('N', 'V', 3),
    'verts_gt': ('N', 'V', 3), 'uh_feat': ('N', _FEATURES),
}  # fmt: skip

FILE = GoldenFile(
    'loss.npz',
    inputs={
        **{name: Input('float32', shape) for name, shape in _INPUTS.items()},
        'full_orig_shape_hw': Input('float64', ('N', 2)), 'has_smpl': Input('bool', ('N',)),
        'has_pose_3d': Input('bool', ('N',)), 'gt_cond_idx': Input('int64', ('K',)),
        'uh_dataset_name': Input('str', ('N',)),
    },
    outputs={
        'gt_rotmat': Output(ROTATION),
        **{name: Output(GENERAL) for name in (
            *(f'pose_{case}' for case in _CASES), *_BETAS, 'plain_pose_mse', 'nf_term_unweighted', 'kp2d_loss_mean',
            'kp2d_fullimg_loss_mean', 'kp3d_loss', 'cam_loss', 'shape_l1', 'uh_sigma', 'uh_sigma_gtcond')},
        'uh_gtcond_idx': Output(EXACT, 'int64'),
    },
    compute=_compute,
)
