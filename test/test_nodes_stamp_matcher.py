"""Only values of the very same stamp are paired, in any order of arrival, and memory stays bounded."""

from __future__ import annotations

import gc
import random
import weakref

from poco_ros.nodes.stamp_matcher import StampMatcher


class Thing:
    """Something whose end can be seen."""


def test_pairs_come_whichever_part_is_first():
    matcher = StampMatcher(3)
    assert matcher.add_left(1, 'a') is None
    assert matcher.add_right(1, 'b') == ('a', 'b')
    assert matcher.add_right(2, 'd') is None
    assert matcher.add_left(2, 'c') == ('c', 'd')


def test_a_pair_gives_up_what_waited_from_before_it():
    matcher = StampMatcher(5)
    for stamp in (1, 2, 3):
        matcher.add_left(stamp, stamp)
    assert matcher.add_right(2, 'x') == (2, 'x')
    assert matcher.lefts_given_up == 1
    assert matcher.add_right(1, 'late') is None
    assert matcher.add_right(3, 'y') == (3, 'y')
    assert matcher.rights_given_up == 1


def test_no_more_than_the_capacity_waits():
    matcher = StampMatcher(2)
    for stamp in range(5):
        matcher.add_left(stamp, stamp)
        matcher.add_right(stamp + 100, stamp)
    assert (matcher.lefts_given_up, matcher.rights_given_up) == (3, 3)
    assert matcher.add_right(2, 'x') is None
    assert matcher.add_right(4, 'x') == (4, 'x')


def test_random_arrivals_give_ordered_pairs_of_equal_stamps_and_lose_nothing_unaccounted():
    source = random.Random(3)
    for _ in range(200):
        matcher, pairs = StampMatcher(source.randint(1, 4)), []
        images = [(float(s), 'L', s) for s in range(20)]
        events = sorted(images + [(s + source.uniform(0, 3), 'R', s) for s in range(20)])
        for _, side, stamp in events:
            pair = (matcher.add_left if side == 'L' else matcher.add_right)(stamp, (side, stamp))
            if pair is not None:
                pairs.append(pair)
        assert all(left == ('L', right[1]) for left, right in pairs)
        assert [left[1] for left, _ in pairs] == sorted({left[1] for left, _ in pairs})
        assert len(pairs) >= 1
        assert len(pairs) + matcher.lefts_given_up + len(matcher._lefts) == 20


def test_clear_forgets_uncounted():
    matcher = StampMatcher(2)
    matcher.add_left(1, 'a')
    matcher.clear()
    assert matcher.add_right(1, 'b') is None
    assert matcher.lefts_given_up == 0


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
