"""How a run is shown while it goes on: a live table on a terminal, plain lines elsewhere."""

from __future__ import annotations

import time
from types import TracebackType

import numpy as np
from rich.console import Console, Group
from rich.live import Live
from rich.table import Table
from rich.text import Text

from poco_ros.cli.run_log import RunLog
from poco_ros.drawing.colors import trust_colors
from poco_ros.drawing.trust import body_trust, state_words, trust_words

_LIVE_S = 0.25
_LINE_S = 2.0


class Display:
    """Shows a run. A context; leaving it leaves the last state on the screen.

    :param console: where.
    :param title: what is looked at.
    """

    def __init__(self, console: Console, title: str) -> None:
        self._console = console
        self._title = title
        self._live = Live(console=console, auto_refresh=False) if console.is_terminal else None
        self._shown = -np.inf
        self._told = 0

    def say(self, line: str) -> None:
        """Print a line that stays."""
        self._console.print(line, highlight=False, markup=False, soft_wrap=True)

    def update(self, log: RunLog, now: bool = False) -> None:
        """Show the state of the run, unless that was done just before.

        :param now: show it in any case.
        """
        if not now and time.monotonic() - self._shown < (_LIVE_S if self._live else _LINE_S):
            return
        self._shown = time.monotonic()
        if self._live:
            self._live.update(Group(people_table(log, self._title), Text(figures(log))), refresh=True)
        elif len(log) > self._told:
            self._told = len(log)
            self.say(f'{figures(log)}; {people_line(log)}')

    def __enter__(self) -> Display:
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None,
    ) -> None:
        if self._live:
            self._live.stop()


def figures(log: RunLog) -> str:
    """Return the figures of the run in one line."""
    p50, p95 = log.latency_ms(50), log.latency_ms(95)
    latency = 'not known (other clock)' if np.isnan(p50) else f'{p50:.0f} ms, p95 {p95:.0f} ms'
    rate = log.rate_hz()
    return (
        f'{len(log)} images, {"-" if np.isnan(rate) else f"{rate:.1f}"} a second, latency p50 {latency}, '
        f'{log.skipped_frames} passed over'
    )


def people_line(log: RunLog) -> str:
    """Return who is in the last message, in one line."""
    bodies = log.entries[-1].bodies
    people = [f'person {bodies.track_id[i]} {trust_words(bodies, i)}' for i in range(len(bodies))]
    return ', '.join(people) or 'nobody'


def people_table(log: RunLog, title: str) -> Table:
    """Return who is in the last message as a table."""
    table = Table(title=title, title_justify='left', expand=False)
    for heading in ('person', 'distance', 'how far to trust', 'state', 'seen in'):
        table.add_column(heading)
    if not len(log):
        table.add_row('-', '', 'waiting for the first image', '', '')
        return table
    bodies, seen = log.entries[-1].bodies, log.seen
    trust = body_trust(bodies)
    for i in range(len(bodies)):
        red, green, blue = trust_colors(trust[i]).tolist()
        track = int(bodies.track_id[i])
        table.add_row(
            str(track) if track >= 0 else '?', f'{bodies.transl[i, 2]:.1f} m',
            Text.assemble(('\u25cf ', f'rgb({red},{green},{blue})'), trust_words(bodies, i)),
            state_words(bodies, i) or 'observed', f'{seen.get(track, 0)} images',
        )
    if not len(bodies):
        table.add_row('nobody', '', '', '', '')
    return table
