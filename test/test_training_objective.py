"""Weighted terms, total and gradients of the released models, against the reference data."""

from __future__ import annotations

import dataclasses
import functools

import numpy as np
import pytest
import torch
from body_arrays import small_body
from scipy import stats
from training_goldens import body_model, golden, one_thread, synthetic_layer, targets, tensor  # noqa: F401

from poco_ros.crops import normalise
from poco_ros.errors import ConfigError
from poco_ros.networks.mock_weights import mock_state
from poco_ros.networks.model import Encoding, PocoModel, Prediction
from poco_ros.networks.rotations import axis_angle_to_matrix
from poco_ros.training import losses
from poco_ros.training.formulations import formulation
from poco_ros.training.loss_config import LossConfig
from poco_ros.training.objective import Losses, Objective, scale_pose
from poco_ros.training.smpl_layer import SmplLayer
from poco_ros.training.targets import Targets

TERMS = {'kp2d': 'keypoints', 'kp3d': 'keypoints_3d', 'pose': 'regr_pose', 'betas': 'regr_betas', 'shape': 'shape',
         'cam': 'cam', 'nf': 'nf'}  # fmt: skip
RELATIVE = 1e-4
# Through a whole backbone float32 is no better than this: which side of a ReLU an activation near zero falls on differs
# with the number of threads. The reference gradients themselves are 1e-3 (HMR) and 4e-3 (CLIFF) from float64.
BACKBONE_GRADIENT = 2e-2


@functools.cache
def mock_model(regressor: str, backbone: str | None = None) -> PocoModel:
    model = PocoModel(formulation('poco', regressor, 'official', backbone=backbone).variant).eval()
    model.load_state_dict(mock_state(model, 'A'))
    return model


def objective(shared_dir, regressor: str) -> Objective:
    return Objective(formulation('poco', regressor, 'official').losses, synthetic_layer(shared_dir))


def assert_agrees(got, expected, relative=RELATIVE):
    np.testing.assert_allclose(got, expected, rtol=0, atol=relative * np.abs(expected).max())


def assert_losses_agree(result: Losses, arrays) -> None:
    for name, released in TERMS.items():
        expected = arrays[f'loss_{released}'].item()
        got = result.terms[name].item() if name in result.terms else 0
        assert got == pytest.approx(expected, rel=RELATIVE), name
    assert result.total.item() == pytest.approx(arrays['total_loss'].item(), rel=RELATIVE)


def assert_gradients_agree(model: PocoModel, arrays, without: str = 'nothing') -> None:
    parameters = dict(model.named_parameters())
    names = [key[5:] for key in arrays if key.startswith('grad_') and not key.startswith(f'grad_{without}')]
    assert len(names) >= 7
    for name in names:
        got = parameters[name].grad.flatten()[:128]
        limit = BACKBONE_GRADIENT if name.startswith('backbone.') else RELATIVE
        assert_agrees(got, arrays[f'grad_{name}'], limit)


def assert_flow_agrees(model: PocoModel, prediction: Prediction, truth, arrays) -> None:
    valid = truth.has_smpl
    error = (prediction.rotmat - truth.rotmat)[valid]
    with torch.no_grad():
        assert_agrees(model.flow_head.context(prediction.features), arrays['cond_vector'])
        scaled = losses.released_scaled_error(error, prediction.sigma[valid])
        log_phi = model.log_phi(prediction.features[valid], scaled)
    assert_agrees(log_phi, arrays['log_phi'], 2e-4)


@pytest.mark.shared
def test_cliff(shared_dir):
    """From the image feature on, so that the largest backbone need not run; all gradients but its own."""
    arrays = golden(shared_dir, 'poco_cliff')
    model, judge, truth = mock_model('cliff', 'resnet50'), objective(shared_dir, 'cliff'), targets(arrays, 'image')
    model.zero_grad()
    conditioned = judge.conditioned(truth)
    assert not conditioned.any() and not len(arrays['gt_pose_cond_idx'])
    prediction = model.decode(Encoding(tensor(arrays['uncert_feat'])), tensor(arrays['bbox_info']))
    result = judge.losses(model, prediction, truth, conditioned)
    result.total.backward()
    assert_losses_agree(result, arrays)
    assert_gradients_agree(model, arrays, without='backbone')
    assert_flow_agrees(model, prediction, truth, arrays)


@pytest.mark.shared
def test_pare(shared_dir):
    arrays = golden(shared_dir, 'poco_pare')
    model, judge, truth = mock_model('pare'), objective(shared_dir, 'pare'), targets(arrays, 'crop')
    images = torch.from_numpy(normalise(arrays['img_u8_rgb']))
    with torch.no_grad():
        encoding = model.encode(images)
    prediction = model.decode(encoding)
    result = judge.losses(model, prediction, truth, judge.conditioned(truth))
    result.total.backward()
    assert_losses_agree(result, arrays)
    assert_gradients_agree(model, arrays, without='backbone')
    assert_flow_agrees(model, prediction, truth, arrays)


@pytest.mark.shared
def test_hmr_from_the_image_to_the_first_layer(shared_dir):
    arrays = golden(shared_dir, 'poco_hmr')
    model, truth = mock_model('hmr'), targets(arrays, 'crop')
    images = torch.from_numpy(normalise(arrays['img_u8_rgb']))
    result = objective(shared_dir, 'hmr')(model, images, truth)
    result.total.backward()
    assert_losses_agree(result, arrays)
    assert_gradients_agree(model, arrays)


@pytest.mark.shared
def test_the_scale_network_judges_the_true_pose_of_some(shared_dir):
    arrays = golden(shared_dir, 'loss')
    truth = targets(golden(shared_dir, 'poco_cliff'), 'image')
    doubled = {field.name: getattr(truth, field.name) for field in dataclasses.fields(truth)}
    doubled = {name: torch.cat([value, value]) for name, value in doubled.items() if isinstance(value, torch.Tensor)}
    doubled |= {'rotmat': tensor(arrays['gt_rotmat']), 'has_smpl': torch.from_numpy(arrays['has_smpl']),
                'datasets': tuple(arrays['uh_dataset_name'])}  # fmt: skip
    truth = dataclasses.replace(truth, **doubled)
    conditioned = objective(shared_dir, 'cliff').conditioned(truth)
    assert conditioned.nonzero().flatten().tolist() == arrays['uh_gtcond_idx'].tolist()
    poses, predicted = scale_pose(truth, conditioned), tensor(arrays['pred_rotmat'])
    seen = torch.where(poses.isnan(), predicted, poses)
    scale_network = mock_model('cliff', 'resnet50').uncert_head
    with torch.no_grad():
        assert_agrees(scale_network(tensor(arrays['uh_feat']), predicted), arrays['uh_sigma'])
        assert_agrees(scale_network(tensor(arrays['uh_feat']), seen), arrays['uh_sigma_gtcond'])


@pytest.mark.shared
@pytest.mark.parametrize('detached', [True, False])
def test_the_camera_learns_from_the_whole_image_unless_detached(shared_dir, detached):
    arrays = golden(shared_dir, 'poco_cliff')
    truth, model = targets(arrays, 'image'), mock_model('cliff', 'resnet50')
    only_2d = {name: 0.0 for name in ('pose', 'betas', 'kp3d', 'shape', 'cam')}
    config = LossConfig(keypoint_space='image', detached_camera=detached, **only_2d)
    cam = tensor(arrays['pred_cam']).requires_grad_()
    prediction = model.decode(Encoding(tensor(arrays['uncert_feat'])), tensor(arrays['bbox_info']))
    judge = Objective(config, synthetic_layer(shared_dir))
    judge.losses(model, dataclasses.replace(prediction, cam=cam), truth, ~truth.has_smpl).total.backward()
    assert (cam.grad is None) == detached
    assert detached or (cam.grad != 0).all()


def random_prediction(sigma_size: int) -> tuple[PocoModel, Prediction, torch.Tensor]:
    """A network in float64, what it might have predicted for three people, and the truth."""
    torch.manual_seed(0)
    made = formulation('poco', 'hmr', 'paper', backbone='test_resnet', sigma_size=sigma_size)
    model = PocoModel(made.variant).double().eval()
    rotmat, truth = torch.randn(2, 3, 24, 3, 3, dtype=torch.float64)
    features = torch.randn(3, model.backbone.num_features, dtype=torch.float64)
    sigma = 0.1 + torch.rand(3, 24, *((3, 3) if sigma_size == 9 else ()), dtype=torch.float64)
    return model, Prediction(features, None, rotmat, None, None, sigma), truth


def no_joints(config: LossConfig) -> Objective:
    return Objective(dataclasses.replace(config, kp2d=0.0, kp3d=0.0), SmplLayer(body_model(small_body())))


@pytest.mark.parametrize('sigma_size', [1, 9])
@pytest.mark.parametrize('name', ['gauss', 'nflow'])
def test_paper_terms_are_negative_log_likelihoods(name, sigma_size):
    """Of the samples whose pose is known, by scipy; sigma is a variance without a flow and a scale with one."""
    model, prediction, truth = random_prediction(sigma_size)
    known = torch.tensor([True, False, True])
    truth[1] = torch.nan
    judge = no_joints(formulation(name, 'hmr', 'paper').losses)
    terms = judge.pose_terms(model, prediction, truth, known, ~known)
    error = (truth - prediction.rotmat)[known].numpy()
    sigma = prediction.sigma[known].reshape(2, 24, *((3, 3) if sigma_size == 9 else (1, 1))).numpy()
    scale = np.sqrt(sigma) if name == 'gauss' else sigma
    expected = -stats.norm.logpdf(error, scale=scale).sum((-1, -2)).mean()
    assert terms['pose'].item() == pytest.approx(expected, rel=1e-12)
    assert ('nf' in terms) == (name == 'nflow')
    if name == 'nflow':
        log_phi = model.log_phi(prediction.features[known], torch.from_numpy(error / sigma)).detach().numpy()
        log_scales = np.log(np.broadcast_to(sigma, error.shape)).sum((-1, -2))
        assert terms['nf'].item() == pytest.approx((log_scales - log_phi).mean(), rel=1e-12)


@pytest.mark.parametrize('mode', ['paper', 'official'])
@pytest.mark.parametrize('sigma_size', [1, 9])
def test_gradients_by_finite_differences(mode, sigma_size):
    model, prediction, truth = random_prediction(sigma_size)
    everybody = torch.ones(3, dtype=torch.bool)
    judge = no_joints(formulation('poco', 'hmr', mode, sigma_size=sigma_size).losses)

    def cost(rotmat: torch.Tensor, sigma: torch.Tensor, features: torch.Tensor) -> torch.Tensor:
        changed = dataclasses.replace(prediction, rotmat=rotmat, sigma=sigma, features=features)
        return torch.stack(list(judge.pose_terms(model, changed, truth, everybody, ~everybody).values()))

    inputs = (prediction.rotmat, prediction.sigma, prediction.features)
    assert torch.autograd.gradcheck(cost, tuple(value.requires_grad_() for value in inputs), fast_mode=True)


def test_a_body_without_the_training_joints_is_judged_by_its_own():
    """The terms again in numpy, from the body model; the mesh is not made where no term needs it."""
    body, n = body_model(small_body()), 5
    config = LossConfig(keypoint_space='image', cam=0.0)
    random = np.random.default_rng(3)
    pose, true_pose = 0.4 * random.standard_normal((2, n, 24, 3)).astype(np.float32)
    betas, true_betas = random.standard_normal((2, n, 10)).astype(np.float32)
    boxes, size = np.tile([[260.0, 230.0, 200.0]], (n, 1)), np.tile([[500.0, 400.0]], (n, 1))
    cam = np.tile([[0.9, 0.1, -0.05]], (n, 1))
    true_joints = body.joints(true_pose, true_betas).astype(np.float64)
    keypoints = np.concatenate([random.uniform(0, 400, (n, 24, 2)), random.uniform(size=(n, 24, 1)) > 0.3], -1)
    tensors = [torch.tensor(array, dtype=torch.float32) for array in (betas, cam, keypoints, true_joints, boxes, size)]
    rotmat, true_rotmat = (axis_angle_to_matrix(torch.from_numpy(p)) for p in (pose, true_pose))
    everybody = torch.ones(n) > 0
    truth = Targets(true_rotmat, torch.from_numpy(true_betas), everybody, tensors[2], tensors[3] + 7, everybody,
                    tensors[4], tensors[5])
    prediction = Prediction(torch.zeros(n, 1), torch.zeros(n, 144), rotmat, tensors[0], tensors[1], None)
    terms = Objective(config, SmplLayer(body)).losses(mock_model('hmr'), prediction, truth, ~everybody).terms

    joints = body.joints(pose, betas).astype(np.float64)
    by_hips = [points - points[:, 1:3].mean(1, keepdims=True) for points in (joints, true_joints)]
    assert terms['kp3d'].item() == pytest.approx(5 * np.square(by_hips[0] - by_hips[1]).mean(), rel=1e-4)
    focal = np.hypot(500, 400)
    place = joints + [0.1 + 2 * 10 / 180, -0.05 + 2 * 30 / 180, 2 * focal / 180]
    error = focal * place[..., :2] / place[..., 2:] + [250, 200] - keypoints[..., :2]
    expected = 2.5 * np.mean(keypoints[..., 2:] * np.square(2 * error / [500, 400]) * [2.5, 2.0])
    assert terms['kp2d'].item() == pytest.approx(expected, rel=1e-4)


@pytest.mark.parametrize(('extra', 'count'), [(None, 49), (np.full((9, 6890), 1 / 6890), 24)])
def test_targets_of_other_joints_than_the_body_has(extra, count):
    body = SmplLayer(body_model(small_body(num_vertices=6890)), extra)
    model, everybody = mock_model('hmr'), torch.ones(2) > 0
    truth = Targets(torch.eye(3).expand(2, 24, 3, 3), torch.zeros(2, 10), everybody, torch.zeros(2, count, 3),
                    torch.zeros(2, 24, 3), everybody)
    prediction = model.decode(Encoding(torch.zeros(2, 2048)))
    with pytest.raises(ConfigError, match=f'the body has {73 - count} joints, keypoints_2d of the targets {count}'):
        Objective(LossConfig(), body).losses(model, prediction, truth, ~everybody)


@pytest.mark.shared
def test_missing_parts(shared_dir):
    arrays = golden(shared_dir, 'poco_cliff')
    truth, model = targets(arrays, 'image'), mock_model('cliff', 'resnet50')
    prediction = model.decode(Encoding(tensor(arrays['uncert_feat'])), tensor(arrays['bbox_info']))
    judge, nobody = objective(shared_dir, 'cliff'), ~truth.has_smpl
    with pytest.raises(ConfigError, match='needs boxes and image_size'):
        judge.losses(model, prediction, dataclasses.replace(truth, boxes=None), nobody)
    with pytest.raises(ConfigError, match='no scale network'):
        judge.losses(model, dataclasses.replace(prediction, sigma=None), truth, nobody)
