"""Who is who in the streams: people who come, go, are exchanged, have no identity or are many."""

import dataclasses
import pickle

import numpy as np
import pytest
from temporal_streams import PERIOD_NS, doubted, feed, numbers, walk, walking

from poco_ros.temporal.config import LifeConfig, TemporalConfig
from poco_ros.temporal.stream import TemporalStream
from poco_ros.types import Bodies, State


@pytest.mark.parametrize('seconds', [4, 60])
def test_someone_who_leaves_is_told_lost_once_and_forgotten(seconds):
    back = 20 + 30 * seconds

    def frame(k):
        both = walking(k / 30, 2)
        return both if k < 20 or k >= back else both.take([0])

    stream = TemporalStream()
    live, infilled = feed(stream, [frame(k) for k in range(back + 10)])
    of_two = {k: State(f.bodies.state[f.bodies.track_id == 2][0]) for k, f in zip(numbers(live), live, strict=True)
              if 2 in f.bodies.track_id}
    assert sorted(of_two) == [*range(36), *range(back, back + 10)]
    assert [k for k, s in of_two.items() if s == State.LOST] == [35]
    assert np.isnan(live[25].bodies.box_px[live[25].bodies.track_id == 2]).all()
    late = [k for k, f in zip(numbers(infilled), infilled, strict=True) if 2 in f.bodies.track_id]
    assert late == [*range(57), *range(back, back + 5)]
    assert stream.num_tracks == 2


def test_swapped_people_are_taken_apart_not_blended():
    def frame(k):
        both = walking(k / 30, 2)
        return both if k < 30 else dataclasses.replace(both, track_id=both.track_id[::-1].copy())

    stream = TemporalStream()
    live, infilled = feed(stream, [frame(k) for k in range(50)])
    assert stream.counters.swaps == 2
    # the first frame is doubted, from the second on the track is the other person
    assert {State(s) for s in live[30].bodies.state} == {State.HELD}
    assert {State(s) for s in live[31].bodies.state} == {State.OBSERVED}
    for f in infilled:
        k = numbers([f])[0]
        expected = frame(k if k != 30 else 29)
        order = np.argsort(f.bodies.track_id)
        truth = expected.take(np.argsort(expected.track_id))
        assert np.linalg.norm(f.bodies.take(order).transl - truth.transl, axis=1).max() < 0.1


def test_a_single_jump_is_no_swap():
    frames = walk(40)
    frames[20] = dataclasses.replace(frames[20], transl=frames[20].transl + 3, joints=frames[20].joints + 3)
    stream = TemporalStream()
    live, _ = feed(stream, frames)
    assert stream.counters.swaps == 0 and live[20].bodies.state[0] == State.HELD
    assert np.linalg.norm(live[21].bodies.transl - walk(40)[21].transl) < 0.05


def test_who_was_hidden_may_have_gone_farther_before_they_count_as_somebody_else():
    """A step aside of 0.56 m: too far for one frame, not for a third of a second behind a pillar."""
    for hidden, swaps in ((0, 1), (10, 0)):
        frames = walk(30 + hidden, range(30, 30 + hidden))
        aside = [dataclasses.replace(b, transl=b.transl + [0, 0, 0.56], joints=b.joints + [0, 0, 0.56])
                 for b in walk(45 + hidden)[30 + hidden:]]
        stream = TemporalStream()
        feed(stream, frames + aside)
        assert stream.counters.swaps == swaps


def test_shape_is_averaged_by_confidence_and_locked():
    def frame(k):
        bodies = walking(k / 30)
        return dataclasses.replace(bodies, betas=np.full((1, 10), 1.0 if k < 75 else 9.0, np.float32))

    live, _ = feed(TemporalStream(), [frame(k) for k in range(100)])
    assert {float(f.bodies.betas[0, 0]) for f in live} == {1.0}
    bone = [np.linalg.norm(f.bodies.joints[0, 4] - f.bodies.joints[0, 1]) for f in live]
    assert np.ptp(bone) < 1e-5


def test_nobody_untracked_and_twice_the_same_track():
    stream = TemporalStream(TemporalConfig(life=LifeConfig(max_tracks=2)))
    assert len(stream.push(Bodies.unknown(0), 0).live.bodies) == 0
    four = walking(0.0, 4)
    ids = np.array([1, 1, -1, 7], np.int32)
    out = stream.push(dataclasses.replace(four, track_id=ids), PERIOD_NS).live.bodies
    assert sorted(out.track_id) == [-1, 1, 1, 7] and stream.num_tracks == 2
    out = stream.push(dataclasses.replace(four, track_id=np.array([1, 8, 9, 7], np.int32)), 2 * PERIOD_NS).live.bodies
    assert sorted(out.track_id) == [1, 7, 8, 9] and stream.num_tracks == 2 and stream.counters.passed_through == 4
    assert set(out.joint_state.ravel()) == {State.OBSERVED}


def test_people_are_followed_independently():
    gap = range(20, 30)
    together, _ = feed(TemporalStream(), [
        dataclasses.replace(b, joint_uncertainty=np.repeat([[0.2], [0.95], [0.2]], 24, axis=1).astype(np.float32))
        if k in gap else b for k, b in enumerate(walk(50, people=3))])
    for i in range(3):
        alone, _ = feed(TemporalStream(), [
            doubted(b) if k in gap and i == 1 else b for k, b in
            enumerate(walk(50, people=3)[k].take([i]) for k in range(50))])
        for a, b in zip(together, alone, strict=True):
            np.testing.assert_allclose(a.bodies.pose[i], b.bodies.pose[0], atol=1e-6)
            assert a.bodies.state[i] == b.bodies.state[0]


def test_memory_is_flat_over_an_hour_of_people_who_come_and_go():
    stream = TemporalStream(TemporalConfig(life=LifeConfig(max_tracks=8)))
    people = walking(0.0, 2)
    sizes = []
    stride = 14 * PERIOD_NS  # an hour in 7700 frames, each less than the longest gap after the one before
    for k in range(3600 * 30 // 14):
        ids = np.array([1 + k // 40, 100_000 + k // 70], np.int32)
        stream.push(dataclasses.replace(people, track_id=ids), k * stride)
        if k % 700 == 699:
            sizes.append(len(pickle.dumps(stream)))
    assert stream.counters.new_tracks > 250 and stream.num_tracks <= 8 and stream.counters.jumps == 0
    assert max(sizes) - min(sizes) < 1000  # counters gain digits
