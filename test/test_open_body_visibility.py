"""What cameras around a ball within a ball see."""

import numpy as np
import pytest
from meshes import sphere

from poco_ros.body.open_body import visibility
from poco_ros.body.open_body.visibility import hidden_head_vertices, projected, visible_faces


@pytest.fixture(scope='module')
def nested():
    """A ball of radius 0.1 with one of 0.05 inside; vertices of the inner one come second."""
    vertices, faces, _ = sphere(3)
    return np.concatenate([0.1 * vertices, 0.05 * vertices]), np.concatenate([faces, faces + len(vertices)])


def test_one_camera_sees_the_near_half_of_the_outer_ball(nested):
    vertices, faces = nested
    distance = 1.0
    points = projected(vertices, 0.0, 0.0, np.zeros(3), distance, 3000.0)
    seen = visible_faces(points, faces)
    corners = vertices[faces]
    normals = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    towards = (normals * (np.array([0, 0, distance]) - corners[:, 0])).sum(1) > 0
    outer = np.arange(len(faces)) < len(faces) // 2
    assert set(seen) <= set(np.flatnonzero(towards & outer))
    assert len(seen) > 0.97 * (towards & outer).sum()


def test_a_hole_lets_the_inner_ball_be_seen(nested):
    vertices, faces = nested
    closed = visible_faces(projected(vertices, 0.0, 0.0, np.zeros(3), 1.0, 3000.0), faces)
    opened = faces[vertices[faces].mean(1)[:, 2] < 0.095]
    seen = opened[visible_faces(projected(vertices, 0.0, 0.0, np.zeros(3), 1.0, 3000.0), opened)]
    half = len(vertices) // 2
    assert (faces[closed] < half).all()
    assert (seen >= half).any()


def test_projection_is_a_pinhole_with_y_down():
    points = projected(np.array([[0, 0, 0], [0.1, 0.2, 0], [0.1, 0.2, 1]], float), 0.0, 0.0, np.zeros(3), 2.0, 100.0)
    np.testing.assert_allclose(points, [[700, 700, 2], [705, 690, 2], [710, 680, 1]])
    turned = projected(np.array([[0, 0, 0.5]]), np.pi / 2, 0.0, np.zeros(3), 2.0, 100.0)
    np.testing.assert_allclose(turned, [[725, 700, 2]])


def test_hidden_vertices_are_the_inner_balls(nested, monkeypatch):
    monkeypatch.setattr(visibility, '_NUM_DIRECTIONS', 12)
    monkeypatch.setattr(visibility, '_PICTURE', 300)
    vertices, faces = nested
    hidden = hidden_head_vertices(vertices, faces)
    np.testing.assert_array_equal(hidden, np.arange(len(vertices)) >= len(vertices) // 2)
