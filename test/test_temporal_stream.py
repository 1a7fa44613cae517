"""The promises of the temporal stage, kept on streams of made-up people."""

import dataclasses
import pickle

import numpy as np
import pytest
from temporal_streams import PERIOD_NS, doubted, posed, walking

from poco_ros.body.rotations import axis_angle_to_matrix, geodesic_angle
from poco_ros.temporal.config import LifeConfig, MotionConfig, TemporalConfig
from poco_ros.temporal.stream import TemporalStream
from poco_ros.types import Bodies, State

LEGS = [1, 2, 4, 5, 7, 8, 10, 11]

LEFT_ARM = [18, 20]


def feed(stream, frames, start=0, period=PERIOD_NS):
    """Push frames (Bodies or None for a missing one); returns the outputs by stream."""
    live, infilled = [], []
    for k, bodies in enumerate(frames, start):
        if bodies is not None:
            out = stream.push(bodies, k * period)
            live += [out.live] if out.live else []
            infilled += out.infilled
    return live, infilled


def walk(n, gap=(), joints=slice(None), people=1):
    return [doubted(b, joints) if k in gap else b for k, b in ((k, walking(k / 30, people)) for k in range(n))]


def numbers(frames):
    return [round(f.stamp_ns / PERIOD_NS) for f in frames]


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


def test_states_and_ages_of_a_short_gap():
    live, infilled = feed(TemporalStream(), walk(60, range(20, 28)))
    states = [State(f.bodies.state[0]).name for f in live]
    assert set(states[:20] + states[28:]) == {'OBSERVED'}
    assert states[20:28] == ['HELD'] * 3 + ['EXTRAPOLATED'] * 5
    np.testing.assert_allclose([f.bodies.joint_age[0, 7] for f in live[20:28]], np.arange(1, 9) / 30, atol=1e-6)
    assert {f.bodies.joint_age.max() for f in live[:20]} == {0}
    late = [State(f.bodies.state[0]).name for f in infilled]
    # at lag 5 the first trusted frame, number 28, is known when frames from 23 on leave
    assert late[20:28] == ['HELD'] * 3 + ['INFILLED'] * 5 and set(late[28:] + late[:20]) == {'OBSERVED'}


def test_the_infilled_stream_is_nearer_to_the_truth_than_the_live_one_and_than_what_came():
    truth = walk(80)
    gap = range(30, 40)
    wrong = [doubted(posed(-b.pose, b.transl, b.track_id)) if k in gap else b for k, b in enumerate(truth)]
    live, infilled = feed(TemporalStream(TemporalConfig(lag_frames=15)), wrong)

    def error(bodies):
        relative = [bodies[k].joints - bodies[k].joints[:, :1] - truth[k].joints + truth[k].joints[:, :1] for k in gap]
        return 1e3 * np.linalg.norm(relative, axis=-1).mean()

    assert error([f.bodies for f in infilled]) < 0.5 * error([f.bodies for f in live]) < 0.5 * error(wrong)


def test_an_arm_behind_a_shelf_is_infilled_while_the_rest_is_observed():
    live, infilled = feed(TemporalStream(TemporalConfig(lag_frames=10)), walk(60, range(20, 26), LEFT_ARM))
    rest = np.setdiff1d(np.arange(24), LEFT_ARM)
    for frames, wanted in ((live, State.HELD), (infilled, State.INFILLED)):
        joint_state = frames[22].bodies.joint_state[0]
        assert set(joint_state[LEFT_ARM]) == {wanted} and set(joint_state[rest]) == {State.OBSERVED}
        assert frames[22].bodies.state[0] == wanted
        assert (frames[22].bodies.joint_age[0] > 0).sum() == len(LEFT_ARM)
    # what hangs on the unseen elbow is uncertain, the rest keeps the numbers that it came with (none)
    errors = live[22].bodies.joint_error_mm[0]
    assert np.flatnonzero(np.isfinite(errors)).tolist() == [18, 20, 22]


def test_errors_grow_and_confidence_falls_with_age():
    live, _ = feed(TemporalStream(), walk(60, range(20, 35)))
    gap = [f.bodies for f in live[20:35]]
    assert np.isnan(live[10].bodies.joint_error_mm).all()
    for values in ([b.body_error_mm[0] for b in gap], [b.body_radius_mm[0] for b in gap],
                   [b.transl_radius_mm[0] for b in gap], [-b.confidence[0] for b in gap],
                   [b.joint_radius_mm[0, 20] for b in gap]):
        assert np.isfinite(values).all() and (np.diff(values) > 0).all()
    assert all((b.joint_radius_mm >= b.joint_error_mm * 0.999)[0].all() for b in gap)
    assert np.linalg.eigvalsh(np.diag(gap[5].joint_covariance[0, 20, [0, 3, 5]])).min() > 0


def test_stated_errors_are_the_base_of_growth():
    def stated(bodies):
        return dataclasses.replace(bodies, joint_error_mm=np.full((1, 24), 70.0, np.float32),
                                   confidence=np.full(1, 0.8, np.float32))

    live, _ = feed(TemporalStream(), [stated(b) for b in walk(40, range(20, 30))])
    assert (live[10].bodies.joint_error_mm == 70).all() and live[10].bodies.confidence[0] == np.float32(0.8)
    assert 70 < live[20].bodies.joint_error_mm[0, 20] < 90 < live[28].bodies.joint_error_mm[0, 20]
    assert live[20].bodies.joint_error_mm[0, 0] == 70


def test_a_stated_radius_of_the_body_does_not_shrink_when_a_joint_is_hidden():
    def stated(bodies):
        return dataclasses.replace(bodies, joint_radius_mm=np.full((1, 24), 150.0, np.float32),
                                   body_radius_mm=np.full(1, 420.0, np.float32))

    live, _ = feed(TemporalStream(), [stated(b) for b in walk(40, range(20, 30), LEFT_ARM)])
    assert live[19].bodies.body_radius_mm[0] == 420
    radii = [f.bodies.body_radius_mm[0] for f in live[20:30]]
    assert radii[0] > 420 and (np.diff(radii) > 0).all()
    assert all((f.bodies.body_radius_mm >= f.bodies.joint_radius_mm.max(axis=1)).all() for f in live[20:30])


def test_lost_and_regained():
    live, infilled = feed(TemporalStream(), walk(120, range(20, 70)))
    states = [State(f.bodies.state[0]).name for f in live]
    lost = [k for k, s in enumerate(states) if s == 'LOST']
    assert lost == list(range(35, 72))  # from more than 0.5 s on, until the third trusted frame
    assert live[50].bodies.confidence[0] == 0 and np.isnan(live[50].bodies.joint_error_mm).all()
    assert np.isfinite(live[50].bodies.pose).all()
    late = [State(f.bodies.state[0]).name for f in infilled]
    # nothing is infilled across so long a gap, and what follows it is believed as soon as it is confirmed
    assert 'INFILLED' not in late and [k for k, s in enumerate(late) if s == 'LOST'] == list(range(56, 70))


def test_a_long_gap_is_not_smoothed_across():
    gap = range(20, 70)
    truth = walk(110)
    _, infilled = feed(TemporalStream(TemporalConfig(lag_frames=30)), walk(110, gap))
    error = np.linalg.norm(infilled[70].bodies.joints - truth[70].joints, axis=-1)
    assert error.max() < 2e-3  # the gap before it is a metre away


def test_someone_who_leaves_is_told_lost_once_and_forgotten():
    def frame(k):
        both = walking(k / 30, 2)
        return both if k < 20 or k >= 150 else both.take([0])

    stream = TemporalStream()
    live, infilled = feed(stream, [frame(k) for k in range(160)])
    of_two = {k: State(f.bodies.state[f.bodies.track_id == 2][0]) for k, f in zip(numbers(live), live, strict=True)
              if 2 in f.bodies.track_id}
    assert sorted(of_two) == [*range(36), *range(150, 160)]
    assert [k for k, s in of_two.items() if s == State.LOST] == [35]
    assert np.isnan(live[25].bodies.box_px[live[25].bodies.track_id == 2]).all()
    late = [k for k, f in zip(numbers(infilled), infilled, strict=True) if 2 in f.bodies.track_id]
    assert late == [*range(57), *range(150, 155)]
    assert stream.num_tracks == 2


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


@pytest.mark.parametrize('fps', [10, 15, 24, 60])
def test_the_frame_rate_changes_little(fps):
    """The same walk, unseen for 0.4 s, at other rates."""
    def error(rate):
        stream = TemporalStream(TemporalConfig(motion=MotionConfig(predictor='damped')))
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


def test_nothing_trusted_from_the_first_frame_on_is_lost_and_not_made_up():
    bodies = doubted(walking(0.0))
    nan_arm = bodies.pose.copy()
    nan_arm[0, 16] = np.nan
    live, _ = feed(TemporalStream(), [dataclasses.replace(bodies, pose=nan_arm)] * 10)
    last = live[-1].bodies
    assert set(last.joint_state[0]) == {State.LOST} and np.isnan(last.joint_age).all() and last.confidence[0] == 0
    assert np.isnan(last.pose[0, 16]).all() and np.isfinite(last.pose[0, 0]).all()


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


def test_a_live_frame_that_was_corrected_later_says_so():
    rng = np.random.default_rng(0)
    frames = [posed(b.pose + 0.03 * rng.normal(size=b.pose.shape), b.transl, b.track_id) for b in walk(40)]
    live, infilled = feed(TemporalStream(), frames)
    assert {int(f.bodies.revision[0]) for f in live} == {0}
    assert {int(f.bodies.revision[0]) for f in infilled} == {1}
    live, infilled = feed(TemporalStream(TemporalConfig(lag_frames=0)), frames)
    for a, b in zip(live, infilled, strict=True):
        assert b.bodies.revision[0] == 0 and np.array_equal(a.bodies.pose, b.bodies.pose)


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


def test_the_paper_cuts_whole_bodies_hard_at_its_threshold():
    frames = walk(40)
    for k, u in ((20, 0.79), (21, 0.81), (22, 0.79)):
        frames[k] = doubted(frames[k], uncertainty=u)
    frames[25] = doubted(frames[25], LEFT_ARM, 0.95)
    live, _ = feed(TemporalStream(TemporalConfig(preset='paper')), frames)
    assert [State(f.bodies.state[0]).name for f in live[20:23]] == ['OBSERVED', 'HELD', 'OBSERVED']
    assert live[25].bodies.state[0] == State.OBSERVED


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


def test_what_was_never_seen_is_unknown_and_not_lost():
    """Somebody behind a table from the first frame on: the legs are unknown, and the rest is as good as it is."""
    frames = []
    for body in walk(60):
        uncertainty = body.joint_uncertainty.copy()
        uncertainty[:, LEGS] = 0.95
        frames.append(dataclasses.replace(body, joint_uncertainty=uncertainty))
    live, infilled = feed(TemporalStream(), frames)
    for frame in live[5:] + infilled[5:]:
        states = frame.bodies.joint_state[0]
        assert (states[LEGS] == State.UNKNOWN).all() and (np.delete(states, LEGS) == State.OBSERVED).all()
        assert frame.bodies.state[0] == State.OBSERVED
        assert np.isnan(frame.bodies.joint_error_mm[0, LEGS]).all() and np.isnan(frame.bodies.confidence[0])
        assert np.isnan(frame.bodies.joint_age[0, LEGS]).all()
