"""The lift's network: standardised observations in, the same kind of prediction out as the image networks give."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from lift_networks import TINY_LIFT, lift_model

from poco_ros.body.rotations import rot6d_to_matrix
from poco_ros.errors import ConfigError
from poco_ros.networks.landmark_encoder import LandmarkEncoder
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import FORMULATIONS, OFFICIAL, POCO_LIFT, Variant
from poco_ros.regressors.poco_lift.observation import VIEW, D
from poco_ros.training.formulations import formulation


def observations(n: int = 5, seed: int = 1) -> tuple[torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(n, D, generator=generator), torch.randn(n, 3, generator=generator)


@torch.no_grad()
def test_standardising_makes_units_irrelevant() -> None:
    torch.manual_seed(0)
    plain, told = LandmarkEncoder(16, 2).eval(), LandmarkEncoder(16, 2).eval()
    told.load_state_dict(plain.state_dict())
    mean, std = torch.randn(D), 0.1 + 5 * torch.rand(D)
    told.set_statistics(mean, std)
    seen = observations()[0]
    torch.testing.assert_close(told(seen * std + mean), plain(seen), rtol=1e-3, atol=1e-4)


@torch.no_grad()
def test_what_never_varied_and_what_is_far_out_gives_no_infinity() -> None:
    torch.manual_seed(0)
    encoder = LandmarkEncoder(16, 1).eval()
    encoder.set_statistics(torch.zeros(D), torch.zeros(D))
    assert torch.isfinite(encoder(1e30 * observations()[0])).all()
    torch.testing.assert_close(encoder(torch.full((1, D), 1e4)), encoder(torch.full((1, D), 1e9)))


@torch.no_grad()
def test_a_new_lift_says_that_people_stand_upright_and_face_the_camera() -> None:
    found = PocoModel(POCO_LIFT).eval()(*observations())
    assert (found.rotmat.shape, found.betas.shape, found.sigma.shape) == ((5, 24, 3, 3), (5, 10), (5, 24))
    assert found.features.shape == (5, 512) and found.steps is not None
    # The model's y (up) comes to point up in the picture (-y), its z (forward) towards the camera.
    assert (found.rotmat[:, 0, 1, 1] < -0.9).all() and (found.rotmat[:, 0, 2, 2] < -0.9).all()
    assert (found.cam[:, 0] > 0.5).all()


@torch.no_grad()
def test_the_mean_is_where_the_iterations_start() -> None:
    model = lift_model()
    rotmat = torch.from_numpy(rot6d_to_matrix(np.random.default_rng(0).normal(size=(24, 6)).astype(np.float32)))
    model.head.set_mean(rotmat, torch.arange(10.0), torch.tensor([0.7, 0.1, -0.1]))
    found = model(*observations())
    first = found.betas - found.steps.shape.sum(1)
    torch.testing.assert_close(first, torch.arange(10.0).expand(5, -1), atol=1e-5, rtol=0)
    start = (found.pose_6d - found.steps.pose.sum(1))[0].unflatten(0, (24, 6)).numpy()
    np.testing.assert_allclose(rot6d_to_matrix(start), rotmat, atol=1e-5)


def test_every_formulation_runs_and_trains() -> None:
    seen, box = observations()
    for name in FORMULATIONS:
        made = formulation(name, 'lift', 'paper')
        assert made.losses.keypoint_space == 'image'
        variant = dataclasses.replace(
            made.variant, encoder_width=16, encoder_blocks=1, head_hidden=16, scale_hidden=(8,), flow_context=8)
        model = lift_model(variant).train()
        found = model(seen, box)
        total = found.cam.square().sum() + found.rotmat[..., 0].sum()
        if found.sigma is not None:
            total = total + found.sigma.sum()
        if variant.has_flow:
            total = total - model.log_phi(found.features, found.rotmat / found.sigma[..., None, None]).sum()
        total.backward()
        assert model.backbone.first.weight.grad.abs().max() > 0
        assert model.backbone.blocks[0][1].weight.grad.abs().max() > 0


def test_poco_of_the_paper_is_what_ships() -> None:
    made = formulation('poco', 'lift', 'paper').variant
    assert dataclasses.replace(made, name=POCO_LIFT.name) == POCO_LIFT


def test_the_lift_has_no_official_mode() -> None:
    with pytest.raises(ConfigError, match="no official mode of the lift.*take the mode 'paper'"):
        formulation('poco', 'lift', 'official')


def test_it_needs_to_know_where_the_person_is() -> None:
    with pytest.raises(ConfigError, match='needs bbox_info'):
        lift_model()(observations()[0])


def test_the_backbone_is_named_after_the_rule_that_makes_observations() -> None:
    assert POCO_LIFT.backbone == VIEW
    assert Variant.from_dict(POCO_LIFT.to_dict()) == POCO_LIFT
    assert not any(variant.regressor == 'lift' for variant in OFFICIAL.values())


@pytest.mark.parametrize(('changes', 'words'), [
    ({'backbone': 'resnet18'}, "backbone of a lift is 'local_landmarks'"), ({'encoder_width': 0}, 'encoder_width'),
    ({'encoder_width': 15}, 'even'), ({'encoder_blocks': 0}, 'encoder_blocks'), ({'head_hidden': 0}, 'head_hidden'),
])  # fmt: skip
def test_contradictions_are_refused(changes: dict, words: str) -> None:
    with pytest.raises(ConfigError, match=words):
        dataclasses.replace(TINY_LIFT, **changes)
    with pytest.raises(ConfigError, match='no encoder of landmarks'):
        dataclasses.replace(OFFICIAL['poco_hmr'], encoder_blocks=2)
    with pytest.raises(ConfigError, match="backbone of a lift is 'local_landmarks'"):
        dataclasses.replace(OFFICIAL['poco_hmr'], backbone='local_landmarks')


def test_a_description_stored_before_there_was_a_lift_is_still_read() -> None:
    plain = {k: v for k, v in OFFICIAL['poco_cliff'].to_dict().items() if not k.startswith(('encoder', 'head_'))}
    assert Variant.from_dict(plain) == OFFICIAL['poco_cliff']
