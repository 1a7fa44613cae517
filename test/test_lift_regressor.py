from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from lift_scenes import CAMERA, SWAP, Scene, hidden, people, perfect_landmarks, random_poses, scene

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix, geodesic_angle
from poco_ros.body.smpl import JOINT_INDEX, MIRROR
from poco_ros.camera import Camera
from poco_ros.regressors.lift.regressor import BlazePoseLift
from poco_ros.types import Bodies, Domain, State

LIMBS = [(16, 18), (17, 19), (18, 20), (19, 21), (1, 4), (2, 5), (4, 7), (5, 8)]


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


@pytest.fixture(scope='module')
def lift(body: BodyModel) -> BlazePoseLift:
    return BlazePoseLift(body)


def joint_errors_mm(bodies: Bodies, truth: Scene) -> np.ndarray:
    """(N, 24), pelvises aligned."""
    found, true = bodies.joints - bodies.joints[:, :1], truth.joints - truth.joints[:, :1]
    return np.linalg.norm(found - true, axis=-1) * 1e3


def bone_errors_deg(bodies: Bodies, truth: Scene) -> np.ndarray:
    """(N, 8), between directions of limb bones."""
    errors = []
    for parent, child in LIMBS:
        a, b = (j[:, child] - j[:, parent] for j in (bodies.joints, truth.joints))
        errors.append(np.degrees(np.arctan2(np.linalg.norm(np.cross(a, b), axis=1), (a * b).sum(axis=1))))
    return np.stack(errors, axis=1)


# ---- Round trip


def test_bodies_come_back_from_their_own_landmarks(lift: BlazePoseLift, body: BodyModel) -> None:
    truth = scene(body, random_poses(200, 1), 1)
    bodies = lift.regress(truth.frame, truth.people)
    errors, bones = joint_errors_mm(bodies, truth), bone_errors_deg(bodies, truth)
    assert errors.mean() < 27 and errors.mean(axis=1).max() < 65
    assert np.median(bones) < 3.5 and np.quantile(bones, 0.99) < 16
    np.testing.assert_array_equal(bodies.state, State.OBSERVED)


def test_landmarks_of_the_surface_do_as_well(lift: BlazePoseLift, body: BodyModel) -> None:
    """Face, fingers, heels and toes from the mesh, not from where the lift takes them to be."""
    truth = scene(body, random_poses(200, 2), 2, surface=True)
    assert joint_errors_mm(lift.regress(truth.frame, truth.people), truth).mean() < 28


def test_depth_follows_the_focal_length(lift: BlazePoseLift, body: BodyModel) -> None:
    truth = scene(body, random_poses(100, 3), 3)
    bodies = lift.regress(truth.frame, truth.people)
    error = np.linalg.norm(bodies.joints[:, 0] - truth.joints[:, 0], axis=1) / truth.joints[:, 0, 2]
    assert np.median(error) < 0.01 and error.max() < 0.06
    twice = replace(CAMERA, fx=2 * CAMERA.fx, fy=2 * CAMERA.fy)
    far = lift.regress(replace(truth.frame, camera=twice), truth.people)
    ratio = far.joints[:, 0, 2] / bodies.joints[:, 0, 2]
    assert abs(np.median(ratio) - 2) < 0.06


def test_distorted_camera_gives_the_same_bodies(lift: BlazePoseLift, body: BodyModel) -> None:
    lens = replace(CAMERA, distortion=np.array([-0.2, 0.05, 0.001, -0.001, 0]), distortion_model='plumb_bob')
    pose = random_poses(20, 4)
    ideal, distorted = scene(body, pose, 4), scene(body, pose, 4, camera=lens)
    assert np.abs(ideal.landmarks.image_px - distorted.landmarks.image_px).max() > 5
    a, b = (lift.regress(s.frame, s.people) for s in (ideal, distorted))
    np.testing.assert_allclose(a.joints, b.joints, atol=2e-3)


def test_transl_and_pose_reproduce_the_joints(lift: BlazePoseLift, body: BodyModel) -> None:
    truth = scene(body, random_poses(10, 5), 5, betas=np.random.default_rng(0).normal(size=(10, 10)))
    bodies = lift.regress(truth.frame, truth.people)
    np.testing.assert_allclose(body.joints(bodies.pose, bodies.betas, bodies.transl), bodies.joints, atol=1e-5)


@pytest.fixture(scope='module')
def mocap(shared_dir: Path) -> tuple[np.ndarray, np.ndarray]:
    """Poses of all clips (F, 24, 3), and where each clip starts."""
    with np.load(shared_dir / 'temporal' / 'mocap_train.npz') as data:
        return data['poses'], data['clip_start']


@pytest.mark.shared
def test_motion_capture_comes_back(
    lift: BlazePoseLift, body: BodyModel, mocap: tuple[np.ndarray, np.ndarray]
) -> None:
    poses = mocap[0]
    pose = poses[np.random.default_rng(0).choice(len(poses), 250, replace=False)].astype(np.float64)
    truth = scene(body, pose, 6, surface=True)
    bodies = lift.regress(truth.frame, truth.people)
    errors = joint_errors_mm(bodies, truth)
    assert errors.mean() < 27 and np.quantile(errors.mean(axis=1), 0.99) < 75
    assert np.median(bone_errors_deg(bodies, truth)) < 4


@pytest.mark.shared
def test_smooth_motion_gives_smooth_bodies(
    lift: BlazePoseLift, body: BodyModel, mocap: tuple[np.ndarray, np.ndarray]
) -> None:
    """No jump of a joint that the motion itself does not make, at a camera's 30 frames a second."""
    poses, start = mocap
    jumps = frames = 0
    for clip in range(0, len(start) - 1, 90):
        pose = poses[start[clip]:start[clip + 1]][:120].astype(np.float64)
        n = len(pose)
        truth = scene(body, pose, pelvis=np.tile([0.3, 0.1, 4.0], (n, 1)), one_camera=True)
        bodies = lift.regress(truth.frame, truth.people)
        found, true = (_speed_deg(r) for r in (axis_angle_to_matrix(bodies.pose.astype(float)), truth.rotmats))
        jumps += int((found > np.maximum(true.max(axis=1, keepdims=True) * 3, 25)).sum())
        frames += n - 1
    assert frames > 800
    assert jumps <= frames * 0.002


def _speed_deg(rotmats: np.ndarray) -> np.ndarray:
    return np.degrees(geodesic_angle(rotmats[1:], rotmats[:-1]))


# ---- Symmetry


def test_mirrored_picture_gives_the_mirrored_body(lift: BlazePoseLift, body: BodyModel) -> None:
    camera = Camera(1280, 720, 900.0, 900.0, 640.0, 360.0)
    truth = scene(body, random_poses(30, 7), 7, camera=camera)
    marks = truth.landmarks
    flipped = replace(
        marks, image_px=marks.image_px[:, SWAP] * np.float32([-1, 1]) + np.float32([1280, 0]),
        world_m=marks.world_m[:, SWAP] * np.float32([-1, 1, 1]),
    )
    a, b = lift.regress(truth.frame, truth.people), lift.regress(truth.frame, people(flipped))
    np.testing.assert_allclose(b.joints, a.joints[:, MIRROR] * (-1, 1, 1), atol=4e-3)


def test_rolled_camera_rolls_the_body(lift: BlazePoseLift, body: BodyModel) -> None:
    camera = Camera(1280, 720, 900.0, 900.0, 640.0, 360.0)
    truth = scene(body, random_poses(30, 8), 8, camera=camera)
    roll = axis_angle_to_matrix(np.array([0, 0, 2.1]))
    rolled = perfect_landmarks(truth.points @ roll.T, camera)
    a, b = lift.regress(truth.frame, truth.people), lift.regress(truth.frame, people(rolled))
    np.testing.assert_allclose(b.joints, a.joints @ roll.T, atol=3e-3)


def test_panned_camera_pans_the_body(lift: BlazePoseLift, body: BodyModel) -> None:
    """What the network sees of somebody off the axis is turned towards the camera; the body must not be."""
    truth = scene(body, random_poses(30, 9), 9, pelvis=np.tile([0.0, 0, 4.0], (30, 1)))
    pan = axis_angle_to_matrix(np.array([0, 0.5, 0]))
    panned = perfect_landmarks(truth.points @ pan.T, CAMERA)
    np.testing.assert_allclose(panned.world_m, truth.landmarks.world_m, atol=5e-3)
    a, b = lift.regress(truth.frame, truth.people), lift.regress(truth.frame, people(panned))
    shift = np.linalg.norm(b.joints - a.joints @ pan.T, axis=-1)
    assert np.median(shift) < 0.03 and shift.max() < 0.2


# ---- Uncertainty and states


LEG = ['left_knee', 'left_ankle', 'left_heel', 'left_toe']
LEG_JOINTS = [JOINT_INDEX[name] for name in ('left_hip', 'left_knee', 'left_ankle', 'left_foot')]


def test_hidden_leg_is_said_to_be_unknown(lift: BlazePoseLift, body: BodyModel) -> None:
    truth = scene(body, random_poses(10, 10), 10)
    bodies = lift.regress(truth.frame, people(hidden(truth.landmarks, LEG, 0.02, 0.02)))
    np.testing.assert_array_equal(bodies.state, State.OBSERVED)
    assert (bodies.joint_state[:, LEG_JOINTS] == State.UNKNOWN).all()
    assert np.isnan(bodies.joint_age[:, LEG_JOINTS]).all()
    assert (bodies.joint_uncertainty[:, LEG_JOINTS] > 0.95).all()
    others = [j for j in range(24) if j not in LEG_JOINTS]
    assert (bodies.joint_state[:, others] == State.OBSERVED).all() and (bodies.joint_age[:, others] == 0).all()
    assert np.isfinite(bodies.pose).all() and np.isfinite(bodies.joints).all()


def test_leg_fades_into_a_relaxed_one_as_it_leaves_the_picture(lift: BlazePoseLift, body: BodyModel) -> None:
    """No sudden change on the way, and less of what is no longer seen at its end."""
    pose = np.zeros((1, 24, 3))
    pose[0, 1, 0], pose[0, 4, 0] = np.radians(-70), np.radians(60)
    truth = scene(body, pose, pelvis=np.array([[0.0, 0, 4]]))
    flexions, uncertainties = [], []
    for visibility in np.linspace(1, 0, 41):
        bodies = lift.regress(truth.frame, people(hidden(truth.landmarks, LEG, visibility, visibility)))
        flexions.append(-np.degrees(bodies.pose[0, 1, 0]))
        uncertainties.append(bodies.uncertainty[0])
    assert abs(flexions[0] - 70) < 15
    assert flexions[-1] < 25
    assert np.abs(np.diff(flexions)).max() < 20
    assert (np.diff(uncertainties) > -0.005).all() and uncertainties[-1] > uncertainties[0] + 0.1


def test_fields_that_need_calibration_stay_unknown(lift: BlazePoseLift, body: BodyModel) -> None:
    truth = scene(body, random_poses(2, 11), 11)
    bodies = lift.regress(truth.frame, truth.people)
    for name in ('joint_error_mm', 'joint_radius_mm', 'body_error_mm', 'body_radius_mm', 'transl_error_mm',
                 'transl_radius_mm', 'joint_covariance', 'confidence'):
        assert np.isnan(getattr(bodies, name)).all(), name
    np.testing.assert_array_equal(bodies.in_domain, Domain.UNKNOWN)
    np.testing.assert_array_equal(bodies.revision, 0)
    np.testing.assert_array_equal(bodies.track_id, truth.people.boxes.track_id)
    np.testing.assert_array_equal(bodies.box_px, truth.people.boxes.xyxy)
    np.testing.assert_array_equal(bodies.box_score, truth.people.boxes.score)
