"""The timeline of a run: bars where the states were, lines where something was stated."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest
from matplotlib.colors import to_rgb

from poco_ros.cli.run_log import Entry, RunLog
from poco_ros.cli.timeline import timeline_figure
from poco_ros.drawing.colors import STATE_COLORS
from poco_ros.types import Bodies, State

MS = 1_000_000
PERIOD_S = 0.04


def run(states: list[int], joints=(16, 18, 20, 22)) -> RunLog:
    """A run of person 1, whose left arm is in these states; 0: not there. The rest is observed."""
    log = RunLog()
    for number, state in enumerate(states):
        bodies = Bodies.unknown(1 if state else 0)
        if state:
            joint_state = np.full((1, 24), State.OBSERVED, np.uint8)
            joint_state[:, joints] = state
            error = np.where(joint_state == State.OBSERVED, np.nan, 10.0 * number).astype(np.float32)
            bodies = dataclasses.replace(
                bodies, track_id=np.int32([1]), joint_state=joint_state, joint_error_mm=error,
                joint_uncertainty=np.full((1, 24), 0.3, np.float32))
        stamp = round(number * PERIOD_S * 1e9)
        log.add(Entry(stamp, stamp + MS, 0, bodies))
    return log


def bars(axes, state: State) -> list[tuple[float, float, float]]:
    """The bars of a state: start, end in seconds and row."""
    color = np.array(STATE_COLORS[state]) / 255
    found = []
    for collection in axes.collections:
        if np.allclose(collection.get_facecolor()[0, :3], color, atol=1 / 255):
            for path in collection.get_paths():
                low, high = path.vertices.min(axis=0), path.vertices.max(axis=0)
                found.append((low[0], high[0], (low[1] + high[1]) / 2))
    return found


def test_bars_are_where_the_states_were():
    live = run([1] * 10 + [3] * 3 + [4] * 7 + [1] * 10)
    infilled = run([1] * 10 + [2] * 10 + [1] * 10)
    figure = timeline_figure(live, live, infilled, 'a clip', [(0.4, 0.8)], 'a board')
    upper, lower = figure.axes[:2]
    assert bars(upper, State.HELD) == [pytest.approx((0.4, 0.52, 1))]
    assert bars(upper, State.EXTRAPOLATED) == [pytest.approx((0.52, 0.8, 1))]
    assert bars(lower, State.INFILLED) == [pytest.approx((0.4, 0.8, 1))]
    assert [tick.get_text() for tick in upper.get_yticklabels()][1] == 'left arm'
    assert not bars(lower, State.HELD) and not bars(upper, State.INFILLED)
    lines = {line.get_label(): line for line in figure.axes[2].lines}
    np.testing.assert_allclose(lines['trunk'].get_ydata(), 0.3, rtol=1e-6)
    stated = [line.get_ydata() for line in figure.axes[3].lines if np.isfinite(line.get_ydata()).any()]
    assert len(stated) == 1 and np.flatnonzero(np.isfinite(stated[0])).tolist() == list(range(10, 20))
    assert stated[0][15] == pytest.approx(150)


def test_an_absence_is_a_hole_and_a_picture_can_be_saved(tmp_path):
    log = run([3] * 10 + [0] * 15 + [3] * 10)
    figure = timeline_figure(log, log, log, 'a clip')
    assert bars(figure.axes[0], State.HELD) == [pytest.approx((0, 0.4, 1)), pytest.approx((1.0, 1.4, 1))]
    figure.savefig(tmp_path / 'timeline.png')
    assert cv2.imread(str(tmp_path / 'timeline.png')).shape[0] > 800
    legend = {patch.get_label(): patch.get_facecolor()[:3] for patch in figure.legends[0].get_patches()}
    assert legend['lost'] == pytest.approx(to_rgb([v / 255 for v in STATE_COLORS[State.LOST]]))


def test_nobody_and_nothing_at_all():
    for log in (run([0, 0]), RunLog()):
        figure = timeline_figure(log, RunLog(), RunLog(), 'a clip')
        assert {text.get_text() for text in figure.axes[0].texts} == {'nobody was found'}
