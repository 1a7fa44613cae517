"""Which boxes show something, and squares without the distortion of the lens."""

from __future__ import annotations

import numpy as np
import pytest

from poco_ros.camera import Camera
from poco_ros.regressors.compiled.boxes import shows_something, without_distortion

FISHEYE = Camera(1280, 960, 420.0, 420.0, 640.0, 480.0, np.array([-0.02, 0.005, 0.0, 0.0]), 'equidistant')


@pytest.mark.parametrize(('box', 'shows'), [
    ((10, 10, 50, 40), True),
    ((-500, -500, 900, 900), True),  # larger than the image
    ((-30, -30, 2, 2), True),  # a corner of the image
    ((-30, 10, -0.5, 40), False), ((100, 10, 130, 40), False), ((10, 80, 30, 100), False),  # beside it
    ((10, 10, 10, 40), False), ((10, 40, 50, 40), False), ((50, 10, 10, 40), False),  # no area
    ((10, 10, 10.5, 10.5), False),  # less than a pixel
    ((np.nan, 10, 50, 40), False), ((-np.inf, 10, np.inf, 40), False),
])
def test_boxes_without_a_pixel_of_the_image_are_told(box, shows):
    assert shows_something([box], 100, 80).tolist() == [shows]
    assert shows_something([box, (1, 1, 9, 9)], 100, 80).tolist() == [shows, True]


def test_there_may_be_nobody():
    assert shows_something(np.zeros((0, 4)), 100, 80).shape == (0,)
    assert without_distortion(np.zeros((0, 3)), FISHEYE).shape == (0, 3)


def test_an_ideal_camera_changes_nothing():
    squares = np.array([[100.0, 50, 30], [7, 8, 9]])
    np.testing.assert_array_equal(without_distortion(squares, Camera.assumed(640, 480)), squares)


@pytest.mark.parametrize('theta', [0.0, 0.3, 0.7])
def test_a_square_goes_to_where_its_rays_meet_the_ideal_image(theta):
    """For an equidistant lens r = f theta, by its formula: the ideal radius is f tan(theta).

    A small patch there is stretched by 1 / cos^2 along the radius and by tan / theta across it.
    """
    camera = Camera(1280, 960, 420.0, 420.0, 640.0, 480.0, np.full(4, 1e-12), 'equidistant')
    side = 4.0
    cx, cy, ideal_side = without_distortion([[640 + 420 * theta, 480.0, side]], camera)[0]
    assert cx == pytest.approx(640 + 420 * np.tan(theta), abs=1e-4)
    assert cy == pytest.approx(480, abs=1e-4)
    along, across = 1 / np.cos(theta) ** 2, np.tan(theta) / theta if theta else 1.0
    assert ideal_side == pytest.approx(side * np.sqrt(along * across), rel=1e-4)


def test_a_square_that_the_lens_does_not_see_is_not_known():
    outside = without_distortion([[640 + 420 * 1.7, 480, 20], [640, 480, 20]], FISHEYE)  # 97 degrees off the axis
    assert np.isnan(outside[0]).any() and np.isfinite(outside[1]).all()
