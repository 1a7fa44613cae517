import numpy as np
import pytest

from poco_ros.camera import Camera
from poco_ros.errors import ConfigError
from poco_ros.synth.viewpoint import ViewConfig, project, random_view


def views(config, count=300, middle=0.9):
    rng = np.random.default_rng(0)
    return [random_view(rng, config, middle) for _ in range(count)]


def test_cameras_stand_where_they_should_and_see_the_person():
    config = ViewConfig(0.5, 1.8, 1.0, 8.0)
    middle = np.array([0, 0.9, 0])
    for view in views(config):
        assert 0.5 <= view.position[1] <= 1.8
        assert 1.0 - 1e-9 <= np.hypot(*view.position[[0, 2]]) <= 8.0 + 1e-9
        optical = view.to_optical(middle)
        assert optical[2] > 0
        x, y = view.project(optical)
        assert 0 <= x < view.width and 0 <= y < view.height


def test_the_axes_are_those_of_an_optical_frame():
    for view in views(ViewConfig(), 50):
        assert np.allclose(view.rotation @ view.rotation.T, np.eye(3)) and np.linalg.det(view.rotation) > 0
        up = view.rotation @ [0, 1, 0]
        assert up[1] < -0.5  # y of the picture points down
        ahead = view.position + view.rotation[2]
        assert np.allclose(view.to_optical(ahead), [0, 0, 1], atol=1e-12)


def test_pitch_is_how_far_the_camera_looks_down():
    for view in views(ViewConfig(), 20):
        ahead = view.rotation.T @ np.array([0, 0, 1.0])
        assert np.sin(view.pitch) == pytest.approx(-ahead[1])


def test_projection_is_the_camera_of_the_package():
    rng = np.random.default_rng(1)
    view = random_view(rng, ViewConfig(), 0.9)
    fx, fy, cx, cy = view.intrinsics
    points = rng.normal(0, 0.5, (30, 3)) + [0, 0, 4]
    camera = Camera(view.width, view.height, fx, fy, cx, cy)
    assert np.allclose(project(points, view.intrinsics), camera.project(points), atol=1e-3)


def test_contradicting_limits_are_refused():
    with pytest.raises(ConfigError, match='camera_height_min'):
        ViewConfig(2.0, 1.0)
    with pytest.raises(ConfigError, match='distance_min'):
        ViewConfig(0.5, 1.8, 9.0, 2.0)
