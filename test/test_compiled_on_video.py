"""Exported networks with made-up weights on a real video, through the whole pipeline and the real nodes.

The bodies mean nothing, but they must be those that torch makes of the same crops, in the right place and order, and
arrive with their uncertainties behind ``temporal_node``.
"""

from __future__ import annotations

import functools
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest

pytest.importorskip('torch', reason='networks are exported with torch')

import torch
from exported_networks import exported
from network_files import cached

from poco_ros import crops
from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.camera import Camera
from poco_ros.checkpoints.store import load_network
from poco_ros.engine.options import EngineOptions
from poco_ros.people.config import FinderConfig
from poco_ros.people.model_files import MODELS
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.types import Boxes, Frame, State
from poco_ros.weak_perspective import image_translation

pytestmark = pytest.mark.shared
ROOT = Path(__file__).resolve().parents[1]
PERIOD_NS = 100_000_000
CPU = EngineOptions(engine='openvino', precision='fp32', threads=1)


@pytest.fixture(scope='module')
def images(shared_dir: Path) -> list[np.ndarray]:
    """A few consecutive images of people in an aisle, RGB."""
    capture = cv2.VideoCapture(str(shared_dir / 'data' / 'video' / 'store-aisle.gif'))
    return [np.ascontiguousarray(capture.read()[1][..., ::-1]) for _ in range(20)][-5:]


@functools.cache
def pipeline(name: str) -> Pipeline:
    for model in MODELS:
        cached(model)
    folder, _ = exported(name)
    return Pipeline.load(PipelineConfig(model=str(folder), engine=CPU, finder=FinderConfig(max_people=17)))


def frame(image: np.ndarray, index: int = 0) -> Frame:
    return Frame(image, Camera.assumed(image.shape[1], image.shape[0]), (index + 1) * PERIOD_NS, 'camera')


@pytest.mark.parametrize('name', ['tiny_cliff', 'tiny_pare', 'tiny_hmr'])
def test_bodies_are_those_that_torch_makes_of_the_same_people(name: str, images: list[np.ndarray]) -> None:
    pipeline(name).reset()
    estimates = [pipeline(name).process(frame(image, i)) for i, image in enumerate(images)]
    bodies, shown = estimates[-1].bodies, frame(images[-1])
    assert len(bodies) and (bodies.state == State.OBSERVED).all()
    model, _ = load_network(exported(name)[0])
    squares = crops.square_boxes(bodies.box_px)
    inputs = [torch.from_numpy(crops.normalise(crops.crop_people(shown.image, squares)))]
    if name == 'tiny_cliff':
        inputs.append(torch.from_numpy(crops.bbox_info(squares, shown.camera.width, shown.camera.height)))
    with torch.no_grad():
        truth = model(*inputs)
    np.testing.assert_allclose(axis_angle_to_matrix(bodies.pose), truth.rotmat, atol=2e-4)
    np.testing.assert_allclose(bodies.betas, truth.betas, atol=1e-4)
    np.testing.assert_allclose(bodies.joint_uncertainty, truth.sigma, atol=1e-5)
    transl = image_translation(truth.cam.numpy(), squares, shown.camera)
    np.testing.assert_allclose(bodies.transl, transl, rtol=1e-4)
    joints = load_body_model().joints(truth.rotmat.numpy(), truth.betas.numpy(), transl)
    np.testing.assert_allclose(bodies.joints, joints, atol=2e-3)
    info = pipeline(name).info
    assert info.model == name and 'mock weights' in info.model_version and info.precision == 'fp32'
    assert info.graph_hash == exported(name)[1].graphs['fp32'].sha256


@pytest.mark.parametrize('n', [1, 8, 9, 17])
def test_nobody_is_changed_or_displaced_by_the_others(n: int, images: list[np.ndarray]) -> None:
    rng = np.random.default_rng(n)
    low = rng.uniform(0, 200, (n, 2))
    xyxy = np.concatenate([low, low + rng.uniform(30, 120, (n, 2))], axis=1).astype(np.float32)
    boxes = Boxes(xyxy, np.ones(n, np.float32), np.arange(1, n + 1, dtype=np.int32))
    together = pipeline('tiny_cliff').process(frame(images[0]), boxes).bodies
    assert together.track_id.tolist() == list(range(1, n + 1))
    for row in {0, n // 2, n - 1}:
        alone = pipeline('tiny_cliff').process(frame(images[0]), boxes.take([row])).bodies
        for field in ('pose', 'betas', 'transl', 'joints', 'joint_uncertainty', 'uncertainty'):
            np.testing.assert_array_equal(getattr(together, field)[row], getattr(alone, field)[0], err_msg=field)


def test_running_a_network_takes_none_of_the_libraries_that_made_it(images: list[np.ndarray]) -> None:
    program = '''
import sys
import numpy as np
from poco_ros.camera import Camera
from poco_ros.engine.options import EngineOptions
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.types import Boxes, Frame
pipeline = Pipeline.load(PipelineConfig(model=sys.argv[1], engine=EngineOptions('openvino', 'fp32', 1)))
boxes = Boxes(np.array([[1, 1, 60, 90]], np.float32), np.ones(1, np.float32), np.ones(1, np.int32))
bodies = pipeline.process(Frame(np.zeros((100, 100, 3), np.uint8), Camera.assumed(100, 100)), boxes).bodies
print(len(bodies), sorted({'torch', 'timm', 'torchvision', 'onnx', 'safetensors'} & set(sys.modules)))
'''
    for model in MODELS:
        cached(model)
    done = subprocess.run([sys.executable, '-c', program, exported('tiny_cliff')[0]], cwd=ROOT, text=True,
                          capture_output=True)
    assert done.stdout.strip() == '1 []', done.stderr


@pytest.mark.ros
def test_over_dds_with_temporal_node_behind(images: list[np.ndarray]) -> None:
    pytest.importorskip('rclpy')
    from poco_node_harness import SECOND, Bench, level
    from rclpy.parameter import Parameter
    from ros_harness import ros_session
    from sensor_msgs.msg import Image

    from poco_ros.conversions import bodies_from_message, stamp_from_ns
    from poco_ros.msg import BodyModelInfo, SmplBodyArray
    from poco_ros.nodes import qos
    from poco_ros.nodes.temporal_node import TemporalNode

    def message(index: int) -> Image:
        picture = images[index]
        made = Image(height=picture.shape[0], width=picture.shape[1], encoding='rgb8', step=3 * picture.shape[1],
                     data=picture.tobytes())
        made.header.stamp, made.header.frame_id = stamp_from_ns(SECOND + index * PERIOD_NS), 'camera'
        return made

    for model in MODELS:
        cached(model)
    folder, record = exported('tiny_cliff')
    with ros_session() as ros:
        temporal = ros.add(TemporalNode(context=ros.context, parameter_overrides=[Parameter('trust.u_hi', value=1.0)]))
        bench = Bench(ros, load=Pipeline.load, model=str(folder), engine='openvino', precision='fp32', threads=1)
        live: list[SmplBodyArray] = []
        infos: list[BodyModelInfo] = []
        bench.test.create_subscription(SmplBodyArray, 'poco/bodies_live', live.append, qos.EVERY_FRAME)
        bench.test.create_subscription(BodyModelInfo, 'poco/model_info', infos.append, qos.LATCHED)
        for step in (temporal.trigger_configure, temporal.trigger_activate):
            assert step().name == 'SUCCESS'
        bench.activate()
        status = bench.status('model')
        assert level(status) == 'WARN' and 'mock weights' in status.message
        assert ros.spin_until(lambda: bench.node.count_subscribers('poco/bodies') >= 2)  # the bench, and temporal_node
        for index in range(len(images)):
            assert bench.ask(message(index), 10.0) is not None
        assert ros.spin_until(lambda: len(live) == len(images) and infos)
        assert infos[0].uncertainty_definition == record.uncertainty_definition
        assert infos[0].graph_hash == record.graphs['fp32'].sha256 and 'mock weights' in infos[0].model_version
        assert bench.bodies[0].model_id == infos[0].model_id
        given, followed = bodies_from_message(bench.bodies[-1]), bodies_from_message(live[-1])
        assert len(given) and np.isfinite(given.joint_uncertainty).all()
        assert ((given.joint_uncertainty > 0) & (given.joint_uncertainty < 1)).all()
        rows = [followed.track_id.tolist().index(name) for name in given.track_id]
        np.testing.assert_array_equal(followed.joint_uncertainty[rows], given.joint_uncertainty)
        np.testing.assert_array_equal(followed.uncertainty[rows], given.uncertainty)
