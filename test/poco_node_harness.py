"""A poco_node with a fake pipeline between the test's own camera and listeners, all over real DDS."""

from __future__ import annotations

import array
import contextlib
import os
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from rclpy.parameter import Parameter
from ros_harness import Ros, ros_session
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from poco_ros.conversions import stamp_from_ns
from poco_ros.engine.base import Progress
from poco_ros.environment import ros_environment
from poco_ros.msg import BodyConfidenceArray, BodyModelInfo, SmplBodyArray
from poco_ros.nodes import qos
from poco_ros.nodes.poco_node import PocoNode
from poco_ros.pipeline import Estimate
from poco_ros.regressors.base import RegressorInfo
from poco_ros.types import Bodies, Boxes, Frame, People

ROOT = Path(__file__).resolve().parents[1]
SECOND = 1_000_000_000
SIZE = (64, 48)
FRAME_ID = 'camera_optical_frame'
K = (60.0, 0.0, 32.0, 0.0, 61.0, 24.0, 0.0, 0.0, 1.0)


class FakePipeline:
    """Has the shape of a pipeline: records what it gets, answers one body a box (or ``persons`` without boxes).

    Each body's ``betas[0]`` is the mean brightness of the image, so that a message can be traced to its image.
    """

    def __init__(self, persons: int = 1) -> None:
        self.persons = persons
        self.frames: list[Frame] = []
        self.boxes: list[Boxes | None] = []
        self.resets = 0
        self.threads: set[str] = set()
        self.fail: Exception | None = None
        self.gate: threading.Event | None = None
        self.started = threading.Event()
        self.info = RegressorInfo('fake', '1', device='CPU: test')
        self.reason = 'nothing else is there'
        self.calibrator = None
        self.warnings: tuple[str, ...] = ()
        self.body = SimpleNamespace(name='fake_body', sha256='0' * 64, num_vertices=1,
                                    rest_joints=lambda: np.zeros((1, 24, 3), np.float32))

    def process(self, frame: Frame, boxes: Boxes | None = None) -> Estimate:
        self.threads.add(threading.current_thread().name)
        self.frames.append(frame)
        self.boxes.append(boxes)
        self.started.set()
        if self.gate is not None:
            self.gate.wait(10)
        if self.fail is not None:
            error, self.fail = self.fail, None
            raise error
        bodies = Bodies.unknown(self.persons if boxes is None else len(boxes))
        bodies.betas[:, 0] = frame.image.mean()
        return Estimate(bodies, People(Boxes.empty()), {'people': 1.0, 'bodies': 2.0})

    def reset(self) -> None:
        self.resets += 1


def image_message(stamp_ns: int, *, frame_id: str = FRAME_ID, level: int = 100, size: tuple[int, int] = SIZE) -> Image:
    """Return a grey bgr8 image."""
    width, height = size
    message = Image(height=height, width=width, encoding='bgr8', step=3 * width,
                    data=array.array('B', bytes([level]) * (3 * width * height)))
    message.header.stamp, message.header.frame_id = stamp_from_ns(stamp_ns), frame_id
    return message


def info_message(k: tuple[float, ...] = K, size: tuple[int, int] = SIZE) -> CameraInfo:
    return CameraInfo(width=size[0], height=size[1], k=[float(v) for v in k])


class Bench:
    """The node under test, a camera that publishes to it, and listeners to everything it says.

    :param ros: the session.
    :param pipeline: what the node loads, or an exception to raise instead.
    :param listen: subscribe to the bodies, so that the node works at all.
    :param compressed: publish compressed images too.
    :param image_type: type of the camera's topic.
    :param load: loads a real pipeline instead.
    :param parameters: of the node.
    """

    def __init__(
        self, ros: Ros, pipeline: FakePipeline | Exception | None = None, *, listen: bool = True,
        compressed: bool = False, image_type: type = Image, node_options: dict[str, object] | None = None,
        load: Callable[..., object] | None = None, **parameters: object,
    ) -> None:
        self.ros = ros
        self.pipeline = FakePipeline() if pipeline is None else pipeline
        self.loads = 0
        self.loading: Callable[[Progress], None] | None = None
        parameters.setdefault('camera_info_timeout', 0.0)
        self.node = PocoNode(
            load or self._load, context=ros.context, **(node_options or {}),
            parameter_overrides=[Parameter(name, value=value) for name, value in parameters.items()])
        ros.add(self.node)
        self.test = ros.node('test')
        self.images = self.test.create_publisher(image_type, 'image', 5)
        self.jpegs = self.test.create_publisher(CompressedImage, 'image/compressed', 5) if compressed else None
        self.infos = self.test.create_publisher(CameraInfo, 'camera_info', 5)
        self.bodies: list[SmplBodyArray] = []
        self.confidences: list[BodyConfidenceArray] = []
        self.model_infos: list[BodyModelInfo] = []
        self.statuses: dict[str, DiagnosticStatus] = {}
        self.test.create_subscription(DiagnosticArray, '/diagnostics', self._keep_statuses, qos.DIAGNOSTICS)
        self.listener = None
        if listen:
            self.listen()

    def _load(self, config: object, progress: Progress) -> FakePipeline:
        self.loads += 1
        if self.loading is not None:
            self.loading(progress)
        if isinstance(self.pipeline, Exception):
            raise self.pipeline
        return self.pipeline

    def _keep_statuses(self, message: DiagnosticArray) -> None:
        self.statuses.update({status.name.split(': ')[1]: status for status in message.status})

    def listen(self) -> None:
        """Subscribe to the bodies and the confidences."""
        self.listener = self.test.create_subscription(SmplBodyArray, 'poco/bodies', self.bodies.append, qos.OUTPUT)
        self.test.create_subscription(BodyConfidenceArray, 'poco/confidence', self.confidences.append, qos.OUTPUT)

    def activate(self) -> None:
        """Configure and activate, and wait until images reach the node."""
        assert self.node.trigger_configure().name == 'SUCCESS'
        assert self.node.trigger_activate().name == 'SUCCESS'
        if self.listener is not None:
            camera = self.jpegs or self.images
            assert self.ros.spin_until(camera.get_subscription_count)
            assert self.ros.spin_until(self.infos.get_subscription_count)

    def send(self, message: object) -> None:
        """Publish an image, to whichever topic its type belongs."""
        (self.jpegs if isinstance(message, CompressedImage) else self.images).publish(message)

    def calibrate(self, message: CameraInfo) -> None:
        """Publish a camera_info and give it time to arrive."""
        self.infos.publish(message)
        self.ros.spin_for(0.05)

    def ask(self, message: object, timeout: float = 3.0) -> SmplBodyArray | None:
        """Publish an image and return the answer; None if there is none in time."""
        before = len(self.bodies)
        self.send(message)
        self.ros.spin_until(lambda: len(self.bodies) > before, timeout)
        return self.bodies[-1] if len(self.bodies) > before else None

    def refused(self, message: object, status: str = 'input') -> DiagnosticStatus:
        """Publish an image that must not be answered, and return a status once the node has counted it."""
        answers, images = len(self.bodies), self.node._health.snapshot(0.0)
        counted = images.images, sum(t.total for t in images.events.values())
        self.send(message)

        def taken() -> bool:
            now = self.node._health.snapshot(0.0)
            return now.images > counted[0] and sum(t.total for t in now.events.values()) > counted[1]

        assert self.ros.spin_until(taken), 'the image was neither answered nor counted'
        self.ros.spin_for(0.02)
        assert len(self.bodies) == answers
        return self.status(status)

    def status(self, name: str) -> DiagnosticStatus:
        """Return a status as it is now, received over the wire."""
        self.statuses.clear()
        self.node.publish_diagnostics()
        assert self.ros.spin_until(lambda: name in self.statuses)
        return self.statuses[name]

    def values(self, name: str) -> dict[str, str]:
        """Return the values of a status as it is now."""
        return {v.key: v.value for v in self.status(name).values}


def level(status: DiagnosticStatus) -> str:
    """Return the level of a status in words."""
    return {b'\0': 'OK', b'\1': 'WARN', b'\2': 'ERROR', b'\3': 'STALE'}[bytes(status.level)]


@contextlib.contextmanager
def bench(*args: object, **options: object) -> Iterator[Bench]:
    """Give an activated :class:`Bench`."""
    with ros_session() as ros:
        made = Bench(ros, *args, **options)
        made.activate()
        yield made


def run_program(domain: int, *arguments: str, code: str = '') -> subprocess.Popen:
    """Start the node as a program, as launch does; or a program of the test's own."""
    env = ros_environment(dict(os.environ, ROS_DOMAIN_ID=str(domain), PYTHONPATH=f'{ROOT}:{ROOT / "test"}'))
    program = ['-c', code] if code else ['-m', 'poco_ros.nodes.poco_node']
    return subprocess.Popen([sys.executable, *program, '--ros-args', *arguments], env=env,
                            cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)


@contextlib.contextmanager
def published_elsewhere(domain: int, kind: type, topic: str) -> Iterator[None]:
    """Publish nothing on a topic, from another process.

    A participant cannot have two types on one topic, and two that end in one process have been seen to wait for each
    other for ever (Fast DDS 3.2: one in set_listener, the other in a discovery call-back that wants its lock).
    """
    module = kind.__module__.partition('._')[0]
    code = (f'import rclpy; from {module} import {kind.__name__}\nrclpy.init(); node = rclpy.create_node("elsewhere")\n'
            f'node.create_publisher({kind.__name__}, {topic!r}, 5); rclpy.spin(node)')
    with run_program(domain, code=code) as process:
        try:
            yield
        finally:
            process.kill()
