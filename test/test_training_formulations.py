"""Every formulation with every regressor in both modes: what it is, and that it trains what it should."""

from __future__ import annotations

import dataclasses
import functools
import itertools

import numpy as np
import pytest
import torch
from body_arrays import small_body
from training_goldens import body_model, one_thread  # noqa: F401

from poco_ros.errors import ConfigError
from poco_ros.networks.model import PocoModel
from poco_ros.networks.rotations import axis_angle_to_matrix
from poco_ros.networks.variants import FORMULATIONS, OFFICIAL, REGRESSORS
from poco_ros.training.formulations import MODES, Formulation, formulation
from poco_ros.training.loss_config import LossConfig
from poco_ros.training.objective import Objective
from poco_ros.training.smpl_layer import SmplLayer
from poco_ros.training.targets import Targets

ALL = list(itertools.product(FORMULATIONS, REGRESSORS, MODES))
GT_CONDITIONED = [('cond_scale', 'cliff', 'official'), ('poco', 'cliff', 'official')]
WITH_FLOW = ('nflow', 'cond_scale', 'cond_bdf', 'poco')


@pytest.mark.parametrize('regressor', REGRESSORS)
def test_official_poco_is_the_released_network(regressor):
    made = formulation('poco', regressor, 'official')
    assert made.variant == OFFICIAL[f'poco_{regressor}']
    weights = {'pose': 0.01, 'betas': 0.001, 'kp3d': 5.0, 'kp2d': 2.5, 'cam': 1.0, 'overall': 60.0}
    if regressor == 'cliff':
        expected = LossConfig(flow_term='released', keypoint_space='image', shape=1.0, nf=0.01, conditioned_share=0.25,
                              detached_camera=True, **weights)  # fmt: skip
    else:
        expected = LossConfig(flow_term='released', nf=1e-4, **weights)
    assert made.losses == expected


def test_the_two_conditions():
    sees = {name: formulation(name, 'cliff', 'paper').variant for name in FORMULATIONS}
    assert [sees[name].scale_sees != 'feat' for name in WITH_FLOW] == [False, True, False, True]
    assert [sees[name].flow_sees > 0 for name in WITH_FLOW] == [False, False, True, True]
    assert not sees['none'].has_uncertainty and sees['gauss'].has_uncertainty and not sees['gauss'].has_flow


@pytest.mark.parametrize('arguments', [
    ('pocco', 'cliff', 'paper'), ('poco', 'spin', 'paper'), ('poco', 'cliff', 'norm_flow_res_gauss'),
    ('', 'hmr', 'paper'),
])  # fmt: skip
def test_unknown_names(arguments):
    with pytest.raises(ConfigError, match='must be one of'):
        formulation(*arguments)


@pytest.mark.parametrize('arguments', [('none', 'cliff', 'paper'), ('gauss', 'cliff', 'official')])
def test_sigma_size_that_the_formulation_lacks(arguments):
    with pytest.raises(ConfigError, match='has no 9 sigmas per joint'):
        formulation(*arguments, sigma_size=9)


@pytest.mark.parametrize(('name', 'losses', 'message'), [
    ('gauss', LossConfig(flow_term='density', nf=1e-4), "needs a flow, which 'gauss' has not"),
    ('none', LossConfig(pose_term='gaussian_variance'), 'needs a scale network'),
    ('poco', LossConfig(pose_term='norm_flow_res_gaus'), 'exists for sigma_size 9 alone'),
    ('nflow', LossConfig(conditioned_share=0.25), 'does not look at it'),
])  # fmt: skip
def test_losses_that_the_network_cannot_serve(name, losses, message):
    with pytest.raises(ConfigError, match=message):
        Formulation(formulation(name, 'cliff', 'official').variant, losses)


@functools.cache
def random_body() -> SmplLayer:
    extra = np.random.default_rng(1).dirichlet(np.full(6890, 0.01), 9)
    return SmplLayer(body_model(small_body(num_vertices=6890), posedirs=None), extra)


def random_batch(n: int = 6) -> tuple[torch.Tensor, Targets]:
    generator = torch.Generator().manual_seed(0)
    normal = functools.partial(torch.randn, generator=generator)
    known = torch.arange(n) < n - 1
    truth = Targets(
        rotmat=axis_angle_to_matrix(0.3 * normal(n, 24, 3)), betas=normal(n, 10), has_smpl=known,
        keypoints_2d=normal(n, 49, 3).abs(), joints_3d=normal(n, 24, 4), has_joints_3d=known,
        boxes=torch.tensor([[300.0, 200.0, 150.0]]).expand(n, 3),
        image_size=torch.tensor([[640.0, 480.0]]).expand(n, 2), datasets=('h36m',) * n,
    )  # fmt: skip
    truth.rotmat[-1] = torch.nan
    return normal(n, 3, 64, 64), truth


def small_model(made: Formulation) -> PocoModel:
    torch.manual_seed(0)
    model = PocoModel(made.variant).train()
    for module in model.modules():
        if isinstance(module, torch.nn.BatchNorm2d):
            torch.nn.init.ones_(module.weight)  # timm starts the last of each block at 0, which stops the gradient
    return model


def gradient_norms(model: PocoModel) -> dict[str, float]:
    """The largest gradient of each parameter, 0 where no gradient arrived."""
    return {name: 0.0 if p.grad is None else p.grad.abs().max().item() for name, p in model.named_parameters()}


@pytest.mark.parametrize(('name', 'regressor', 'mode'), ALL)
def test_one_step_trains_what_it_should(name, regressor, mode):
    made = formulation(name, regressor, mode, backbone='test_resnet')
    model, (images, truth) = small_model(made), random_batch()
    bbox_info = torch.zeros(len(images), 3) if regressor == 'cliff' else None
    judge = Objective(made.losses, random_body())
    assert judge.conditioned(truth).any() == ((name, regressor, mode) in GT_CONDITIONED)
    result = judge(model, images, truth, bbox_info)
    result.total.backward()
    assert torch.isfinite(result.total)
    norms = gradient_norms(model)
    assert all(np.isfinite(list(norms.values())))
    trained = {parameter for parameter, norm in norms.items() if norm > 0}
    # the released code lost the Gaussian term, so that its scale network learns nothing
    idle = 'uncert_head.' if (name, mode) == ('gauss', 'official') else 'nothing'
    assert {parameter for parameter in norms if not parameter.startswith(idle)} == trained
    assert any(key.startswith('uncert_head.') for key in norms) == (name != 'none')
    assert any(key.startswith('flow_head.') for key in norms) == (name in WITH_FLOW)
    before = [parameter.clone() for parameter in model.parameters()]
    torch.optim.SGD(model.parameters(), lr=1e-3).step()
    moved = [bool((b != p).any()) for b, p in zip(before, model.parameters(), strict=True)]
    assert sum(moved) > 0.9 * len(trained)


@pytest.mark.parametrize('mode', MODES)
@pytest.mark.parametrize('regressor', REGRESSORS)
def test_the_uncertainty_trains_the_backbone_too(regressor, mode):
    """Neither feature nor pose is detached before scale network and flow."""
    made = formulation('poco', regressor, mode, backbone='test_resnet')
    model, (images, truth) = small_model(made), random_batch()
    model.eval()
    bbox_info = torch.zeros(len(images), 3) if regressor == 'cliff' else None
    judge = Objective(made.losses, random_body())
    terms = judge.pose_terms(model, model(images, bbox_info), truth.rotmat, truth.has_smpl, ~truth.has_smpl)
    terms['nf'].backward()
    norms = gradient_norms(model)
    pose_head = 'head.pose_mlp.weight' if regressor == 'pare' else 'head.decpose.weight'
    first = next(norm for name, norm in norms.items() if name.startswith('backbone.'))
    assert first > 0 and norms[pose_head] > 0
    assert norms['uncert_head.uncert_fc1.weight'] > 0 and norms['flow_head.cond_layer.weight'] > 0


@pytest.mark.parametrize('name', WITH_FLOW)
def test_nine_sigmas_per_joint(name):
    for mode in MODES:
        made = formulation(name, 'hmr', mode, backbone='test_resnet', sigma_size=9)
        model, (images, truth) = small_model(made), random_batch()
        result = Objective(made.losses, random_body())(model, images, truth)
        result.total.backward()
        assert torch.isfinite(result.total) and gradient_norms(model)['uncert_head.uncert_fc1.weight'] > 0


@pytest.mark.parametrize('name', FORMULATIONS)
def test_the_lift_has_a_loss_of_the_body_of_its_own(name: str) -> None:
    """Lengths in place of squares; the same for all formulations, which differ as those of CLIFF do."""
    lift, cliff = (formulation(name, regressor, 'paper').losses for regressor in ('lift', 'cliff'))
    assert (lift.pose_term, lift.flow_term, lift.nf > 0) == (cliff.pose_term, cliff.flow_term, cliff.nf > 0)
    assert lift.nf in (0.0, lift.pose)
    plain = {'pose': 0.0, 'nf': 0.0, 'pose_term': 'mse', 'flow_term': 'none'}
    assert dataclasses.replace(lift, **plain) == formulation('none', 'lift', 'paper').losses
    body = dataclasses.replace(formulation('none', 'cliff', 'paper').losses, joints_term='distance', pose=0.0)
    assert dataclasses.replace(formulation('none', 'lift', 'paper').losses, kp3d=5.0, kp2d=2.5, turn=0.0) == body
