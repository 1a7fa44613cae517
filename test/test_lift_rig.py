from __future__ import annotations

import numpy as np
import pytest

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import OPEN_BODY_PATH, load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.regressors.lift.rig import LANDMARK_INDEX, LANDMARK_JOINT, landmark_offsets, posed_landmarks


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


@pytest.fixture(scope='module')
def rest_points(body: BodyModel) -> np.ndarray:
    rest = body.rest_joints().astype(np.float64)
    eye = np.broadcast_to(np.eye(3), (1, 24, 3, 3))
    return posed_landmarks(rest, eye, landmark_offsets(rest))[0]


def test_landmarks_lie_on_the_surface_of_the_open_body(rest_points: np.ndarray, body: BodyModel) -> None:
    with np.load(OPEN_BODY_PATH) as data:
        vertex = dict(zip(data['landmark_names'].tolist(), data['landmark_ids'].tolist(), strict=True))
    for name, short in (('nose', 'nose'), ('left_eye', 'leye'), ('right_ear', 'rear'), ('left_toe', 'LBigToe'),
                        ('right_heel', 'RHeel')):
        assert np.linalg.norm(rest_points[LANDMARK_INDEX[name]] - body.v_template[vertex[short]]) < 0.025, name


def test_hips_and_shoulders_agree_with_the_anatomical_joints_of_the_open_body(rest_points: np.ndarray) -> None:
    with np.load(OPEN_BODY_PATH) as data:
        coco = data['J_regressor_coco17'] @ data['v_template']
    for row, name in ((5, 'left_shoulder'), (6, 'right_shoulder'), (11, 'left_hip'), (12, 'right_hip')):
        assert np.linalg.norm(rest_points[LANDMARK_INDEX[name]] - coco[row]) < 0.04, name


def test_left_and_right_mirror_each_other(rest_points: np.ndarray, body: BodyModel) -> None:
    middle = body.rest_joints()[0, 0, 0]
    for name, index in LANDMARK_INDEX.items():
        if name.startswith('left'):
            other = rest_points[LANDMARK_INDEX[name.replace('left', 'right')]]
            np.testing.assert_allclose(rest_points[index] - (middle, 0, 0),
                                       (other - (middle, 0, 0)) * (-1, 1, 1), atol=1e-4)


def test_landmarks_ride_on_their_joint(body: BodyModel) -> None:
    rng = np.random.default_rng(0)
    betas = rng.normal(size=(5, 10))
    rest = body.rest_joints(betas).astype(np.float64)
    rotmats = axis_angle_to_matrix(rng.normal(size=(5, 24, 3)))
    joints, global_rotmats = forward_kinematics(rotmats, rest)
    offsets = landmark_offsets(rest)
    points = posed_landmarks(joints, global_rotmats, offsets)
    distance = np.linalg.norm(points - joints[:, LANDMARK_JOINT], axis=-1)
    np.testing.assert_allclose(distance, np.linalg.norm(offsets, axis=-1), atol=1e-12)
    assert (LANDMARK_JOINT[[LANDMARK_INDEX['left_knee'], LANDMARK_INDEX['right_wrist']]] == (4, 21)).all()


def test_offsets_grow_with_the_body(body: BodyModel) -> None:
    rest = body.rest_joints().astype(np.float64)
    np.testing.assert_allclose(landmark_offsets(1.2 * rest), 1.2 * landmark_offsets(rest))
