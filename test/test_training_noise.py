"""Scale networks and flows of every formulation, trained on errors whose true size is known."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from body_arrays import small_body
from scipy import stats
from training_goldens import body_model, one_thread  # noqa: F401

from poco_ros.networks.flow import ErrorFlow
from poco_ros.networks.model import Prediction
from poco_ros.networks.scale_network import ScaleNetwork
from poco_ros.training.formulations import Formulation, formulation
from poco_ros.training.loss_config import LossConfig
from poco_ros.training.objective import Objective
from poco_ros.training.smpl_layer import SmplLayer

PEOPLE, FEATURES, STEPS = 64, 6, 110
WITH_FLOW = ('nflow', 'cond_scale', 'cond_bdf', 'poco')


class TinyNetwork(torch.nn.Module):
    """The uncertainty of a network, on features and poses that are given."""

    def __init__(self, made: Formulation) -> None:
        super().__init__()
        v = made.variant
        self.uncert_head = ScaleNetwork(FEATURES, (24,), inputs=v.scale_sees)
        self.flow_head = None
        if v.has_flow:
            self.flow_head = ErrorFlow(FEATURES, layers=2, context_size=min(v.flow_sees, 16))

    def log_phi(self, features: torch.Tensor, error_over_sigma: torch.Tensor) -> torch.Tensor:
        return self.flow_head(features, error_over_sigma)


def trained_sigma(made, features, rotmat, spread) -> np.ndarray:
    """Train on fresh errors in each step; returns sigma (PEOPLE, 24)."""
    torch.manual_seed(0)
    network = TinyNetwork(made).eval()
    body = SmplLayer(body_model(small_body()))
    config = LossConfig(kp2d=0.0, kp3d=0.0, pose_term=made.losses.pose_term, pose=made.losses.pose,
                        flow_term=made.losses.flow_term, nf=made.losses.nf)  # fmt: skip
    judge = Objective(config, body)
    everybody = torch.ones(len(features), dtype=torch.bool)
    optimiser = torch.optim.Adam(network.parameters(), lr=0.02)
    for _ in range(STEPS):
        sigma = network.uncert_head(features, rotmat)
        truth = rotmat + spread[..., None, None] * torch.randn_like(rotmat)
        prediction = Prediction(features, None, rotmat, None, None, sigma)
        terms = judge.pose_terms(network, prediction, truth, everybody, ~everybody)
        optimiser.zero_grad()
        sum(getattr(config, name) * term for name, term in terms.items()).backward()
        optimiser.step()
    return network.uncert_head(features, rotmat).detach().numpy()


def rank_correlation(sigma, spread) -> float:
    return stats.spearmanr(sigma.ravel(), spread.numpy().ravel()).statistic


def noise_of_the_image() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    generator = torch.Generator().manual_seed(0)
    features = torch.randn(PEOPLE, FEATURES, generator=generator)
    rotmat = torch.randn(PEOPLE, 24, 3, 3, generator=generator)
    by_joint = torch.linspace(-0.5, 0.5, 24)
    return features, rotmat, 0.15 * torch.exp(0.6 * features[:, :1] + by_joint)


def noise_of_the_pose() -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    features, rotmat, _ = noise_of_the_image()
    return features, rotmat, 0.15 * torch.exp(0.7 * rotmat[:, :1, 0, 0]).expand(-1, 24)


@pytest.mark.parametrize('name', ['gauss', *WITH_FLOW])
def test_paper_sigma_is_the_size_of_the_errors(name):
    features, rotmat, spread = noise_of_the_image()
    sigma = trained_sigma(formulation(name, 'cliff', 'paper'), features, rotmat, spread)
    assert rank_correlation(sigma, spread) > 0.9
    meaning = spread**2 if name == 'gauss' else spread
    assert np.median(sigma / meaning.numpy()) == pytest.approx(1, abs=0.15)


@pytest.mark.parametrize('name', WITH_FLOW)
def test_official_sigma_ranks_the_errors(name):
    """But it is no standard deviation: the logarithm of one sigma stands against the errors of nine entries."""
    features, rotmat, spread = noise_of_the_image()
    sigma = trained_sigma(formulation(name, 'cliff', 'official'), features, rotmat, spread)
    assert rank_correlation(sigma, spread) > 0.7
    assert np.median(sigma / spread.numpy()) > 2


@pytest.mark.parametrize(('name', 'mode'), [('cond_scale', 'paper'), ('poco', 'paper'), ('cond_scale', 'official')])
def test_cond_scale_sees_the_pose(name, mode):
    features, rotmat, spread = noise_of_the_pose()
    sigma = trained_sigma(formulation(name, 'cliff', mode), features, rotmat, spread)
    assert rank_correlation(sigma, spread) > 0.75


@pytest.mark.parametrize('name', ['nflow', 'cond_bdf'])
def test_without_cond_scale_the_pose_is_not_seen(name):
    features, rotmat, spread = noise_of_the_pose()
    sigma = trained_sigma(formulation(name, 'cliff', 'paper'), features, rotmat, spread)
    assert rank_correlation(sigma, spread) < 0.7
