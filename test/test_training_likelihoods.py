"""The paper's densities against scipy, the change of variables and finite differences."""

from __future__ import annotations

import math

import numpy as np
import pytest
import torch
from scipy import stats
from training_goldens import one_thread  # noqa: F401

from poco_ros.networks.flow import ErrorFlow
from poco_ros.training.likelihoods import flow_log_density, gaussian_log_density, scaled_error


@pytest.mark.parametrize('spread', [(1, 1), (3, 3)], ids=['per joint', 'per entry'])
def test_gaussian(spread):
    rng = np.random.default_rng(0)
    error, variance = rng.normal(size=(2, 24, 3, 3)), rng.uniform(0.01, 2, (2, 24, *spread))
    got = gaussian_log_density(torch.from_numpy(error), torch.from_numpy(variance))
    expected = stats.norm.logpdf(error, scale=np.sqrt(variance)).sum((-1, -2))
    np.testing.assert_allclose(got, expected, rtol=1e-12)


def flow_and_features(context: int) -> tuple[ErrorFlow, torch.Tensor]:
    torch.manual_seed(0)
    flow = ErrorFlow(5, layers=2, context_size=context).double()
    return flow, torch.randn(1, 5, dtype=torch.float64)


@pytest.mark.parametrize('spread', [(1, 1), (3, 3)], ids=['per joint', 'per entry'])
@pytest.mark.parametrize('context', [0, 4], ids=['unconditional', 'conditional'])
def test_flow_is_the_change_of_variables(context, spread):
    """log p(e) = log N(z) + log |det dz/de|, the determinant by automatic differentiation."""
    flow, features = flow_and_features(context)
    generator = torch.Generator().manual_seed(1)
    error = torch.randn(1, 24, 3, 3, dtype=torch.float64, generator=generator)
    scale = 0.05 + torch.rand(1, 24, *spread, dtype=torch.float64, generator=generator)
    got = flow_log_density(flow(features, scaled_error(error, scale)), scale)
    for joint in (0, 23):

        def base(entries: torch.Tensor, joint: int = joint) -> torch.Tensor:
            scaled = scaled_error(entries.reshape(1, 1, 3, 3), scale[:, joint : joint + 1])
            return flow.flow(scaled[0], flow.context(features))[0][0]

        entries = error[0, joint].flatten()
        jacobian = torch.autograd.functional.jacobian(base, entries)
        expected = stats.norm.logpdf(base(entries).detach()).sum() + torch.linalg.slogdet(jacobian)[1].item()
        assert got[0, joint].item() == pytest.approx(expected, abs=1e-10)


def test_flow_integrates_to_one():
    """By importance sampling from a wider Gaussian; without the 9 logarithms it would be off by scale^8 or more."""
    flow, features = flow_and_features(4)
    scale, people = 0.2, 1500
    generator = torch.Generator().manual_seed(2)
    width = 1.4 * scale
    error = width * torch.randn(people, 24, 3, 3, dtype=torch.float64, generator=generator)
    sigma = torch.full((people, 24, 1, 1), scale, dtype=torch.float64)
    with torch.no_grad():
        log_p = flow_log_density(flow(features.expand(people, -1), scaled_error(error, sigma)), sigma)
    log_q = gaussian_log_density(error, torch.full_like(sigma, width**2))
    weights = (log_p - log_q).exp()
    standard_error = weights.std().item() / math.sqrt(weights.numel())
    assert standard_error < 0.04
    assert weights.mean().item() == pytest.approx(1, abs=5 * standard_error)


def test_gradients():
    generator = torch.Generator().manual_seed(3)
    error = torch.randn(1, 24, 3, 3, dtype=torch.float64, generator=generator).requires_grad_()
    sigma = (0.1 + torch.rand(1, 24, 1, 1, dtype=torch.float64, generator=generator)).requires_grad_()
    flow, features = flow_and_features(4)
    assert torch.autograd.gradcheck(gaussian_log_density, (error, sigma), fast_mode=True)
    assert torch.autograd.gradcheck(
        lambda e, s: flow_log_density(flow(features, scaled_error(e, s)), s), (error, sigma), fast_mode=True
    )


def test_the_likeliest_scale_is_the_standard_deviation():
    error = torch.randn(100, 24, 3, 3, generator=torch.Generator().manual_seed(4)) * 0.3
    scales = torch.linspace(0.1, 0.9, 161)
    density = [gaussian_log_density(error, torch.full((100, 24, 1, 1), s**2)).mean() for s in scales.tolist()]
    assert scales[int(torch.stack(density).argmax())].item() == pytest.approx(error.std().item(), abs=0.005)


@pytest.mark.parametrize('density', [
    gaussian_log_density,
    lambda error, scale: flow_log_density(scaled_error(error, scale).sum(-1), scale),
], ids=['gaussian', 'flow'])  # fmt: skip
def test_a_vanishing_scale_is_finite(density):
    scale = torch.zeros(1, 24, 1, 1, requires_grad=True)
    value = density(torch.full((1, 24, 3, 3), 0.1), scale).sum()
    value.backward()
    assert torch.isfinite(value) and torch.isfinite(scale.grad).all()
