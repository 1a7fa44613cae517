"""Records to messages and back, through the real serialisation."""

from __future__ import annotations

import array
import dataclasses
import math
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip('rclpy')

from calibration_sequences import SOURCE, outcomes
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import CameraInfo, CompressedImage, Image, RegionOfInterest

from poco_ros import conversions
from poco_ros.body.smpl import JOINT_NAMES
from poco_ros.calibration.calibrator import Calibrator
from poco_ros.calibration.fit import fit_calibration
from poco_ros.camera import Camera
from poco_ros.conversions import ArrayContext
from poco_ros.errors import CameraError, ImageError
from poco_ros.msg import (
    BodyConfidence,
    BodyConfidenceArray,
    BodyModelInfo,
    PersonBox,
    PersonBoxArray,
    SmplBody,
    SmplBodyArray,
)
from poco_ros.regressors.base import RegressorInfo
from poco_ros.types import Bodies, Boxes, Domain, State

CAMERA = Camera(640, 480, 500.0, 501.0, 320.5, 240.25)
CONTEXT = ArrayContext(CAMERA, 12_000_000_034, 'camera_optical_frame', 7, 'm-1', skipped_frames=3,
                       publish_delay_s=0.25, declared_lag_frames=2, calibration_id='cal', coverage=0.9,
                       confidence_bound_mm=100.0)


def random_bodies(n: int) -> Bodies:
    """Return bodies with a different value in every place, and some unknown ones."""
    random = np.random.default_rng(n)
    values = {}
    for field in dataclasses.fields(Bodies):
        example = getattr(Bodies.unknown(n), field.name)
        if example.dtype == np.float32:
            values[field.name] = random.standard_normal(example.shape).astype(np.float32)
            values[field.name].ravel()[::5] = np.nan
        elif example.dtype == np.uint8:
            values[field.name] = random.integers(0, 3, example.shape).astype(np.uint8)
        else:
            values[field.name] = random.integers(1, 2 ** 31 - 1, example.shape).astype(example.dtype)
    return Bodies(**values)


def over_the_wire(message):
    return deserialize_message(serialize_message(message), type(message))


@pytest.mark.parametrize('n', [0, 1, 4])
def test_every_field_of_a_body_survives_the_wire_bit_for_bit(n):
    bodies = random_bodies(n)
    message = over_the_wire(conversions.bodies_to_message(bodies, CONTEXT))
    back = conversions.bodies_from_message(message)
    for field in dataclasses.fields(Bodies):
        sent, received = getattr(bodies, field.name), getattr(back, field.name)
        assert received.dtype == sent.dtype, field.name
        assert received.shape == sent.shape, field.name
        np.testing.assert_array_equal(received, sent, err_msg=field.name)


def test_the_message_has_no_field_that_the_record_lacks():
    assert set(SmplBody.get_fields_and_field_types()) == {field.name for field in dataclasses.fields(Bodies)}


def test_bodies_on_the_wire_are_flat_arrays_of_fixed_size():
    """Nested messages cost rclpy 14 to 35 times as much."""
    for name, kind in {**SmplBody.get_fields_and_field_types(), **BodyConfidence.get_fields_and_field_types()}.items():
        assert '/' not in kind and 'sequence' not in kind, name


def test_unknown_stays_unknown():
    message = over_the_wire(conversions.bodies_to_message(Bodies.unknown(2), CONTEXT)).bodies[1]
    assert message.track_id == -1
    assert (message.state, message.in_domain) == (State.UNKNOWN, Domain.UNKNOWN) == (0, 0)
    assert math.isnan(message.confidence)
    assert np.isnan(message.joints).all()
    assert np.isnan(message.joint_covariance).all()


def test_states_and_domains_have_the_numbers_of_the_wire():
    for state in State:
        assert getattr(SmplBody, f'STATE_{state.name}') == state
    for domain in Domain:
        assert getattr(SmplBody, f'DOMAIN_{domain.name}') == domain


def test_the_joint_order_of_the_flat_arrays():
    bodies = random_bodies(1)
    (body,) = conversions.bodies_to_message(bodies, CONTEXT).bodies
    assert list(body.joints[3 * 5:3 * 5 + 3]) == pytest.approx(list(bodies.joints[0, 5]), nan_ok=True)
    assert list(body.joint_covariance[6 * 7:6 * 8]) == pytest.approx(list(bodies.joint_covariance[0, 7]), nan_ok=True)


def test_the_array_says_everything_of_its_context():
    message = over_the_wire(conversions.bodies_to_message(Bodies.unknown(1), CONTEXT))
    assert (message.header.stamp.sec, message.header.stamp.nanosec) == (12, 34)
    assert message.header.frame_id == 'camera_optical_frame'
    assert (message.epoch, message.declared_lag_frames, message.skipped_frames) == (7, 2, 3)
    assert (message.image_width, message.image_height, message.focal_length_assumed) == (640, 480, False)
    assert list(message.intrinsics) == [500.0, 501.0, 320.5, 240.25]
    assert (message.model_id, message.calibration_id) == ('m-1', 'cal')
    assert (message.publish_delay, message.confidence_bound_mm) == (0.25, 100.0)
    assert message.coverage == np.float32(0.9)


def test_an_assumed_focal_length_and_missing_calibration_are_said():
    context = ArrayContext(Camera.assumed(30, 40), 0, '', 1, 'm')
    message = conversions.bodies_to_message(Bodies.unknown(0), context)
    assert message.focal_length_assumed
    assert message.intrinsics[0] == 50.0
    assert math.isnan(message.publish_delay)
    assert math.isnan(message.coverage)
    assert message.calibration_id == ''


def test_the_confidence_message_agrees_with_the_bodies():
    bodies = random_bodies(3)
    message = over_the_wire(conversions.confidence_to_message(bodies, CONTEXT))
    assert isinstance(message, BodyConfidenceArray)
    assert message.header == conversions.bodies_to_message(bodies, CONTEXT).header
    assert (message.epoch, message.calibration_id) == (7, 'cal')
    for i, body in enumerate(message.bodies):
        for name in ('track_id', 'confidence', 'uncertainty', 'body_error_mm', 'body_radius_mm', 'in_domain', 'state'):
            np.testing.assert_equal(getattr(body, name), getattr(bodies, name)[i].item())
        np.testing.assert_array_equal(body.joint_uncertainty, bodies.joint_uncertainty[i])
        np.testing.assert_equal(body.age, max(bodies.joint_age[i], key=lambda x: math.inf if math.isnan(x) else x))


def test_conversion_works_with_the_strict_field_checks_of_rclpy():
    code = ('import test_conversions as t; t.conversions.bodies_to_message(t.random_bodies(2), t.CONTEXT);'
            't.conversions.confidence_to_message(t.random_bodies(2), t.CONTEXT)')
    folder = Path(__file__).parent
    import os
    environ = dict(os.environ, ROS_PYTHON_CHECK_FIELDS='1', PYTHONPATH=f'{folder.parent}:{folder}')
    assert subprocess.run([sys.executable, '-c', code], env=environ, cwd=folder, check=False).returncode == 0


def body_model(sha256='b' * 64):
    return SimpleNamespace(name='open_body', sha256=sha256, num_vertices=3,
                           rest_joints=lambda: np.arange(72, dtype=np.float32).reshape(1, 24, 3))


def test_model_info_names_the_joints_and_what_runs():
    info = RegressorInfo('lift', '0.1', 'w', 'g', 'openvino 1', 'e', 'fp32', 'CPU', 'Apache-2.0', 'words')
    message = over_the_wire(conversions.model_info_to_message(info, body_model(), 5_000_000_006))
    assert isinstance(message, BodyModelInfo)
    assert (message.header.stamp.sec, message.header.stamp.nanosec, message.header.frame_id) == (5, 6, '')
    assert tuple(message.joint_names) == JOINT_NAMES
    assert (message.parents[0], message.parents[4]) == (-1, 1)
    assert [JOINT_NAMES[i] for i in message.mirror][16:18] == ['right_shoulder', 'left_shoulder']
    for name, value in dataclasses.asdict(info).items():
        assert getattr(message, name) == value
    assert (message.body_model, message.body_model_hash, message.num_vertices) == ('open_body', 'b' * 64, 3)
    assert list(message.rest_joints) == list(range(72))
    assert (message.calibration_id, message.calibration_status) == ('', 'uncalibrated')
    assert math.isnan(message.coverage)


def test_model_id_differs_when_anything_differs():
    info = RegressorInfo('lift')
    ids = {conversions.model_id(i, b) for i, b in (
        (info, body_model()), (dataclasses.replace(info, weights_hash='x'), body_model()),
        (dataclasses.replace(info, device='x'), body_model()), (info, body_model('c')))}
    assert len(ids) == 4
    assert conversions.model_id(info, body_model()) in ids


@pytest.mark.parametrize('stamp_ns', [0, 1, 999_999_999, 1_700_000_000_123_456_789, -1])
def test_stamps_keep_their_nanoseconds(stamp_ns):
    assert conversions.stamp_to_ns(conversions.stamp_from_ns(stamp_ns)) == stamp_ns


def test_person_boxes():
    message = over_the_wire(PersonBoxArray(boxes=[
        PersonBox(box_px=[1.0, 2.0, 3.0, 5.0], score=0.5, track_id=4),
        PersonBox(box_px=[-1.0, -2.0, 700.0, 900.0], score=math.nan, track_id=0),
        PersonBox(box_px=[3.0, 2.0, 1.0, 5.0]), PersonBox(box_px=[math.nan, 2.0, 3.0, 5.0])]))
    boxes = conversions.boxes_from_person_boxes(message)
    assert boxes.xyxy.tolist() == [[1, 2, 3, 5], [-1, -2, 700, 900]]
    np.testing.assert_array_equal(boxes.score, np.float32([0.5, math.nan]))
    assert boxes.track_id.tolist() == [4, -1]
    assert len(conversions.boxes_from_person_boxes(PersonBoxArray())) == 0


def detection(x, y, w, h, theta=0.0, results=(('person', 0.75),), name='', old=False):
    """Return a Detection2D of vision_msgs 4, or with the plain centre of older ones."""
    centre = SimpleNamespace(x=x, y=y, theta=theta) if old else \
        SimpleNamespace(position=SimpleNamespace(x=x, y=y), theta=theta)
    hypotheses = [SimpleNamespace(hypothesis=SimpleNamespace(class_id=c, score=s)) for c, s in results]
    return SimpleNamespace(bbox=SimpleNamespace(center=centre, size_x=w, size_y=h), results=hypotheses, id=name)


@pytest.mark.parametrize('old', [False, True])
def test_detections_of_both_layouts(old):
    message = SimpleNamespace(detections=[
        detection(10.0, 20.0, 4.0, 6.0, name='17', old=old), detection(1.0, 2.0, 2.0, 2.0, results=(), old=old)])
    boxes = conversions.boxes_from_detections(message)
    assert boxes.xyxy.tolist() == [[8, 17, 12, 23], [0, 1, 2, 3]]
    np.testing.assert_array_equal(boxes.score, np.float32([0.75, math.nan]))
    assert boxes.track_id.tolist() == [17, -1]


def test_a_turned_detection_becomes_the_upright_box_around_it():
    (box,) = conversions.boxes_from_detections(
        SimpleNamespace(detections=[detection(0.0, 0.0, 4.0, 2.0, theta=math.pi / 2)])).xyxy
    assert box == pytest.approx([-1, -2, 1, 2], abs=1e-6)


def test_only_detections_of_the_wanted_class_count():
    message = SimpleNamespace(detections=[
        detection(5.0, 5.0, 2.0, 2.0, results=(('chair', 0.9), ('person', 0.25))),
        detection(9.0, 9.0, 2.0, 2.0, results=(('dog', 0.9),)), detection(9.0, 9.0, 2.0, 2.0, results=())])
    boxes = conversions.boxes_from_detections(message, 'person')
    assert boxes.score.tolist() == [0.25]
    assert isinstance(boxes, Boxes)


def camera_info(**values):
    message = CameraInfo(width=640, height=480, distortion_model='plumb_bob', d=[0.1, 0.0, 0.0, 0.0, 0.0],
                         k=[500.0, 0.0, 320.0, 0.0, 501.0, 240.0, 0.0, 0.0, 1.0],
                         p=[480.0, 0.0, 318.0, 0.0, 0.0, 481.0, 239.0, 0.0, 0.0, 0.0, 1.0, 0.0])
    for name, value in values.items():
        setattr(message, name, value)
    return over_the_wire(message)


def test_camera_info_raw_and_rectified():
    raw = conversions.camera_from_message(camera_info(), (640, 480))
    assert (raw.fx, raw.fy, raw.cx, raw.cy) == (500, 501, 320, 240)
    assert raw.distortion.tolist() == [0.1, 0, 0, 0, 0]
    rectified = conversions.camera_from_message(camera_info(), (640, 480), rectified=True)
    assert (rectified.fx, rectified.cy, rectified.distortion) == (480, 239, None)


def test_camera_info_region_and_errors():
    roi = RegionOfInterest(x_offset=20, y_offset=40, width=320, height=240)
    cropped = conversions.camera_from_message(camera_info(roi=roi), (320, 240))
    assert (cropped.cx, cropped.cy) == (300, 200)
    assert conversions.camera_from_message(camera_info(k=[0.0] * 9), (640, 480)).focal_length_assumed
    with pytest.raises(CameraError):
        conversions.camera_from_message(camera_info(k=[math.nan] * 9), (640, 480))
    with pytest.raises(CameraError):
        conversions.camera_from_message(camera_info(), (1280, 720))


def test_images_raw_and_compressed():
    cv2 = pytest.importorskip('cv2')
    rgb = np.zeros((16, 24, 3), np.uint8)
    rgb[:, :12] = (200, 30, 60)
    message = Image(height=16, width=24, encoding='bgr8', step=72,
                    data=array.array('B', rgb[..., ::-1].tobytes()))
    np.testing.assert_array_equal(conversions.rgb_from_image(over_the_wire(message)), rgb)
    png = cv2.imencode('.png', rgb[..., ::-1])[1]
    compressed = CompressedImage(format='bgr8; png compressed', data=array.array('B', png.tobytes()))
    np.testing.assert_array_equal(conversions.rgb_from_compressed(over_the_wire(compressed)), rgb)
    message.step = 10
    with pytest.raises(ImageError):
        conversions.rgb_from_image(message)


def test_an_array_of_bodies_is_an_array_of_bodies():
    assert isinstance(conversions.bodies_to_message(Bodies.unknown(0), CONTEXT), SmplBodyArray)
    assert conversions.bodies_to_message(Bodies.unknown(0), CONTEXT).bodies == []


def test_a_calibration_is_stated_in_the_array_and_in_the_model_info():
    made = dataclasses.replace(
        fit_calibration(outcomes(np.random.default_rng(0), 90), SOURCE), calibration_id='f' * 64)
    calibrator = Calibrator(made, 0.95)
    array = over_the_wire(conversions.bodies_to_message(Bodies.unknown(1), CONTEXT.calibrated(calibrator)))
    info = over_the_wire(conversions.model_info_to_message(
        RegressorInfo('poco_lift'), body_model(), 5_000_000_006, calibrator))
    for message in (array, info):
        assert message.calibration_id == 'f' * 64
        assert message.coverage == pytest.approx(0.95) and message.confidence_bound_mm == 100
    assert info.calibration_sequences == made.data.num_radius_sequences == 60
    assert 'made-up' in info.calibration_status and '2026-11-22' in info.calibration_status
    assert conversions.bodies_to_message(Bodies.unknown(1), CONTEXT.calibrated(None)).calibration_id == ''
