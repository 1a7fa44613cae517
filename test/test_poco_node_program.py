"""The program poco_node with the real pipeline: a photograph in, a body out; missing and corrupt networks."""

from __future__ import annotations

import array
import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState
from poco_node_harness import FRAME_ID
from ros_harness import Ros, change_state_client, ros_session
from sensor_msgs.msg import CameraInfo, Image

from poco_ros.environment import ros_environment
from poco_ros.msg import BodyModelInfo, SmplBody, SmplBodyArray
from poco_ros.nodes import qos
from poco_ros.people.model_files import DETECTOR, LANDMARKER, fetch_models, models_folder

pytestmark = pytest.mark.ros
ROOT = Path(__file__).resolve().parents[1]
SIZE = 512
FOCAL_PX = 600.0


class Program:
    """The node as a program of its own, with the test's camera and listeners."""

    def __init__(self, ros: Ros, process: subprocess.Popen) -> None:
        self.ros, self.process = ros, process
        self.node = ros.node('test')
        self.reasons: set[str] = set()
        self.node.create_subscription(DiagnosticArray, '/diagnostics', self._keep, qos.DIAGNOSTICS)
        self._change = change_state_client(ros, self.node, 'poco_node')

    def _keep(self, message: DiagnosticArray) -> None:
        self.reasons.update(s.message for s in message.status if bytes(s.level) == b'\2')

    def change(self, transition: int) -> bool:
        """Ask for a transition and return whether it succeeded."""
        request = ChangeState.Request(transition=Transition(id=transition))
        future = self._change.call_async(request)
        assert self.ros.spin_until(future.done, 20.0)
        return future.result().success


@contextlib.contextmanager
def program(**environ: str) -> Iterator[Program]:
    with ros_session() as ros:
        env = ros_environment({**os.environ, 'ROS_DOMAIN_ID': str(ros.domain), 'PYTHONPATH': str(ROOT), **environ})
        with subprocess.Popen([sys.executable, '-m', 'poco_ros.nodes.poco_node'], env=env, cwd=ROOT) as process:
            try:
                yield Program(ros, process)
                process.terminate()
                assert process.wait(10) == 0
            finally:
                process.kill()


def test_a_photograph_of_a_person_becomes_a_body():
    astronaut = pytest.importorskip('skimage.data').astronaut()
    fetch_models()
    with program() as p:
        bodies: list[SmplBodyArray] = []
        infos: list[BodyModelInfo] = []
        p.node.create_subscription(SmplBodyArray, 'poco/bodies', bodies.append, qos.OUTPUT)
        p.node.create_subscription(BodyModelInfo, 'poco/model_info', infos.append, qos.LATCHED)
        camera = p.node.create_publisher(Image, 'image', 5)
        calibration = p.node.create_publisher(CameraInfo, 'camera_info', 5)
        assert p.change(Transition.TRANSITION_CONFIGURE)
        assert p.change(Transition.TRANSITION_ACTIVATE)
        assert p.ros.spin_until(lambda: camera.get_subscription_count() and calibration.get_subscription_count())
        calibration.publish(CameraInfo(width=SIZE, height=SIZE, k=[
            FOCAL_PX, 0.0, SIZE / 2, 0.0, FOCAL_PX, SIZE / 2, 0.0, 0.0, 1.0]))
        message = Image(height=SIZE, width=SIZE, encoding='rgb8', step=3 * SIZE)
        message.data = array.array('B', astronaut.tobytes())
        message.header.frame_id = FRAME_ID
        for _ in range(10):  # an identity needs a few frames
            message.header.stamp = p.node.get_clock().now().to_msg()
            count = len(bodies)
            camera.publish(message)
            assert p.ros.spin_until(lambda n=count: len(bodies) > n, 20.0)
            if bodies[-1].bodies and bodies[-1].bodies[0].track_id >= 1:
                break
        last = bodies[-1]
        (body,) = last.bodies
        assert last.header == message.header
        assert not last.focal_length_assumed
        assert body.track_id >= 1
        assert body.state == SmplBody.STATE_OBSERVED
        # The head of the photograph is about (225, 120); the pelvis is below it.
        joints = np.asarray(body.joints, np.float64).reshape(24, 3)
        assert np.isfinite(joints).all()
        assert (joints[:, 2] > 0.3).all()
        head_px = FOCAL_PX * joints[15, :2] / joints[15, 2] + SIZE / 2
        assert np.linalg.norm(head_px - (225, 120)) < 60
        assert joints[0, 1] > joints[15, 1]
        assert p.ros.spin_until(lambda: infos)
        assert infos[0].model_id == last.model_id
        assert infos[0].body_model == 'open_body'
        assert p.process.poll() is None


def test_missing_and_corrupt_networks_are_failures_with_the_mend_and_the_node_lives_on(tmp_path):
    fetch_models()
    with program(POCO_CACHE=str(tmp_path)) as p:
        assert not p.change(Transition.TRANSITION_CONFIGURE)
        assert p.ros.spin_until(lambda: any('is missing' in r and str(tmp_path) in r for r in p.reasons), 5.0)
        folder = tmp_path / 'models'
        folder.mkdir()
        for model in (DETECTOR, LANDMARKER):
            (folder / model.name).write_bytes((models_folder() / model.name).read_bytes()[:1000])
        assert not p.change(Transition.TRANSITION_CONFIGURE)
        assert p.ros.spin_until(lambda: any('is corrupt' in r for r in p.reasons), 5.0)
        for model in (DETECTOR, LANDMARKER):
            (folder / model.name).write_bytes((models_folder() / model.name).read_bytes())
        assert p.change(Transition.TRANSITION_CONFIGURE)
        assert p.process.poll() is None
