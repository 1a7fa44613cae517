"""Only values of the very same stamp are paired, in any order of arrival, and memory stays bounded."""

import gc
import weakref

from poco_ros.nodes.stamp_matcher import StampMatcher


class Thing:
    """Something whose end can be seen."""


def test_pairs_come_out_whichever_half_is_first():
    matcher = StampMatcher(4)
    assert matcher.add_left(10, 'bodies 10') is None
    assert matcher.add_right(10, 'image 10') == ('bodies 10', 'image 10')
    assert matcher.add_right(20, 'image 20') is None
    assert matcher.add_left(20, 'bodies 20') == ('bodies 20', 'image 20')


def test_a_nanosecond_off_is_another_image():
    matcher = StampMatcher(4)
    matcher.add_right(1_700_000_000_000_000_001, 'image')
    assert matcher.add_left(1_700_000_000_000_000_000, 'bodies') is None


def test_bodies_of_every_third_image_find_theirs():
    matcher = StampMatcher(8)
    pairs = []
    for frame in range(60):
        matcher.add_right(frame, f'image {frame}')
        if frame % 3 == 2:
            pairs.append(matcher.add_left(frame - 2, f'bodies {frame - 2}'))
    assert pairs == [(f'bodies {n}', f'image {n}') for n in range(0, 58, 3)]


def test_a_value_is_paired_once_and_what_came_before_it_is_forgotten():
    matcher = StampMatcher(8)
    for stamp in (1, 2, 3):
        matcher.add_right(stamp, f'image {stamp}')
    assert matcher.add_left(2, 'bodies') == ('bodies', 'image 2')
    assert matcher.add_left(2, 'bodies again') is None
    assert matcher.add_left(1, 'late bodies') is None
    assert matcher.add_left(3, 'bodies 3') == ('bodies 3', 'image 3')


def test_waiting_values_are_bounded_and_let_go():
    matcher = StampMatcher(3)
    things = [Thing() for _ in range(10)]
    alive = [weakref.ref(thing) for thing in things]
    for stamp, thing in enumerate(things):
        matcher.add_right(stamp, thing)
    del things, thing
    gc.collect()
    assert [ref() is not None for ref in alive] == [False] * 7 + [True] * 3
    matcher.clear()
    gc.collect()
    assert not any(ref() for ref in alive)


def test_after_time_jumps_back_pairs_are_found_again():
    matcher = StampMatcher(3)
    for stamp in (100, 101, 102):
        matcher.add_right(stamp, stamp)
    for stamp in (5, 6):
        matcher.add_right(stamp, stamp)
        assert matcher.add_left(stamp, -stamp) == (-stamp, stamp)
