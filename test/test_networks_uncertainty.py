"""Accumulation and scalar rules against the goldens, their exact thresholds, and what follows from the definitions."""

import numpy as np
import pytest
import torch

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.body.smpl import PARENTS
from poco_ros.errors import ConfigError
from poco_ros.networks.uncertainty import (
    accumulate,
    body_uncertainty,
    clip_for_display,
    confident_enough,
    joint_sigma,
)
from poco_ros.networks.variants import SCALAR_RULES


@pytest.fixture(scope='module')
def golden(shared_dir):
    return np.load(shared_dir / 'spec' / 'golden' / 'uncert.npz')


@pytest.fixture
def sigma():
    return torch.rand(50, 24, generator=torch.Generator().manual_seed(0))


@pytest.mark.shared
@pytest.mark.parametrize('model', ['cliff', 'pare'])
@pytest.mark.parametrize('kinematic', [True, False], ids=['kinematic', 'raw'])
def test_golden_rules(golden, model, kinematic):
    sigma = torch.from_numpy(golden['sigma'])
    prefix = f'{model}_{"kin" if kinematic else "raw"}'
    scalar = body_uncertainty(sigma, f'official-{model}-1', kinematic=kinematic)
    per_joint = accumulate(sigma) if kinematic else sigma
    np.testing.assert_allclose(per_joint.numpy(), golden[f'{prefix}_perjoint'], rtol=1e-6)
    np.testing.assert_allclose(scalar.numpy(), golden[f'{prefix}_scalar'], rtol=1e-6)
    np.testing.assert_allclose(clip_for_display(scalar).numpy(), golden[f'{prefix}_scalar_clipped'], rtol=1e-6)


@pytest.mark.shared
def test_golden_selection_and_nine_numbers_per_joint(golden):
    selected = confident_enough(torch.from_numpy(golden['sigma']))
    assert selected.nonzero()[:, 0].tolist() == golden['confident_idx_thr0.3'].tolist()
    accumulated = accumulate(joint_sigma(torch.from_numpy(golden['sigma9'])))
    np.testing.assert_allclose(accumulated.numpy(), golden['sigma9_perjoint_kin'], rtol=1e-6)


@pytest.mark.parametrize(('rule', 'threshold'), [('official-cliff-1', 0.8), ('official-pare-1', 0.4)])
def test_official_thresholds_are_strict_in_float32(rule, threshold):
    at = torch.full((1, 24), threshold)
    above = torch.nextafter(at, torch.ones_like(at))
    assert body_uncertainty(at, rule, kinematic=False) == pytest.approx(threshold)
    assert body_uncertainty(above, rule, kinematic=False) == 1
    assert not confident_enough(torch.full((1, 24), 0.3)).item()


def test_accumulation_is_the_sum_along_the_chain_and_leaves_sigma_alone(sigma):
    before = sigma.clone()
    result = accumulate(sigma)
    torch.testing.assert_close(sigma, before, rtol=0, atol=0)
    assert result.data_ptr() != sigma.data_ptr()
    torch.testing.assert_close(accumulate(sigma), result, rtol=0, atol=0)
    for joint in range(1, 24):
        torch.testing.assert_close(result[:, joint], sigma[:, joint] + result[:, PARENTS[joint]])
    torch.testing.assert_close(result[:, 0], sigma[:, 0], rtol=0, atol=0)


def test_the_unknown_stays_unknown_below_and_nowhere_else(sigma):
    sigma[0, 17] = torch.nan  # right shoulder: elbow, wrist and hand hang from it
    assert accumulate(sigma)[0].isnan().nonzero()[:, 0].tolist() == [17, 19, 21, 23]
    sigma[:] = torch.nan
    for rule in SCALAR_RULES:
        assert body_uncertainty(sigma, rule).isnan().all()
    assert not confident_enough(sigma).any()


def test_the_papers_scalar_spans_zero_to_one_in_the_order_of_the_summed_mean(sigma):
    q = body_uncertainty(sigma, 'paper-1')
    for value in (0.0, 0.25, 1.0):
        torch.testing.assert_close(body_uncertainty(torch.full((1, 24), value), 'paper-1'), torch.tensor([value]))
    assert q.argsort().tolist() == accumulate(sigma).mean(dim=1).argsort().tolist()
    assert ((q > 0) & (q < 1)).all()


def test_every_joint_weighs_in_the_papers_scalar_and_the_root_most():
    weights = body_uncertainty(torch.eye(24), 'paper-1')
    assert weights.sum() == pytest.approx(1)
    assert (weights > 0).all() and weights.argmax() == 0


def test_reach_is_how_far_the_joints_of_a_body_move():
    """Turns by sigma about random axes, one joint at a time, move the open body's joints by this, root mean square."""
    body, rng = load_body_model(), np.random.default_rng(5)
    sigma = rng.uniform(0.1, 1.0, (6, 24))
    small, turns = 1e-4, 400
    rest = body.rest_joints()[0].astype(float)
    moved = np.zeros(24)
    for joint in range(24):
        pose = np.zeros((turns, 24, 3))
        axes = rng.normal(size=(turns, 3))
        pose[:, joint] = small * axes / np.linalg.norm(axes, axis=1, keepdims=True)
        joints, _ = forward_kinematics(axis_angle_to_matrix(pose), np.repeat(rest[None], turns, axis=0))
        moved[joint] = np.mean(((joints - rest) / small) ** 2)
    expected = np.sqrt(sigma**2 @ moved / moved.sum())
    got = body_uncertainty(torch.tensor(sigma), 'reach-1')
    np.testing.assert_allclose(got, expected, rtol=0.02)
    torch.testing.assert_close(body_uncertainty(torch.tensor(sigma) ** 2, 'reach-variance-1'), got)
    torch.testing.assert_close(body_uncertainty(torch.full((1, 24), 0.3), 'reach-1'), torch.tensor([0.3]))


def test_unknown_rules_are_named():
    with pytest.raises(ConfigError, match="'mean'.*official-cliff-1.*paper-1"):
        body_uncertainty(torch.zeros(1, 24), 'mean')


def test_no_people_give_no_numbers():
    for rule in SCALAR_RULES:
        assert body_uncertainty(torch.zeros(0, 24), rule).shape == (0,)
