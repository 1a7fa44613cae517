"""The scale network against the goldens and, in every input mode, against a few lines of numpy."""

import numpy as np
import pytest
import torch
from torch import nn

from poco_ros.networks.mock_weights import mock_state
from poco_ros.networks.scale_network import ScaleNetwork

N, F = 5, 12


def with_mock_weights(network):
    """As part of a whole network, whose entry names decide the values."""
    whole = nn.ModuleDict({'uncert_head': network})
    whole.load_state_dict(mock_state(whole))
    return network.eval()


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def layer(network, name, x):
    module = network.get_submodule(f'uncert_{name}')
    return x @ module.weight.detach().numpy().T + module.bias.detach().numpy()


@pytest.fixture
def inputs():
    generator = torch.Generator().manual_seed(0)
    return torch.randn(N, F, generator=generator), torch.randn(N, 24, 3, 3, generator=generator)


@pytest.mark.shared
def test_golden_sigma_with_and_without_the_true_pose(shared_dir):
    golden = np.load(shared_dir / 'spec' / 'golden' / 'loss.npz')
    network = with_mock_weights(ScaleNetwork(2048, (216,)))
    features, rotmat = torch.from_numpy(golden['uh_feat']), torch.from_numpy(golden['pred_rotmat'])
    with torch.no_grad():
        np.testing.assert_allclose(network(features, rotmat).numpy(), golden['uh_sigma'], atol=1e-6)
        index = golden['uh_gtcond_idx']
        conditioned = rotmat.clone()
        conditioned[index] = torch.from_numpy(golden['gt_rotmat'])[index]
        sigma = network(features, conditioned).numpy()
    np.testing.assert_allclose(sigma, golden['uh_sigma_gtcond'], atol=1e-6)
    assert abs(golden['uh_sigma_gtcond'] - golden['uh_sigma'])[index].max() > 0.01


@pytest.mark.parametrize('mode', ['feat', 'feat-pose', 'feat-pose-net', 'feat-net-pose'])
def test_every_input_mode_is_the_perceptron_it_says(inputs, mode):
    network = with_mock_weights(ScaleNetwork(F, (7, 6), inputs=mode))
    features, pose = inputs[0].numpy(), inputs[1].numpy().reshape(N, 216)
    if mode.startswith('feat-net') or mode.endswith('net'):
        features = sigmoid(layer(network, 'fc_featNet', features))
    if mode == 'feat-pose-net':
        pose = sigmoid(layer(network, 'fc_poseNet', pose))
    x = features if mode == 'feat' else np.concatenate([features, pose], axis=1)
    for name in ('fc1', 'fc2') if 'net' in mode else ('fc1', 'fc2', 'fc3'):
        x = sigmoid(layer(network, name, x))
    assert x.shape == (N, 24)
    np.testing.assert_allclose(network(*inputs).detach().numpy(), x, atol=1e-6)


def test_without_the_pose_it_does_not_matter(inputs):
    features, rotmat = inputs
    network = with_mock_weights(ScaleNetwork(F, (7,), inputs='feat'))
    torch.testing.assert_close(network(features, rotmat), network(features, -rotmat), rtol=0, atol=0)


@pytest.mark.parametrize(('name', 'function'), [('softplus', nn.functional.softplus), ('none', lambda x: x)])
def test_the_activation_follows_every_layer(inputs, name, function):
    network = with_mock_weights(ScaleNetwork(F, (7,), inputs='feat-pose', activation=name))
    hidden = function(network.uncert_fc1(torch.cat([inputs[0], inputs[1].flatten(1)], dim=1)))
    torch.testing.assert_close(network(*inputs), function(network.uncert_fc2(hidden)))


def test_nine_numbers_per_joint_are_the_rows_of_its_matrix(inputs):
    network = with_mock_weights(ScaleNetwork(F, (7,), inputs='feat', sigma_size=9))
    sigma = network(*inputs)
    assert sigma.shape == (N, 24, 3, 3)
    last = torch.sigmoid(network.uncert_fc2(torch.sigmoid(network.uncert_fc1(inputs[0]))))
    torch.testing.assert_close(sigma[:, 5, 1, 2], last[:, 5 * 9 + 1 * 3 + 2])


def test_the_multiplier_scales_the_output(inputs):
    plain = with_mock_weights(ScaleNetwork(F, (7,)))
    tripled = with_mock_weights(ScaleNetwork(F, (7,), multiplier=3.0))
    torch.testing.assert_close(tripled(*inputs), 3 * plain(*inputs))


def test_dropout_acts_in_training_on_the_output_too_and_can_be_turned_off(inputs):
    network = with_mock_weights(ScaleNetwork(F, (7,))).train()
    torch.manual_seed(0)
    assert (network(*inputs) == 0.5).float().mean() > 0.3  # a dropped logit is zero, its sigmoid a half
    network.dropout.p = network.branch_dropout.p = 0.0
    trained = network(*inputs)
    torch.testing.assert_close(trained, network.eval()(*inputs), rtol=0, atol=0)


def test_gradients_reach_feature_and_pose(inputs):
    features, rotmat = (x.requires_grad_() for x in inputs)
    with_mock_weights(ScaleNetwork(F, (7,)))(features, rotmat).sum().backward()
    assert (features.grad != 0).any() and (rotmat.grad != 0).any()
