"""Many pinholes at once see what the camera of a node sees, one by one."""

from __future__ import annotations

import numpy as np

from poco_ros.camera import Camera
from poco_ros.pinhole import MIN_DEPTH, pinhole


def test_every_row_is_seen_as_by_its_own_camera():
    rng = np.random.default_rng(0)
    points = rng.uniform([-1, -1, 1], [1, 1, 6], (5, 7, 3))
    focal, centre = rng.uniform(300, 900, (5, 2)), rng.uniform(200, 400, (5, 2))
    seen = pinhole(points, focal, centre)
    for row in range(5):
        camera = Camera(640, 480, *focal[row].tolist(), *centre[row].tolist())
        np.testing.assert_allclose(seen[row], camera.project(points[row]), rtol=1e-5)


def test_what_is_behind_the_camera_counts_as_just_before_it():
    points = np.array([[[0.1, -0.2, -3.0], [0.1, -0.2, MIN_DEPTH]]])
    behind, before = pinhole(points, np.array([[500.0]]), np.zeros((1, 2)))[0]
    np.testing.assert_array_equal(behind, before)
