"""view_node over real DDS: bodies and images in, markers, vertices and pictures out; nothing without a subscriber."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip('rclpy')

import cv2
import yaml
from body_scenes import standing
from rclpy.parameter import Parameter
from ros_harness import free_domain, ros_session
from sensor_msgs.msg import CompressedImage, Image, PointCloud2
from visualization_msgs.msg import MarkerArray

from poco_ros import environment
from poco_ros.body.model_file import load_body_model
from poco_ros.camera import Camera
from poco_ros.conversions import ArrayContext, bodies_to_message, rgb_from_image, stamp_from_ns, stamp_to_ns
from poco_ros.drawing.overlay import OverlayPainter
from poco_ros.msg import BodyModelInfo, SmplBodyArray
from poco_ros.nodes import qos
from poco_ros.nodes.parameters import parameter_rows
from poco_ros.nodes.video_node import VideoConfig
from poco_ros.nodes.view_node import ViewConfig, ViewNode

pytestmark = pytest.mark.ros

ROOT = Path(__file__).resolve().parents[1]
CAMERA = Camera(320, 240, 250.0, 250.0, 160.0, 120.0)
OUTPUTS = {'poco/markers': MarkerArray, 'poco/mesh': MarkerArray, 'poco/vertices': PointCloud2, 'poco/overlay': Image}
MODEL_ID = 'lift-1'


@pytest.fixture(scope='module')
def open_body():
    return load_body_model()


@pytest.fixture
def ros():
    with ros_session() as session:
        yield session


class Scene:
    """A stand-in for poco_node and a camera, subscribers of chosen outputs, and the node under test."""

    def __init__(self, ros, open_body, outputs=(), **parameters):
        self.ros = ros
        self.bodies = standing(open_body, CAMERA, [(-0.5, 0.2, 4.0), (0.6, 0.2, 4.5)])
        self.picture = np.random.default_rng(1).integers(80, 120, (240, 320, 3), np.uint8)
        parameters = {'overlay_rate': 0.0, 'mesh_rate': 0.0, **parameters}
        self.node = ros.add(ViewNode(context=ros.context, parameter_overrides=[
            Parameter(name, value=value) for name, value in parameters.items()]))
        peer = self.peer = ros.node('peer')
        self.bodies_out = peer.create_publisher(SmplBodyArray, 'poco/bodies', qos.OUTPUT)
        self.info_out = peer.create_publisher(BodyModelInfo, 'poco/model_info', qos.LATCHED)
        self.image_out = peer.create_publisher(Image, 'image', qos.OUTPUT)
        self.compressed_out = peer.create_publisher(CompressedImage, 'image/compressed', qos.OUTPUT)
        self.received = {topic: [] for topic in OUTPUTS}
        self.subscriptions = {topic: self.subscribe(topic) for topic in outputs}

    def subscribe(self, topic):
        return self.peer.create_subscription(OUTPUTS[topic], topic, self.received[topic].append, qos.OUTPUT)

    def connected(self, *publishers):
        return self.ros.spin_until(lambda: all(p.get_subscription_count() for p in publishers), 10.0)

    def send_info(self, sha256):
        self.info_out.publish(BodyModelInfo(
            model_id=MODEL_ID, model='blazepose_lift', body_model='b', body_model_hash=sha256))
        assert self.ros.spin_until(lambda: self.node._overlay.model == 'blazepose_lift')

    def send_bodies(self, stamp_ns, bodies=None):
        context = ArrayContext(CAMERA, stamp_ns, 'optical', 1, MODEL_ID)
        self.bodies_out.publish(bodies_to_message(self.bodies if bodies is None else bodies, context))

    def send_image(self, stamp_ns, picture=None):
        picture = self.picture if picture is None else picture
        height, width = picture.shape[:2]
        message = Image(height=height, width=width, encoding='rgb8', step=3 * width, data=picture.tobytes())
        message.header.stamp, message.header.frame_id = stamp_from_ns(stamp_ns), 'optical'
        self.image_out.publish(message)

    def got(self, topic, count=1, timeout=5.0):
        self.ros.spin_until(lambda: len(self.received[topic]) >= count, timeout)
        return self.received[topic]


def test_everything_comes_out_with_the_stamp_and_frame_of_the_bodies(ros, open_body):
    scene = Scene(ros, open_body, OUTPUTS, mesh=True)
    assert scene.connected(scene.bodies_out, scene.image_out, scene.info_out)
    scene.send_info(open_body.sha256)
    stamp = 1_700_000_000_123_456_789
    scene.send_image(stamp)
    scene.send_bodies(stamp)
    for topic in OUTPUTS:
        assert len(scene.got(topic)) == 1, topic
    markers, mesh, cloud, overlay = (scene.received[topic][0] for topic in OUTPUTS)
    for header in (overlay.header, cloud.header, *(m.header for m in (*markers.markers, *mesh.markers))):
        assert stamp_to_ns(header.stamp) == stamp and header.frame_id == 'optical'
    assert [(m.ns, m.id) for m in markers.markers] == [(ns, i) for i in (3, 7) for ns in ('bones', 'joints', 'label')]
    corners = 3 * len(open_body.faces)
    assert [(m.ns, m.id, len(m.points)) for m in mesh.markers] == [('mesh', i, corners) for i in (3, 7)]
    points = np.frombuffer(cloud.data, np.float32).reshape(2, -1, 4)[..., :3]
    expected = open_body.vertices(scene.bodies.pose, scene.bodies.betas, scene.bodies.transl)
    np.testing.assert_allclose(points, expected, atol=1e-6)
    painted = OverlayPainter(open_body).paint(
        scene.picture, scene.bodies, CAMERA, 'mesh', ['blazepose_lift   2 people'])
    np.testing.assert_array_equal(rgb_from_image(overlay), painted)


def test_the_stream_and_the_meaning_of_the_colours_can_be_chosen(ros, open_body):
    scene = Scene(ros, open_body, ['poco/markers'], bodies='infilled', color_by='state')
    infilled = scene.peer.create_publisher(SmplBodyArray, 'poco/bodies_infilled', qos.EVERY_FRAME)
    assert scene.connected(infilled)
    ros.spin_for(0.3)
    assert scene.bodies_out.get_subscription_count() == 0
    infilled.publish(bodies_to_message(scene.bodies, ArrayContext(CAMERA, 1_000, 'optical', 1, MODEL_ID)))
    (markers,) = scene.got('poco/markers')
    color = markers.markers[1].colors[0]
    assert (color.r, color.g, color.b) == (1.0, 1.0, 1.0)  # observed
    refused = scene.node.set_parameters([Parameter('bodies', value='raw'), Parameter('color_by', value='mood')])
    assert not any(result.successful for result in refused)


def test_nothing_is_subscribed_to_without_a_subscriber(ros, open_body):
    scene = Scene(ros, open_body)
    ros.spin_for(0.6)
    inputs = scene.bodies_out, scene.image_out
    assert [p.get_subscription_count() for p in inputs] == [0, 0]
    markers = scene.subscribe('poco/markers')
    assert scene.connected(scene.bodies_out)
    overlay = scene.subscribe('poco/overlay')
    assert scene.connected(*inputs)
    scene.peer.destroy_subscription(overlay)
    assert ros.spin_until(lambda: scene.image_out.get_subscription_count() == 0)
    scene.peer.destroy_subscription(markers)
    assert ros.spin_until(lambda: scene.bodies_out.get_subscription_count() == 0)
    scene.subscribe('poco/mesh')  # but the parameter mesh is off
    ros.spin_for(0.6)
    assert scene.bodies_out.get_subscription_count() == 0
    scene.subscribe('poco/vertices')
    assert scene.connected(scene.bodies_out) and scene.image_out.get_subscription_count() == 0


def test_images_are_matched_by_their_exact_stamp_in_either_order(ros, open_body):
    scene = Scene(ros, open_body, ['poco/overlay'])
    assert scene.connected(scene.bodies_out, scene.image_out)
    darker = scene.picture // 2
    scene.send_image(1_000)
    scene.send_image(2_000, darker)
    scene.send_image(3_000)
    ros.spin_for(0.1)
    scene.send_bodies(2_000, scene.bodies.take([]))
    assert len(scene.got('poco/overlay')) == 1
    scene.send_bodies(4_001)
    scene.send_image(4_000)
    scene.send_bodies(5_000, scene.bodies.take([]))
    ros.spin_for(0.1)
    scene.send_image(5_000)
    first, second = scene.got('poco/overlay', 2)
    assert [stamp_to_ns(m.header.stamp) for m in (first, second)] == [2_000, 5_000]
    np.testing.assert_array_equal(rgb_from_image(first)[:150], darker[:150])
    np.testing.assert_array_equal(rgb_from_image(second)[:150], scene.picture[:150])


def test_bodies_of_another_body_model_get_no_mesh_but_a_skeleton(ros, open_body):
    scene = Scene(ros, open_body, ['poco/overlay', 'poco/vertices', 'poco/mesh'], mesh=True)
    assert scene.connected(scene.bodies_out, scene.image_out, scene.info_out)
    scene.send_info('00' * 32)
    scene.send_image(1_000)
    scene.send_bodies(1_000)
    overlay = scene.got('poco/overlay')[0]
    painted = OverlayPainter(None).paint(
        scene.picture, scene.bodies, CAMERA, 'skeleton', ['blazepose_lift   2 people'])
    np.testing.assert_array_equal(rgb_from_image(overlay), painted)
    assert [cloud.width for cloud in scene.got('poco/vertices')] == [0]
    assert [array.markers for array in scene.got('poco/mesh')] == [[]]


def test_a_wrong_image_draws_nothing_and_the_next_good_one_works(ros, open_body):
    scene = Scene(ros, open_body, ['poco/overlay'], overlay='skeleton')
    assert scene.connected(scene.bodies_out, scene.image_out)
    scene.send_image(1_000, scene.picture[:100])
    scene.send_bodies(1_000)
    ros.spin_for(0.2)
    assert scene.received['poco/overlay'] == []
    scene.send_image(2_000)
    scene.send_bodies(2_000)
    assert [stamp_to_ns(m.header.stamp) for m in scene.got('poco/overlay')] == [2_000]


def test_bodies_whose_images_never_come_are_told_with_the_mend(ros, open_body):
    scene = Scene(ros, open_body, ['poco/overlay', 'poco/markers'], image_buffer=3)
    told = []
    scene.node._warn = told.append
    assert scene.connected(scene.bodies_out, scene.image_out)
    for stamp in range(1, 6):
        scene.send_bodies(stamp)
        scene.got('poco/markers', stamp)
        assert bool(told) == (stamp > 3)
    assert '/image has the stamp of the bodies' in told[0] and 'remap image' in told[0]
    assert scene.received['poco/overlay'] == []


def test_style_changes_while_running_and_nonsense_is_refused(ros, open_body):
    scene = Scene(ros, open_body, ['poco/overlay'], overlay='skeleton')
    assert scene.connected(scene.bodies_out, scene.image_out)
    scene.send_info(open_body.sha256)
    pictures = []
    for stamp, style in enumerate(('skeleton', 'mesh'), start=1):
        result = scene.node.set_parameters([Parameter('overlay', value=style)])[0]
        assert result.successful
        scene.send_image(stamp)
        scene.send_bodies(stamp)
        pictures.append(rgb_from_image(scene.got('poco/overlay', stamp)[-1]))
    assert (pictures[0] != pictures[1]).any()
    for name, value in (('overlay', 'wireframe'), ('overlay_rate', -1.0), ('body_model', 'x.npz')):
        assert not scene.node.set_parameters([Parameter(name, value=value)])[0].successful


def test_overlay_rate_and_mesh_rate_are_limits(ros, open_body):
    scene = Scene(ros, open_body, ['poco/overlay', 'poco/markers'], overlay='skeleton', overlay_rate=0.5)
    assert scene.connected(scene.bodies_out, scene.image_out)
    for stamp in range(1, 11):
        scene.send_image(stamp)
        scene.send_bodies(stamp)
        scene.got('poco/markers', stamp)
    ros.spin_for(0.2)
    assert len(scene.received['poco/markers']) == 10 and len(scene.received['poco/overlay']) == 1


def test_compressed_images_are_drawn_on(ros, open_body):
    scene = Scene(ros, open_body, ['poco/overlay'], transport='compressed')
    assert scene.connected(scene.bodies_out, scene.compressed_out)
    _, png = cv2.imencode('.png', cv2.cvtColor(scene.picture, cv2.COLOR_RGB2BGR))
    message = CompressedImage(format='rgb8; png compressed bgr8', data=png.tobytes())
    message.header.stamp = stamp_from_ns(77)
    scene.compressed_out.publish(message)
    scene.send_bodies(77, scene.bodies.take([]))
    np.testing.assert_array_equal(rgb_from_image(scene.got('poco/overlay')[0])[:150], scene.picture[:150])


def test_rviz_configuration_shows_the_topics_that_the_node_publishes(ros, open_body):
    config = yaml.safe_load((ROOT / 'config' / 'poco.rviz').read_text())['Visualization Manager']
    shown_by = {'MarkerArray': MarkerArray, 'PointCloud2': PointCloud2, 'Image': Image}
    displays = {d['Topic']['Value']: d for d in config['Displays'] if 'Topic' in d}
    node = ros.add(ViewNode(context=ros.context))
    published = {p.topic_name: p.msg_type for p in node.publishers if '/poco/' in p.topic_name}
    assert set(displays) == set(published)
    for topic, display in displays.items():
        plugin = display['Class'].removeprefix('rviz_default_plugins/')
        assert shown_by[plugin] is published[topic]
        assert display['Enabled'] is True is display['Value']
        assert display['Topic']['Reliability Policy'] == 'Reliable'
        assert display['Topic']['Durability Policy'] == 'Volatile'
    assert config['Global Options']['Fixed Frame'] == VideoConfig().frame_id
    assert config['Views']['Current']['Target Frame'] == '<Fixed Frame>'
    view = {k: float(config['Views']['Current'][k]) for k in ('Pitch', 'Yaw', 'Distance')}
    # RViz's orbit view: where the eye stands around the focal point, with z up.
    outwards = np.array([np.cos(view['Yaw']) * np.cos(view['Pitch']), np.sin(view['Yaw']) * np.cos(view['Pitch']),
                         np.sin(view['Pitch'])])
    up = np.array([0, 0, 1]) - outwards[2] * outwards
    assert outwards[2] < -0.95  # looks along the camera's z axis
    assert up[1] / np.linalg.norm(up) < -0.95  # y of the optical frame points down on the screen
    eye = np.array([config['Views']['Current']['Focal Point'][axis] for axis in 'XYZ']) + view['Distance'] * outwards
    assert -3 < eye[2] < 0  # from behind the camera


def test_every_parameter_is_described():
    rows = parameter_rows(ViewConfig)
    assert {row.name for row in rows} >= {'overlay', 'overlay_rate', 'mesh', 'mesh_rate', 'body_model'}
    assert all(row.description.endswith('.') for row in rows)


def start(*parameters):
    command = [sys.executable, '-m', 'poco_ros.nodes.view_node', '--ros-args']
    for parameter in parameters:
        command += ['-p', parameter]
    environ = {**environment.ros_environment(), 'ROS_DOMAIN_ID': str(free_domain()), 'PYTHONPATH': str(ROOT)}
    return subprocess.Popen(command, env={**os.environ, **environ}, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, cwd=ROOT)


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_ends_in_good_order_when_interrupted(ros, number):
    watcher = ros.node('watcher')
    process = start()
    try:
        assert ros.spin_until(lambda: ('view_node', '/') in watcher.get_node_names_and_namespaces(), 20.0)
        process.send_signal(number)
        output, _ = process.communicate(timeout=20)
    finally:
        process.kill()
    assert process.returncode == 0, output
    assert 'Traceback' not in output


def test_a_missing_body_model_is_told_with_its_path():
    process = start('body_model:=/nowhere/smpl.npz')
    output, _ = process.communicate(timeout=30)
    assert process.returncode == 2
    assert '/nowhere/smpl.npz' in output and 'Traceback' not in output
