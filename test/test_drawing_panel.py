"""Plates, panels and the legend: where they lie, and that borders cut them off."""

import numpy as np
import pytest

from poco_ros.drawing.colors import STATE_COLORS, TRUST_RAMP, UNKNOWN_COLOR
from poco_ros.drawing.panel import (
    draw_legend,
    draw_panel,
    draw_plate,
    draw_state_legend,
    fill_plate,
    plate_size,
    text_height,
)
from poco_ros.types import State


def canvas(width=640, height=480, value=200):
    return np.full((height, width, 3), value, np.uint8)


def touched(image, value=200):
    rows, columns = np.nonzero((image != value).any(axis=2))
    return columns.min(), rows.min(), columns.max() + 1, rows.max() + 1


def test_plate_covers_exactly_the_size_that_was_announced():
    image, lines = canvas(), ['confidence 0.87', 'held']
    draw_plate(image, lines, (50, 60), 12)
    width, height = plate_size(lines, 12)
    assert touched(image) == (50, 60, 50 + width, 60 + height)
    plate = image[62:60 + height - 2, 60:40 + width]
    assert np.median(plate) < 90 and plate.max() > 200  # dark, with light text


def test_text_lies_inside_the_plate_and_has_its_colour():
    lines = ['WWWW gjpq', 'W']
    bare, written = canvas(value=0), canvas(value=0)
    draw_plate(written, lines, (50, 60), 14, [(255, 0, 0), (0, 255, 0)])
    fill_plate(bare, (50, 60), plate_size(lines, 14), 7)
    left, top, right, bottom = touched(np.abs(written.astype(int) - bare), value=0)
    width, height = plate_size(lines, 14)
    assert left >= 50 and top >= 60 and right <= 50 + width and bottom <= 60 + height
    middle = 60 + height // 2
    assert written[60:middle, ..., 0].max() > 240 and written[middle + 4:, ..., 1].max() > 240
    assert written[middle + 4:, ..., 0].max() < 100


@pytest.mark.parametrize('at', [(-30, -5), (620, 470), (1000, 1000), (-1000, 50)])
def test_plates_beyond_the_border_are_cut_off(at):
    image = canvas()
    draw_plate(image, ['someone'], at, 12)
    assert image.shape == (480, 640, 3)


def test_no_lines_draw_nothing():
    image = canvas()
    draw_panel(image, [])
    draw_plate(image, [], (5, 5), 12)
    assert (image == 200).all()


@pytest.mark.parametrize(('corner', 'right', 'lower'), [
    ('top left', False, False), ('top right', True, False), ('bottom left', False, True), ('bottom right', True, True)])
def test_panel_stands_in_its_corner(corner, right, lower):
    image = canvas()
    draw_panel(image, ['one', 'two three'], corner)
    x0, y0, x1, y1 = touched(image)
    assert (x0 > 320 if right else x1 < 320) and (y0 > 240 if lower else y1 < 240)
    assert min(x0, y0, 640 - x1, 480 - y1) > 0


def test_legend_shows_the_ramp_from_distrust_to_trust_and_tells_uncalibrated_apart():
    image = canvas(1280, 720)
    draw_legend(image, calibrated=True)
    flat = image.reshape(-1, 3)
    first = {}
    for color in (TRUST_RAMP[-1], TRUST_RAMP[0], UNKNOWN_COLOR):
        hits = np.flatnonzero((flat == color).all(axis=1))
        assert len(hits) > 0
        first[color] = hits[0] % 1280
    assert first[TRUST_RAMP[-1]] < first[TRUST_RAMP[0]] < first[UNKNOWN_COLOR]
    uncalibrated = canvas(1280, 720)
    draw_legend(uncalibrated, calibrated=False)
    assert touched(uncalibrated)[0] < touched(image)[0]  # wider, by the word


def test_state_legend_has_the_colour_of_every_state_from_good_to_bad():
    image = canvas(1280, 720)
    draw_state_legend(image)
    flat = image.reshape(-1, 3)
    places = [np.flatnonzero((flat == STATE_COLORS[state]).all(axis=1)) for state in list(State)[2:]]
    columns = [place[0] % 1280 for place in places]
    assert columns == sorted(set(columns)) and touched(image)[2] <= 1280


def test_text_grows_with_the_image_within_limits():
    heights = [text_height(canvas(w, h)) for w, h in ((64, 36), (640, 480), (1920, 1080), (15000, 9000))]
    assert heights == sorted(heights) and heights[0] == 7 and heights[-1] == 40
    draw_legend(canvas(20, 10), calibrated=True)
