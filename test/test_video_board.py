"""The board that is carried across pictures: it covers exactly what it says."""

import numpy as np

from poco_ros.video.board import CarriedBoard, paste, planks

BOARD = CarriedBoard((64, 48), (20, 16), (30, 4), 12)


def grey(width=64, height=48):
    return np.full((height, width, 3), 255, np.uint8)


def test_what_lies_outside_is_cut_off():
    board = planks(6, 4)
    for left, top in ((-3, 2), (61, 46), (10, -2), (-6, 0), (64, 0), (5, 48)):
        image, large = grey(), grey(100, 100)
        paste(image, board, left, top)
        paste(large, board, left + 20, top + 20)
        np.testing.assert_array_equal(image, large[20:68, 20:84])


def test_it_goes_to_the_right_and_comes_back_at_another_height():
    lefts, tops = np.array([BOARD.corner(index) for index in range(24)]).T
    assert (np.diff(lefts[:12]) > 0).all() and (np.diff(lefts[12:]) < 0).all()
    assert lefts[0] == -20 and lefts[12] == 64 and set(tops[:12]) == {30} and set(tops[12:]) == {4}
    assert BOARD.corner(24) == BOARD.corner(0)
    later = CarriedBoard(BOARD.picture, BOARD.size, BOARD.tops, BOARD.frames, begun=5)
    assert later.corner(0) == BOARD.corner(5)


def test_it_covers_the_pixels_that_change_and_no_others():
    x, y = np.meshgrid(np.arange(64), np.arange(48))
    pixels = np.stack([x, y], axis=-1)
    for index in range(24):
        image = grey()
        changed = (BOARD.over(image, index) != image).any(axis=-1)
        assert (image == 255).all()
        np.testing.assert_array_equal(BOARD.covers(index, pixels), changed)
    outside = [[-3.0, 35.0], [np.nan, 35.0]]
    assert not any(BOARD.covers(index, outside).any() for index in range(24))
