"""The picture of a run: how far to trust whom over time, and below it the latency of every message."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from poco_ros.cli.run_log import RunLog

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Floats = npt.NDArray[np.float64]

#: A person not seen for so long leaves a gap in the line instead of a straight stroke over it. Seconds.
_GAP_S = 0.4
_SHADE = '#d9d2c5'


def confidence_figure(
    log: RunLog, title: str, occluded: Sequence[tuple[float, float]] = (), hidden_by: str = 'something in the way',
) -> Figure:
    """Draw a run.

    :param log: the run; may be without any body.
    :param title: what was looked at.
    :param occluded: spans of time, in seconds since the first image, in which something was in the way.
    :param hidden_by: what that was, in words.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(11, 6), dpi=120, layout='constrained')
    upper, lower = figure.subplots(2, 1, sharex=True, gridspec_kw={'height_ratios': (2.2, 1)})
    for index, (start, end) in enumerate(occluded):
        upper.axvspan(start, end, color=_SHADE, lw=0, label=hidden_by if index == 0 else None)
    _draw_trust(upper, log)
    _draw_latency(lower, log)
    figure.suptitle(title)
    return figure


def _draw_trust(axes: Axes, log: RunLog) -> None:
    for track, (seconds, trust) in log.tracks().items():
        name = 'not tracked' if track < 0 else f'person {track}'
        axes.plot(*_with_gaps(seconds, trust), lw=1.6, label=name)
    what = 'confidence (calibrated probability)' if log.calibrated else '1 - model uncertainty\n(not calibrated)'
    axes.set(ylabel=what, ylim=(0, 1.02))
    axes.grid(alpha=0.3)
    if axes.get_legend_handles_labels()[0]:
        axes.legend(loc='lower left', ncol=4, fontsize='small')
    else:
        axes.text(0.5, 0.5, 'nobody was found', transform=axes.transAxes, ha='center')


def _draw_latency(axes: Axes, log: RunLog) -> None:
    seconds = np.array([log.seconds(entry) for entry in log.entries])
    latency = np.array([entry.latency_ms for entry in log.entries])
    known = latency[np.isfinite(latency)]
    if known.size:
        top = float(np.percentile(known, 95)) * 1.6
        beyond = latency > top
        axes.plot(seconds[~beyond], latency[~beyond], '.', ms=3, color='0.35')
        axes.plot(seconds[beyond], np.full(beyond.sum(), 0.97 * top), '^', ms=5, color='0.35', label='more')
        for percent, style in ((50, '-'), (95, '--')):
            value = float(np.percentile(known, percent))
            axes.axhline(value, ls=style, lw=1, color='tab:red', label=f'p{percent}: {value:.0f} ms')
        axes.legend(loc='upper right', ncol=3, fontsize='small')
        axes.set_ylim(0, top)
    else:
        axes.text(0.5, 0.5, 'latency not known: stamps of another clock', transform=axes.transAxes, ha='center')
    axes.set(xlabel='time of the image (s)', ylabel='capture to message\n(ms)')
    axes.grid(alpha=0.3)


def _with_gaps(seconds: Floats, values: Floats) -> tuple[Any, Any]:
    """Return the curve with a NaN wherever nothing was seen for longer than ``_GAP_S``."""
    breaks = np.flatnonzero(np.diff(seconds) > _GAP_S) + 1
    return np.insert(seconds, breaks, np.nan), np.insert(values, breaks, np.nan)
