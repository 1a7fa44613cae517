"""Cutting shells: clean hems, and nothing invented."""

import numpy as np

from poco_ros.synth.garment import clip
from poco_ros.synth.person import Shaped


def grid(n=7):
    y, x = np.mgrid[:n, :n] / (n - 1)
    vertices = np.stack([x.ravel(), y.ravel(), 0 * x.ravel()], 1).astype(np.float32)
    triangles = []
    for j in range(n - 1):
        for i in range(n - 1):
            a = j * n + i
            triangles += [[a, a + 1, a + n + 1], [a, a + n + 1, a + n]]
    weights = np.zeros((len(vertices), 24), np.float32)
    weights[:, 3], weights[:, 5] = vertices[:, 0], 1 - vertices[:, 0]
    directions = np.zeros((len(vertices), 3, 10), np.float32)
    directions[:, 1, 4] = vertices[:, 1]
    return Shaped(vertices, directions, weights), np.array(triangles, np.int32)


def area(vertices, triangles):
    a, b, c = (vertices[triangles[:, k]] for k in range(3))
    return np.cross(b - a, c - a)[:, 2] / 2


def test_cut_along_a_line_leaves_exactly_the_part_on_one_side():
    layer, triangles = grid()
    for normal, offset, expected in (((1, 0), 0.3, 0.7), ((0.6, 0.8), 0.2, 1 - 0.2**2 / (2 * 0.6 * 0.8))):
        cut, faces = clip(layer, triangles, lambda p, n=normal, o=offset: p[:, 0] * n[0] + p[:, 1] * n[1] - o)
        areas = area(cut.vertices, faces)
        assert areas.min() > -1e-9  # none is turned over
        assert abs(areas.sum() - expected) < 1e-5
        assert (cut.vertices[:, :2] @ normal - offset).min() > -1e-6


def test_new_vertices_carry_what_lies_between_their_neighbours():
    layer, triangles = grid()
    cut, _ = clip(layer, triangles, lambda p: 0.55 - p[:, 0] - 0.1 * p[:, 1])
    np.testing.assert_allclose(cut.weights[:, 3], cut.vertices[:, 0], atol=1e-6)
    np.testing.assert_allclose(cut.weights.sum(1), 1, atol=1e-6)
    np.testing.assert_allclose(cut.shapedirs[:, 1, 4], cut.vertices[:, 1], atol=1e-6)
