"""Projection on tensors, against the reference data and the numpy cameras."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from training_goldens import golden, tensor

from poco_ros import weak_perspective
from poco_ros.camera import Camera
from poco_ros.training import cameras

CAM = torch.tensor([[0.9, 0.1, -0.2], [0.4, -0.3, 0.25]])
BOXES = torch.tensor([[300.0, 200.0, 150.0], [1200.0, 700.0, 500.0]])
POINTS = torch.randn(2, 7, 3, generator=torch.Generator().manual_seed(0))


def assert_agrees(got: torch.Tensor, expected: np.ndarray) -> None:
    np.testing.assert_allclose(got, expected, rtol=0, atol=1e-6 * np.abs(expected).max())


@pytest.mark.shared
@pytest.mark.parametrize('name', ['poco_cliff', 'poco_pare', 'poco_hmr'])
def test_reference_data(shared_dir, name):
    arrays = golden(shared_dir, name)
    cam, joints = tensor(arrays['pred_cam']), tensor(arrays['synthbody_joints3d'])
    assert_agrees(cameras.crop_translation(cam), arrays['pred_cam_t'])
    if name != 'poco_cliff':
        got = cameras.project_to_crop(joints, cameras.crop_translation(cam))
        return assert_agrees(got, arrays['synthbody_joints2d'])
    size = tensor(arrays['orig_shape_hw'][:, ::-1])
    boxes = tensor(np.column_stack([arrays['center_xy'], 200 * arrays['scale']]))
    translation = cameras.image_translation(cam, boxes, size)
    assert_agrees(translation, arrays['pred_fullimg_cam_t'])
    assert_agrees(cameras.project_to_image(joints, translation, size), arrays['synthbody_joints2d'])
    return None


def test_is_the_numpy_camera():
    size = torch.tensor([[1280.0, 720.0], [1920.0, 1080.0]])
    translation = cameras.image_translation(CAM, BOXES, size)
    for i, (width, height) in enumerate(size.int().tolist()):
        camera = Camera.assumed(width, height)
        assert_agrees(translation[i], weak_perspective.image_translation(CAM[i], BOXES[i], camera)[0])
        pixels = camera.project((POINTS[i] + translation[i]).double().numpy())
        assert_agrees(cameras.project_to_image(POINTS, translation, size)[i], pixels)
    crop = cameras.crop_translation(CAM)
    assert_agrees(cameras.project_to_crop(POINTS, crop), weak_perspective.project_to_crop(POINTS, crop))


@pytest.mark.parametrize('s', [0.0, -0.5, 1e-12])
@pytest.mark.parametrize('space', ['crop', 'image'])
def test_training_goes_on_from_a_scale_of_no_camera(space, s):
    cam = torch.tensor([[s, 0.0, 0.0]], requires_grad=True)
    size = torch.tensor([[1280.0, 720.0]])
    if space == 'crop':
        points = cameras.project_to_crop(POINTS[:1], cameras.crop_translation(cam))
    else:
        translation = cameras.image_translation(cam, BOXES[:1], size)
        points = cameras.project_to_image(POINTS[:1], translation, size)
    points.std(dim=1).sum().backward()
    # a body that looks too small: more spread, as the truth has it, means a larger scale
    assert torch.isfinite(cam.grad).all() and cam.grad[0, 0] > 0


def test_points_behind_the_camera_stay_finite():
    behind = torch.tensor([[[0.1, 0.2, -50.0]]])
    assert torch.isfinite(cameras.project_to_crop(behind, torch.tensor([[0.0, 0.0, 40.0]]))).all()
