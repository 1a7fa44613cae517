from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lift_scenes import CAMERA, Scene, random_poses, scene, seen_by

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle
from poco_ros.regressors.lift import fit as fit_module
from poco_ros.regressors.lift.fit import Fit, Observation, disagreement, place, refine
from poco_ros.regressors.lift.prior import HINGE_BACKWARDS, HINGE_BONES, HINGE_JOINTS, MOVING_JOINTS
from poco_ros.regressors.lift.rig import landmark_offsets


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


def truth_of(truth: Scene, body: BodyModel) -> Fit:
    rest = body.rest_joints(truth.betas).astype(np.float64)
    return Fit(truth.rotmats, truth.joints[:, 0], rest, landmark_offsets(rest))


def seen_of(truth: Scene) -> Observation:
    return seen_by(truth.landmarks, truth.camera).observation


def reprojection_px(fit: Fit, truth: Scene) -> np.ndarray:
    joints = fit.pose_joints()[0]
    return np.linalg.norm(CAMERA.project(joints) - CAMERA.project(truth.joints), axis=-1)


def test_place_finds_the_position_of_a_body_of_known_pose(body: BodyModel) -> None:
    truth = scene(body, random_poses(100, 1))
    true = truth_of(truth, body)
    placed = place(replace(true, pelvis=np.zeros((100, 3))), seen_of(truth))
    error = np.linalg.norm(placed.pelvis - true.pelvis, axis=1) / true.pelvis[:, 2]
    assert np.median(error) < 0.02 and error.max() < 0.08  # weak perspective: good enough to start from


def test_place_is_in_front_of_the_camera_whatever_was_seen(body: BodyModel) -> None:
    truth = scene(body, random_poses(50, 2))
    seen = seen_of(truth)
    rng = np.random.default_rng(0)
    for rays in (seen.rays * 0, -seen.rays, rng.normal(size=seen.rays.shape) * 10):
        assert (place(truth_of(truth, body), replace(seen, rays=rays)).pelvis[:, 2] > 0).all()


def test_truth_is_all_but_a_fixed_point(body: BodyModel) -> None:
    """Only the prior pulls a body that agrees with everything seen."""
    truth = scene(body, random_poses(50, 3))
    fit = refine(truth_of(truth, body), seen_of(truth), 3)
    moved = np.linalg.norm(fit.pose_joints()[0] - truth.joints, axis=-1)
    assert np.median(moved) < 0.04
    assert np.median(reprojection_px(fit, truth)) < 2


def test_steps_lower_the_reprojection_error_of_a_disturbed_body(body: BodyModel) -> None:
    truth = scene(body, random_poses(50, 4))
    true = truth_of(truth, body)
    noise = np.zeros((50, 24, 3))
    noise[:, MOVING_JOINTS] = np.random.default_rng(0).normal(0, 0.15, (50, len(MOVING_JOINTS), 3))
    start = replace(true, rotmats=true.rotmats @ axis_angle_to_matrix(noise), pelvis=true.pelvis * 1.05)
    errors = [np.median(reprojection_px(refine(start, seen_of(truth), steps), truth)) for steps in (0, 1, 2, 3)]
    assert errors[1] < errors[0] / 2 and errors[3] < errors[0] / 3
    assert errors[3] < 3


def test_gradient_is_that_of_the_cost(body: BodyModel) -> None:
    """The derivative against finite differences, by way of one damped step: it must lower what it minimises."""
    truth = scene(body, random_poses(10, 5))
    true = truth_of(truth, body)
    rng = np.random.default_rng(1)
    noise = np.zeros((10, 24, 3))
    noise[:, MOVING_JOINTS] = rng.normal(0, 0.1, (10, len(MOVING_JOINTS), 3))
    start = replace(true, rotmats=true.rotmats @ axis_angle_to_matrix(noise))
    seen = seen_of(truth)
    _, gradient = fit_module._data_term(start, seen, True)

    def residuals(turn: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        rotmats = start.rotmats.copy()
        rotmats[:, MOVING_JOINTS] = axis_angle_to_matrix(turn[:, :-3].reshape(10, -1, 3)) @ rotmats[:, MOVING_JOINTS]
        moved = replace(start, rotmats=rotmats, pelvis=start.pelvis + turn[:, -3:])
        joints, global_rotmats = moved.pose_joints()
        points = fit_module.posed_landmarks(joints, global_rotmats, moved.offsets)[:, fit_module._USED]
        scale = start.pelvis[:, 2, None, None] / fit_module.SIGMA_ACROSS_M
        across = (points[..., :2] / points[..., 2:] - seen.rays[:, fit_module._USED]) * scale
        behind = ((points - points[:, fit_module._HIPS].mean(axis=1, keepdims=True)) * seen.sight[:, None]).sum(axis=-1)
        behind = (behind - seen.depth_m[:, fit_module._USED]) / fit_module._SIGMA_DEPTH_M
        return across, behind

    across, behind = residuals(np.zeros(gradient.shape))
    robust = (1 + (across**2).sum(axis=-1) / fit_module._OUTLIER_SIGMAS**2) ** -2.0  # held fixed within a step
    direction = rng.normal(size=gradient.shape)
    step = 1e-6
    (a1, b1), (a0, b0) = residuals(step * direction), residuals(-step * direction)
    along = (robust[..., None] * across * (a1 - a0)).sum(axis=(1, 2)) + (behind * (b1 - b0)).sum(axis=1)
    np.testing.assert_allclose((gradient * direction).sum(axis=1), along / (2 * step), rtol=1e-4, atol=1e-3)


def test_inverse_left_jacobian_against_finite_differences() -> None:
    a = np.random.default_rng(0).normal(size=(20, 3))
    a *= (np.linspace(1e-3, 2.8, 20) / np.linalg.norm(a, axis=1))[:, None]
    jacobian = fit_module._inverse_left_jacobian(a)
    for axis in range(3):
        turn = np.eye(3)[axis] * 1e-6
        plus = matrix_to_axis_angle(axis_angle_to_matrix(turn) @ axis_angle_to_matrix(a))
        minus = matrix_to_axis_angle(axis_angle_to_matrix(-turn) @ axis_angle_to_matrix(a))
        np.testing.assert_allclose(jacobian[..., axis], (plus - minus) / 2e-6, atol=1e-5)


def test_one_wild_landmark_does_not_drag_the_body(body: BodyModel) -> None:
    truth = scene(body, random_poses(40, 6))
    seen = seen_of(truth)
    wild = seen.rays.copy()
    wild[:, 15] += 0.3  # the left wrist somewhere else in the picture
    clean, dirty = (refine(truth_of(truth, body), s, 3) for s in (seen, replace(seen, rays=wild)))
    others = [j for j in range(24) if j not in (13, 16, 18, 20, 22)]
    shift = np.linalg.norm((dirty.pose_joints()[0] - clean.pose_joints()[0])[:, others], axis=-1)
    assert np.median(shift) < 0.01
    assert shift.max() < 0.08


def test_knees_and_elbows_do_not_bend_backwards(body: BodyModel) -> None:
    """Started 25 degrees the wrong way, with points that do not object."""
    pose = np.zeros((4, 24, 3))
    pose[:, 16, 2], pose[:, 17, 2] = np.radians([-60, 60])
    pose[:, 18, 1], pose[:, 19, 1] = np.radians([25, -25])
    pose[:, [4, 5], 0] = np.radians(-25)
    pose[:, 0, 1] = np.radians([0, 90, 180, 270])
    truth = scene(body, pose, 7)
    fit = refine(truth_of(truth, body), seen_of(truth), 3)
    bones = (fit.rotmats[:, HINGE_JOINTS] @ HINGE_BONES[..., None])[..., 0]
    assert np.degrees(np.arcsin((bones * HINGE_BACKWARDS).sum(axis=-1))).max() < 10


def test_nothing_seen_leaves_a_finite_relaxed_body(body: BodyModel) -> None:
    truth = scene(body, random_poses(3, 8))
    blind = replace(seen_of(truth), weights=np.zeros((3, 33)))
    fit = refine(truth_of(truth, body), blind, 3)
    assert np.isfinite(fit.rotmats).all() and np.isfinite(fit.pelvis).all()


def test_disagreement_is_the_distance_in_the_picture_over_the_size(body: BodyModel) -> None:
    truth = scene(body, random_poses(20, 9))
    true, seen = truth_of(truth, body), seen_of(truth)
    np.testing.assert_allclose(disagreement(true, seen), 0, atol=1e-6)
    size = np.ptp(seen.rays, axis=1).max(axis=1)
    shifted = replace(seen, rays=seen.rays + (0.02 * size)[:, None, None] * np.array([0.6, 0.8]))
    np.testing.assert_allclose(disagreement(true, shifted), 0.02, rtol=1e-3)
    assert np.isinf(disagreement(true, replace(seen, weights=np.zeros((20, 33))))).all()
