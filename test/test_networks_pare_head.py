"""PARE's head against a slow rendering of its formulae."""

import numpy as np
import pytest
import torch

from poco_ros.networks.pare_head import LocallyConnected, PareHead

N, F, SIDE = 3, 10, 6


@pytest.fixture(scope='module')
def head():
    torch.manual_seed(0)
    return PareHead(F).double().eval()


@pytest.fixture(scope='module')
def feature_map():
    return torch.randn(N, F, SIDE, SIDE, dtype=torch.float64, generator=torch.Generator().manual_seed(1))


@torch.no_grad()
def test_each_joint_gathers_where_it_looks(head, feature_map):
    parts = head.pool(feature_map)
    body = head.smpl_deconv_layers(feature_map).numpy()
    small = head.smpl_final_layer(torch.from_numpy(body)).numpy()
    logits = parts.part_logits.numpy()
    assert logits.shape == (N, 25, SIDE, SIDE)
    assert (parts.pose.shape, parts.shape.shape) == ((N, head.num_features), (N, 1536))
    for person, joint, channel in ((0, 0, 0), (1, 23, 63), (2, 7, 30)):
        weight = np.exp(logits[person, 1 + joint])  # channel 0 is the background
        weight /= weight.sum()
        for features, maps in ((parts.pose, body), (parts.shape, small)):
            expected = (weight * maps[person, channel]).sum()
            assert features[person, channel * 24 + joint].item() == pytest.approx(expected, rel=1e-12)


@torch.no_grad()
def test_each_joint_has_its_own_regressor(head, feature_map):
    parts = head.pool(feature_map)
    body = head(parts.pose, parts.shape)
    weight = head.pose_mlp.weight
    assert weight.shape == (1, 6, 128, 24, 1, 1)
    expected = torch.einsum('ncj,ocj->njo', parts.pose.reshape(N, 128, 24), weight[0, ..., 0, 0])
    torch.testing.assert_close(body.pose_6d, expected)
    torch.testing.assert_close(body.cam, head.cam_mlp(parts.shape))
    torch.testing.assert_close(body.betas, head.shape_mlp(parts.shape))
    assert body.steps is None


def test_a_locally_connected_layer_keeps_joints_apart():
    layer = LocallyConnected(5, 6)
    channels = torch.randn(2, 5, 24)
    changed = channels.clone()
    changed[:, :, 3] += 1
    different = (layer(changed) != layer(channels)).any(dim=2)
    assert different.nonzero()[:, 1].unique().tolist() == [3]
