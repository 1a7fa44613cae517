"""Camera translations and projections against the golden arrays, and against what they must mean."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from poco_ros import crops, weak_perspective
from poco_ros.camera import Camera
from poco_ros.errors import CameraError


@pytest.fixture(scope='module')
def golden(shared_dir: Path) -> dict[str, np.ndarray]:
    return dict(np.load(shared_dir / 'spec/golden/preproc.npz'))


def boxes_of(golden: dict[str, np.ndarray]) -> np.ndarray:
    return np.column_stack([golden['bi_center'], 200 * golden['bi_scale']])


@pytest.mark.shared
def test_translations(golden: dict[str, np.ndarray]) -> None:
    np.testing.assert_allclose(
        weak_perspective.crop_translation(golden['cam_crop']), golden['cam_crop_t'], rtol=2e-7)
    for i, (height, width) in enumerate(golden['bi_orig_shape_hw'].tolist()):
        cam, box = golden['cam_crop'][i:i + 1], boxes_of(golden)[i:i + 1]
        full = weak_perspective.image_translation(cam, box, Camera.assumed(width, height))
        np.testing.assert_allclose(full[0], golden['cam_fullimg_t'][i], rtol=5e-7)
        weak = weak_perspective.image_weak_camera(cam, box, width, height)
        np.testing.assert_allclose(weak[0], golden['cam_orig_img'][i], rtol=1e-14)


@pytest.mark.shared
def test_projections(golden: dict[str, np.ndarray]) -> None:
    """The published values are float32: errors up to one unit in the last place of the largest coordinate."""
    points = golden['points3d']
    unit = weak_perspective.project_to_crop(points, golden['cam_crop_t'])
    np.testing.assert_allclose(unit, golden['points2d_crop_norm'], rtol=0, atol=3e-7)
    np.testing.assert_allclose(crops.unit_range_to_image(unit, boxes_of(golden)),
                               golden['points2d_crop_to_orig_px'], rtol=2e-7, atol=5e-4)
    for i, (height, width) in enumerate(golden['bi_orig_shape_hw'].tolist()):
        pixels = Camera.assumed(width, height).project(points[i] + golden['cam_fullimg_t'][i])
        np.testing.assert_allclose(pixels, golden['points2d_fullimg_px'][i], rtol=5e-7, atol=5e-4)


@pytest.mark.shared
def test_fitted_translation(shared_dir: Path) -> None:
    golden = np.load(shared_dir / 'spec/golden/geometry.npz')
    for points, keypoints, expected in zip(golden['lsq_S'], golden['lsq_kp'], golden['lsq_t'], strict=True):
        # The published function fits the data sets' 24 keypoints, the last of the 49.
        fitted = weak_perspective.fit_translation(points[25:], keypoints[25:, :2], keypoints[25:, 2])
        np.testing.assert_allclose(fitted, expected, rtol=0, atol=1e-6)


def test_fit_finds_the_translation_that_projected_the_points() -> None:
    rng = np.random.default_rng(3)
    camera = Camera(640, 480, 555.0, 555.0, 310.0, 250.0)
    points, translation = rng.normal(0, 0.5, (14, 3)), np.array([0.3, -0.2, 4.0])
    pixels = camera.project(points + translation)
    weights = rng.uniform(0.2, 1, 14)
    pixels[3] += 400  # an outlier that nobody trusts
    weights[3] = 0
    fitted = weak_perspective.fit_translation(points, pixels, weights, focal=555.0, principal_point=(310.0, 250.0))
    np.testing.assert_allclose(fitted, translation, atol=1e-10)


def test_fit_refuses_too_few_points() -> None:
    with pytest.raises(CameraError, match='at least two'):
        weak_perspective.fit_translation(np.zeros((3, 3)), np.zeros((3, 2)), [1, 0, 0])


@pytest.mark.parametrize('camera', [Camera.assumed(1280, 720), Camera(1280, 720, 900.0, 930.0, 600.0, 380.0)])
def test_full_image_camera_sees_the_body_where_the_crop_does(camera: Camera) -> None:
    """A point in the plane of the body's origin meets the same pixel through either camera, calibrated or not."""
    cam, box = np.array([[0.9, 0.1, -0.2]]), np.array([[400.0, 300.0, 350.0]])
    plane = np.array([[[0.0, 0.0, 0.0], [0.4, -0.7, 0.0]]])
    unit = weak_perspective.project_to_crop(plane, weak_perspective.crop_translation(cam))
    through_crop = crops.unit_range_to_image(unit, box)[0]
    through_image = camera.project(plane[0] + weak_perspective.image_translation(cam, box, camera)[0])
    # The crop's square pixels cannot show the unequal focal lengths of the second camera: 1.6 % of the offset.
    tolerance = 1e-3 if camera.fx == camera.fy else 0.02 * 350
    np.testing.assert_allclose(through_image, through_crop, atol=tolerance)


@pytest.mark.parametrize(('scale', 'side'), [(0.0, 100.0), (-0.3, 100.0), (0.9, 0.0), (np.nan, 100.0)])
def test_no_position_without_a_positive_scale(scale: float, side: float) -> None:
    cam, box = np.array([[scale, 0.0, 0.0], [1.0, 0.0, 0.0]]), np.array([[50.0, 50.0, side], [50.0, 50.0, 90.0]])
    full = weak_perspective.image_translation(cam, box, Camera.assumed(640, 480))
    weak = weak_perspective.image_weak_camera(cam, box, 640, 480)
    assert np.isnan(full[0]).all() and np.isfinite(full[1]).all()
    assert np.isnan(weak[0]).all() and np.isfinite(weak[1]).all()


def test_weak_camera_agrees_with_the_crop() -> None:
    """What the crop's orthographic camera puts at a crop position, the image's puts at the same pixel."""
    cam, box = np.array([[0.8, 0.05, 0.3]]), np.array([[500.0, 200.0, 240.0]])
    point = np.array([0.25, -0.4])
    in_crop = cam[0, 0] * (point + cam[0, 1:])
    expected = crops.unit_range_to_image(in_crop[None, None], box)[0, 0]
    sx, sy, tx, ty = weak_perspective.image_weak_camera(cam, box, 1280, 720)[0]
    unit = np.array([sx * (point[0] + tx), sy * (point[1] + ty)])
    np.testing.assert_allclose((unit + 1) / 2 * (1280, 720), expected, atol=1e-9)
