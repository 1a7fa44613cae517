"""``eval.npz``: MPJPE, PA-MPJPE, PVE and PCC."""

from __future__ import annotations

import numpy as np
import torch

from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.evaluation import metrics
from poco_ros.evaluation.parity.comparison import GENERAL
from poco_ros.evaluation.parity.golden import Arrays, Context, GoldenFile, Input, Output
from poco_ros.networks.uncertainty import accumulate


def _compute(golden: Arrays, context: Context) -> Arrays:
    predicted, target = golden['pred_j14'], golden['gt_j14']
    true_rotmats = axis_angle_to_matrix(golden['pcc_gt_pose_aa'].reshape(-1, 24, 3))
    errors = metrics.rotation_errors(golden['pcc_pred_rotmat'], true_rotmats)
    accumulated = accumulate(torch.from_numpy(golden['pcc_uncert'])).numpy()
    r, p = metrics.pcc(golden['pcc_uncert'], errors)
    return {
        'mpjpe': metrics.mpjpe(predicted, target),
        'mpjpe_per_joint': metrics.point_errors(predicted, target),
        'pampjpe': metrics.pa_mpjpe(predicted, target),
        'pampjpe_per_joint': metrics.pa_point_errors(predicted, target),
        'pve': metrics.pve(golden['verts_pred'], golden['verts_gt']),
        'pcc_dist': errors,
        'pcc_r': np.array([r]),
        'pcc_p': np.array([p]),
        'pcc_uncert_kin': accumulated,
        'pcc_r_kin': np.array([metrics.pcc(accumulated, errors)[0]]),
    }


FILE = GoldenFile(
    'eval.npz',
    inputs={
        'pred_j14': Input('float32', ('N', 14, 3)), 'gt_j14': Input('float32', ('N', 14, 3)),
        'verts_pred': Input('float32', ('N', 'V', 3)), 'verts_gt': Input('float32', ('N', 'V', 3)),
        'pcc_pred_rotmat': Input('float32', ('N', 24, 3, 3)), 'pcc_gt_pose_aa': Input('float32', ('N', 72)),
        'pcc_uncert': Input('float32', ('N', 24)),
    },
    outputs={
        **{name: Output(GENERAL) for name in (
            'mpjpe', 'mpjpe_per_joint', 'pampjpe', 'pampjpe_per_joint', 'pve', 'pcc_dist', 'pcc_uncert_kin')},
        **{name: Output(GENERAL, 'float64') for name in ('pcc_r', 'pcc_p', 'pcc_r_kin')},
    },
    compute=_compute,
)
