"""Predictions: what a regressor said, in whatever way its frames were made up, and how errors are measured."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
import synth_samples

from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.camera import Camera
from poco_ros.crops import bbox_info, crop_people, square_boxes
from poco_ros.errors import DatasetError
from poco_ros.evaluation.body_errors import errors_of
from poco_ros.evaluation.predictions import Predictions, landmark_visibility, predict_bodies
from poco_ros.evaluation.sample_pictures import frame_of_crop
from poco_ros.people.boxes import body_boxes
from poco_ros.regressors.base import Evidence
from poco_ros.regressors.lift.regressor import BlazePoseLift
from poco_ros.types import Bodies, Boxes, Frame, People, State


@pytest.fixture(scope='module')
def body():
    return load_body_model()


@pytest.fixture(scope='module')
def people(body):
    return synth_samples.samples(body)


class Truth:
    """Says the truth of the samples it is asked for, by their boxes; loses those whose number is in ``lose``."""

    needs_landmarks = True

    def __init__(self, people, lose=()):
        self.people, self.lose = people, lose
        self.boxes = body_boxes(people.landmarks)
        self.frames = []

    def regress_with_evidence(self, frame, persons):
        self.frames.append((frame, len(persons)))
        rows = [int(np.abs(self.boxes - box).sum(1).argmin()) for box in persons.boxes.xyxy]
        lost = np.isin(rows, self.lose)
        n = len(rows)
        bodies = dataclasses.replace(
            Bodies.unknown(n), pose=self.people.pose[rows], betas=self.people.betas[rows],
            joints=self.people.joints[rows], joint_uncertainty=np.full((n, 24), 0.25, np.float32),
            uncertainty=np.arange(n, dtype=np.float32),
            state=np.where(lost, State.LOST, State.OBSERVED).astype(np.uint8),
        )
        return bodies, Evidence(np.full((n, 24), 0.5, np.float32), np.full((n, 2), 7, np.float32))


def test_the_truth_has_no_error_and_the_lost_are_nan(people, body):
    told = []
    truth = Truth(people, lose=[4])
    said = predict_bodies(truth, people, lambda done, of: told.append((done, of)))
    assert said.lost.tolist() == [row == 4 for row in range(12)]
    for array in (said.rotmat, said.joints_m, said.betas, said.sigma, said.uncertainty, said.seen, said.features):
        assert np.isnan(array[4]).all() and np.isfinite(np.delete(array, 4, axis=0)).all()
    errors = errors_of(said, body)
    for error in (errors.pve_mm, errors.mpjpe_mm, errors.pa_mpjpe_mm, errors.joint_mm, errors.rotation):
        assert np.isnan(error[4]).all() and np.delete(error, 4, axis=0).max() < 0.01
    assert [count for _, count in truth.frames] == [3, 3, 3, 3] and told == [(3, 12), (6, 12), (9, 12), (12, 12)]
    for frame, _ in truth.frames:
        assert (frame.camera.width, frame.camera.height) == (1280, 720) and 600 < frame.camera.fx < 1100


def test_lifting_a_camera_at_once_is_lifting_one_by_one(people, body):
    lift = BlazePoseLift(body)
    said = predict_bodies(lift, people)
    for row in range(len(people)):
        fx, fy, cx, cy = map(float, people.intrinsics[row])
        landmarks = people.landmarks.take([row])
        boxes = Boxes(people.box_px[[row]], np.ones(1, np.float32), np.ones(1, np.int32))
        one = lift.regress(Frame(np.zeros((1, 1, 3), np.uint8), Camera(1280, 720, fx, fy, cx, cy)),
                           People(boxes, landmarks))
        np.testing.assert_allclose(said.joints_m[row], one.joints[0], atol=1e-4)
        np.testing.assert_allclose(said.rotmat[row], axis_angle_to_matrix(one.pose[0]), atol=1e-3)
        np.testing.assert_allclose(said.sigma[row], one.joint_uncertainty[0], atol=1e-5)
    assert np.median(errors_of(said, body).mpjpe_mm) < 120  # the landmarks fit the bodies up to noise


def test_errors_of_known_moves(people, body):
    said = predict_bodies(Truth(people), people)
    shifted = dataclasses.replace(said, joints_m=said.joints_m + np.float32([0.3, 0, 0.4]))
    assert shifted.joint_errors_mm().max() < 0.01
    np.testing.assert_allclose(shifted.camera_errors_mm(), 500, rtol=1e-4)
    # seen at the distance of the pelvis; nothing is seen of what is along the line of sight
    scale = people.joints[:, :1, 2] / people.joints[..., 2]
    aside = dataclasses.replace(said, joints_m=said.joints_m + np.float32([0.1, 0, 0]))
    visible = people.joint_visibility >= 2
    np.testing.assert_allclose(aside.picture_errors_mm()[visible], (100 * scale)[visible], rtol=1e-3)
    assert visible.any() and np.isnan(aside.picture_errors_mm()[~visible]).all()
    farther = dataclasses.replace(said, joints_m=said.joints_m * np.float32(1.2))
    assert np.nanmax(farther.picture_errors_mm()) < 0.01
    moved = said.joints_m.copy()
    moved[:, 20] += np.float32([0, 0.1, 0])
    wrist = dataclasses.replace(said, joints_m=moved)
    errors = errors_of(wrist, body)
    np.testing.assert_allclose(errors.joint_mm[:, 20], 100, rtol=1e-3)
    np.testing.assert_allclose(errors.mpjpe_mm, 100 / 24, rtol=1e-3)
    # least squares spread the error over the body, but cannot make its root mean square larger
    assert (errors.pa_mpjpe_mm < 100 / np.sqrt(24)).all() and (errors.pa_mpjpe_mm > 0).all()
    turn = axis_angle_to_matrix(np.array([0, 0, np.pi]))
    turned = dataclasses.replace(said, rotmat=np.where(
        np.arange(24)[:, None, None] == 15, said.rotmat @ turn, said.rotmat).astype(np.float32))
    rotation = errors_of(turned, body).rotation
    np.testing.assert_allclose(rotation[:, 15], 8 / 9, rtol=1e-4)  # half a turn: two axes flip
    assert np.delete(rotation, 15, axis=1).max() < 1e-10


def test_saved_and_loaded_is_the_same(people, tmp_path):
    said = predict_bodies(Truth(people, [1]), people)
    for case in (said, dataclasses.replace(said, features=None)):
        case.save(tmp_path / 'said.npz')
        again = Predictions.load(tmp_path / 'said.npz')
        for field in dataclasses.fields(Predictions):
            before, after = getattr(case, field.name), getattr(again, field.name)
            if before is None:
                assert after is None
            else:
                assert before.dtype == after.dtype
                np.testing.assert_array_equal(before, after)
    joined = Predictions.join([said.take(np.arange(5)), said.take(np.arange(5, 12))])
    np.testing.assert_array_equal(joined.joints_m, said.joints_m)
    np.testing.assert_array_equal(joined.features, said.features)
    (tmp_path / 'said.npz').write_bytes(b'PK nothing')
    with pytest.raises(DatasetError, match='said.npz'):
        Predictions.load(tmp_path / 'said.npz')
    np.savez(tmp_path / 'said.npz', rotmat=said.rotmat)
    with pytest.raises(DatasetError, match='lacks betas'):
        Predictions.load(tmp_path / 'said.npz')


def test_visibility_is_that_of_the_lifts_rule(people):
    shown = landmark_visibility(people)
    assert shown.shape == (12, 24) and 0.2 < shown.min() < shown.max() <= 1
    # the left elbow is defined by elbow and wrist (BlazePose 13 and 15)
    seen = np.minimum(people.landmarks.visibility, people.landmarks.presence)
    np.testing.assert_allclose(shown[:, 18], np.minimum(seen[:, 13], seen[:, 15]), rtol=1e-5)


@pytest.mark.parametrize('square', [(600.3, 350.7, 311.0), (30.0, 700.2, 150.5), (640.0, 360.0, 900.0)])
def test_a_crop_put_back_is_cut_out_again_and_keeps_its_lines_of_sight(square):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 255, (720, 1280, 3), np.uint8)
    intrinsics = [900.0, 900.0, 633.0, 371.0]
    crop = crop_people(image, [square])[0]
    frame, box = frame_of_crop(crop, square, intrinsics, [1280, 720])
    squares = square_boxes(box[None])
    again = crop_people(frame.image, squares)[0]
    inside = cv2.erode((crop.max(axis=2) > 0).astype(np.uint8), np.ones((9, 9)), borderValue=1) > 0
    np.testing.assert_array_equal(again[inside], crop[inside])
    assert inside.sum() > 8000
    original = Camera(1280, 720, *intrinsics)
    np.testing.assert_allclose(
        (squares[0, :2] - [frame.camera.cx, frame.camera.cy]) / frame.camera.fx,
        (np.array(square[:2]) - [original.cx, original.cy]) / original.fx, atol=1e-5)
    assert frame.camera.fx / squares[0, 2] == pytest.approx(900 / square[2], rel=1e-6)
    # what CLIFF is told of the place differs only by the half pixel of the grid
    np.testing.assert_allclose(bbox_info(squares, *frame.image.shape[1::-1]), bbox_info([square], 1280, 720), atol=0.03)
