"""Texture coordinates at seams."""

import numpy as np

from poco_ros.body.open_body.uv import face_uvs, uv_choices

# Two quads that share the edge 1-2 in space, but lie in two charts of the texture: a seam.
QUADS = np.array([(0, 1, 2, 3), (1, 4, 5, 2)])
QUADS_UV = np.array([(0, 1, 2, 3), (4, 5, 6, 7)])
UV = np.array([(0, 0), (0.2, 0), (0.2, 0.2), (0, 0.2), (0.6, 0.6), (0.8, 0.6), (0.8, 0.8), (0.6, 0.8)])


def test_seam_vertices_have_several_choices():
    assert uv_choices(QUADS, QUADS_UV) == {0: {0}, 1: {1, 4}, 2: {2, 7}, 3: {3}, 4: {5}, 5: {6}}


def test_each_corner_gets_the_coordinate_of_its_faces_chart():
    faces = np.array([(0, 1, 2), (0, 2, 3), (1, 4, 5), (1, 5, 2), (2, 1, 4)])
    expected = [(0, 1, 2), (0, 2, 3), (4, 5, 6), (4, 6, 7), (7, 4, 5)]
    np.testing.assert_array_equal(face_uvs(faces, QUADS, QUADS_UV, UV), expected)


def test_within_one_chart_the_most_compact_choice_is_taken():
    """A tube cut open: vertices 0 and 1 appear at both ends of its one chart."""
    quads = np.array([(0, 2, 3, 1), (2, 4, 5, 3), (4, 0, 1, 5)])
    quads_uv = np.array([(0, 2, 3, 1), (2, 4, 5, 3), (4, 6, 7, 5)])
    uv = np.array([(0, 0), (0, 1), (0.3, 0), (0.3, 1), (0.6, 0), (0.6, 1), (0.9, 0), (0.9, 1)])
    got = face_uvs(np.array([(0, 2, 3), (4, 0, 1), (5, 4, 1)]), quads, quads_uv, uv)
    np.testing.assert_array_equal(got, [(0, 2, 3), (4, 6, 7), (5, 4, 7)])
