"""The camera against OpenCV's projection, closed forms, and what CameraInfo documents."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from poco_ros.camera import Camera, assumed_focal_length
from poco_ros.errors import CameraError

K = [525.0, 0.0, 319.5, 0.0, 527.0, 239.5, 0.0, 0.0, 1.0]
PLUMB_BOB = [-0.28, 0.09, 0.001, -0.0007, -0.013]
RATIONAL = [0.5, -2.6, 0.0006, -0.0002, 1.5, 0.4, -2.4, 1.4]
THIN_PRISM = [*RATIONAL, 0.001, -0.0004, 0.0007, 0.0001]
TILTED = [*THIN_PRISM, 0.02, -0.01]
FISHEYE = [-0.02, 0.005, -0.002, 0.0003]
MODELS = [('plumb_bob', PLUMB_BOB[:4]), ('plumb_bob', PLUMB_BOB), ('rational_polynomial', RATIONAL),
          ('rational_polynomial', THIN_PRISM), ('rational_polynomial', TILTED), ('equidistant', FISHEYE)]


def info(model: str = '', d: list[float] | tuple[float, ...] = (), **kwargs: object) -> Camera:
    return Camera.from_info(640, 480, K, d, model, **kwargs)  # type: ignore[arg-type]


def visible_points(seed: int = 0) -> np.ndarray:
    """Points that fill the field of view of K, at different depths."""
    rng = np.random.default_rng(seed)
    depth = rng.uniform(0.5, 6, (4, 25, 1))
    return np.concatenate([rng.uniform(-0.55, 0.55, (4, 25, 2)) * depth, depth], axis=-1)


def brown_conrady(x: np.ndarray, y: np.ndarray, d: list[float]) -> tuple[np.ndarray, np.ndarray]:
    """The formula of OpenCV's documentation, without tilt."""
    k1, k2, p1, p2, k3, k4, k5, k6, s1, s2, s3, s4 = [*d, *[0.0] * (12 - len(d))]
    r2 = x * x + y * y
    radial = (1 + k1 * r2 + k2 * r2**2 + k3 * r2**3) / (1 + k4 * r2 + k5 * r2**2 + k6 * r2**3)
    return (x * radial + 2 * p1 * x * y + p2 * (r2 + 2 * x * x) + s1 * r2 + s2 * r2**2,
            y * radial + p1 * (r2 + 2 * y * y) + 2 * p2 * x * y + s3 * r2 + s4 * r2**2)


def kannala_brandt(x: np.ndarray, y: np.ndarray, d: list[float]) -> tuple[np.ndarray, np.ndarray]:
    r = np.hypot(x, y)
    theta = np.arctan(r)
    distorted = theta * (1 + sum(k * theta ** (2 * i + 2) for i, k in enumerate(d)))
    return x * distorted / r, y * distorted / r


def test_pinhole_projection() -> None:
    points = visible_points()
    expected, _ = cv2.projectPoints(points.reshape(-1, 3), np.zeros(3), np.zeros(3), np.reshape(K, (3, 3)), None)
    np.testing.assert_allclose(info().project(points), expected.reshape(4, 25, 2), atol=1e-9)


@pytest.mark.parametrize(('model', 'd'), [m for m in MODELS if len(m[1]) != 14])
def test_projection_follows_the_formula(model: str, d: list[float]) -> None:
    points = visible_points()
    x, y = points[..., 0] / points[..., 2], points[..., 1] / points[..., 2]
    x, y = kannala_brandt(x, y, d) if model == 'equidistant' else brown_conrady(x, y, d)
    expected = np.stack([K[0] * x + K[2], K[4] * y + K[5]], axis=-1)
    np.testing.assert_allclose(info(model, d).project(points), expected, atol=1e-9)


@pytest.mark.parametrize(('model', 'd'), MODELS)
def test_undistorting_gives_the_ideal_pinhole(model: str, d: list[float]) -> None:
    points = visible_points()
    distorted = info(model, d).project(points)
    assert np.nanmax(np.abs(distorted - info().project(points))) > 1, 'the case must distort'
    np.testing.assert_allclose(info(model, d).undistort_points(distorted), info().project(points), atol=1e-3)


def test_points_behind_the_camera_are_nan() -> None:
    points = np.array([[0.1, 0.1, 2.0], [0.1, 0.1, 0.0], [0.1, 0.1, -2.0], [np.nan, 0.1, 2.0]])
    for camera in (info(), info('plumb_bob', PLUMB_BOB), info('equidistant', FISHEYE)):
        pixels = camera.project(points)
        assert np.isfinite(pixels[0]).all()
        assert np.isnan(pixels[1:3]).all() and np.isnan(pixels[3]).any()


def test_points_beyond_the_turn_of_the_polynomial_do_not_come_back_into_the_image() -> None:
    """With k1 = -0.3 alone r (1 - 0.3 r^2) turns at r = sqrt(1 / 0.9); r = 1.8 would land near the middle."""
    camera = info('plumb_bob', [-0.3, 0.0, 0.0, 0.0])
    turn = math.sqrt(1 / 0.9)
    raw, _ = cv2.projectPoints(np.array([[1.8, 0, 1.0]]), np.zeros(3), np.zeros(3), camera.matrix, camera.distortion)
    assert 0 < raw[0, 0, 0] < 640, 'OpenCV itself puts it into the image'
    pixels = camera.project([[1.8, 0, 1], [turn + 0.01, 0, 1], [turn - 0.01, 0, 1]])
    assert np.isnan(pixels[:2]).all() and np.isfinite(pixels[2]).all()
    # Pixels farther out than the turn belong to no ray.
    farthest = camera.project([[turn - 1e-6, 0, 1]])[0, 0]
    undistorted = camera.undistort_points([[farthest + 20, 239.5], [farthest - 60, 239.5], [np.nan, 1]])
    assert np.isnan(undistorted[0]).all() and np.isfinite(undistorted[1]).all() and np.isnan(undistorted[2]).any()


def test_pole_of_the_rational_model_ends_the_projection() -> None:
    """1 / (1 - 0.5 r^2) has its pole at r = sqrt(2); behind it points would appear on the other side of the image."""
    camera = info('rational_polynomial', [0.0, 0, 0, 0, 0, -0.5, 0, 0])
    pixels = camera.project([[1.4, 0, 1], [1.5, 0, 1]])
    assert np.isfinite(pixels[0]).all() and np.isnan(pixels[1]).all()


def test_fisheye_that_turns_back_is_cut() -> None:
    """theta (1 - 0.4 theta^2) turns at theta = sqrt(1 / 1.2)."""
    camera, theta = info('equidistant', [-0.4, 0, 0, 0]), math.sqrt(1 / 1.2)
    pixels = camera.project([[math.tan(theta - 0.01), 0, 1], [math.tan(theta + 0.01), 0, 1]])
    assert np.isfinite(pixels[0]).all() and np.isnan(pixels[1]).all()


def test_empty_arrays_keep_their_shape() -> None:
    for camera in (info(), info('plumb_bob', PLUMB_BOB), info('equidistant', FISHEYE)):
        assert camera.project(np.zeros((0, 24, 3))).shape == (0, 24, 2)
        assert camera.undistort_points(np.zeros((0, 33, 2))).shape == (0, 33, 2)


def test_assumed_camera() -> None:
    camera = Camera.assumed(640, 480)
    assert (camera.fx, camera.fy, camera.cx, camera.cy) == (800.0, 800.0, 320.0, 240.0)
    assert camera.focal_length_assumed and camera.distortion is None
    assert assumed_focal_length(3, 4) == 5


def test_zero_k_means_uncalibrated() -> None:
    camera = Camera.from_info(640, 480, [0.0] * 9, [0.0] * 5, 'plumb_bob')
    assert camera == Camera.assumed(640, 480)
    assert Camera.from_info(0, 0, [0.0] * 9, image_size=(1280, 720)) == Camera.assumed(1280, 720)
    assert not info().focal_length_assumed


def test_zero_distortion_is_none_whatever_its_model() -> None:
    for model in ('', 'plumb_bob', 'equidistant', 'something_else'):
        assert info(model, [0.0] * 5) == info()


def test_array_of_any_float_type_is_taken() -> None:
    camera = Camera.from_info(640, 480, np.array(K).reshape(3, 3), np.array(PLUMB_BOB, np.float32), 'plumb_bob')
    np.testing.assert_array_equal(camera.matrix, np.reshape(K, (3, 3)))
    assert camera.distortion is not None and camera.distortion.dtype == np.float64
    with pytest.raises(ValueError, match='read-only'):
        camera.distortion[0] = 1


def test_cameras_compare_by_value() -> None:
    assert info('plumb_bob', PLUMB_BOB) == info('plumb_bob', list(PLUMB_BOB))
    assert hash(info('plumb_bob', PLUMB_BOB)) == hash(info('plumb_bob', list(PLUMB_BOB)))
    assert info('plumb_bob', PLUMB_BOB) != info('rational_polynomial', PLUMB_BOB)
    assert info() != Camera.assumed(640, 480) and info() != 'camera'


def test_binning_and_roi_look_at_the_same_scene() -> None:
    """A full image, cropped and averaged 2x2, shows a point where the adapted camera projects it."""
    point = np.array([[0.21, -0.13, 1.7]])
    u, v = info().project(point)[0]
    ys, xs = np.mgrid[:480, :640]
    image = np.exp(-((xs - u) ** 2 + (ys - v) ** 2) / 50)
    x0, y0, width, height = 100, 60, 400, 320
    small = image[y0:y0 + height, x0:x0 + width].reshape(height // 2, 2, width // 2, 2).mean(axis=(1, 3))
    ys, xs = np.mgrid[:height // 2, :width // 2]
    seen = np.array([(xs * small).sum(), (ys * small).sum()]) / small.sum()
    camera = info(binning=(2, 2), roi=(x0, y0, width, height))
    assert (camera.width, camera.height) == (200, 160)
    np.testing.assert_allclose(camera.project(point)[0], seen, atol=1e-3)
    assert info(binning=(1, 1), roi=(0, 0, 0, 0)) == info()


def test_calibration_for_another_image_size_is_refused() -> None:
    with pytest.raises(CameraError, match='for images of 640x480, the image has 320x240; publish the camera_info'):
        info(image_size=(320, 240))
    assert info(image_size=(640, 480)) == info()
    assert info(binning=(2, 2), image_size=(320, 240)).width == 320


def test_resized_camera_sees_the_resized_picture() -> None:
    point = np.array([[0.2, 0.3, 1.5]])
    for camera in (info(), info('plumb_bob', PLUMB_BOB)):
        u, v = camera.project(point)[0]
        expected = [(u + 0.5) / 2 - 0.5, (v + 0.5) * 0.75 - 0.5]
        np.testing.assert_allclose(camera.resized(320, 360).project(point)[0], expected, atol=1e-9)
    assert Camera.assumed(640, 480).resized(320, 240) == Camera.assumed(320, 240)


@pytest.mark.parametrize(('k', 'match'), [
    ([math.nan] * 9, 'NaN or infinity.*calibrate'),
    ([525.0, 0, math.inf, 0, 525, 240, 0, 0, 1], 'NaN or infinity'),
    ([-525.0, 0, 320, 0, 525, 240, 0, 0, 1], 'must be positive'),
    ([525.0, 0, 320, 0, 0, 240, 0, 0, 1], 'must be positive'),
    ([525.0, 2, 320, 0, 525, 240, 0, 0, 1], 'skew is not supported'),
    ([525.0, 0, 0, 0, 525, 0, 320, 240, 1], 'row-major'),
    ([525.0, 0, 320, 0, 525, 240, 0, 0, 0], 'not of the form'),
    ([1.0] * 8, '8 values, it needs 9'),
])
def test_unusable_k_is_refused(k: list[float], match: str) -> None:
    with pytest.raises(CameraError, match=match):
        Camera.from_info(640, 480, k)


@pytest.mark.parametrize(('model', 'd', 'match'), [
    ('', [0.1, 0, 0, 0, 0], 'is not supported; use one of plumb_bob'),
    ('thin_lens', [0.1, 0, 0, 0, 0], "'thin_lens' is not supported"),
    ('plumb_bob', [0.1, 0.1, 0.0], 'do not fit the model'),
    ('equidistant', PLUMB_BOB, 'it takes 4'),
    ('plumb_bob', [math.nan, 0, 0, 0, 0], 'NaN or infinity'),
])
def test_unusable_distortion_is_refused(model: str, d: list[float], match: str) -> None:
    with pytest.raises(CameraError, match=match):
        info(model, d)


def test_missing_size_is_refused() -> None:
    with pytest.raises(CameraError, match='set them to the image size'):
        Camera.from_info(0, 0, K)
    with pytest.raises(CameraError, match='not positive'):
        Camera.assumed(0, 480)
