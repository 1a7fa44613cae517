"""Golden-like ``loss`` arrays of other seeds and sizes, by numpy."""

from __future__ import annotations

import itertools

import numpy as np
from parity_sets import Arrays, Fill, f32, matrices


def loss(seed: int, fill: Fill) -> Arrays:
    """As SPEC section 9 says in words."""
    rng = np.random.default_rng(seed)
    n = 6
    aa = rng.normal(0, 0.4, (n, 72)).astype(f32)
    true, predicted = (matrices(a).reshape(n, 24, 3, 3) for a in (aa, aa + rng.normal(0, 0.3, (n, 72))))
    predicted = predicted.astype(f32).astype(float)
    betas = rng.normal(size=(2, n, 10)).astype(f32)
    valid = np.array([True, False, True, True, True, False])
    sigma, sigma9 = (rng.uniform(0.05, 0.95, shape).astype(f32) for shape in ((n, 24), (n, 24, 3, 3)))
    seen = np.zeros(n, bool)
    seen[[1, 2]] = True
    arrays = {
        'pred_rotmat': predicted.astype(f32), 'gt_pose_aa': aa, 'gt_rotmat': true.astype(f32),
        'pred_betas': betas[0], 'gt_betas': betas[1], 'has_smpl': valid, 'sigma24': sigma, 'sigma24x3x3': sigma9,
        'gt_cond_idx': np.array([1, 2]), 'log_phi': rng.normal(-10, 3, (4, 24)).astype(f32),
    }  # fmt: skip
    betas_loss = np.mean((betas[0] - betas[1])[valid] ** 2)
    for name, size, condition in itertools.product(
            ('norm_flow_res_gaus', 'norm_flow_res', 'norm_flow_res_gauss', 'gauss_sigma'), ('s24', 's9'),
            ('nocond', 'cond')):
        shown = seen & (condition == 'cond')
        scale = (sigma if size == 's24' else sigma9).astype(float)
        value = _pose(name, size, predicted - true, scale, valid & ~shown)
        if condition == 'cond':
            value = value + np.mean((predicted - true)[valid & shown] ** 2) + scale[valid & shown].mean()
        arrays[f'pose_{name}_{size}_{condition}'] = np.asarray(value, f32)
        arrays[f'betas_{name}_{size}_{condition}'] = np.asarray(betas_loss, f32)
    arrays |= {
        'plain_pose_mse': np.mean((predicted - true)[valid] ** 2), 'plain_betas_mse': betas_loss,
        'nf_term_unweighted': np.mean(np.log(sigma[valid]) - arrays['log_phi']),
    }
    arrays |= _joints(rng, n, valid) | _scale_network(rng, arrays, fill)
    return {name: array.astype(f32) if np.asarray(array).dtype == float and name != 'full_orig_shape_hw'
            else np.asarray(array) for name, array in arrays.items()}


def _pose(name: str, size: str, error: np.ndarray, sigma: np.ndarray, rows: np.ndarray) -> object:
    e, v = error[rows], sigma[rows]
    if size == 's24':
        return np.mean(e**2)
    if name == 'norm_flow_res_gaus':
        return 0.5 * np.mean(e**2 / v + np.log(v))
    if name == 'norm_flow_res':
        return np.mean(np.log(v) + 0.5 * np.log(2 * np.pi) + np.abs(e) / (np.sqrt(2) * v))
    return np.zeros(1)


def _joints(rng: np.random.Generator, n: int, valid: np.ndarray) -> Arrays:
    counted = np.repeat([0, 1], [25, 24])
    crop, crop_true = rng.normal(0, 0.6, (n, 49, 2)), np.dstack([rng.normal(0, 0.6, (n, 49, 2)), rng.random((n, 49))])
    size, scale = rng.uniform(300, 900, (n, 2)), rng.uniform(0.5, 3, n)
    full = rng.uniform(0, 900, (n, 49, 2))
    full_true = np.dstack([full + rng.normal(0, 30, full.shape), rng.random((n, 49))])
    wh = size[:, None, ::-1]
    off = (2 * (full - full_true[..., :2]) / wh) ** 2 * wh / (200 * scale[:, None, None])
    joints, joints_true = rng.normal(size=(n, 49, 3)), rng.normal(size=(n, 24, 4))
    known = np.array([False, True, True, True, False, False])
    p, t = joints[known, 25:], joints_true[known, :, :3]
    p, t = (x - x[:, 2:4].mean(1, keepdims=True) for x in (p, t))
    cam, vertices = rng.normal(0.4, 0.3, (n, 3)), rng.normal(size=(2, n, 13, 3))
    return {
        'pred_kp2d': crop, 'gt_kp2d': crop_true, 'full_orig_shape_hw': size, 'full_scale': scale,
        'kp2d_loss_mean': np.mean((counted * crop_true[..., 2])[..., None] * (crop - crop_true[..., :2]) ** 2),
        'full_pred_kp2d_px': full, 'full_gt_kp2d_px': full_true,
        'kp2d_fullimg_loss_mean': np.mean((counted * full_true[..., 2])[..., None] * off),
        'pred_joints49': joints, 'gt_pose3d_24x4': joints_true, 'has_pose_3d': known,
        'kp3d_loss': np.mean((p - t) ** 2),
        'pred_cam': cam, 'cam_loss': 0.016 * np.mean(np.exp(-20 * cam[:, 0])), 'verts_pred': vertices[0],
        'verts_gt': vertices[1], 'shape_l1': np.abs(vertices[0] - vertices[1])[valid].mean(),
    }


def _scale_network(rng: np.random.Generator, arrays: Arrays, fill: Fill) -> Arrays:
    def linear(x: np.ndarray, name: str, outputs: int) -> np.ndarray:
        weight = fill(f'uncert_head.uncert_{name}.weight', (outputs, x.shape[1]))
        return 1 / (1 + np.exp(-(x @ weight.T + fill(f'uncert_head.uncert_{name}.bias', (outputs,)))))

    def sigma(pose: np.ndarray) -> np.ndarray:
        branches = [linear(features, 'fc_featNet', 216), linear(pose.reshape(6, 216), 'fc_poseNet', 216)]
        return linear(np.hstack(branches), 'fc1', 24)

    features = rng.uniform(0, 0.7, (6, 2048)).astype(f32).astype(float)
    judged = arrays['pred_rotmat'].astype(float)
    shown = judged.copy()
    shown[2] = arrays['gt_rotmat'][2]
    # Four of h36m: the first one is shown the true pose.
    return {
        'uh_feat': features, 'uh_dataset_name': np.array(['3dpw', 'lspet', 'h36m', 'h36m', 'h36m', 'h36m']),
        'uh_sigma': sigma(judged), 'uh_sigma_gtcond': sigma(shown), 'uh_gtcond_idx': np.array([2]),
    }
