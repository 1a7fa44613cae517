"""Meshes on a picture: silhouette, light, occlusion and colour against geometry known in closed form."""

import cv2
import numpy as np
import pytest
from scipy.spatial import ConvexHull

from poco_ros.body.model_file import load_body_model
from poco_ros.camera import Camera
from poco_ros.drawing import mesh as mesh_module
from poco_ros.drawing.colors import UNKNOWN_COLOR, trust_colors
from poco_ros.drawing.mesh import MeshPainter

CAMERA = Camera(320, 240, 300.0, 300.0, 160.0, 120.0)
BACKGROUND = (40, 90, 60)


@pytest.fixture(scope='module')
def open_body():
    return load_body_model()


def sphere(centre, radius, n=3000):
    """A sphere as the convex hull of evenly spread points, its triangles counter-clockwise from outside."""
    k = np.arange(n) + 0.5
    polar, around = np.arccos(1 - 2 * k / n), np.pi * (1 + 5**0.5) * k
    points = np.stack([np.cos(around) * np.sin(polar), np.sin(around) * np.sin(polar), np.cos(polar)], axis=1)
    faces = ConvexHull(points).simplices
    a, b, c = (points[faces[:, i]] for i in range(3))
    inwards = (np.cross(b - a, c - a) * (a + b + c)).sum(axis=1) < 0
    faces[inwards] = faces[inwards][:, ::-1]
    return np.asarray(centre) + radius * points, faces


@pytest.fixture(scope='module')
def ball():
    vertices, faces = sphere((0.0, 0.0, 0.0), 1.0)
    return vertices, MeshPainter(faces, len(vertices))


def canvas():
    return np.full((CAMERA.height, CAMERA.width, 3), BACKGROUND, np.uint8)


def painted(painter, vertices, trust, camera=CAMERA, image=None, opacity=1.0):
    image = canvas() if image is None else image
    per_vertex = np.broadcast_to(np.asarray(trust, float)[:, None], vertices.shape[:2])
    painter.draw(image, vertices, trust_colors(per_vertex), camera, opacity)
    return image


def changed(image):
    return (image != BACKGROUND).any(axis=2)


def hue(colors):
    return cv2.cvtColor(np.atleast_2d(colors).astype(np.uint8)[None], cv2.COLOR_RGB2HSV)[0, :, 0].astype(int) * 2


@pytest.mark.parametrize('budget', [10_000_000, 5_000, 100])
def test_silhouette_of_a_sphere_is_the_ellipse_of_its_tangent_cone(ball, monkeypatch, budget):
    """Also when the budget makes the mesh be drawn at one sample per pixel, and at one per four."""
    monkeypatch.setattr(mesh_module, '_SAMPLE_BUDGET', budget)
    unit, painter = ball
    centre, radius = np.array([0.3, -0.2, 3.0]), 0.4
    got = changed(painted(painter, (centre + radius * unit)[None], [1.0]))
    y, x = np.mgrid[:CAMERA.height, :CAMERA.width]
    rays = np.stack([(x - CAMERA.cx) / CAMERA.fx, (y - CAMERA.cy) / CAMERA.fy, np.ones(x.shape)], axis=-1)
    rays /= np.linalg.norm(rays, axis=-1, keepdims=True)
    distance = np.linalg.norm(np.cross(rays, centre), axis=-1)
    pixel = 3.0 / 300.0
    blur = 2.0 if budget == 100 else 1.0
    assert got[distance < radius - blur * pixel].all()
    assert not got[distance > radius + blur * pixel].any()


def test_open_body_covers_its_projected_vertices_and_nothing_outside_their_hull(open_body):
    painter = MeshPainter(open_body.faces, open_body.num_vertices)
    pose = np.zeros((1, 24, 3), np.float32)
    pose[0, 0, 0] = np.pi
    vertices = open_body.vertices(pose, transl=np.float32([[0.1, -0.1, 3.2]]))
    got = changed(painted(painter, vertices, [0.5]))
    pixels = CAMERA.project(vertices[0])
    hull = cv2.convexHull(pixels.astype(np.float32))
    y, x = np.nonzero(got)
    outside = [cv2.pointPolygonTest(hull, (float(a), float(b)), True) for a, b in zip(x, y, strict=True)]
    assert min(outside) > -1.0
    column, row = np.rint(pixels).astype(int).T
    inside = (column >= 0) & (column < 320) & (row >= 0) & (row < 240)
    # A vertex's pixel is covered, or, for vertices on the silhouette, one beside it.
    near = cv2.dilate(got.astype(np.uint8), np.ones((3, 3), np.uint8)).astype(bool)
    assert near[row[inside], column[inside]].all()
    assert got[row[inside], column[inside]].mean() > 0.97


def test_a_nearer_body_hides_a_farther_one_in_any_order(ball):
    unit, painter = ball
    near, far = np.array([0.0, 0.0, 2.0]) + 0.3 * unit, np.array([0.0, 0.0, 4.0]) + 0.9 * unit
    for bodies, trust in (([near, far], [1.0, 0.0]), ([far, near], [0.0, 1.0])):
        image = painted(painter, np.stack(bodies), trust)
        centre, ring = image[120, 160], image[120, 160 + 55]
        assert abs(int(hue(centre)[0]) - int(hue(trust_colors(1.0))[0])) < 12
        angle = int(hue(ring)[0])
        assert min(angle, 360 - angle) < 30  # red, around the blue one


def test_colour_is_the_trust_of_the_vertices_and_grey_where_unknown(ball):
    unit, painter = ball
    vertices = (np.array([0.0, 0.0, 3.0]) + 0.8 * unit)[None]
    image = canvas()
    trust = np.where(unit[:, 0] < 0, 0.05, 0.95)[None]
    painter.draw(image, vertices, trust_colors(trust), CAMERA, 1.0)
    left, right = image[120, 130].astype(int), image[120, 190].astype(int)
    assert left[0] > left[2] + 40 and right[2] > right[0] + 40
    image = painted(painter, vertices, [np.nan])
    assert np.ptp(image[120, 160].astype(int)) <= np.ptp(UNKNOWN_COLOR) + 2


def test_light_comes_from_the_camera_and_edges_are_dark(ball):
    unit, painter = ball
    vertices = (np.array([0.0, 0.0, 3.0]) + 0.8 * unit)[None]
    grey = painted(painter, vertices, [np.nan])[..., 0].astype(int)
    row = grey[120, 160 - 78:160 + 79]
    middle = row[len(row) // 2 - 25:len(row) // 2 + 25]
    assert middle.min() > 1.2 * max(row[:2].max(), row[-2:].max())
    assert np.abs(np.diff(middle)).max() <= 4  # smooth over the facets


def test_normals_of_a_sphere_point_outwards(ball):
    unit, painter = ball
    normals = painter.normals(5.0 + 0.3 * unit)
    assert (normals * unit).sum(axis=1).min() > 0.99
    np.testing.assert_allclose(np.linalg.norm(normals, axis=1), 1, atol=1e-5)


def test_opacity_lets_the_picture_through(ball):
    unit, painter = ball
    vertices = (np.array([0.0, 0.0, 3.0]) + 0.5 * unit)[None]
    solid = painted(painter, vertices, [1.0]).astype(float)
    half = painted(painter, vertices, [1.0], opacity=0.5).astype(float)
    np.testing.assert_allclose(half, (solid + np.asarray(BACKGROUND)) / 2, atol=1.5)
    assert (painted(painter, vertices, [1.0], opacity=0.0) == BACKGROUND).all()


@pytest.mark.parametrize('place', [(0, 0, -3.0), (0, 0, 0.0), (9.0, 0, 3.0), (np.nan, 0, 3.0)])
def test_nothing_is_drawn_of_bodies_behind_beside_or_nan(ball, place):
    unit, painter = ball
    vertices = (np.asarray(place) + 0.04 * unit)[None]
    assert not changed(painted(painter, vertices, [1.0])).any()


def test_no_bodies_change_nothing_and_one_nan_body_does_not_harm_another(ball):
    unit, painter = ball
    assert not changed(painted(painter, np.zeros((0, len(unit), 3)), [])).any()
    good = np.array([0.0, 0.0, 3.0]) + 0.5 * unit
    alone = painted(painter, good[None], [1.0])
    together = painted(painter, np.stack([np.full_like(good, np.nan), good]), [0.3, 1.0])
    np.testing.assert_array_equal(alone, together)


def test_a_body_that_reaches_past_the_camera_is_drawn_where_it_is_in_front(ball):
    unit, painter = ball
    vertices = (np.array([0.0, 0.6, 0.0]) + unit * [0.4, 0.5, 2.0])[None]
    image = painted(painter, vertices, [1.0])
    assert 0.02 < changed(image).mean() < 0.98
    assert not changed(image)[:120].any()  # all of it is below the line of sight
