"""The iterative head: three additive corrections of the mean."""

import pytest
import torch

from poco_ros.networks.regression_heads import IterativeHead
from poco_ros.networks.rotations import rot6d_to_matrix

N, F = 4, 20


@pytest.fixture
def features():
    return torch.randn(N, F, generator=torch.Generator().manual_seed(0))


def test_a_new_head_starts_near_the_rest_pose_with_the_person_filling_the_crop(features):
    torch.manual_seed(0)
    body = IterativeHead(F, with_bbox_info=False).eval()(features)
    rotmat = rot6d_to_matrix(body.pose_6d.unflatten(1, (24, 6)))
    assert abs(rotmat - torch.eye(3)).max() < 0.2
    assert abs(body.betas).max() < 0.1
    assert abs(body.cam - torch.tensor([0.9, 0, 0])).max() < 0.1


def test_the_result_is_the_mean_and_its_three_corrections(features):
    head = IterativeHead(F, with_bbox_info=True).eval()
    body = head(features, torch.ones(N, 3))
    assert body.steps.pose.shape == (N, 3, 144)
    for value, mean, steps in (
        (body.pose_6d, head.init_pose, body.steps.pose),
        (body.betas, head.init_shape, body.steps.shape),
        (body.cam, head.init_cam, body.steps.cam),
    ):
        torch.testing.assert_close(value, mean + steps.sum(dim=1))


def test_each_iteration_sees_what_the_last_one_left(features):
    """Without non-linearities an iteration is one affine map of (feature, box, pose, shape, camera)."""
    head = IterativeHead(F, with_bbox_info=True).double().eval()
    features, bbox_info = features.double(), torch.randn(N, 3, dtype=torch.float64)
    body = head(features, bbox_info)
    state = torch.cat([head.init_pose, head.init_shape, head.init_cam], dim=1).expand(N, -1)
    for i in range(3):
        hidden = head.fc2(head.fc1(torch.cat([features, bbox_info, state], dim=1)))
        step = torch.cat([head.decpose(hidden), head.decshape(hidden), head.deccam(hidden)], dim=1)
        torch.testing.assert_close(body.steps.cam[:, i], step[:, -3:])
        state = state + step
    torch.testing.assert_close(torch.cat([body.pose_6d, body.betas, body.cam], dim=1), state)


def test_dropout_acts_in_training_alone(features):
    head = IterativeHead(F, with_bbox_info=False)
    torch.manual_seed(0)
    assert not torch.equal(head(features).pose_6d, head(features).pose_6d)
    head.eval()
    assert torch.equal(head(features).pose_6d, head(features).pose_6d)
