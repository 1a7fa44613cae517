"""What POCO-Lift's network sees: whatever picture and lens the person is seen with it is the same, and it is finite."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
import torch
from lift_scenes import CAMERA, Scene, perfect_landmarks, random_poses, scene, seen_by

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.camera import Camera
from poco_ros.crops import bbox_info
from poco_ros.regressors.lift.seen_landmarks import intrinsics_of
from poco_ros.regressors.poco_lift.observation import (
    FEATURE_SIZE,
    GLOBAL_D,
    LOCAL_SIZE,
    D,
    Observation,
    observe,
    virtual_size,
    virtual_squares,
)
from poco_ros.training import cameras
from poco_ros.types import Landmarks
from poco_ros.weak_perspective import image_translation

N = 12
POINTS = slice(5, 8)


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


@pytest.fixture(scope='module')
def truth(body: BodyModel) -> Scene:
    return scene(body, random_poses(N, 3), 3)


def features(n: int = N) -> np.ndarray:
    return np.random.default_rng(0).normal(size=(n, FEATURE_SIZE)).astype(np.float32)


def local_features(n: int = N) -> np.ndarray:
    return np.random.default_rng(1).normal(size=(n, 33, LOCAL_SIZE)).astype(np.float32)


def seen(landmarks: Landmarks, camera: Camera = CAMERA) -> Observation:
    ideal = camera.undistort_points(landmarks.image_px.astype(np.float64))
    return observe(landmarks, features(len(landmarks)), local_features(len(landmarks)), ideal, intrinsics_of(camera))


def columns(observation: Observation) -> np.ndarray:
    return observation.vector[:, : 8 * 33].reshape(-1, 33, 8)


def changed(landmarks: Landmarks, name: str, rows: tuple, value: float) -> Landmarks:
    array = getattr(landmarks, name).copy()
    array[rows] = value
    return dataclasses.replace(landmarks, **{name: array})


def test_parts_lie_where_they_are_said_to(truth: Scene) -> None:
    marks = dataclasses.replace(
        truth.landmarks, depth_px=np.random.default_rng(1).normal(0, 30, (N, 33)).astype(np.float32))
    found = seen(marks)
    assert found.vector.shape == (N, D) and found.vector.dtype == np.float32 and D == 3457
    per_landmark = columns(found)
    half = found.squares[:, None, 2:] / 2
    # The camera's pixels are not square, so the square's are those of the mean focal length.
    focal = np.sqrt(CAMERA.fx * CAMERA.fy)
    expected = (marks.image_px - found.squares[:, None, :2]) / half * focal / np.array([CAMERA.fx, CAMERA.fy])
    np.testing.assert_allclose(per_landmark[..., :2], expected, atol=1e-5)
    assert (np.abs(per_landmark[..., :2]).max(axis=(1, 2)) == pytest.approx(1 / 1.1, rel=1e-5))
    np.testing.assert_allclose(per_landmark[..., 2], marks.depth_px / half[..., 0], rtol=0.01, atol=1e-6)
    np.testing.assert_array_equal(per_landmark[..., 3:5], 1)
    np.testing.assert_allclose(per_landmark[..., POINTS], seen_by(marks, CAMERA).points_m, atol=1e-6)
    np.testing.assert_array_equal(found.vector[:, 8 * 33], marks.score)
    np.testing.assert_array_equal(found.vector[:, GLOBAL_D - FEATURE_SIZE : GLOBAL_D], features())
    np.testing.assert_array_equal(found.vector[:, GLOBAL_D:], local_features().reshape(N, -1))


def test_a_crop_of_the_picture_changes_nothing(truth: Scene) -> None:
    """The same person in a picture that was cut out of the other: everything but the pixel numbers is the same."""
    cut = Camera(400, 300, CAMERA.fx, CAMERA.fy, CAMERA.cx - 123, CAMERA.cy - 45)
    marks = dataclasses.replace(truth.landmarks, image_px=truth.landmarks.image_px - np.float32([123, 45]))
    there, here = seen(truth.landmarks), seen(marks, cut)
    np.testing.assert_allclose(here.vector, there.vector, atol=1e-4)
    np.testing.assert_allclose(here.bbox_info, there.bbox_info, atol=1e-4)
    np.testing.assert_allclose(here.squares, there.squares - np.array([123, 45, 0]), atol=1e-2)


def test_a_smaller_picture_changes_nothing(truth: Scene) -> None:
    half = Camera(640, 360, CAMERA.fx / 2, CAMERA.fy / 2, CAMERA.cx / 2, CAMERA.cy / 2)
    marks = dataclasses.replace(
        truth.landmarks, image_px=truth.landmarks.image_px / 2, depth_px=truth.landmarks.depth_px / 2)
    there, here = seen(truth.landmarks), seen(marks, half)
    np.testing.assert_allclose(here.vector, there.vector, atol=1e-5)
    np.testing.assert_allclose(here.bbox_info, there.bbox_info, atol=1e-5)


def test_twice_as_far_is_half_the_square_and_the_same_shape(body: BodyModel) -> None:
    """Along the axis; only the perspective differs, which fades with the distance."""
    pose = random_poses(N, 4)
    near, far = (
        scene(body, pose, 4, camera=CAMERA, pelvis=np.tile([0.0, 0, z], (N, 1)), one_camera=True) for z in (40.0, 80.0))
    a, b = seen(near.landmarks), seen(far.landmarks)
    np.testing.assert_allclose(b.squares[:, 2], a.squares[:, 2] / 2, rtol=0.01)
    np.testing.assert_allclose(columns(b)[..., :2], columns(a)[..., :2], atol=0.02)


def test_a_lens_with_distortion_is_undone(truth: Scene) -> None:
    lens = dataclasses.replace(
        CAMERA, distortion=np.array([-0.25, 0.07, 0.001, -0.0005]), distortion_model='plumb_bob')
    marks = perfect_landmarks(truth.points, lens)
    depth = np.random.default_rng(2).normal(0, 30, (N, 33)).astype(np.float32)
    a = seen(dataclasses.replace(truth.landmarks, depth_px=depth))
    b = seen(dataclasses.replace(marks, depth_px=depth), lens)
    all_but_depth = [0, 1, 3, 4, 5, 6, 7]
    np.testing.assert_allclose(columns(b)[..., all_but_depth], columns(a)[..., all_but_depth], atol=1e-3)
    np.testing.assert_allclose(b.bbox_info, a.bbox_info, atol=1e-3)
    # Depth is in pixels of the picture as it is: it has to grow with the person.
    straight, bent = (np.linalg.norm(np.ptp(m.image_px, 1), axis=1) for m in (truth.landmarks, marks))
    np.testing.assert_allclose((columns(b)[..., 2] / columns(a)[..., 2]).mean(1), straight / bent, rtol=0.02)


@pytest.mark.parametrize('name', ['image_px', 'world_m', 'visibility', 'presence', 'depth_px'])
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf, 1e12])
def test_a_landmark_that_is_none_is_zero_and_moves_nothing_else(truth: Scene, name: str, value: float) -> None:
    inner = int(np.abs(columns(seen(truth.landmarks))[1, :, :2]).max(axis=1).argmin())  # makes no edge of the box
    marks = changed(truth.landmarks, name, (1, inner), value)
    with np.errstate(all='raise', under='ignore'):
        found, clean = seen(marks), seen(truth.landmarks)
    assert np.isfinite(found.vector).all()
    if name in ('visibility', 'presence') and value == 1e12:
        np.testing.assert_array_equal(found.vector, clean.vector)  # a probability beyond 1 counts as 1
        return
    np.testing.assert_array_equal(columns(found)[1, inner], 0)
    others = [row for row in range(N) if row != 1]
    np.testing.assert_array_equal(found.vector[others], clean.vector[others])
    kept = [i for i in range(33) if i != inner]
    np.testing.assert_allclose(columns(found)[1, kept, :2], columns(clean)[1, kept, :2], atol=1e-5)


def test_a_landmark_far_from_all_others_does_not_stretch_the_square(truth: Scene) -> None:
    found = seen(changed(truth.landmarks, 'image_px', (2, 15), 6000.0))
    np.testing.assert_array_equal(columns(found)[2, 15], 0)
    assert 0.7 < found.squares[2, 2] / seen(truth.landmarks).squares[2, 2] <= 1.0


def test_of_nobody_there_are_numbers_too(truth: Scene) -> None:
    marks = truth.landmarks
    marks = changed(changed(marks, 'image_px', (0,), np.nan), 'image_px', (1,), 500.0)
    marks = changed(marks, 'score', (0,), np.nan)
    broken = features()
    broken[0, 5], broken[0, 6], broken[0, 7] = np.nan, np.inf, 1e9
    with np.errstate(all='raise', under='ignore'):
        found = observe(marks, broken, local_features(), marks.image_px, intrinsics_of(CAMERA))
    for array in (found.vector, found.bbox_info, found.squares):
        assert np.isfinite(array).all()
    np.testing.assert_array_equal(found.vector[0, : 8 * 33 + 1], 0)
    np.testing.assert_array_equal(found.vector[0, GLOBAL_D - FEATURE_SIZE:][5:8], 0)
    np.testing.assert_array_equal(found.vector[0, GLOBAL_D:], 0)
    assert (found.squares[:, 2] > 0).all()
    np.testing.assert_allclose(found.squares[0], [CAMERA.cx, CAMERA.cy, np.sqrt(CAMERA.fx * CAMERA.fy)], rtol=1e-6)
    empty = observe(Landmarks.empty(), features(0), local_features(0), np.zeros((0, 33, 2)), np.ones((1, 4)))
    assert empty.vector.shape == (0, D)


def test_many_cameras_at_once_are_each_their_own(truth: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = np.random.default_rng(5)
    cameras_ = np.array([900.0, 910, 650, 350]) + rng.uniform(-50, 50, (N, 4))
    together = observe(truth.landmarks, features(), local_features(), truth.landmarks.image_px, cameras_)
    monkeypatch.setattr('poco_ros.regressors.poco_lift.observation._ROWS_AT_ONCE', 5)
    in_parts = observe(truth.landmarks, features(), local_features(), truth.landmarks.image_px, cameras_)
    for row in range(N):
        camera = Camera(1280, 720, *cameras_[row])
        alone = seen(truth.landmarks.take([row]), camera)
        np.testing.assert_allclose(together.vector[row, : 8 * 33], alone.vector[0, : 8 * 33], atol=1e-5)
        np.testing.assert_allclose(together.squares[row], alone.squares[0], rtol=1e-6)
    np.testing.assert_array_equal(in_parts.vector, together.vector)


def test_the_virtual_image_is_the_true_pinhole(truth: Scene, body: BodyModel) -> None:
    """Bodies placed and projected by the rules for the diagonal land where the true camera sees them."""
    found = seen(truth.landmarks)
    intrinsics = np.repeat(intrinsics_of(CAMERA), N, axis=0)
    size, squares = virtual_size(intrinsics), virtual_squares(found.squares, intrinsics)
    focal = np.sqrt(CAMERA.fx * CAMERA.fy)
    np.testing.assert_allclose(np.linalg.norm(size, axis=1), focal, rtol=1e-6)
    np.testing.assert_allclose(found.bbox_info, bbox_info(squares, size[0, 0], size[0, 1]), atol=2e-4)

    cam = np.random.default_rng(6).uniform([0.6, -0.2, -0.2], [1.1, 0.2, 0.2], (N, 3)).astype(np.float32)
    transl = cameras.image_translation(*map(torch.from_numpy, (cam, squares, size)))
    np.testing.assert_allclose(transl, image_translation(cam, found.squares, CAMERA), rtol=1e-4, atol=1e-4)

    points = torch.from_numpy(truth.joints - truth.joints[:, :1]).float()
    projected = cameras.project_to_image(points, transl, torch.from_numpy(size)).numpy()
    true_px = CAMERA.project(points.numpy() + transl.numpy()[:, None])
    rays = (true_px - np.array([CAMERA.cx, CAMERA.cy])) / np.array([CAMERA.fx, CAMERA.fy])
    np.testing.assert_allclose(projected, rays * focal + size[:, None] / 2, atol=0.05)
