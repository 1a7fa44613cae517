"""Backgrounds repeat, differ by name, and stand in the camera's true perspective."""

import numpy as np
import pytest
from synth_scenes import textures

from poco_ros.synth.backgrounds import Backgrounds, Scene, _view
from poco_ros.synth.room import BOXES, FLOOR, SKY, WALLS, cast
from poco_ros.synth.surface import pyramid

CAMERA = np.array([150.0, 150.0, 80.5, 60.5])
SIZE = (160, 120)


def surfaces(scene, height, pitch):
    rays, turn, pixel = _view(CAMERA, SIZE, pitch, 0.0)
    white = pyramid(np.full((256, 256, 4), 255, np.uint8))[None]
    count = BOXES + len(scene.boxes)
    return cast(rays, turn, height, pixel, scene.bounds, scene.walled, scene.boxes, scene.panels,
                np.zeros(count, np.int32), np.ones(1, np.float32), np.ones((count, 3), np.float32), white,
                np.zeros(4, np.float32))


@pytest.mark.parametrize('pitch', [-0.1, 0.0, 0.2])
def test_horizon_lies_where_the_pitch_puts_it(pitch):
    nothing = np.zeros((0, 6), np.float32)
    endless = Scene(np.array([-1e4, 1e4, 0, 1e4, -1e4, 1e4], np.float32), False, nothing, nothing)
    _, seen = surfaces(endless, 1.4, pitch)
    rows = 2 * np.arange(60) + 0.5
    horizon = CAMERA[3] - CAMERA[1] * np.tan(pitch)
    assert (seen[rows < horizon - 1.1] == SKY).all()
    assert (seen[rows > horizon + 1.1] == FLOOR).all()


def test_foot_of_the_wall_and_a_box_stand_on_the_floor():
    bounds = np.array([-50, 50, 0, 60, -5, 6], np.float32)
    box = np.array([[-0.5, 0.5, 0, 0.8, 4.0, 5.0]], np.float32)
    height, pitch = 1.5, 0.15
    _, seen = surfaces(Scene(bounds, True, box, np.zeros((0, 6), np.float32)), height, pitch)
    rows = 2 * np.arange(60) + 0.5

    def row_of(up, forward):  # the camera looks down by the pitch
        c, s = np.cos(pitch), np.sin(pitch)
        level_down = height - up
        depth = forward * c + level_down * s
        return CAMERA[3] + CAMERA[1] * (level_down * c - forward * s) / depth

    aside, middle = seen[:, 4], seen[:, 40]
    # Every second row is cast: the first one past an edge lies up to two pixels below it.
    assert 0 <= rows[aside == FLOOR].min() - row_of(0, 6) < 2
    assert (aside[rows < row_of(0, 6) - 1.1] == WALLS + 3).all()
    assert 0 <= rows[middle == FLOOR].min() - row_of(0, 4) < 2
    assert 0 <= rows[middle == BOXES].min() - row_of(0.8, 5) < 2


def test_every_name_gives_a_picture_that_repeats():
    first, again = Backgrounds(textures()), Backgrounds(textures())
    assert len(set(first.names)) == len(first.names) > 60
    pictures = {}
    for name in ('photo:brick', 'photo:moon', 'room:0', 'room:1', 'outdoor:3'):
        made = [place.make(np.random.default_rng(1), name, CAMERA, SIZE, 1.5, 0.1) for place in (first, again)]
        np.testing.assert_array_equal(*made)
        assert made[0].shape == (120, 160, 3) and made[0].dtype == np.float32
        assert np.isfinite(made[0]).all() and made[0].min() >= 0 and made[0].max() <= 1
        pictures[name] = made[0]
    assert np.abs(pictures['room:0'] - pictures['room:1']).mean() > 0.02
    other = first.make(np.random.default_rng(2), 'room:0', CAMERA, SIZE, 1.5, 0.1)
    assert np.abs(other - pictures['room:0']).mean() > 0.005


def test_wrong_wishes_are_refused():
    backgrounds = Backgrounds(textures())
    with pytest.raises(ValueError, match='no background'):
        backgrounds.make(np.random.default_rng(0), 'room:99', CAMERA, SIZE, 1.5, 0.0)
    with pytest.raises(ValueError, match='above the floor'):
        backgrounds.make(np.random.default_rng(0), 'room:1', CAMERA, SIZE, 0.0, 0.0)
