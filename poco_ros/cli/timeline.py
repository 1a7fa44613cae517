"""The picture of what the temporal streams made of a run: the state of every limb over time, live and infilled."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from poco_ros.body.smpl import JOINT_NAMES
from poco_ros.cli.run_log import RunLog
from poco_ros.drawing.colors import STATE_COLORS
from poco_ros.types import State

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

#: Rows of the picture, from the top, with words that the names of their joints contain.
_LIMBS = {
    'head': ('neck', 'head'), 'left arm': ('left_collar', 'left_shoulder', 'left_elbow', 'left_wrist', 'left_hand'),
    'right arm': ('right_collar', 'right_shoulder', 'right_elbow', 'right_wrist', 'right_hand'),
    'trunk': ('pelvis', 'spine1', 'spine2', 'spine3'), 'left leg': ('left_hip', 'left_knee', 'left_ankle', 'left_foot'),
    'right leg': ('right_hip', 'right_knee', 'right_ankle', 'right_foot'),
}
_ROWS = {limb: [JOINT_NAMES.index(name) for name in names] for limb, names in _LIMBS.items()}
_SHADE = '#d9d2c5'
#: White would not be seen on the paper.
_OBSERVED = '#dde3e8'
#: A longer step between frames is a hole.
_HOLE_S = 0.4


def timeline_figure(
    raw: RunLog, live: RunLog, infilled: RunLog, title: str, occluded: Sequence[tuple[float, float]] = (),
    hidden_by: str = 'something in the way', thresholds: tuple[float, float] = (0.55, 0.80),
) -> Figure:
    """Draw the person who was seen most often.

    :param raw: messages of ``poco/bodies``; gives the time axis.
    :param live: messages of ``poco/bodies_live``.
    :param infilled: messages of ``poco/bodies_infilled``.
    :param title: what was looked at.
    :param occluded: spans of time, in seconds since the first image, in which something was in the way.
    :param hidden_by: what that was, in words.
    :param thresholds: uncertainties at which a joint is trusted again and dropped.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 8.5), dpi=120, layout='constrained')
    axes = figure.subplots(4, 1, sharex=True, gridspec_kw={'height_ratios': (1.5, 1.5, 1.2, 1.2)})
    start_ns = raw.entries[0].stamp_ns if len(raw) else 0
    track = raw.seen.most_common(1)[0][0] if raw.seen else -1
    for panel in axes:
        for index, (start, end) in enumerate(occluded):
            panel.axvspan(start, end, color=_SHADE, lw=0, zorder=0, label=hidden_by if index == 0 else None)
    people = {name: _Person(log, track, start_ns) for name, log in (('live', live), ('infilled', infilled))}
    for panel, (name, person) in zip(axes, people.items(), strict=False):
        _draw_states(panel, person, name)
    _draw_uncertainty(axes[2], _Person(raw, track, start_ns), thresholds)
    _draw_error(axes[3], people['infilled'], {line.get_label(): line.get_color() for line in axes[2].lines})
    axes[3].set_xlabel('time of the image (s)')
    _add_legend(figure)
    figure.suptitle(f'{title}: person {track}' if track >= 0 else title)
    return figure


class _Person:
    """What a stream says of one person: (T,) seconds, (T, 24) states, and figures of the body."""

    def __init__(self, log: RunLog, track: int, start_ns: int) -> None:
        rows = [(entry, index) for entry in log.entries
                for index in np.flatnonzero(entry.bodies.track_id == track).tolist()]
        self.seconds: Floats = np.array([(entry.stamp_ns - start_ns) / 1e9 for entry, _ in rows])
        self.states = np.array([entry.bodies.joint_state[i] for entry, i in rows]).reshape(-1, len(JOINT_NAMES))
        self.joint_uncertainty = np.array([entry.bodies.joint_uncertainty[i] for entry, i in rows]).reshape(
            -1, len(JOINT_NAMES))
        self.error_mm = np.array([entry.bodies.joint_error_mm[i] for entry, i in rows]).reshape(-1, len(JOINT_NAMES))

    def period(self) -> float:
        return float(np.median(np.diff(self.seconds))) if len(self.seconds) > 1 else 1 / 30


def _draw_states(axes: Axes, person: _Person, name: str) -> None:
    """Draw a bar per limb, in the colour of the worst state of its joints."""
    period = person.period()
    for row, joints in enumerate(_ROWS.values()):
        worst = person.states[:, joints].max(axis=1, initial=0)
        for state in State:
            spans = _spans(person.seconds, worst == state, period)
            if spans:
                axes.broken_barh(spans, (row - 0.4, 0.8), facecolors=_color(state), lw=0, zorder=2)
    axes.set(yticks=range(len(_ROWS)), yticklabels=list(_ROWS), ylim=(len(_ROWS) - 0.4, -0.6), ylabel=name)
    if not len(person.seconds):
        axes.text(0.5, 0.5, 'nobody was found', transform=axes.transAxes, ha='center')


def _spans(seconds: Floats, chosen: npt.NDArray[np.bool_], period: float) -> list[tuple[float, float]]:
    """Return (start, width) of the runs of chosen frames; a frame lasts until the next one."""
    if not len(seconds):
        return []
    steps = np.append(np.diff(seconds), period)
    lasts = np.where(steps > _HOLE_S, period, steps)
    ends = seconds + lasts
    spans: list[tuple[float, float]] = []
    for index in np.flatnonzero(chosen).tolist():
        if spans and abs(sum(spans[-1]) - seconds[index]) < 1e-9:
            spans[-1] = (spans[-1][0], float(ends[index] - spans[-1][0]))
        else:
            spans.append((float(seconds[index]), float(lasts[index])))
    return spans


def _draw_uncertainty(axes: Axes, person: _Person, thresholds: tuple[float, float]) -> None:
    """Draw what the model says: for each limb the largest uncertainty of its joints."""
    for limb, joints in _ROWS.items():
        values = person.joint_uncertainty[:, joints].max(axis=1, initial=0)
        axes.plot(person.seconds, values, lw=1.2, label=limb)
    for value, word in zip(thresholds, ('trusted again', 'dropped'), strict=True):
        axes.axhline(value, color='0.3', lw=0.8, ls='--')
        axes.annotate(word, (0.003, value), xycoords=('axes fraction', 'data'), va='bottom', fontsize='x-small')
    axes.set(ylim=(0, 1.02), ylabel='joint uncertainty\n(worst of a limb)')
    axes.grid(alpha=0.3)
    axes.legend(loc='center left', fontsize='x-small', bbox_to_anchor=(1.0, 0.5))


def _draw_error(axes: Axes, person: _Person, colors: dict[str, str]) -> None:
    """Draw the error that is stated for each limb, the largest of its joints; nothing where it is observed or lost."""
    for limb, joints in _ROWS.items():
        lost = (person.states[:, joints] == State.LOST).any(axis=1, keepdims=True)
        errors = np.where(lost, np.nan, person.error_mm[:, joints])
        worst = np.where(np.isfinite(errors), errors, -np.inf).max(axis=1, initial=-np.inf)
        axes.plot(person.seconds, np.where(np.isfinite(worst), worst, np.nan), '.-', ms=3, lw=1.2, color=colors[limb])
    axes.set(ylabel='stated error, infilled\n(mm, worst of a limb)')
    axes.set_ylim(bottom=0)
    axes.grid(alpha=0.3)


def _color(state: State) -> str:
    if state is State.OBSERVED:
        return _OBSERVED
    red, green, blue = STATE_COLORS[state]
    return f'#{red:02x}{green:02x}{blue:02x}'


def _add_legend(figure: Figure) -> None:
    from matplotlib.patches import Patch

    states = [state for state in State if state is not State.UNKNOWN]
    patches = [Patch(facecolor=_color(state), label=state.name.lower()) for state in states]
    figure.legend(handles=patches, loc='outside lower center', ncol=len(states), fontsize='small', frameon=False)
