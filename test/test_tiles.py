"""Tiles cover the image, small persons fit into one, and the scan visits all of them."""

from __future__ import annotations

import numpy as np
import pytest

from poco_ros.people.region import Region
from poco_ros.people.tiles import Scan, tiles

SIZES = [(640, 480), (768, 432), (1920, 1080), (480, 640), (500, 500), (3000, 300)]


@pytest.mark.parametrize(('width', 'height'), SIZES)
def test_a_thing_of_three_tenths_of_a_window_is_whole_in_one(width, height):
    rng = np.random.default_rng(0)
    for level in tiles(width, height, 3):
        side = level[0].side
        size = 0.3 * side
        for x, y in rng.uniform([0, 0], [width - size, height - size], (300, 2)) - 0.5:
            assert any(
                abs(tile.x - x - size / 2) <= (side - size) / 2 + 1e-6
                and abs(tile.y - y - size / 2) <= (side - size) / 2 + 1e-6 for tile in level
            )


@pytest.mark.parametrize(('width', 'height'), SIZES)
def test_no_tile_reaches_beyond_the_image(width, height):
    for tile in (tile for level in tiles(width, height, 3) for tile in level):
        for centre, length in ((tile.x, width), (tile.y, height)):
            assert centre - tile.side / 2 >= -0.5 - 1e-6
            assert centre + tile.side / 2 <= length - 0.5 + 1e-6


def test_levels_get_finer_and_a_level_equal_to_the_image_is_left_out():
    assert [len(level) for level in tiles(768, 432, 2)] == [3, 8]
    assert len(tiles(500, 500, 2)) == 1
    assert tiles(768, 432, 0) == []
    assert tiles(1, 1, 4) == []
    assert tiles(4, 700, 4) == []
    assert all(len(tiles(width, height, 4)) <= 4 for width, height in SIZES)
    assert sum(map(len, tiles(7680, 480, 1))) <= 30


def test_scan_takes_everything_first_and_a_bounded_few_after():
    scan = Scan(2)
    everything = scan(768, 432)
    assert everything[0] == Region.whole(768, 432)
    assert len(everything) == 1 + 3 + 8
    later = [scan(768, 432) for _ in range(8)]
    assert all(len(windows) == 3 and windows[0] == everything[0] for windows in later)
    assert {window for windows in later for window in windows} == set(everything)


def test_scan_starts_anew_with_another_size_and_on_request():
    scan = Scan(1)
    first = scan(768, 432)
    scan(768, 432)
    assert scan(640, 480)[0] == Region.whole(640, 480)
    assert len(scan(768, 432)) == len(first)
    scan.restart()
    assert scan(768, 432) == first


def test_without_tiles_only_the_image():
    scan = Scan(0)
    assert [scan(768, 432) for _ in range(3)] == [[Region.whole(768, 432)]] * 3
