"""What each stage trains, at which rate, and what a new network starts from."""

from __future__ import annotations

import functools

import numpy as np
import pytest
import torch
from lift_samples import lift_samples
from scipy.spatial.transform import Rotation

from poco_ros.errors import ConfigError
from poco_ros.networks.model import PocoModel
from poco_ros.networks.rotations import rot6d_to_matrix
from poco_ros.training.formulations import formulation
from poco_ros.training.lift_data import lift_data
from poco_ros.training.loss_config import LossConfig
from poco_ros.training.stages import optimiser, set_stage, stage_losses
from poco_ros.training.starting_point import mean_rotations, new_network, start_from
from poco_ros.training.train_config import TrainConfig, stream

torch.set_num_threads(1)


@functools.cache
def network() -> PocoModel:
    return new_network(formulation('poco', 'lift', 'paper').variant, TrainConfig())


def test_the_second_stage_trains_scale_network_and_flow_alone():
    model = network()
    set_stage(model, 2)
    free = {name.split('.')[0] for name, p in model.named_parameters() if p.requires_grad}
    assert free == {'uncert_head', 'flow_head'}
    assert not model.backbone.training and not model.head.training
    assert model.backbone.dropout.training and model.head.drop1.training  # errors like those on anybody else
    assert model.uncert_head.dropout.training and model.flow_head.training
    trained = {id(p) for group in optimiser(model, 0.1).param_groups for p in group['params']}
    assert trained == {id(p) for p in (*model.uncert_head.parameters(), *model.flow_head.parameters())}
    set_stage(model, 1)
    assert all(p.requires_grad for p in model.parameters()) and all(part.training for part in model.modules())


def test_vectors_do_not_decay():
    set_stage(network(), 1)
    for group in optimiser(network(), 0.1).param_groups:
        assert all((p.ndim > 1) == (group['weight_decay'] == 0.1) for p in group['params'])


def test_terms_of_a_frozen_body():
    config = LossConfig(pose_term='gaussian_scale', flow_term='density', nf=1e-4, shape=1.0, turn=0.02)
    second = stage_losses(config, 2)
    assert [getattr(second, name) for name in ('turn', 'betas', 'kp3d', 'kp2d', 'shape', 'cam')] == [0] * 6
    assert (second.pose, second.nf) == (config.pose, config.nf) and stage_losses(config, 1) == config


def test_both_stages_warm_up_and_fall():
    config = TrainConfig(steps=1000, scale_steps=200, warmup_steps=100, learning_rate=0.5)
    rates = np.array([config.rate(step) for step in range(config.total_steps)])
    assert rates[0] == pytest.approx(0.005) and rates[99] == pytest.approx(0.5)
    assert rates[100:1000].argmax() == 0 and (np.diff(rates[100:1000]) < 0).all() and rates[999] < 1e-5
    assert rates[550] == pytest.approx(0.25, rel=1e-3)
    assert rates[1000] == pytest.approx(0.5 / 20) and rates[1020] == pytest.approx(0.5) and rates[-1] < 1e-4


def test_settings_out_of_range():
    with pytest.raises(ConfigError, match='batch must be between 1'):
        TrainConfig(batch=0)
    with pytest.raises(ConfigError, match='device must be one of auto, cpu, cuda'):
        TrainConfig(device='tpu')


@pytest.mark.skipif(torch.cuda.is_available(), reason='there is a GPU')
def test_a_gpu_that_is_not_there():
    assert TrainConfig().torch_device().type == 'cpu'
    with pytest.raises(ConfigError, match='torch finds no CUDA GPU here; take device cpu, or auto'):
        TrainConfig(device='cuda').torch_device()


def test_streams_are_independent():
    seeds = [stream(seed, purpose, number) for seed in (0, 1) for purpose in ('a', 'b') for number in range(50)]
    assert len(set(seeds)) == 200 and min(seeds) >= 0 and max(seeds) < 2**63


def test_the_seed_alone_makes_the_weights():
    variant = formulation('none', 'lift', 'paper').variant
    torch.manual_seed(1)
    first = new_network(variant, TrainConfig(seed=3)).state_dict()
    drawn = torch.rand(1)
    torch.manual_seed(1)
    assert torch.equal(drawn, torch.rand(1)), 'drawing the weights disturbed the random numbers of the caller'
    again, other = (new_network(variant, TrainConfig(seed=seed)).state_dict() for seed in (3, 4))
    assert all(torch.equal(first[name], again[name]) for name in first)
    assert not torch.equal(first['head.fc1.weight'], other['head.fc1.weight'])


def test_a_new_network_knows_its_data():
    data = lift_data(lift_samples(200, 0))
    model = new_network(formulation('none', 'lift', 'paper').variant, TrainConfig())
    start_from(model, data)
    vectors = data.vector.double().numpy()
    np.testing.assert_allclose(model.backbone.mean, vectors.mean(0), atol=1e-4)
    np.testing.assert_allclose(model.backbone.std, np.maximum(vectors.std(0), 1e-3), rtol=1e-3, atol=1e-5)
    start = rot6d_to_matrix(model.head.init_pose.reshape(24, 6))
    np.testing.assert_allclose(start[0], np.diag([1, -1, -1]), atol=1e-6)
    rotations = data.truth.rotmat.numpy()
    expected = [Rotation.from_matrix(rotations[:, joint]).mean().as_matrix() for joint in range(1, 24)]
    np.testing.assert_allclose(start[1:], expected, atol=1e-4)
    np.testing.assert_allclose(model.head.init_shape[0], data.truth.betas.mean(0), atol=1e-6)


def test_the_mean_of_rotations_is_a_rotation():
    wild = torch.from_numpy(Rotation.random(24 * 3, random_state=0).as_matrix()).reshape(3, 24, 3, 3)
    mean = mean_rotations(wild)
    np.testing.assert_allclose(torch.linalg.det(mean), 1, atol=1e-5)
    np.testing.assert_allclose(mean @ mean.transpose(1, 2), torch.eye(3).expand(24, 3, 3), atol=1e-5)
