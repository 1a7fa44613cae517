"""What the temporal node counts and measures while it runs, for its diagnostics."""

from __future__ import annotations

import math
from collections import deque
from dataclasses import dataclass, field

import numpy as np
import numpy.typing as npt

from poco_ros.nodes.health import Tally, rate_hz, recent
from poco_ros.types import NUM_JOINTS, Bodies, State

#: So many messages of a stream, or gaps, are remembered at most.
_REMEMBERED = 1000


@dataclass(frozen=True)
class StreamFigures:
    """One published stream, over the last seconds.

    :param rate_hz: messages.
    :param published: messages since the activation.
    :param shares: by state, of the joints of everybody; empty where nobody was there.
    """

    rate_hz: float = 0.0
    published: int = 0
    shares: dict[State, float] = field(default_factory=dict)


@dataclass(frozen=True)
class TemporalSnapshot:
    """The state of the node at one moment; NaN where there is none.

    :param rate_in_hz: messages that arrive.
    :param received: messages since the activation.
    :param input_age_s: since the last one.
    :param listening_s: since the input is subscribed to.
    :param live: figures of the live stream.
    :param infilled: figures of the infilled stream.
    :param gaps: how many times a joint came back lately.
    :param gap_median_s: how long it had not been seen then.
    :param gap_longest_s: as above.
    :param work_ms: median time to work on a message.
    :param lag_violations: infilled frames that left later than declared.
    :param source_restarts: new epochs in the input.
    :param unusable: messages that could not be worked on.
    """

    rate_in_hz: float
    received: int
    input_age_s: float
    listening_s: float
    live: StreamFigures
    infilled: StreamFigures
    gaps: int
    gap_median_s: float
    gap_longest_s: float
    work_ms: float
    lag_violations: Tally
    source_restarts: Tally
    unusable: Tally


class _Stream:
    """Messages of one stream: when, and in which states the joints were."""

    def __init__(self) -> None:
        self._messages: deque[tuple[float, npt.NDArray[np.int64]]] = deque(maxlen=_REMEMBERED)
        self._published = 0

    def add(self, bodies: Bodies, now_s: float) -> None:
        self._published += 1
        self._messages.append((now_s, np.bincount(bodies.joint_state.ravel(), minlength=len(State))))

    def figures(self, now_s: float) -> StreamFigures:
        messages = [row for row in self._messages if recent(row[0], now_s)]
        counts = np.sum([row[1] for row in messages], axis=0) if messages else np.zeros(len(State))
        total = counts.sum()
        shares = {state: float(counts[state] / total) for state in State if counts[state]} if total else {}
        return StreamFigures(rate_hz([row[0] for row in messages]), self._published, shares)


class _Gaps:
    """How long joints were not seen when they come back, from the ages in the live stream."""

    def __init__(self) -> None:
        self._ages: dict[int, npt.NDArray[np.float32]] = {}
        self._ended: deque[tuple[float, float]] = deque(maxlen=_REMEMBERED)

    def add(self, bodies: Bodies, now_s: float) -> None:
        before, self._ages = self._ages, {}
        for track, ages in zip(bodies.track_id.tolist(), bodies.joint_age, strict=True):
            last = before.get(track, np.zeros(NUM_JOINTS, np.float32))
            back = (ages == 0) & (last > 0)
            self._ended += [(now_s, age) for age in last[back].tolist()]
            self._ages[track] = ages

    def lengths(self, now_s: float) -> list[float]:
        return [length for when, length in self._ended if recent(when, now_s)]


class _Count:
    """How often something happened, and when last."""

    def __init__(self) -> None:
        self._total, self._when, self._reason = 0, -math.inf, ''

    def add(self, now_s: float, reason: str = '') -> None:
        self._total, self._when, self._reason = self._total + 1, now_s, reason

    def tally(self, now_s: float) -> Tally:
        return Tally(self._total, recent(self._when, now_s), self._reason)


class TemporalHealth:
    """Collects; :meth:`snapshot` tells. Every ``now_s`` is the node's clock in seconds."""

    def __init__(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=_REMEMBERED)
        self._received = 0
        self._since = math.nan
        self._live, self._infilled = _Stream(), _Stream()
        self._gaps = _Gaps()
        self._work_s: deque[float] = deque(maxlen=100)
        self._violations, self._restarts, self._unusable = _Count(), _Count(), _Count()

    def listen(self, now_s: float) -> None:
        """Remember that the input is subscribed to from now on."""
        self._arrivals.clear()
        self._since = now_s

    def arrived(self, now_s: float) -> None:
        """Count a message of the input, good or bad."""
        self._received += 1
        self._arrivals.append(now_s)

    def worked(self, seconds: float) -> None:
        """Remember how long the work on a message took."""
        self._work_s.append(seconds)

    def published_live(self, bodies: Bodies, now_s: float) -> None:
        """Count a message of the live stream."""
        self._live.add(bodies, now_s)
        self._gaps.add(bodies, now_s)

    def published_infilled(self, bodies: Bodies, now_s: float) -> None:
        """Count a message of the infilled stream."""
        self._infilled.add(bodies, now_s)

    def lag_violated(self, now_s: float, reason: str) -> None:
        """Count an infilled frame that left too late."""
        self._violations.add(now_s, reason)

    def source_restarted(self, now_s: float) -> None:
        """Count a new epoch of the input."""
        self._restarts.add(now_s)

    def unusable(self, now_s: float, reason: str) -> None:
        """Count a message that could not be worked on."""
        self._unusable.add(now_s, reason)

    def snapshot(self, now_s: float) -> TemporalSnapshot:
        """Return the state at ``now_s``."""
        gaps = self._gaps.lengths(now_s)
        last = self._arrivals[-1] if self._arrivals else math.nan
        return TemporalSnapshot(
            rate_hz([t for t in self._arrivals if recent(t, now_s)]), self._received, now_s - last,
            now_s - self._since, self._live.figures(now_s), self._infilled.figures(now_s), len(gaps),
            float(np.median(gaps)) if gaps else math.nan, max(gaps, default=math.nan),
            1e3 * float(np.median(self._work_s)) if self._work_s else math.nan,
            self._violations.tally(now_s), self._restarts.tally(now_s), self._unusable.tally(now_s))
