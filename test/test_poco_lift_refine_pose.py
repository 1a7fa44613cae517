"""A network's body fitted to the landmarks: as far as the network is unsure, and no farther."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lift_scenes import CAMERA, Scene, random_poses, scene, seen_by

from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix, geodesic_angle
from poco_ros.regressors.lift.fit import Fit, Observation
from poco_ros.regressors.lift.prior import MOVING_JOINTS
from poco_ros.regressors.lift.rig import landmark_offsets
from poco_ros.regressors.poco_lift.refine_pose import refine_pose

N = 40


@pytest.fixture(scope='module')
def truth() -> Scene:
    return scene(load_body_model(), random_poses(N, 31), 31)


@pytest.fixture(scope='module')
def seen(truth: Scene) -> Observation:
    return seen_by(truth.landmarks, truth.camera).observation


def disturbed(truth: Scene, spread: float) -> Fit:
    rest = load_body_model().rest_joints(truth.betas).astype(np.float64)
    noise = np.zeros((N, 24, 3))
    noise[:, MOVING_JOINTS] = np.random.default_rng(0).normal(0, spread, (N, len(MOVING_JOINTS), 3))
    return Fit(truth.rotmats @ axis_angle_to_matrix(noise), truth.joints[:, 0], rest, landmark_offsets(rest))


def off_px(fit: Fit, truth: Scene) -> float:
    off = CAMERA.project(fit.pose_joints()[0]) - CAMERA.project(truth.joints)
    return float(np.median(np.linalg.norm(off, axis=-1)))


def turned(fit: Fit, start: Fit) -> np.ndarray:
    return geodesic_angle(fit.rotmats, start.rotmats)


def test_a_disturbed_body_comes_nearer_to_the_picture_and_to_the_truth_across_it(
    truth: Scene, seen: Observation
) -> None:
    start = disturbed(truth, 0.15)
    fit = refine_pose(start, seen, np.full((N, 24), 0.6), 3)
    assert off_px(fit, truth) < off_px(start, truth) / 3
    apart = [np.linalg.norm((f.pose_joints()[0] - truth.joints)[..., :2], axis=-1).mean() for f in (start, fit)]
    assert apart[1] < 0.7 * apart[0]


def test_what_landmarks_say_of_depth_is_left_to_the_network(truth: Scene, seen: Observation) -> None:
    start, sigma = disturbed(truth, 0.15), np.full((N, 24), 0.15)
    nonsense = replace(seen, depth_m=np.random.default_rng(0).normal(0, 1, seen.depth_m.shape))
    np.testing.assert_array_equal(
        refine_pose(start, nonsense, sigma, 2).rotmats, refine_pose(start, seen, sigma, 2).rotmats)


def test_the_surer_the_network_the_less_moves(truth: Scene, seen: Observation) -> None:
    start = disturbed(truth, 0.15)
    moved = [turned(refine_pose(start, seen, np.full((N, 24), s), 2), start).mean() for s in (0.0, 0.05, 0.2, 0.9)]
    assert moved == sorted(moved) and moved[0] < moved[-1] / 3


def test_what_is_unsure_alone_gives_way(truth: Scene, seen: Observation) -> None:
    start = disturbed(truth, 0.15)
    sigma = np.full((N, 24), 0.03)
    sigma[:, 16] = 0.6
    moves = turned(refine_pose(start, seen, sigma, 2), start).mean(axis=0)
    assert moves[16] > 2 * moves[17]


def test_without_landmarks_the_network_is_believed(truth: Scene, seen: Observation) -> None:
    """Also a body that stands upright before the camera, half a turn from the pose of rest."""
    start = disturbed(truth, 0.0)
    blind = replace(seen, weights=np.zeros((N, 33)))
    fit = refine_pose(start, blind, np.full((N, 24), 0.2), 3)
    limits = np.degrees(turned(fit, start))
    assert np.median(limits) < 0.01 and limits[:, 0].max() < 0.01
    assert np.isfinite(refine_pose(start, seen, np.full((N, 24), np.nan), 2).rotmats).all()
