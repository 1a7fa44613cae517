"""States, ages and errors of the joints in both streams."""

import dataclasses

import numpy as np
from temporal_streams import doubted, feed, walk, walking

from poco_ros.temporal.config import TemporalConfig
from poco_ros.temporal.stream import TemporalStream
from poco_ros.types import State

LEGS = [1, 2, 4, 5, 7, 8, 10, 11]
LEFT_ARM = [18, 20]


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


def test_nothing_trusted_from_the_first_frame_on_is_lost_and_not_made_up():
    bodies = doubted(walking(0.0))
    nan_arm = bodies.pose.copy()
    nan_arm[0, 16] = np.nan
    live, _ = feed(TemporalStream(), [dataclasses.replace(bodies, pose=nan_arm)] * 10)
    last = live[-1].bodies
    assert set(last.joint_state[0]) == {State.LOST} and np.isnan(last.joint_age).all() and last.confidence[0] == 0
    assert np.isnan(last.pose[0, 16]).all() and np.isfinite(last.pose[0, 0]).all()


def test_the_paper_cuts_whole_bodies_hard_at_its_threshold():
    frames = walk(40)
    for k, u in ((20, 0.79), (21, 0.81), (22, 0.79)):
        frames[k] = doubted(frames[k], uncertainty=u)
    frames[25] = doubted(frames[25], LEFT_ARM, 0.95)
    live, _ = feed(TemporalStream(TemporalConfig(preset='paper')), frames)
    assert [State(f.bodies.state[0]).name for f in live[20:23]] == ['OBSERVED', 'HELD', 'OBSERVED']
    assert live[25].bodies.state[0] == State.OBSERVED


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
