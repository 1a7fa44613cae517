"""Batches hold the truth as the losses read it: through their camera the true body lies on the true joints."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from lift_samples import lift_samples, open_body

from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.crops import CROP_SIZE, bbox_info, normalise
from poco_ros.errors import DatasetError
from poco_ros.regressors.poco_lift.observation import observe
from poco_ros.training import cameras
from poco_ros.training.image_data import ImageData
from poco_ros.training.lift_data import LiftData, lift_data
from poco_ros.training.smpl_layer import SmplLayer

torch.set_num_threads(1)
EVERYBODY = torch.arange(12)


@pytest.fixture(scope='module')
def samples():
    return lift_samples(12, 5)


@pytest.fixture(scope='module')
def data(samples) -> LiftData:
    return lift_data(samples)


def observed(samples):
    return observe(samples.landmarks, samples.features, samples.local_features, samples.landmarks.image_px,
                   samples.intrinsics)


def test_the_lift_sees_what_the_node_sees(samples, data):
    seen = observed(samples)
    batch = data.batch(torch.tensor([7, 2]))
    np.testing.assert_array_equal(batch.inputs, seen.vector[[7, 2]])
    np.testing.assert_array_equal(batch.bbox_info, seen.bbox_info[[7, 2]])


def test_the_true_body_projects_onto_the_true_keypoints(samples, data):
    """By the loss's camera, from the true pose, shape and place; and these are the pixels of the true camera."""
    truth = data.targets(EVERYBODY)
    joints = SmplLayer(open_body()).joints(truth.rotmat, truth.betas)
    pixels = cameras.project_to_image(joints, torch.from_numpy(samples.transl), truth.image_size)
    assert (pixels - truth.keypoints_2d[..., :2]).abs().max() < 0.01
    np.testing.assert_allclose(truth.rotmat, axis_angle_to_matrix(samples.pose), atol=1e-6)

    fx, fy, cx, cy = samples.intrinsics.T[..., None]
    x, y, z = np.moveaxis(samples.joints, -1, 0)
    rays = np.stack([x / z, y / z], -1)
    focal = np.hypot(*truth.image_size.numpy().T)
    np.testing.assert_allclose(focal, np.sqrt(fx * fy)[:, 0], rtol=1e-6)
    seen = (truth.keypoints_2d[..., :2] - truth.image_size[:, None] / 2).numpy() / focal[:, None, None]
    np.testing.assert_allclose(seen, rays, atol=1e-5)
    # The square too is where it was in the picture, as lines of sight.
    square = observed(samples).squares
    at = (truth.boxes[:, :2] - truth.image_size / 2).numpy() / focal[:, None]
    expected = [(square[:, 0] - cx[:, 0]) / fx[:, 0], (square[:, 1] - cy[:, 0]) / fy[:, 0]]
    np.testing.assert_allclose(at, np.stack(expected, 1), atol=1e-5)


def test_joints_out_of_the_picture_count_in_3d_alone(samples):
    visibility = np.full((12, 24), 3, np.uint8)
    visibility[0, :5], visibility[1, :5], visibility[2, :5] = 0, 1, 2
    truth = lift_data(dataclasses.replace(samples, joint_visibility=visibility)).targets(EVERYBODY)
    assert (truth.keypoints_2d[..., 2] == 0).sum() == 5
    assert (truth.keypoints_2d[0, :5, 2] == 0).all()
    assert truth.has_joints_3d.all()
    moved = truth.joints_3d - torch.from_numpy(samples.joints)
    assert (moved - moved[:, :1]).abs().max() < 1e-5


def test_who_was_not_seen_is_left_out_as_in_the_node(samples):
    """Below 0.5, or below 0.3 where somebody was followed."""
    score = np.full(12, 0.4, np.float32)
    score[:3], score[3:5] = 0.6, 0.1
    source = np.where(np.arange(12) < 6, 1, 2).astype(np.uint8)
    marked = dataclasses.replace(samples, landmarks=dataclasses.replace(samples.landmarks, score=score),
                                 region_source=source)
    truth = lift_data(marked).targets(torch.arange(9))
    np.testing.assert_array_equal(truth.betas, samples.betas[[0, 1, 2, 6, 7, 8, 9, 10, 11]])
    nobody = dataclasses.replace(samples.landmarks, score=np.full(12, np.nan, np.float32))
    with pytest.raises(DatasetError, match='BlazePose saw nobody'):
        lift_data(dataclasses.replace(samples, landmarks=nobody))


@pytest.mark.parametrize('name', ['pose', 'betas', 'joints'])
def test_labels_that_are_no_numbers_are_refused(samples, name):
    values = getattr(samples, name).copy()
    values[9, 3] = np.nan
    with pytest.raises(DatasetError, match=f'{name} of 1 samples is not finite, first of frame 1 of the sequence 1 '):
        lift_data(dataclasses.replace(samples, **{name: values}))


def crops(rows):
    return np.random.default_rng(0).integers(0, 256, (12, CROP_SIZE, CROP_SIZE, 3), np.uint8)[rows]


SQUARES = np.tile(np.float32([[300, 200, 180]]), (12, 1))


def test_images_for_cliff(samples):
    sizes = np.where(np.arange(12)[:, None] < 5, [[640.0, 480.0]], [[320.0, 240.0]]).astype(np.float32)
    data = ImageData(dataclasses.replace(samples, image_size=sizes), SQUARES, crops, 'cliff')
    batch = data.batch(torch.tensor([1, 8]))
    np.testing.assert_allclose(batch.inputs, normalise(crops([1, 8])), atol=1e-6)
    np.testing.assert_array_equal(batch.bbox_info, np.concatenate([bbox_info(SQUARES[:1], 640, 480),
                                                                   bbox_info(SQUARES[:1], 320, 240)]))
    fx, fy, cx, cy = samples.intrinsics[1]
    expected = samples.joints[1, :, :2] / samples.joints[1, :, 2:] * [fx, fy] + [cx, cy]
    np.testing.assert_allclose(batch.targets.keypoints_2d[0, :, :2], expected, atol=1e-3)
    np.testing.assert_array_equal(batch.targets.image_size, [[640, 480], [320, 240]])


def test_images_for_hmr_are_judged_in_the_crop(samples):
    data = ImageData(samples, SQUARES, crops, 'hmr')
    batch = data.batch(torch.tensor([4]))
    assert batch.bbox_info is None
    fx, fy, cx, cy = samples.intrinsics[4]
    pixels = samples.joints[4, :, :2] / samples.joints[4, :, 2:] * [fx, fy] + [cx, cy]
    np.testing.assert_allclose(batch.targets.keypoints_2d[0, :, :2], (pixels - [300, 200]) / 90, atol=1e-4)


def test_the_light_changes_by_the_generator_alone(samples):
    data, rows = ImageData(samples, SQUARES, crops, 'hmr'), torch.tensor([0, 1])

    def inputs(seed: int) -> torch.Tensor:
        return data.batch(rows, torch.Generator().manual_seed(seed)).inputs

    assert torch.equal(inputs(1), inputs(1))
    assert not torch.equal(inputs(1), inputs(2))
    dark = torch.from_numpy(normalise(np.zeros((1, 1, 1, 3), np.uint8)))
    gain = ((inputs(1) - dark) / (data.batch(rows).inputs - dark)).flatten(2).nanmedian(-1).values
    assert 0.6 <= gain.min() < gain.max() <= 1.4
