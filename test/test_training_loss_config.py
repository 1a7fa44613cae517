"""Loss configurations that contradict themselves are refused."""

from __future__ import annotations

import pytest

from poco_ros.errors import ConfigError
from poco_ros.training.loss_config import LossConfig


@pytest.mark.parametrize(('fields', 'message'), [
    ({'pose_term': 'norm_flow_res_gauss'}, "pose_term must be one of .*norm_flow_res_gaus, .* not 'norm_flow_res_gau"),
    ({'keypoint_space': 'world'}, 'keypoint_space must be one of crop, image'),
    ({'kp3d': -1.0}, 'kp3d must be between 0.0 and'),
    ({'kp2d': float('nan')}, 'kp2d must be a finite float'),
    ({'conditioned_share': 1.5}, 'conditioned_share must be between 0.0 and 1.0'),
    ({'nf': 0.01}, "flow term 'none' contradicts its weight nf = 0.01"),
    ({'flow_term': 'density'}, "flow term 'density' contradicts its weight nf = 0.0"),
    ({'detached_camera': True}, "needs keypoint_space 'image'"),
    ({'pose_term': 'gaussian_scale', 'conditioned_share': 0.25}, 'conditioned_share belongs to the released pose'),
])  # fmt: skip
def test_refused(fields, message):
    with pytest.raises(ConfigError, match=message):
        LossConfig(**fields)
