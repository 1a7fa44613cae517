"""What stands around a compiled network: crops and box numbers in, bodies in their order out, and what ran."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from compiled_fakes import FakeEngine, around, outputs, people, record

from poco_ros import crops
from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.camera import Camera
from poco_ros.engine.base import Array
from poco_ros.errors import ConfigError
from poco_ros.regressors.base import Regressor
from poco_ros.regressors.compiled.regressor import CompiledRegressor
from poco_ros.types import Bodies, Boxes, Domain, Frame, People, State

SIZE = (640, 480)


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


def answer(feeds: Mapping[str, Array]) -> dict[str, Array]:
    """Return outputs whose betas tell the crop, by its mean colour, and where the network was told that it lies."""
    n = len(feeds['crops'])
    betas = np.zeros((n, 10))
    betas[:, :3] = feeds['crops'].mean(axis=(1, 2))
    if 'bbox_info' in feeds:
        betas[:, 3:6] = feeds['bbox_info']
    return outputs(n, betas=betas)


def frame(image: np.ndarray | None = None) -> Frame:
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8) if image is None else image
    return Frame(image, Camera.assumed(image.shape[1], image.shape[0]))


@pytest.mark.shared
def test_the_network_sees_the_published_crops(body: BodyModel, shared_dir: Path) -> None:
    golden = np.load(shared_dir / 'spec/golden/preproc.npz')
    boxes = golden['boxes_cxcywh']
    square = boxes[:, 2] == boxes[:, 3]
    inside = np.array([i for i in np.flatnonzero(square) if (np.abs(boxes[i, :2] - [100, 75]) < boxes[i, 2] / 2).all()])
    assert len(inside) >= 3
    engine = FakeEngine(answer)
    regressor = CompiledRegressor(record(body), engine, body)
    regressor.regress(frame(golden['image_rgb']), people(around(boxes[inside][:, :3])))
    limit = 0 if cv2.__version__.startswith('4.') else 6
    error = np.abs(engine.calls[0]['crops'].astype(int) - golden['crop_u8'][inside])
    assert (error > limit).mean() < 1e-3  # boxes come as float32: a sample position may round to the next 1/32 pixel
    padded = CompiledRegressor(record(body, box_padding=1.2), engine, body)
    padded.regress(frame(golden['image_rgb']), people(around(boxes[:1, :3])))
    error = np.abs(engine.calls[1]['crops'][0].astype(int) - golden['crop_box0_scale1.2_u8'])
    assert (error > limit).mean() < 1e-3


@pytest.mark.shared
def test_the_network_is_told_the_published_box_numbers_and_its_body_is_placed_so(
        body: BodyModel, shared_dir: Path) -> None:
    golden = np.load(shared_dir / 'spec/golden/poco_cliff.npz')
    for i, (height, width) in enumerate(golden['orig_shape_hw'].tolist()):
        engine = FakeEngine(lambda feeds, i=i: outputs(1, cam=golden['pred_cam'][i:i + 1]))
        box = around([*golden['center_xy'][i], 200 * golden['scale'][i]])
        bodies = CompiledRegressor(record(body), engine, body).regress(
            frame(np.zeros((height, width, 3), np.uint8)), people(box))
        np.testing.assert_allclose(engine.calls[0]['bbox_info'][0], golden['bbox_info'][i], rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(bodies.transl[0], golden['pred_fullimg_cam_t'][i], rtol=1e-5, atol=1e-5)


def test_box_numbers_keep_the_focal_length_of_training_while_the_body_is_placed_with_the_true_one(
        body: BodyModel) -> None:
    engine = FakeEngine(answer)
    calibrated = dataclasses.replace(frame(), camera=Camera(*SIZE, 400.0, 400.0, 320.0, 240.0))
    regressor = CompiledRegressor(record(body), engine, body)
    near, far = (regressor.regress(f, people([220, 140, 420, 340])).transl[0, 2] for f in (calibrated, frame()))
    np.testing.assert_array_equal(engine.calls[0]['bbox_info'], engine.calls[1]['bbox_info'])
    assert (near, far) == (pytest.approx(2 * 400 / 200), pytest.approx(2 * 800 / 200))


@pytest.mark.parametrize('name', ['poco_pare', 'poco_hmr'])
def test_networks_that_do_not_read_the_box_are_not_given_it(name: str, body: BodyModel) -> None:
    engine = FakeEngine(answer, name)
    bodies = CompiledRegressor(record(body, name), engine, body).regress(frame(), people([220, 140, 420, 340]))
    assert set(engine.calls[0]) == {'crops'}
    np.testing.assert_allclose(bodies.transl, [[0, 0, 8]], atol=1e-6)  # the square is in the middle


@pytest.mark.parametrize('n', [0, 1, 8, 9, 17])
def test_everybody_goes_to_the_network_at_once_and_comes_back_in_order(n: int, body: BodyModel) -> None:
    rng = np.random.default_rng(n)
    image = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    squares = np.array([[20 + 35 * i, 30 + 20 * i, 16] for i in range(n)]).reshape(-1, 3)
    colours = rng.integers(1, 255, (n, 3))
    for (x, y, _), colour in zip(squares, colours, strict=True):
        image[y - 12:y + 13, x - 12:x + 13] = colour
    given = people(around(squares))
    engine = FakeEngine(answer)
    bodies = CompiledRegressor(record(body), engine, body).regress(frame(image), given)
    assert [len(call['crops']) for call in engine.calls] == ([n] if n else [])
    assert len(bodies) == n
    np.testing.assert_allclose(bodies.betas[:, :3], colours, atol=1e-4)
    np.testing.assert_allclose(bodies.betas[:, 3:6], crops.bbox_info(squares, *SIZE), rtol=1e-6, atol=1e-6)
    np.testing.assert_array_equal(bodies.track_id, given.boxes.track_id)
    np.testing.assert_array_equal(bodies.box_px, given.boxes.xyxy)
    np.testing.assert_array_equal(bodies.box_score, given.boxes.score)
    assert (bodies.state == State.OBSERVED).all() and (bodies.joint_state == State.OBSERVED).all()


def test_what_a_body_carries(body: BodyModel) -> None:
    sigma = np.linspace(0.1, 0.9, 48).reshape(2, 24)
    engine = FakeEngine(lambda feeds: outputs(2, sigma=sigma, uncertainty=[0.8, 2.62], joints=np.ones((2, 24, 3))))
    bodies = CompiledRegressor(record(body), engine, body).regress(frame(), people([[9, 9, 99, 99]] * 2))
    np.testing.assert_allclose(bodies.joint_uncertainty, sigma, rtol=1e-6)
    np.testing.assert_allclose(bodies.uncertainty, [0.8, 2.62], rtol=1e-6)  # PARE's scalar is not bounded by 1
    np.testing.assert_allclose(bodies.joints, bodies.transl[:, None] + np.ones((2, 24, 3)), rtol=1e-6)
    assert (bodies.joint_age == 0).all() and (bodies.in_domain == Domain.UNKNOWN).all()
    assert (bodies.pose == 0).all()
    for name in ('confidence', 'joint_error_mm', 'joint_radius_mm', 'body_error_mm', 'transl_error_mm',
                 'joint_covariance'):
        assert np.isnan(getattr(bodies, name)).all(), name


def assert_lost(bodies: Bodies, row: int) -> None:
    assert bodies.state[row] == State.LOST and (bodies.joint_state[row] == State.LOST).all()
    for name in ('pose', 'betas', 'transl', 'joints', 'joint_uncertainty', 'uncertainty', 'joint_age'):
        assert np.isnan(getattr(bodies, name)[row]).all(), name


@pytest.mark.parametrize('box', [(50, 50, 50, 90), (np.nan, 1, 2, 3), (-90, -90, -10, -10), (700, 10, 800, 90)])
def test_nothing_is_said_of_a_box_that_shows_nothing(box: tuple[float, ...], body: BodyModel) -> None:
    engine = FakeEngine(answer)
    regressor = CompiledRegressor(record(body), engine, body)
    bodies = regressor.regress(frame(), people([(10, 10, 90, 90), box, (20, 20, 60, 60)]))
    assert len(engine.calls[0]['crops']) == 2
    assert bodies.state[[0, 2]].tolist() == [State.OBSERVED] * 2 and bodies.track_id.tolist() == [1, 2, 3]
    assert_lost(bodies, 1)
    assert_lost(regressor.regress(frame(), people([box])), 0)
    assert len(engine.calls) == 1  # with nobody to look at the network is not run


@pytest.mark.parametrize('wrong', [{'cam': [0.0, 0, 0]}, {'cam': [-1.0, 0, 0]}, {'rotmat': np.nan}, {'joints': np.inf}])
def test_an_output_that_is_no_body_is_nobody(wrong: dict[str, Any], body: BodyModel) -> None:
    def spoilt(feeds: Mapping[str, Array]) -> dict[str, Array]:
        good = answer(feeds)
        for name, value in wrong.items():
            good[name][1] = value
        return good

    given = people([(10, 10, 90, 90), (15, 15, 95, 95), (20, 20, 60, 60)])
    bodies = CompiledRegressor(record(body), FakeEngine(spoilt), body).regress(frame(), given)
    assert_lost(bodies, 1)
    assert bodies.state[[0, 2]].tolist() == [State.OBSERVED] * 2
    np.testing.assert_array_equal(bodies.box_px, given.boxes.xyxy)


def test_enormous_boxes_are_survived(body: BodyModel) -> None:
    bodies = CompiledRegressor(record(body), FakeEngine(answer), body).regress(
        frame(), people([(-1e30, -1e30, 1e30, 1e30), (0, 0, 1e8, 1e8)]))
    assert len(bodies) == 2


def test_a_network_for_another_body_model_or_crop_is_refused_with_the_mend(body: BodyModel) -> None:
    other = record(body, body_model='smpl_neutral', body_model_sha256='e' * 64)
    with pytest.raises(ConfigError, match=r"for the body model 'smpl_neutral'.*'open_body'.*poco export poco_cliff"):
        CompiledRegressor(other, FakeEngine(answer), body)
    with pytest.raises(ConfigError, match='256 pixels.*poco export'):
        CompiledRegressor(record(body, crop_size=256), FakeEngine(answer), body)


def test_what_ran_is_told(body: BodyModel) -> None:
    regressor: Regressor = CompiledRegressor(record(body), FakeEngine(answer), body)
    info = regressor.info
    assert not regressor.needs_landmarks and regressor.warnings == () and regressor.reason == 'nothing else'
    assert (info.model, info.weights_hash, info.graph_hash, info.engine_hash) == (
        'poco_cliff', 'c' * 64, 'a' * 64, 'd' * 64)
    assert (info.engine, info.precision, info.device) == ('fake 3.1', 'fp16', 'GPU: test')
    assert (info.licence, info.uncertainty_definition) == ('theirs', 'sigma, in words')
    assert 'mock' not in info.model_version


def test_mock_weights_are_never_passed_off_as_real_ones(body: BodyModel) -> None:
    mock = CompiledRegressor(record(body, mock=True), FakeEngine(answer), body)
    assert 'mock weights' in mock.info.model_version
    (warning,) = mock.warnings
    assert 'poco_cliff' in warning and 'mock weights' in warning


def test_nobody_needs_no_landmarks_and_no_network(body: BodyModel) -> None:
    engine = FakeEngine(answer)
    bodies = CompiledRegressor(record(body), engine, body).regress(frame(), People(Boxes.empty()))
    assert len(bodies) == 0 and engine.calls == []
