"""The training part of the reference data as this package's records, and the body that it was made with."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
import pytest
import torch
from body_arrays import synthetic_body

from poco_ros.body.model import BodyModel
from poco_ros.networks.rotations import axis_angle_to_matrix
from poco_ros.training.smpl_layer import SmplLayer
from poco_ros.training.targets import Targets


@pytest.fixture(scope='module', autouse=True)
def one_thread() -> Iterator[None]:
    """Small networks on a busy machine are many times slower with more; imported where it shall hold."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


def tensor(array: np.ndarray) -> torch.Tensor:
    return torch.from_numpy(np.asarray(array, np.float32))


def body_model(arrays: Mapping[str, np.ndarray], **changes: object) -> BodyModel:
    """A body from the arrays of a SMPL file."""
    names = ('v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights')
    fields = {name: arrays[name].astype(np.float32) for name in names}
    fields |= {'name': 'test', 'faces': arrays['f'].astype(np.int32), 'sha256': '0' * 64}
    return BodyModel(**(fields | changes))


@functools.cache
def synthetic_layer(shared_dir: Path) -> SmplLayer:
    """The specification's body (SPEC section 15.2), with the 49 training joints."""
    arrays = synthetic_body(shared_dir)
    return SmplLayer(body_model(arrays), arrays['J_regressor_extra'])


@functools.cache
def golden(shared_dir: Path, name: str) -> dict[str, np.ndarray]:
    with np.load(shared_dir / 'spec' / 'golden' / f'{name}.npz') as arrays:
        return dict(arrays)


def targets(arrays: Mapping[str, np.ndarray], keypoint_space: str) -> Targets:
    """The targets of ``poco_cliff.npz``, ``poco_pare.npz`` or ``poco_hmr.npz``."""
    return Targets(
        rotmat=axis_angle_to_matrix(tensor(arrays['gt_pose_aa']).reshape(-1, 24, 3)),
        betas=tensor(arrays['gt_betas']),
        has_smpl=torch.from_numpy(arrays['has_smpl'] > 0),
        keypoints_2d=tensor(arrays['kp2d_full' if keypoint_space == 'image' else 'kp2d_crop']),
        joints_3d=tensor(arrays['gt_pose_3d']),
        has_joints_3d=torch.from_numpy(arrays['has_pose_3d'] > 0),
        boxes=tensor(np.column_stack([arrays['center_xy'], 200 * arrays['scale']])),
        image_size=tensor(arrays['orig_shape_hw'][:, ::-1]),
        datasets=tuple(arrays['dataset_name']),
    )
