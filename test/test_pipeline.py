"""The pipeline on real pictures: a person found and placed, the same every time, and what ran is told."""

from __future__ import annotations

import dataclasses
import hashlib

import numpy as np
import pytest
import skimage.data
from compiled_fakes import FakeEngine, outputs, record
from lift_networks import exported_lift

from poco_ros.body.model_file import load_body_model
from poco_ros.body.smpl import JOINT_NAMES
from poco_ros.camera import Camera
from poco_ros.errors import BodyModelError, ConfigError
from poco_ros.people.finder import PeopleFinder
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.regressors.compiled.regressor import CompiledRegressor
from poco_ros.types import Bodies, Boxes, Frame, State


@pytest.fixture(scope='module')
def frame() -> Frame:
    image = np.ascontiguousarray(skimage.data.astronaut())
    return Frame(image, Camera.assumed(image.shape[1], image.shape[0]), 10**9, 'camera')


def run(frame: Frame, count: int) -> list[Bodies]:
    pipeline = Pipeline.load(PipelineConfig(model='lift'))
    return [
        pipeline.process(dataclasses.replace(frame, stamp_ns=frame.stamp_ns + i * 33_000_000)).bodies
        for i in range(count)
    ]


def test_a_person_in_a_photograph_becomes_one_body_in_front_of_the_camera(frame: Frame) -> None:
    bodies = run(frame, 2)[-1]
    assert len(bodies) == 1
    assert bodies.state[0] == State.OBSERVED
    assert np.isfinite(bodies.pose).all() and np.isfinite(bodies.joints).all()
    head, pelvis = bodies.joints[0, 15], bodies.joints[0, 0]
    assert 0.3 < pelvis[2] < 5.0
    # The astronaut's head is in the upper half, a little left of the middle, and upright.
    x, y = frame.camera.project(head)
    assert 150 < x < 300 and 50 < y < 250
    assert head[1] < pelvis[1]
    # With a guessed focal length nothing is said of the distance. The legs, which are not in the picture, are less
    # well known than the trunk.
    assert 0 < bodies.confidence[0] < 1 and np.isnan(bodies.transl_error_mm).all()
    error = dict(zip(JOINT_NAMES, bodies.joint_error_mm[0], strict=True))
    assert min(error['left_ankle'], error['right_ankle']) > 2 * max(error['neck'], error['spine1'])
    assert (bodies.joint_radius_mm[0, 1:] > bodies.joint_error_mm[0, 1:]).all()


def test_the_same_frames_give_the_same_bodies(frame: Frame) -> None:
    for first, second in zip(run(frame, 4), run(frame, 4), strict=True):
        for name, value in vars(first).items():
            np.testing.assert_array_equal(value, getattr(second, name), err_msg=name)


def test_boxes_from_outside_replace_the_detector_and_keep_their_identity(frame: Frame) -> None:
    pipeline = Pipeline.load(PipelineConfig(model='lift'))
    boxes = Boxes(np.array([[20, 0, 460, 900]], np.float32), np.ones(1, np.float32), np.array([77], np.int32))
    bodies = pipeline.process(frame, boxes).bodies
    assert bodies.track_id.tolist() == [77]
    assert bodies.state[0] == State.OBSERVED
    np.testing.assert_array_equal(bodies.box_px, boxes.xyxy)
    assert len(pipeline.process(frame, Boxes.empty()).bodies) == 0


def test_boxes_from_outside_are_enough_for_a_network_that_sees_the_image(
        frame: Frame, monkeypatch: pytest.MonkeyPatch) -> None:
    body = load_body_model()
    engine = FakeEngine(lambda feeds: outputs(len(feeds['crops'])))
    finder = PeopleFinder()
    pipeline = Pipeline(finder, CompiledRegressor(record(body, mock=True), engine, body), body)
    assert len(pipeline.process(frame).bodies) == 1  # the built-in finder follows people by their landmarks

    def landmarks(*_: object) -> None:
        raise AssertionError('the landmark network was run for nothing')

    monkeypatch.setattr(finder, '_landmarker', landmarks)
    boxes = Boxes(np.array([[20, 0, 460, 900], [300, 10, 480, 200]], np.float32), np.full(2, 0.9, np.float32),
                  np.full(2, -1, np.int32))
    identities = []
    for i in range(1, 5):
        moved = dataclasses.replace(boxes, xyxy=boxes.xyxy + np.float32(3 * i))
        bodies = pipeline.process(dataclasses.replace(frame, stamp_ns=frame.stamp_ns + i * 33_000_000), moved).bodies
        np.testing.assert_array_equal(bodies.box_px, moved.xyxy)
        identities.append(bodies.track_id.tolist())
    assert identities[-1] == identities[1] and min(identities[-1]) > 0 and len(set(identities[-1])) == 2
    assert pipeline.info.model == 'poco_cliff' and pipeline.info.graph_hash == 'a' * 64
    assert pipeline.reason == 'nothing else' and 'mock weights' in pipeline.warnings[0]


def test_info_names_the_networks_that_saw_the_image(frame: Frame) -> None:
    from poco_ros.people.model_files import DETECTOR, LANDMARKER, model_path

    info = Pipeline.load(PipelineConfig(model='lift')).info
    hashes = [hashlib.sha256(model_path(m).read_bytes()).hexdigest() for m in (DETECTOR, LANDMARKER)]
    assert info.graph_hash == hashlib.sha256('\n'.join(hashes).encode()).hexdigest()
    assert info.engine.startswith('openvino ') and info.device
    assert info.uncertainty_definition


def test_a_learned_lift_gets_the_finders_features_and_states_its_own_weights(frame: Frame) -> None:
    folder, made = exported_lift()
    pipeline = Pipeline.load(PipelineConfig(model=str(folder)))
    for i in range(2):
        found = pipeline.process(dataclasses.replace(frame, stamp_ns=frame.stamp_ns + i * 33_000_000))
    assert len(found.bodies) == 1 and found.people.features.shape == (1, 288)
    info, plain = pipeline.info, Pipeline.load(PipelineConfig(model='lift')).info
    assert info.model == 'tiny_lift' and info.weights_hash == made.weights_sha256
    assert len(info.graph_hash) == 64 and info.graph_hash not in (plain.graph_hash, made.graphs['fp32'].sha256)


def test_what_cannot_be_loaded_is_told(tmp_path: object) -> None:
    with pytest.raises(ConfigError, match='nonsense'):
        Pipeline.load(PipelineConfig(model='nonsense'))
    with pytest.raises(BodyModelError, match='missing'):
        Pipeline.load(PipelineConfig(body_model=f'{tmp_path}/missing.npz'))
