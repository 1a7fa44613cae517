"""Landmarks in the optical frame, with cameras of their own for everybody."""

from __future__ import annotations

import numpy as np
import pytest
from lift_scenes import CAMERA, Scene, hidden, random_poses, scene

from poco_ros.body.model_file import load_body_model
from poco_ros.camera import Camera
from poco_ros.regressors.lift.seen_landmarks import intrinsics_of, person_score, see

N = 8


@pytest.fixture(scope='module')
def truth() -> Scene:
    return scene(load_body_model(), random_poses(N, 21), 21)


def test_points_are_the_true_ones_about_the_hips() -> None:
    """Thirty degrees off the axis."""
    truth = scene(load_body_model(), random_poses(N, 21), 21, pelvis=np.tile([2.0, 0, 3.5], (N, 1)))
    seen = see(truth.landmarks, truth.landmarks.image_px, intrinsics_of(CAMERA))
    hips = truth.points[:, [23, 24]].mean(axis=1, keepdims=True)
    # The line of sight is taken through all landmarks, not the hips alone, which turns the points by a few degrees.
    off, unturned = (
        np.linalg.norm(points - (truth.points - hips), axis=-1) for points in (seen.points_m, truth.landmarks.world_m))
    assert np.median(off) < 0.05 < 0.1 < np.median(unturned)
    np.testing.assert_allclose(seen.observation.rays, truth.points[..., :2] / truth.points[..., 2:], atol=1e-5)
    assert seen.known.all()


def test_everybody_may_have_a_camera_of_his_own(truth: Scene) -> None:
    cameras = np.array([900.0, 910, 650, 350]) * np.linspace(0.8, 1.2, N)[:, None]
    together = see(truth.landmarks, truth.landmarks.image_px, cameras)
    for row in range(N):
        camera = Camera(1280, 720, *cameras[row])
        alone = see(truth.landmarks.take([row]), truth.landmarks.image_px[[row]], intrinsics_of(camera))
        np.testing.assert_array_equal(alone.points_m[0], together.points_m[row])
        np.testing.assert_array_equal(alone.observation.sight[0], together.observation.sight[row])


def test_visibility_is_never_above_presence(truth: Scene) -> None:
    marks = hidden(truth.landmarks, ['left_knee'], 0.9, 0.3)
    seen = see(marks, marks.image_px, intrinsics_of(CAMERA))
    np.testing.assert_allclose(seen.visibility[:, 25], 0.3, rtol=1e-6)
    assert (seen.observation.weights[:, 25] < seen.observation.weights[:, 26]).all()


def test_an_unknown_score_is_none(truth: Scene) -> None:
    score = np.array([0.5, np.nan, np.inf, -1, 2, 0, 1, 0.25], np.float32)
    marks = type(truth.landmarks)(**{**vars(truth.landmarks), 'score': score})
    np.testing.assert_array_equal(person_score(marks), [0.5, 0, 0, 0, 1, 0, 1, 0.25])
