"""The flow against the goldens, and against what every normalising flow must be: a density, and invertible."""

import math

import numpy as np
import pytest
import torch
from torch import nn

from poco_ros.errors import ConfigError
from poco_ros.networks.flow import ErrorFlow, RealNVP, coupling_masks
from poco_ros.networks.mock_weights import mock_state


def with_mock_weights(flow):
    whole = nn.ModuleDict({'flow_head': flow})
    whole.load_state_dict(mock_state(whole))
    return flow.eval()


@pytest.fixture(scope='module')
def golden(shared_dir):
    return np.load(shared_dir / 'spec' / 'golden' / 'flow.npz')


def plane_flow(kind='alter', layers=4):
    """A flow of two variables, whose density one can sum up; unconditional, of wild weights."""
    torch.manual_seed(0)
    flow = RealNVP(coupling_masks(kind, 2, layers))
    with torch.no_grad():
        for parameter in flow.parameters():
            parameter.mul_(2)
    return flow.double()


def plane():
    """Points that cover where the plane flow has any density, and the area of each."""
    edge = torch.linspace(-12, 12, 241, dtype=torch.float64)
    return torch.cartesian_prod(edge, edge), (edge[1] - edge[0]) ** 2


@pytest.mark.shared
@pytest.mark.parametrize(('name', 'layers', 'num_features'), [('cliff', 2, 2048), ('pare', 6, 3072)])
def test_golden_flow(golden, name, layers, num_features):
    flow = with_mock_weights(ErrorFlow(num_features, layers=layers, context_size=512)).flow
    x, context = (torch.from_numpy(golden[f'{name}_{key}']) for key in ('x', 'cond'))
    with torch.no_grad():
        z, log_determinant = flow(x, context)
        results = {
            'z': z, 'logdet': log_determinant, 'logprob': flow.log_prob(x, context),
            'x_reconstructed': flow.inverse(z, context), 'mask': flow.mask,
            'logprob_f64': flow.double().log_prob(x.double(), context.double()),
        }  # fmt: skip
    for key, ours in results.items():
        expected = golden[f'{name}_{key}']
        assert abs(ours.numpy() - expected).max() <= 1e-5 * abs(expected).max(), key


@pytest.mark.shared
@pytest.mark.parametrize('key', ['alter_9_1', 'new_9_1', 'old_9_1', 'alter_24_2'])
def test_golden_masks(golden, key):
    kind, size, pairs = key.split('_')
    assert np.array_equal(coupling_masks(kind, int(size), 2 * int(pairs)).numpy(), golden[f'mask_{key}'])


def test_both_masks_of_a_pair_complete_each_other_but_for_alter_of_an_even_size():
    for kind, size in (('alter', 9), ('new', 8), ('old', 8)):
        assert (coupling_masks(kind, size, 2).sum(dim=0) == 1).all()
    first, second = coupling_masks('alter', 24, 2)
    assert torch.equal(first, second)
    # The middle variable of an odd size: 'new' never transforms it, 'old' does so twice.
    assert coupling_masks('new', 9, 2).sum(dim=0).tolist() == [1, 1, 1, 1, 2, 1, 1, 1, 1]
    assert coupling_masks('old', 9, 2).sum(dim=0).tolist() == [1, 1, 1, 1, 0, 1, 1, 1, 1]


@pytest.mark.parametrize(
    ('kind', 'layers', 'word'), [('alter', 3, 'even'), ('new', 0, 'at least 2'), ('odd', 2, 'odd')]
)
def test_impossible_masks_are_refused(kind, layers, word):
    with pytest.raises(ConfigError, match=word):
        coupling_masks(kind, 9, layers)


@pytest.mark.parametrize('layers', [2, 4])
def test_the_density_sums_to_one(layers):
    flow = plane_flow('new', layers)
    grid, area = plane()
    with torch.no_grad():
        total = flow.log_prob(grid).exp().sum() * area
    assert total == pytest.approx(1, abs=1e-3)


@pytest.mark.parametrize('kind', ['alter', 'new', 'old'])
@pytest.mark.parametrize('context_size', [0, 4])
def test_there_and_back_and_the_determinant_is_that_of_the_jacobian(kind, context_size):
    torch.manual_seed(1)
    flow = RealNVP(coupling_masks(kind, 9, 4), context_size).double()
    x = torch.randn(6, 9, dtype=torch.float64)
    context = torch.randn(6, context_size, dtype=torch.float64) if context_size else None
    z, log_determinant = flow(x, context)
    torch.testing.assert_close(flow.inverse(z, context), x)
    for i in range(len(x)):
        row = None if context is None else context[i : i + 1]
        jacobian = torch.autograd.functional.jacobian(lambda v, row=row: flow(v[None], row)[0][0], x[i])
        torch.testing.assert_close(torch.linalg.slogdet(jacobian).logabsdet, log_determinant[i])


def test_samples_have_the_density_that_is_claimed():
    """The entropy estimated from samples equals that summed over the plane."""
    flow = plane_flow('new')
    torch.manual_seed(2)
    grid, area = plane()
    with torch.no_grad():
        samples = flow.sample(20000)
        log_density = flow.log_prob(grid)
        entropy = -(log_density.exp() * log_density).sum() * area
        estimate = -flow.log_prob(samples)
    assert samples.shape == (20000, 2) and samples.dtype == torch.float64
    assert abs(estimate.mean() - entropy) < 4 * estimate.std() / math.sqrt(len(samples))


def test_half_of_the_variables_of_an_even_alter_flow_are_only_copied():
    flow = plane_flow('alter')
    x = torch.randn(5, 2, dtype=torch.float64)
    z, _ = flow(x)
    torch.testing.assert_close(z[:, 1], x[:, 1], rtol=0, atol=0)
    assert (z[:, 0] != x[:, 0]).all()


def test_one_flow_serves_all_joints_each_with_the_context_of_its_person():
    flow = with_mock_weights(ErrorFlow(20, layers=2, context_size=8))
    features, errors = torch.randn(3, 20), torch.randn(3, 24, 9)
    with torch.no_grad():
        log_phi = flow(features, errors)
        assert log_phi.shape == (3, 24)
        single = flow.flow.log_prob(errors[1, 7:8], flow.cond_layer(features[1:2]))
        torch.testing.assert_close(log_phi[1, 7], single[0])
        assert not torch.allclose(flow(features.flip(0), errors), log_phi)


def test_without_condition_the_image_does_not_matter():
    flow = with_mock_weights(ErrorFlow(20, layers=2))
    assert flow.context(torch.zeros(3, 20)) is None
    assert not any('cond_layer' in name for name in flow.state_dict())
    errors = torch.randn(3, 24, 9)
    with torch.no_grad():
        torch.testing.assert_close(flow(torch.zeros(3, 20), errors), flow(torch.ones(3, 20), errors), rtol=0, atol=0)


def test_nobody_has_no_density():
    assert ErrorFlow(20, layers=2, context_size=8)(torch.zeros(0, 20), torch.zeros(0, 24, 9)).shape == (0, 24)
