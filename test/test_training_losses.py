"""The released loss terms, one by one, against the reference data; and what they make of missing truth."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from scipy.spatial.transform import Rotation
from training_goldens import golden, tensor

from poco_ros.training import losses

NAMES = {'norm_flow_res_gaus': 'norm_flow_res_gaus', 'norm_flow_res': 'norm_flow_res',
         'norm_flow_res_gauss': None, 'gauss_sigma': None}  # fmt: skip


@pytest.fixture(scope='module')
def arrays(shared_dir):
    return golden(shared_dir, 'loss')


def mask(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(array > 0)


def assert_agrees(got: torch.Tensor, expected: np.ndarray) -> None:
    assert got.shape == ()
    assert got.item() == pytest.approx(expected.item(), rel=1e-5, abs=1e-7)


@pytest.mark.shared
@pytest.mark.parametrize('cond', ['nocond', 'cond'])
@pytest.mark.parametrize('sigma', ['s24', 's9'])
@pytest.mark.parametrize('name', NAMES)
def test_pose(arrays, name, sigma, cond):
    pred, target, valid = tensor(arrays['pred_rotmat']), tensor(arrays['gt_rotmat']), mask(arrays['has_smpl'])
    conditioned = torch.zeros_like(valid)
    if cond == 'cond':
        conditioned[torch.from_numpy(arrays['gt_cond_idx'])] = True
    term = 'mse' if sigma == 's24' else NAMES[name]
    values = tensor(arrays['sigma24' if sigma == 's24' else 'sigma24x3x3'])
    got = losses.released_pose_loss(term, pred, target, values, valid, conditioned)
    assert_agrees(got, arrays[f'pose_{name}_{sigma}_{cond}'])
    betas = losses.betas_mse(tensor(arrays['pred_betas']), tensor(arrays['gt_betas']), valid)
    assert_agrees(betas, arrays[f'betas_{name}_{sigma}_{cond}'])


@pytest.mark.shared
def test_pose_without_sigma(arrays):
    pred, target, valid = tensor(arrays['pred_rotmat']), tensor(arrays['gt_rotmat']), mask(arrays['has_smpl'])
    assert_agrees(losses.released_pose_loss('mse', pred, target, None, valid), arrays['plain_pose_mse'])


@pytest.mark.shared
def test_body(arrays):
    valid = mask(arrays['has_smpl'])
    vertices = losses.vertices_l1(tensor(arrays['verts_pred'])[valid], tensor(arrays['verts_gt'])[valid])
    assert_agrees(vertices, arrays['shape_l1'])
    joints = tensor(arrays['pred_joints49']), tensor(arrays['gt_pose3d_24x4'])
    assert_agrees(losses.joints_3d_mse(*joints, mask(arrays['has_pose_3d'])), arrays['kp3d_loss'])
    assert_agrees(losses.camera_term(tensor(arrays['pred_cam'])), arrays['cam_loss'])


def test_lengths_of_errors():
    """The mean of the lengths in numpy, one person left out; where all is right neither term is steep or NaN."""
    rng = np.random.default_rng(4)
    joints, target = rng.normal(size=(2, 5, 24, 3)).astype(np.float32)
    target[2], valid = np.nan, torch.arange(5) != 2
    kept = [p[valid.numpy()] for p in (joints, target)]
    ours, true = (p - p[:, 1:3].mean(axis=1, keepdims=True) for p in kept)
    got = losses.joints_3d_distance(torch.from_numpy(joints), torch.from_numpy(target), valid)
    assert got.item() == pytest.approx(np.linalg.norm(ours - true, axis=-1).mean(), rel=1e-5)

    angles = rng.uniform(0.1, 3.0, (5, 24))
    axes = rng.normal(size=(5, 24, 3))
    axes *= (angles / np.linalg.norm(axes, axis=-1))[..., None]
    turns = Rotation.from_rotvec(axes.reshape(-1, 3))
    start = Rotation.random(5 * 24, rng=rng)
    first, second = (torch.tensor(r.as_matrix().reshape(5, 24, 3, 3)) for r in (start, turns * start))
    got = losses.turn_distance(first, second, valid)
    assert got.item() == pytest.approx(np.sqrt(8) * np.sin(angles[valid.numpy()] / 2).mean(), rel=1e-6)

    same = first.clone().requires_grad_()
    losses.turn_distance(same, first, valid).backward()
    losses.joints_3d_distance(same[..., 0], first[..., 0], valid).backward()
    assert same.grad.abs().max() == 0
    nobody = torch.zeros(5, dtype=torch.bool)
    assert losses.joints_3d_distance(torch.from_numpy(joints), torch.from_numpy(target), nobody) == 0


@pytest.mark.shared
def test_keypoints(arrays):
    crop = losses.keypoints_crop_mse(tensor(arrays['pred_kp2d']), tensor(arrays['gt_kp2d']))
    assert_agrees(crop, arrays['kp2d_loss_mean'])
    boxes = torch.zeros(8, 3)
    boxes[:, 2] = 200 * tensor(arrays['full_scale'])
    size = tensor(arrays['full_orig_shape_hw'][:, ::-1])
    image = losses.keypoints_image_mse(
        tensor(arrays['full_pred_kp2d_px']), tensor(arrays['full_gt_kp2d_px']), boxes, size
    )
    assert_agrees(image, arrays['kp2d_fullimg_loss_mean'])


@pytest.mark.shared
def test_flow(arrays):
    sigma = tensor(arrays['sigma24'])[mask(arrays['has_smpl'])]
    got = losses.released_flow_loss(sigma, tensor(arrays['log_phi']))
    assert_agrees(got, arrays['nf_term_unweighted'])


def test_scaled_error():
    error = torch.tensor([[-0.2, 0.4, 0.0], [0.1, -0.1, 0.3], [0.0, 0.0, -0.5]]).expand(2, 24, 3, 3)
    got = losses.released_scaled_error(error, torch.full((2, 24), 0.5))
    np.testing.assert_allclose(got[1, 23], [0.4, 0.8, 0, 0.2, 0.2, 0.6, 0, 0, 1], atol=1e-6)
    by_entry = torch.arange(1.0, 10).reshape(3, 3).expand(2, 24, 3, 3)
    got = losses.released_scaled_error(error, by_entry)
    np.testing.assert_allclose(got[0, 0], np.abs(error[0, 0].flatten().numpy()) / np.arange(1, 10), rtol=1e-6)


def test_a_batch_without_truth_costs_nothing():
    """Where the released code gives a vector of zeros, or NaN."""
    pred = torch.randn(3, 24, 3, 3, requires_grad=True)
    unknown, nobody = torch.full((3, 24, 3, 3), torch.nan), torch.zeros(3, dtype=torch.bool)
    sigma = torch.rand(3, 24, 3, 3)
    for term in losses.RELEASED_POSE_TERMS:
        assert losses.released_pose_loss(term, pred, unknown, sigma, nobody) == 0
    joints = torch.randn(3, 49, 3, requires_grad=True)
    keypoints = torch.full((3, 49, 3), torch.nan)
    keypoints[..., 2] = 0
    total = losses.joints_3d_mse(joints, unknown[..., 0], nobody)
    total = total + losses.betas_mse(pred[:, 0, 0], unknown[:, 0, 0], nobody)
    total = total + losses.keypoints_crop_mse(joints[..., :2], keypoints)
    total = total + losses.released_flow_loss(sigma[nobody], sigma[nobody].sum((-1, -2)))
    assert total == 0
    total.backward()
    assert not joints.grad.any()


def test_an_unseen_keypoint_leaves_the_others_alone():
    pred = torch.randn(1, 49, 2, requires_grad=True)
    target = torch.randn(1, 49, 3)
    target[0, :, 2] = 1
    target[0, 30] = torch.tensor([torch.nan, torch.nan, 0.0])
    losses.keypoints_crop_mse(pred, target).backward()
    expected = 2 * (pred.detach() - target[..., :2]) / 98
    expected[0, :25] = 0
    expected[0, 30] = 0
    torch.testing.assert_close(pred.grad, expected)


def test_the_flow_term_of_a_vanishing_sigma_is_finite():
    sigma = torch.zeros(1, 24, requires_grad=True)
    loss = losses.released_flow_loss(sigma, torch.zeros(1, 24))
    loss.backward()
    assert torch.isfinite(loss) and torch.isfinite(sigma.grad).all()
