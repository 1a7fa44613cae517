"""Regions: where their pictures come from and where their points go back to."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest

from poco_ros.people.region import Region, distance


def test_points_above_the_hips_give_an_upright_region():
    region = Region.from_points([100, 200], [100, 140])
    assert (region.x, region.y, region.side) == (100, 200, 150)
    assert region.angle == pytest.approx(0)


def test_a_person_lying_to_the_right_is_a_quarter_turn_clockwise():
    region = Region.from_points([100, 200], [160, 200])
    assert region.angle == pytest.approx(math.pi / 2)
    np.testing.assert_allclose(region.rotation @ [0, -1], [1, 0], atol=1e-12)


@pytest.mark.parametrize('angle', [-3.0, -1.2, 0.0, 0.7, 2.5])
def test_points_are_the_inverse_of_from_points(angle):
    region = Region(321.5, 77.25, 240, angle)
    again = Region.from_points(*region.points)
    assert (again.x, again.y, again.side) == pytest.approx((region.x, region.y, region.side))
    assert math.remainder(again.angle - angle, 2 * math.pi) == pytest.approx(0)


@pytest.mark.parametrize('points', [([5, 5], [5, 5]), ([np.nan, 5], [5, 9]), ([5, 5], [np.inf, 9])])
def test_degenerate_points_give_no_region(points):
    assert Region.from_points(*points) is None


def test_region_of_a_box_is_a_quarter_wider_than_its_longer_side():
    assert Region.from_box([10, 20, 50, 180]) == Region(30, 100, 200)
    assert Region.from_box([10, 20, 10, 180]) is None
    assert Region.from_box([10, np.nan, 50, 180]) is None


def test_whole_image_is_centred_on_its_pixels():
    region = Region.whole(640, 480)
    np.testing.assert_allclose(region.to_image(np.array([[111.5, 111.5]]), 224), [[319.5, 239.5]], atol=1e-4)
    corners = region.to_image(np.array([[-0.5, 111.5], [223.5, 111.5]]), 224)
    np.testing.assert_allclose(corners[:, 0], [-0.5, 639.5], atol=1e-4)


@pytest.mark.parametrize('side', [60.0, 200.0, 700.0, 1500.0])
@pytest.mark.parametrize('angle', [0.0, 0.5, -2.2])
def test_a_picture_shows_what_its_map_says(side, angle):
    """A linear ramp of brightness, so that every pixel of the picture tells where in the image it comes from."""
    y, x = np.mgrid[:900, :1400].astype(np.float32)
    image = np.stack([x * 0.15, y * 0.2, x * 0 + 77], -1).round().astype(np.uint8)
    region = Region(702.3, 449.6, side, angle)
    picture = region.cut(image, 64).astype(np.float32)
    grid = np.stack(np.meshgrid(np.arange(64.0), np.arange(64.0)), -1)
    source = region.to_image(grid, 64)
    margin = 2.5 * side / 64
    inside = ((source > margin) & (source < [1399 - margin, 899 - margin])).all(-1)
    assert inside.sum() > 800
    error = (picture[..., :2] - source * [0.15, 0.2])[inside]
    assert np.abs(error).max() < 1.5
    picture_pixel = side / 64
    assert (np.abs(error.mean(0)) < 0.1 + 0.05 * picture_pixel * np.array([0.15, 0.2])).all()


def test_a_picture_of_pixels_one_to_one_is_the_image():
    image = np.random.default_rng(0).integers(0, 256, (100, 120, 3), np.uint8)
    picture = Region(19.5 + 30, 19.5 + 20, 40).cut(image, 40)
    np.testing.assert_array_equal(picture, image[20:60, 30:70])


def test_beyond_the_image_is_black():
    image = np.full((50, 50, 3), 255, np.uint8)
    assert not Region(500, 500, 40).cut(image, 32).any()
    assert not Region(-3000, 10, 900).cut(image, 32).any()
    corner = Region(-0.5, -0.5, 40).cut(image, 40)
    assert not corner[:19].any()
    assert (corner[21:, 21:] == 255).all()


def test_shrinking_averages_fine_texture():
    stripes = np.zeros((512, 512, 3), np.uint8)
    stripes[:, ::2] = 255
    picture = Region.whole(512, 512).cut(stripes, 128)
    assert np.abs(picture[2:-2, 2:-2].astype(int) - 128).max() <= 2


def test_huge_images_are_cut_without_trouble():
    image = np.zeros((4320, 7680, 3), np.uint8)
    cv2.circle(image, (7000, 4000), 60, (255, 255, 255), -1)
    whole = Region.whole(7680, 4320)
    picture = whole.cut(image, 224)
    y, x = np.unravel_index(picture[..., 0].argmax(), (224, 224))
    np.testing.assert_allclose(whole.to_image(np.array([x, y]), 224), [7000, 4000], atol=60)


def test_distance_counts_in_reaches():
    points = np.array([[[100, 200], [100, 140]], [[160, 200], [160, 140]], [[100, 200], [100, 170]]], float)
    table = distance(points, points)
    np.testing.assert_allclose(np.diag(table), 0)
    assert table[0, 1] == pytest.approx(1)
    assert table[0, 2] == pytest.approx(0.25)
    assert distance(points[:0], points).shape == (0, 3)
    assert not (distance(np.full((1, 2, 2), np.nan), points) < 9).any()
