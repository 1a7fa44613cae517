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
