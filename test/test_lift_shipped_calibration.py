"""The analytic lift's calibration that ships with the package: it is used, it is of this lift, and it holds.

``lift_calibration_people.npz`` holds 58 people of the calibration's test split, each of another sequence: what the real
BlazePose saw of them, where their joints truly were, and what the lift said when the calibration was made.
"""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
import pytest

from poco_ros.body.model_file import load_body_model
from poco_ros.calibration.choose import choose_calibrator
from poco_ros.calibration.file import CALIBRATION_FILE, read_calibration
from poco_ros.calibration.model import MadeFor
from poco_ros.camera import Camera
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.regressors import calibration_folder
from poco_ros.regressors.lift.regressor import BlazePoseLift
from poco_ros.types import Bodies, Boxes, Domain, Frame, Landmarks, People

FOLDER = calibration_folder(None)
LEVELS = (0.5, 0.9, 0.95)


@pytest.fixture(scope='module')
def people() -> dict[str, np.ndarray]:
    with np.load(Path(__file__).with_name('lift_calibration_people.npz')) as file:
        return dict(file)


def landmarks_of(people: dict[str, np.ndarray], row: int) -> Landmarks:
    return Landmarks(**{name.removeprefix('landmarks_'): values[row:row + 1]
                        for name, values in people.items() if name.startswith('landmarks_')})


def lifted(people: dict[str, np.ndarray], coverage: float) -> Bodies:
    """Everybody through the lift and its calibration, each with a camera of his own."""
    body = load_body_model()
    lift = BlazePoseLift(body)
    calibrator, refused = choose_calibrator('auto', coverage, FOLDER, MadeFor.of(lift.info, body))
    assert calibrator is not None and not refused
    done = []
    for row, (fx, fy, cx, cy) in enumerate(people['intrinsics'].astype(float)):
        width, height = people['image_size'][row].astype(int)
        found = People(Boxes(np.array([[0, 0, 10, 10]], np.float32), np.ones(1, np.float32), np.ones(1, np.int32)),
                       landmarks_of(people, row), people['features'][row:row + 1].astype(np.float32))
        frame = Frame(np.zeros((height, width, 3), np.uint8), Camera(width, height, fx, fy, cx, cy))
        bodies, evidence = lift.regress_with_evidence(frame, found)
        done.append(calibrator.apply(bodies, evidence.seen, evidence.features))
    return Bodies(**{name: np.concatenate([getattr(one, name) for one in done]) for name in vars(done[0])})


def test_the_lift_is_the_one_that_was_calibrated(people: dict[str, np.ndarray]) -> None:
    """Whoever changes what the lift says counts up its version and calibrates it anew."""
    bodies = lifted(people, 0.9)
    assert np.abs(bodies.joints - people['joints']).max() < 1e-3
    assert np.abs(bodies.joint_uncertainty - people['uncertainty']).max() < 1e-3


@pytest.mark.parametrize('level', LEVELS)
def test_the_truth_lies_within_the_radii_as_often_as_promised(people: dict[str, np.ndarray], level: float) -> None:
    bodies = lifted(people, level)
    about_pelvis = [joints - joints[:, :1] for joints in (bodies.joints, people['true_joints'])]
    error = 1e3 * np.linalg.norm(about_pelvis[0] - about_pelvis[1], axis=-1)
    within = (error <= bodies.joint_radius_mm)[:, 1:]
    # each joint of 58 people by itself: a share that is L in truth falls under this once in 2000
    spread = 3.3 * np.sqrt(level * (1 - level) / len(within))
    assert within.mean() >= level and within.mean(axis=0).min() >= level - spread
    assert (error.max(axis=1) <= bodies.body_radius_mm).mean() >= level - spread
    away = 1e3 * np.linalg.norm(bodies.joints[:, 0] - people['true_joints'][:, 0], axis=-1)
    assert (away <= bodies.transl_radius_mm).mean() >= level - spread


def test_who_is_said_to_be_farther_off_is(people: dict[str, np.ndarray]) -> None:
    bodies = lifted(people, 0.9)
    about_pelvis = [joints - joints[:, :1] for joints in (bodies.joints, people['true_joints'])]
    error = 1e3 * np.linalg.norm(about_pelvis[0] - about_pelvis[1], axis=-1).mean(axis=1)
    order = np.argsort(bodies.confidence)
    third = len(order) // 3
    assert error[order[:third]].mean() > 1.5 * error[order[-third:]].mean()
    assert (bodies.in_domain == Domain.IN).mean() > 0.9


def test_the_node_takes_it_by_itself_and_only_for_the_body_it_was_made_with() -> None:
    shipped = read_calibration(FOLDER / CALIBRATION_FILE)
    pipeline = Pipeline.load(PipelineConfig(model='lift'))
    assert pipeline.calibrator is not None and not pipeline.warnings
    assert pipeline.calibrator.calibration.calibration_id == shipped.calibration_id
    assert set(LEVELS) <= set(shipped.levels) and shipped.data.num_radius_sequences > 1000
    assert Pipeline.load(PipelineConfig(model='lift', calibration='none')).calibrator is None
    other = dataclasses.replace(load_body_model(), name='SMPL_NEUTRAL', sha256='0' * 64)
    calibrator, refused = choose_calibrator('auto', 0.9, FOLDER, MadeFor.of(BlazePoseLift(other).info, other))
    assert calibrator is None and 'uncalibrated' in refused and 'SMPL_NEUTRAL' in refused
