"""The rules of the paper on recordings."""

import dataclasses

import numpy as np
import pytest
from temporal_streams import PERIOD_NS, doubted, posed, walking

from poco_ros.temporal.offline import Recorded, infill_recording, stretches
from poco_ros.types import State


@pytest.mark.parametrize(('runs', 'wanted'), [
    ([(0.2, 30)], [(0, 30)]),
    ([(0.2, 9)], [(0, 9)]),
    ([(0.2, 4)], []),
    ([(0.9, 3), (0.2, 10), (0.9, 5), (0.2, 10), (0.9, 2)], [(3, 28)]),
    ([(0.2, 10), (0.75, 15), (0.2, 10)], [(0, 35)]),
    ([(0.2, 10), (0.75, 16), (0.2, 10)], [(0, 10), (26, 36)]),
    ([(0.2, 10), (0.75, 8), (0.9, 8), (0.2, 10)], [(0, 10), (26, 36)]),
    ([(0.2, 10), (np.nan, 10), (0.2, 3), (0.9, 2), (0.2, 6)], [(0, 31)]),
    ([(0.2, 10), (0.9, 6), (0.2, 4)], [(0, 10)]),
    ([(np.nan, 20)], []),
])
def test_stretches(runs, wanted):
    u = np.concatenate([np.full(n, value) for value, n in runs])
    assert stretches(u) == wanted


def recording(n, gap, people=1):
    frames = []
    for k in range(n):
        bodies = walking(k / 30, people)
        if k in gap:
            bodies = doubted(posed(bodies.pose * 0.2, bodies.transl, bodies.track_id))
        frames.append(Recorded(k * PERIOD_NS, bodies))
    return frames


def test_short_gaps_are_infilled_and_long_ones_left_alone():
    for gap, state in ((range(20, 32), State.INFILLED), (range(20, 40), State.LOST)):
        frames = recording(70, gap)
        out = infill_recording(frames)
        assert [b.state[0] for b in out] == [state if k in gap else State.OBSERVED for k in range(70)]
        truth = walking(25 / 30).joints
        came, got = (np.linalg.norm(b.joints - truth, axis=-1).mean() for b in (frames[25].bodies, out[25]))
        assert got < 0.5 * came if state == State.INFILLED else got == came


def test_people_keep_their_ids_and_their_frames():
    frames = recording(60, range(0))
    frames = [dataclasses.replace(f, bodies=f.bodies.take([])) if 20 <= k < 26 else f for k, f in enumerate(frames)]
    untracked = walking(0.0, 1, first_id=-1)
    frames[40] = dataclasses.replace(frames[40], bodies=untracked)
    out = infill_recording(frames)
    # where the message had nobody, the person is infilled; the untracked body stays beside the infilled one
    assert [b.track_id.tolist() for b in out] == [[1, -1] if k == 40 else [1] for k in range(60)]
    assert [State(b.state[0]).name for b in out[18:28]] == ['OBSERVED'] * 2 + ['INFILLED'] * 6 + ['OBSERVED'] * 2


def test_a_bag_that_loops_is_two_recordings():
    frames = recording(20, range(0)) + recording(20, range(0))
    out = infill_recording(frames)
    assert len(out) == 40
    np.testing.assert_allclose(out[20].joints, out[0].joints, atol=1e-6)
    assert infill_recording([]) == []


def test_repeated_and_late_frames_stay_as_they_came_and_tear_nothing():
    frames = recording(60, range(20, 30))
    wanted = infill_recording(frames)
    stray = dataclasses.replace(frames[15], bodies=posed(np.zeros((1, 24, 3)), np.ones((1, 3)), [1]))
    close = dataclasses.replace(frames[25], stamp_ns=frames[25].stamp_ns + 100)
    mixed = [*frames[:25], stray, frames[24], *frames[25:26], close, *frames[26:]]
    out = infill_recording(mixed)
    assert len(out) == 63 and np.array_equal(out[25].joints, stray.bodies.joints)
    assert out[26].state[0] == out[28].state[0] == State.LOST
    for got, want in zip([b for i, b in enumerate(out) if i not in (25, 26, 28)], wanted, strict=True):
        np.testing.assert_allclose(got.joints, want.joints, atol=1e-6)
        assert got.state[0] == want.state[0]


def test_nothing_is_infilled_across_a_hole_in_the_recording_or_a_restart_of_its_source():
    frames = recording(60, range(20, 30))
    later = [dataclasses.replace(f, stamp_ns=f.stamp_ns + (10 ** 9 if k >= 25 else 0)) for k, f in enumerate(frames)]
    restarted = [dataclasses.replace(f, epoch=int(k >= 25)) for k, f in enumerate(frames)]
    for torn in (later, restarted):
        assert [b.state[0] for b in infill_recording(torn)[20:30]] == [State.LOST] * 10


def test_what_the_errors_refer_to():
    stated, unstated = recording(2, ())
    stated = dataclasses.replace(stated, coverage=0.8, confidence_bound_mm=50.0)
    assert (stated.calibration.coverage, stated.calibration.bound_mm) == (0.8, 50)
    assert (unstated.calibration.coverage, unstated.calibration.bound_mm) == (0.9, 100)
    radii = []
    for coverage in (0.8, 0.99):
        frames = [dataclasses.replace(f, coverage=coverage) for f in recording(50, range(20, 26))]
        radii.append(infill_recording(frames)[23].joint_radius_mm[0, 4])
    assert radii[0] < radii[1]
