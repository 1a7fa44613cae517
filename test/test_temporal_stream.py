"""Every frame in both streams, in order and on time, whatever the stamps do."""

import dataclasses

import numpy as np
import pytest
from temporal_streams import PERIOD_NS, doubted, feed, numbers, posed, walk, walking

from poco_ros.body.rotations import axis_angle_to_matrix, geodesic_angle
from poco_ros.temporal.config import MotionConfig, TemporalConfig
from poco_ros.temporal.stream import TemporalStream
from poco_ros.types import State


@pytest.mark.parametrize('lag', [0, 1, 5, 30])
def test_every_frame_leaves_live_at_once_and_infilled_once_in_order_and_in_time(lag):
    stream = TemporalStream(TemporalConfig(lag_frames=lag))
    infilled = []
    for k, bodies in enumerate(walk(60, range(20, 30))):
        out = stream.push(bodies, k * PERIOD_NS, context=k)
        assert out.live.stamp_ns == k * PERIOD_NS and out.live.declared_lag_frames == 0 and out.live.context == k
        assert numbers(out.infilled) == ([k - lag] if k >= lag else [])
        infilled += out.infilled
    infilled += stream.flush()
    assert numbers(infilled) == list(range(60)) == [f.context for f in infilled]
    assert all(f.declared_lag_frames == lag and f.epoch == 0 for f in infilled)


def test_the_infilled_stream_is_nearer_to_the_truth_than_the_live_one_and_than_what_came():
    truth = walk(80)
    gap = range(30, 40)
    wrong = [doubted(posed(-b.pose, b.transl, b.track_id)) if k in gap else b for k, b in enumerate(truth)]
    live, infilled = feed(TemporalStream(TemporalConfig(lag_frames=15)), wrong)

    def error(bodies):
        relative = [bodies[k].joints - bodies[k].joints[:, :1] - truth[k].joints + truth[k].joints[:, :1] for k in gap]
        return 1e3 * np.linalg.norm(relative, axis=-1).mean()

    assert error([f.bodies for f in infilled]) < 0.5 * error([f.bodies for f in live]) < 0.5 * error(wrong)


def test_repeated_and_late_frames_are_passed_over_and_missing_ones_counted():
    stream = TemporalStream()
    frames = walk(40)
    order = [*range(10), 9, 8, *range(10, 20), 23, 24, 22, *range(25, 40)]
    live = [out.live for out in (stream.push(frames[k], k * PERIOD_NS) for k in order) if out.live]
    assert numbers(live) == [*range(20), 23, *range(24, 40)]
    c = stream.counters
    assert (c.repeated, c.late, c.missing, c.jumps, c.frames) == (1, 2, 3, 0, 37)


@pytest.mark.parametrize('jump_s', [-3.0, 2.0, -3600.0])
def test_a_jump_of_the_clock_flushes_and_begins_a_new_epoch(jump_s):
    stream = TemporalStream()
    feed(stream, walk(30))
    out = stream.push(walking(5.0), 29 * PERIOD_NS + round(jump_s * 1e9))
    assert numbers(out.infilled) == [25, 26, 27, 28, 29] and {f.epoch for f in out.infilled} == {0}
    assert out.live.epoch == 1 == stream.epoch and stream.counters.jumps == 1
    np.testing.assert_allclose(out.live.bodies.joints, walking(5.0).joints, atol=1e-5)  # no smoothing across


def test_a_stalled_camera_is_released_by_the_deadline_and_by_nothing_else():
    stream = TemporalStream()
    _, infilled = feed(stream, walk(30))
    last = 29 * PERIOD_NS
    due = 25 * PERIOD_NS + 6 * PERIOD_NS + 20_000_000
    assert stream.next_deadline_ns == due
    assert stream.advance(due - 1) == ()
    assert numbers(stream.advance(due)) == [25]
    assert numbers(stream.advance(last + 10 ** 9)) == [26, 27, 28, 29] and stream.next_deadline_ns is None
    assert stream.counters.released_by_deadline == 5
    # the camera goes on: nothing is released twice
    _, more = feed(stream, walk(40)[30:], start=30)
    assert numbers(infilled) + [25, 26, 27, 28, 29] + numbers(more) + numbers(stream.flush()) == list(range(40))


def test_a_frame_released_by_the_deadline_says_what_is_known():
    stream = TemporalStream()
    feed(stream, walk(30, range(27, 30)))
    assert [State(f.bodies.state[0]).name for f in stream.advance(10 ** 18)[-3:]] == ['HELD'] * 3


@pytest.mark.parametrize('predictor', ['damped', 'whole_body'])
@pytest.mark.parametrize('fps', [10, 15, 24, 60])
def test_the_frame_rate_changes_little(predictor, fps):
    """The same walk, unseen for 0.4 s, at other rates."""
    def error(rate):
        stream = TemporalStream(TemporalConfig(motion=MotionConfig(predictor=predictor)))
        last = rate + round(0.4 * rate)
        for k in range(last + 1):
            bodies = walking(k / rate)
            out = stream.push(doubted(bodies) if k > rate else bodies, round(k * 1e9 / rate)).live.bodies
        assert out.state[0] == State.EXTRAPOLATED and abs(out.joint_age[0, 0] - 0.4) < 0.5 / rate
        return np.degrees(geodesic_angle(*(axis_angle_to_matrix(b.pose[0]) for b in (out, bodies)))).mean()

    assert abs(error(fps) - error(30)) < 0.3 * error(30)


def test_the_learned_predictor_serves_many_people_with_the_promises_of_the_stream():
    """People leave the picture in turn; whoever is unseen goes on, and states and ages are those of any predictor."""
    frames = [walking(k / 30, 5) for k in range(60)]
    streams = [TemporalStream(TemporalConfig(motion=MotionConfig(predictor=n))) for n in ('whole_body', 'learned')]
    for k, bodies in enumerate(frames):
        if k >= 45:
            bodies = doubted(bodies)
        live = [stream.push(bodies, k * PERIOD_NS).live.bodies for stream in streams]
        np.testing.assert_array_equal(live[0].joint_state, live[1].joint_state)
        np.testing.assert_array_equal(live[0].joint_age, live[1].joint_age)
        assert np.isfinite(live[1].pose).all() and np.isfinite(live[1].transl).all()
    assert np.abs(live[0].pose - live[1].pose).max() > 1e-3


def test_a_live_frame_that_was_corrected_later_says_so():
    rng = np.random.default_rng(0)
    frames = [posed(b.pose + 0.03 * rng.normal(size=b.pose.shape), b.transl, b.track_id) for b in walk(40)]
    live, infilled = feed(TemporalStream(), frames)
    assert {int(f.bodies.revision[0]) for f in live} == {0}
    assert {int(f.bodies.revision[0]) for f in infilled} == {1}
    live, infilled = feed(TemporalStream(TemporalConfig(lag_frames=0)), frames)
    for a, b in zip(live, infilled, strict=True):
        assert b.bodies.revision[0] == 0 and np.array_equal(a.bodies.pose, b.bodies.pose)


def test_what_is_no_number_or_absurd_is_not_believed():
    frames = walk(60)
    for k, change in ((20, {'pose': np.nan}), (21, {'transl': np.inf, 'joints': np.inf}), (22, {'pose': 1e20}),
                      (23, {'joints': 1e9})):
        frames[k] = dataclasses.replace(
            frames[k], **{name: np.full_like(getattr(frames[k], name), value) for name, value in change.items()})
    one_joint = frames[30].pose.copy()
    one_joint[0, 16] = np.nan
    frames[30] = dataclasses.replace(frames[30], pose=one_joint)
    live, infilled = feed(TemporalStream(), frames)
    assert [f.bodies.state[0] for f in live[20:24]] == [State.HELD] * 3 + [State.EXTRAPOLATED]
    assert np.flatnonzero(live[30].bodies.joint_state[0] != State.OBSERVED).tolist() == [16]
    for f in live + infilled:
        assert np.isfinite(f.bodies.pose).all() and np.isfinite(f.bodies.joints).all()
