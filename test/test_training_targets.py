"""Ground truth that does not fit is refused by name; who is shown the true pose."""

from __future__ import annotations

import dataclasses

import pytest
import torch

from poco_ros.errors import ConfigError
from poco_ros.training.targets import Targets


def some_targets(n: int = 8, **changes: object) -> Targets:
    fields = {
        'rotmat': torch.eye(3).expand(n, 24, 3, 3), 'betas': torch.zeros(n, 10), 'has_smpl': torch.ones(n) > 0,
        'keypoints_2d': torch.zeros(n, 49, 3), 'joints_3d': torch.zeros(n, 24, 4), 'has_joints_3d': torch.ones(n) > 0,
    }  # fmt: skip
    return Targets(**(fields | changes))


@pytest.mark.parametrize(('changes', 'message'), [
    ({'betas': torch.zeros(8, 11)}, r'betas of the targets must be \(8, 10\), got \(8, 11\)'),
    ({'has_smpl': torch.ones(7) > 0}, r'has_smpl of the targets must be \(8,\)'),
    ({'has_smpl': torch.ones(8)}, 'has_smpl of the targets must be bool, got torch.float32'),
    ({'keypoints_2d': torch.zeros(8, 25, 3)},
     r'keypoints_2d of the targets must be \(8, 49, 3\) or \(8, 24, 3\), got \(8, 25, 3\)'),
    ({'joints_3d': torch.zeros(8, 49, 3)}, r'joints_3d of the targets must be \(8, 24, 3 or more\), got \(8, 49, 3\)'),
    ({'boxes': torch.zeros(8, 4)}, r'boxes of the targets must be \(8, 3\)'),
    ({'image_size': torch.zeros(1, 2)}, r'image_size of the targets must be \(8, 2\)'),
    ({'datasets': ('h36m',)}, 'the targets name 1 data sets for 8 crops'),
])  # fmt: skip
def test_unfit(changes, message):
    with pytest.raises(ConfigError, match=message):
        some_targets(**changes)


@pytest.mark.parametrize(('share', 'rows'), [(0, []), (0.25, [0]), (0.5, [0, 2]), (0.99, [0, 2, 3, 4]),
                                             (1, [0, 2, 3, 4, 7])])  # fmt: skip
def test_the_first_of_one_data_set_are_conditioned(share, rows):
    names = ('h36m', 'coco', 'h36m', 'h36m', 'h36m', 'mpii', 'coco', 'h36m')
    targets = some_targets(datasets=names)
    assert targets.conditioned('h36m', share).nonzero().flatten().tolist() == rows
    assert not targets.conditioned('3dpw', share).any()
    assert not dataclasses.replace(targets, datasets=()).conditioned('h36m', share).any()
