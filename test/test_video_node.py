"""The video node over real DDS: what arrives, when, and how it ends."""

from __future__ import annotations

import dataclasses
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')
from rcl_interfaces.msg import ParameterType
from rclpy.parameter import Parameter
from rclpy.qos import QoSProfile, QoSReliabilityPolicy, qos_profile_sensor_data
from rclpy.time import Time
from ros_harness import Ros, free_domain, ros_session
from rosgraph_msgs.msg import Clock
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from poco_ros import environment
from poco_ros.errors import CameraError, ConfigError, VideoError
from poco_ros.nodes.video_node import VideoConfig, VideoNode

pytestmark = pytest.mark.ros

WIDTH, HEIGHT, COUNT = 72, 40, 8
RELIABLE = QoSProfile(depth=50, reliability=QoSReliabilityPolicy.RELIABLE)
CALIBRATION = f"""\
image_width: {WIDTH}
image_height: {HEIGHT}
camera_matrix: {{rows: 3, cols: 3, data: [80.5, 0, 35.0, 0, 81.5, 19.0, 0, 0, 1]}}
distortion_model: plumb_bob
distortion_coefficients: {{rows: 1, cols: 5, data: [-0.1, 0.02, 0.0, 0.001, 0.0]}}
"""


@pytest.fixture
def ros() -> Iterator[Ros]:
    with ros_session() as session:
        yield session


@pytest.fixture(scope='module')
def pictures() -> list[np.ndarray]:
    rng = np.random.default_rng(4)
    return [rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8) for _ in range(COUNT)]


@pytest.fixture
def folder(tmp_path: Path, pictures: list[np.ndarray]) -> Path:
    for i, rgb in enumerate(pictures):
        cv2.imwrite(str(tmp_path / f'{i}.png'), np.ascontiguousarray(rgb[..., ::-1]))
    return tmp_path


def start(ros: Ros, remappings: tuple[str, ...] = (), **parameters: object) -> VideoNode:
    overrides = [Parameter(name, value=value) for name, value in parameters.items()]
    arguments = ['--ros-args', *(part for rule in remappings for part in ('-r', rule))]
    node = VideoNode(context=ros.context, cli_args=arguments, parameter_overrides=overrides)
    ros.add(node)
    return node


class Listener:
    """Keeps what arrives."""

    def __init__(self, ros: Ros, qos: QoSProfile = RELIABLE, images: str = 'image_raw') -> None:
        self.images: list[Image] = []
        self.infos: list[CameraInfo] = []
        self.node = ros.node('listener')
        self.node.create_subscription(Image, images, self.images.append, qos)
        self.node.create_subscription(CameraInfo, 'camera_info', self.infos.append, qos)


def nanoseconds(message: Image | CameraInfo | CompressedImage) -> int:
    return Time.from_msg(message.header.stamp).nanoseconds


@pytest.mark.parametrize('encoding', ['bgr8', 'rgb8'])
def test_images_arrive_bit_identical_and_stamped(
        ros: Ros, folder: Path, pictures: list[np.ndarray], encoding: str) -> None:
    listener = Listener(ros)
    before = listener.node.get_clock().now().nanoseconds
    node = start(ros, source=str(folder), rate=100.0, encoding=encoding, frame_id='left_optical_frame',
                 wait_for_subscriber=True)
    assert ros.spin_until(lambda: node.finished.done() and len(listener.images) == len(listener.infos) == COUNT)
    for message, info, rgb in zip(listener.images, listener.infos, pictures, strict=True):
        assert (message.width, message.height, message.step) == (WIDTH, HEIGHT, 3 * WIDTH)
        assert (message.encoding, message.is_bigendian) == (encoding, 0)
        received = np.array(message.data, np.uint8).reshape(HEIGHT, WIDTH, 3)
        np.testing.assert_array_equal(received if encoding == 'rgb8' else received[..., ::-1], rgb)
        assert message.header.frame_id == info.header.frame_id == 'left_optical_frame'
        assert message.header.stamp == info.header.stamp
    stamps = np.array([nanoseconds(m) for m in listener.images])
    assert (np.diff(stamps) > 0).all()
    assert before <= stamps[0] and stamps[-1] <= node.get_clock().now().nanoseconds


def test_sensor_data_subscriber_is_served_too(ros: Ros, folder: Path) -> None:
    listener = Listener(ros, qos_profile_sensor_data)
    start(ros, source=str(folder), rate=50.0, loop=True)
    assert ros.spin_until(lambda: len(listener.images) >= 3 and len(listener.infos) >= 3)


def test_uncalibrated_camera_info_is_all_zeros(ros: Ros, folder: Path) -> None:
    listener = Listener(ros)
    start(ros, source=str(folder), rate=50.0, loop=True)
    assert ros.spin_until(lambda: listener.infos)
    info = listener.infos[0]
    assert (info.width, info.height, info.distortion_model, len(info.d)) == (WIDTH, HEIGHT, '', 0)
    assert not np.any(info.k) and not np.any(info.p)


def test_calibration_file_fills_camera_info(ros: Ros, folder: Path) -> None:
    (folder / 'camera.yaml').write_text(CALIBRATION)
    listener = Listener(ros)
    start(ros, source=str(folder), rate=50.0, loop=True, camera_info=str(folder / 'camera.yaml'))
    assert ros.spin_until(lambda: listener.infos)
    info = listener.infos[0]
    np.testing.assert_array_equal(info.k, [80.5, 0, 35, 0, 81.5, 19, 0, 0, 1])
    np.testing.assert_array_equal(info.p, [80.5, 0, 35, 0, 0, 81.5, 19, 0, 0, 0, 1, 0])
    np.testing.assert_array_equal(info.d, [-0.1, 0.02, 0, 0.001, 0])
    assert info.distortion_model == 'plumb_bob'


def test_compressed_images_stand_beside_remapped_ones(
        ros: Ros, folder: Path, pictures: list[np.ndarray]) -> None:
    compressed: list[CompressedImage] = []
    ros.node('viewer').create_subscription(CompressedImage, '/cam/picture/compressed', compressed.append, RELIABLE)
    start(ros, ('image_raw:=/cam/picture',), source=str(folder), rate=50.0, compressed=True, wait_for_subscriber=True,
          jpeg_quality=100)
    assert ros.spin_until(lambda: len(compressed) == COUNT)
    assert compressed[0].format == 'bgr8; jpeg compressed bgr8'
    for message, rgb in zip(compressed, pictures, strict=True):
        decoded = cv2.imdecode(np.array(message.data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1]
        closest = np.argmin([np.abs(decoded.astype(int) - p).mean() for p in pictures])
        assert pictures[closest] is rgb


def test_even_pace(ros: Ros, folder: Path) -> None:
    """The stamps keep to the grid of the rate: no drift over the run, whatever a busy machine does to single ones."""
    listener = Listener(ros)
    start(ros, source=str(folder), rate=40.0, loop=True, max_frames=60, wait_for_subscriber=True)
    assert ros.spin_until(lambda: len(listener.images) == 60, timeout=10)
    stamps = np.array([nanoseconds(m) for m in listener.images]) / 1e9
    offsets = stamps - stamps[0] - np.arange(60) / 40
    assert offsets.min() > -0.001, 'never early'
    assert np.median(offsets) < 0.005 and np.median(np.diff(stamps)) == pytest.approx(1 / 40, abs=0.001)


def test_ends_after_the_source_or_the_given_number(ros: Ros, folder: Path) -> None:
    listener = Listener(ros)
    node = start(ros, source=str(folder), rate=100.0, loop=True, max_frames=COUNT + 3, wait_for_subscriber=True)
    assert ros.spin_until(lambda: node.finished.done() and len(listener.images) == COUNT + 3)
    ros.spin_for(0.1)
    assert len(listener.images) == COUNT + 3
    assert node.finished.exception() is None


def test_waits_for_a_subscriber(ros: Ros, folder: Path, pictures: list[np.ndarray]) -> None:
    node = start(ros, source=str(folder), rate=200.0, wait_for_subscriber=True)
    ros.spin_for(0.3)
    assert not node.finished.done()
    listener = Listener(ros)
    assert ros.spin_until(lambda: node.finished.done() and len(listener.images) == COUNT)
    first = np.array(listener.images[0].data, np.uint8).reshape(HEIGHT, WIDTH, 3)
    np.testing.assert_array_equal(first[..., ::-1], pictures[0])


def test_broken_picture_ends_the_node_with_its_error(ros: Ros, folder: Path) -> None:
    (folder / '5.png').write_bytes(b'broken')
    listener = Listener(ros)
    node = start(ros, source=str(folder), rate=100.0, loop=True, wait_for_subscriber=True)
    assert ros.spin_until(node.finished.done)
    assert isinstance(node.finished.exception(), VideoError) and '5.png is broken' in str(node.finished.exception())
    assert ros.spin_until(lambda: len(listener.images) == 5)


def test_simulated_time_sets_the_pace(ros: Ros, folder: Path) -> None:
    listener = Listener(ros)
    clock = ros.node('simulator').create_publisher(Clock, '/clock', 10)
    node = start(ros, source=str(folder), rate=10.0, loop=True, use_sim_time=True)
    ros.spin_for(0.3)
    assert listener.images == [], 'time has not begun'

    def tick(seconds: float) -> None:
        stamp = Time(nanoseconds=round(seconds * 1e9))
        clock.publish(Clock(clock=stamp.to_msg()))
        assert ros.spin_until(lambda: node.get_clock().now().nanoseconds == stamp.nanoseconds)

    assert ros.spin_until(lambda: clock.get_subscription_count() > 0)
    for seconds in (100.0, 100.05, 100.1, 100.15, 100.2):
        tick(seconds)
        ros.spin_for(0.05)
    assert ros.spin_until(lambda: len(listener.images) == 3)
    ros.spin_for(0.3)  # three periods of wall time, in which simulated time stands still
    assert [nanoseconds(m) for m in listener.images] == [100_000_000_000, 100_100_000_000, 100_200_000_000]
    tick(5.0)  # the simulation begins again
    assert ros.spin_until(lambda: len(listener.images) == 4)
    assert nanoseconds(listener.images[3]) == 5_000_000_000


@pytest.mark.parametrize(('parameters', 'error', 'match'), [
    ({'source': '/nowhere.mp4'}, VideoError, 'does not exist'),
    ({'frame_id': ''}, ConfigError, 'frame_id'),
    ({'encoding': 'mono8'}, ConfigError, 'encoding'),
    ({'rate': -1.0}, ConfigError, 'rate'),
    ({'jpeg_quality': 101}, ConfigError, 'jpeg_quality'),
    ({'camera_info': '/nowhere.yaml'}, CameraError, 'nowhere.yaml cannot be read'),
])
def test_unusable_parameters(
        ros: Ros, folder: Path, parameters: dict[str, object], error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        start(ros, **{'source': str(folder), **parameters})


def test_calibration_of_another_size_is_refused(ros: Ros, folder: Path) -> None:
    (folder / 'camera.yaml').write_text(CALIBRATION.replace(f'image_width: {WIDTH}', 'image_width: 640'))
    with pytest.raises(CameraError, match=f'for 640x{HEIGHT} pixels.*calibrate at this size'):
        start(ros, source=str(folder), camera_info=str(folder / 'camera.yaml'))


def test_every_parameter_is_described_and_fixed(ros: Ros, folder: Path) -> None:
    node = start(ros, source=str(folder))
    for name in (field.name for field in dataclasses.fields(VideoConfig)):
        descriptor = node.describe_parameter(name)
        assert descriptor.description and descriptor.read_only, name
    assert node.describe_parameter('rate').type == ParameterType.PARAMETER_DOUBLE
    assert node.describe_parameter('rate').floating_point_range[0].from_value == 0.0
    assert not node.set_parameters([Parameter('rate', value=5.0)])[0].successful


def test_qos_can_be_overridden(ros: Ros, folder: Path) -> None:
    node = start(ros, source=str(folder), **{'qos_overrides./image_raw.publisher.reliability': 'best_effort'})
    endpoint, = node.get_publishers_info_by_topic('/image_raw')
    assert endpoint.qos_profile.reliability == QoSReliabilityPolicy.BEST_EFFORT
    endpoint, = node.get_publishers_info_by_topic('/camera_info')
    assert endpoint.qos_profile.reliability == QoSReliabilityPolicy.RELIABLE


class Program:
    """The node as a process of its own."""

    def __init__(self, *parameters: str) -> None:
        environ = {**environment.ros_environment(), 'ROS_DOMAIN_ID': str(free_domain()), 'PYTHONUNBUFFERED': '1'}
        environ['PYTHONPATH'] = os.pathsep.join(filter(None, [str(Path.cwd()), environ.get('PYTHONPATH', '')]))
        command = [sys.executable, '-m', 'poco_ros.nodes.video_node', '--ros-args']
        for parameter in parameters:
            command += ['-p', parameter]
        self.process = subprocess.Popen(
            command, env=environ, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def wait(self) -> tuple[int, str]:
        try:
            output, _ = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        return self.process.returncode, output


def test_program_ends_with_its_source(folder: Path) -> None:
    code, output = Program(f'source:={folder}', 'rate:=100.0').wait()
    assert code == 0 and f'ended: {COUNT} images' in output and 'Traceback' not in output


def test_program_fails_in_plain_words() -> None:
    code, output = Program('source:=/nowhere.mp4').wait()
    assert code == 2 and 'nowhere.mp4 does not exist' in output and 'Traceback' not in output


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_program_ends_cleanly_on_signals(ros: Ros, folder: Path, number: signal.Signals) -> None:
    listener = Listener(ros)
    program = Program(f'source:={folder}', 'loop:=true', 'rate:=50.0')
    assert ros.spin_until(lambda: len(listener.images) >= 3, timeout=20)
    began = time.monotonic()
    program.process.send_signal(number)
    code, output = program.wait()
    assert code == 0 and 'Traceback' not in output, output
    assert time.monotonic() - began < 5
