"""The messages for RViz: every number in them against the bodies they show."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

pytest.importorskip('rclpy')

from body_scenes import standing
from builtin_interfaces.msg import Time
from sensor_msgs.msg import PointField
from std_msgs.msg import Header
from visualization_msgs.msg import Marker

from poco_ros.body.model_file import load_body_model
from poco_ros.body.smpl import PARENTS
from poco_ros.camera import Camera
from poco_ros.drawing.colors import STATE_COLORS, UNKNOWN_COLOR, trust_colors
from poco_ros.drawing.trust import joint_trust, vertex_trust
from poco_ros.nodes.markers import BodyMarkers, vertex_cloud
from poco_ros.types import Bodies, State

CAMERA = Camera.assumed(640, 360)
HEADER = Header(stamp=Time(sec=12, nanosec=345678901), frame_id='some_optical_frame')


@pytest.fixture(scope='module')
def open_body():
    return load_body_model()


@pytest.fixture
def bodies(open_body):
    return standing(open_body, CAMERA, [(-0.8, 0.0, 4.0), (0.9, 0.0, 4.5)])


def by_key(array):
    return {(m.ns, m.id): m for m in array.markers}


def positions(marker):
    return np.array([[p.x, p.y, p.z] for p in marker.points])


def colors(marker):
    assert all(c.a == 1.0 for c in marker.colors)
    return np.rint(255 * np.array([[c.r, c.g, c.b] for c in marker.colors])).astype(int)


def test_a_body_is_one_marker_of_bones_one_of_joints_and_a_label(bodies):
    array = BodyMarkers(1.5).skeletons(bodies, HEADER)
    markers = by_key(array)
    assert set(markers) == {(ns, i) for ns in ('bones', 'joints', 'label') for i in (3, 7)} and len(array.markers) == 6
    for marker in array.markers:
        assert marker.header == HEADER and marker.action == Marker.ADD
        assert (marker.lifetime.sec, marker.lifetime.nanosec) == (1, 500_000_000)
        assert marker.pose.orientation.w == 1.0 and not marker.frame_locked
    assert {m.type for (ns, _), m in markers.items() if ns == 'bones'} == {Marker.LINE_LIST}
    assert {m.type for (ns, _), m in markers.items() if ns == 'joints'} == {Marker.SPHERE_LIST}


def test_points_are_the_joints_and_colours_their_trust(bodies):
    bodies.joint_uncertainty[0] = np.linspace(0, 1, 24)
    bodies.joint_uncertainty[0, 9] = np.nan
    bodies.uncertainty[0] = np.nan
    markers = by_key(BodyMarkers(1.0).skeletons(bodies, HEADER))
    expected = trust_colors(joint_trust(bodies)[0])
    spheres, bones = markers['joints', 3], markers['bones', 3]
    np.testing.assert_allclose(positions(spheres), bodies.joints[0], atol=1e-6)
    np.testing.assert_array_equal(colors(spheres), expected)
    assert expected[9].tolist() == list(UNKNOWN_COLOR)
    children = np.arange(1, 24)
    ends = np.stack([bodies.joints[0, PARENTS[children]], bodies.joints[0, children]], axis=1).reshape(-1, 3)
    np.testing.assert_allclose(positions(bones), ends, atol=1e-6)
    np.testing.assert_array_equal(colors(bones), np.repeat(expected[children], 2, axis=0))


def test_nan_joints_are_left_out_with_their_bones(bodies):
    bodies.joints[0, [4, 18]] = np.nan  # a knee and an elbow
    bodies.joints[1] = np.nan
    array = BodyMarkers(1.0).skeletons(bodies, HEADER)
    markers = by_key(array)
    assert set(markers) == {('bones', 3), ('joints', 3), ('label', 3)}
    assert len(markers['joints', 3].points) == len(markers['joints', 3].colors) == 22
    assert len(markers['bones', 3].points) == len(markers['bones', 3].colors) == 2 * (23 - 4)
    for marker in array.markers:
        assert np.isfinite(positions(marker)).all()


def test_label_stands_above_the_head_and_says_what_is_known(bodies):
    calibrated = dataclasses.replace(bodies, confidence=np.float32([np.nan, 0.25]), state=np.uint8([1, State.HELD]))
    markers = by_key(BodyMarkers(1.0).skeletons(calibrated, HEADER))
    first, second = markers['label', 3], markers['label', 7]
    assert first.text == '#3\nuncertainty 0.05 (uncalibrated)'
    assert second.text == '#7\nconfidence 0.25\nheld'
    assert first.pose.position.y < bodies.joints[0, :, 1].min()
    assert np.rint(255 * second.color.r) == STATE_COLORS[State.HELD][0]


def test_who_is_gone_is_deleted_once(bodies):
    maker = BodyMarkers(1.0)
    maker.skeletons(bodies, HEADER)
    array = maker.skeletons(bodies.take([1]), HEADER)
    actions = {key: m.action for key, m in by_key(array).items()}
    assert {key for key, action in actions.items() if action == Marker.DELETE} == {
        ('bones', 3), ('joints', 3), ('label', 3)}
    assert {key for key, action in actions.items() if action == Marker.ADD} == {
        ('bones', 7), ('joints', 7), ('label', 7)}
    assert {m.action for m in maker.skeletons(bodies.take([]), HEADER).markers} == {Marker.DELETE}
    assert maker.skeletons(bodies.take([]), HEADER).markers == []


def test_bodies_without_a_track_have_markers_of_their_own(bodies):
    bodies.track_id[:] = -1
    array = BodyMarkers(1.0).skeletons(bodies, HEADER)
    assert len(by_key(array)) == len(array.markers) == 6
    assert by_key(array)['label', -1].text.startswith('not tracked\n')


def test_mesh_holds_every_triangle_with_its_colours(open_body, bodies):
    vertices = open_body.vertices(bodies.pose, bodies.betas, bodies.transl)
    bodies.joint_uncertainty[0] = np.linspace(0, 1, 24)
    shades = trust_colors(vertex_trust(open_body.weights, joint_trust(bodies)))
    array = BodyMarkers(1.0).meshes(vertices, shades, open_body.faces, bodies, HEADER)
    markers = by_key(array)
    assert set(markers) == {('mesh', 3), ('mesh', 7)}
    mesh = markers['mesh', 3]
    assert mesh.type == Marker.TRIANGLE_LIST and mesh.header == HEADER
    assert (mesh.scale.x, mesh.scale.y, mesh.scale.z) == (1.0, 1.0, 1.0)
    corners = open_body.faces.ravel()
    np.testing.assert_allclose(positions(mesh), vertices[0][corners], atol=1e-6)
    np.testing.assert_array_equal(colors(mesh), shades[0][corners])
    vertices[0, 100] = np.nan
    actions = {(m.ns, m.id): m.action for m in BodyMarkers(1.0).meshes(
        vertices, shades, open_body.faces, bodies, HEADER).markers}
    assert actions == {('mesh', 7): Marker.ADD}


def test_cloud_decodes_to_the_same_points_and_colours(open_body, bodies):
    vertices = open_body.vertices(bodies.pose, bodies.betas, bodies.transl)
    shades = trust_colors(vertex_trust(open_body.weights, joint_trust(bodies)))
    cloud = vertex_cloud(vertices, shades, HEADER)
    assert cloud.header == HEADER and cloud.is_dense and not cloud.is_bigendian
    assert (cloud.height, cloud.width) == (1, 2 * open_body.num_vertices)
    assert cloud.row_step == cloud.width * cloud.point_step == len(cloud.data)
    assert [(f.name, f.datatype, f.count) for f in cloud.fields] == [
        (name, PointField.FLOAT32, 1) for name in ('x', 'y', 'z', 'rgb')]
    layout = np.dtype({'names': [f.name for f in cloud.fields], 'offsets': [f.offset for f in cloud.fields],
                       'formats': ['<f4'] * 4, 'itemsize': cloud.point_step})
    points = np.frombuffer(cloud.data, layout)
    np.testing.assert_array_equal(
        np.stack([points['x'], points['y'], points['z']], axis=1), vertices.reshape(-1, 3))
    packed = points['rgb'].copy().view(np.uint32)
    unpacked = np.stack([packed >> 16 & 255, packed >> 8 & 255, packed & 255], axis=1)
    np.testing.assert_array_equal(unpacked, shades.reshape(-1, 3))


def test_cloud_of_nobody_is_empty_and_one_with_nan_is_not_dense():
    empty = vertex_cloud(np.zeros((0, 5, 3), np.float32), np.zeros((0, 5, 3), np.uint8), HEADER)
    assert (empty.width, len(empty.data), len(empty.fields)) == (0, 0, 4)
    one = np.zeros((1, 5, 3), np.float32)
    one[0, 2] = np.nan
    assert not vertex_cloud(one, np.zeros((1, 5, 3), np.uint8), HEADER).is_dense


def test_nobody_gives_empty_arrays():
    maker = BodyMarkers(1.0)
    assert maker.skeletons(Bodies.unknown(0), HEADER).markers == []
    assert maker.skeletons(Bodies.unknown(2), HEADER).markers == []


def test_skeletons_by_state_leave_out_lost_joints(open_body):
    bodies = standing(open_body, CAMERA, [(0.0, 0.0, 4.0)])
    states = np.full((1, 24), State.HELD, np.uint8)
    states[0, 22] = State.LOST
    markers = BodyMarkers(1.0).skeletons(dataclasses.replace(bodies, joint_state=states), Header(), 'state').markers
    (spheres,) = [m for m in markers if m.ns == 'joints']
    assert len(spheres.points) == 23
    assert {tuple(np.rint([255 * c.r, 255 * c.g, 255 * c.b])) for c in spheres.colors} == {STATE_COLORS[State.HELD]}
