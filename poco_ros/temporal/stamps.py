"""Reads from the time stamps how a frame follows the one before, and how fast frames come."""

from __future__ import annotations

from collections import deque
from enum import Enum
from statistics import median

from poco_ros.temporal.config import StampConfig

_NS = 1_000_000_000
#: Steps whose median is the period; odd, so that the median is one of them.
_RECENT = 15


class Step(Enum):
    """How a frame follows the one before."""

    FIRST = 'first'
    NEXT = 'next'
    REPEATED = 'repeated'
    LATE = 'late'
    JUMP = 'jump'


class FrameClock:
    """Follows the stamps of one stream.

    :param config: thresholds.
    """

    def __init__(self, config: StampConfig) -> None:
        self._config = config
        self._last_ns: int | None = None
        self._steps_ns: deque[int] = deque(maxlen=_RECENT)
        self._period_s = config.first_period_s

    @property
    def period_s(self) -> float:
        """Median time between the last frames."""
        return self._period_s

    def classify(self, stamp_ns: int) -> tuple[Step, float]:
        """Return how a frame follows, and after how many seconds; does not take the frame in yet."""
        if self._last_ns is None:
            return Step.FIRST, 0.0
        delta = (stamp_ns - self._last_ns) / _NS
        if abs(delta) > self._config.jump_s:
            return Step.JUMP, delta
        if abs(delta) < self._config.duplicate_s or delta == 0:
            return Step.REPEATED, delta
        return (Step.LATE if delta < 0 else Step.NEXT), delta

    def accept(self, stamp_ns: int) -> int:
        """Take a frame in as the newest.

        :returns: how many frames seem to be missing before it, judged by the period.
        """
        missing = 0
        if self._last_ns is not None and stamp_ns > self._last_ns:
            step = stamp_ns - self._last_ns
            if self._steps_ns:
                missing = max(0, round(step / _NS / self.period_s) - 1)
            self._steps_ns.append(step)
            self._period_s = median(self._steps_ns) / _NS
        self._last_ns = stamp_ns
        return missing

    def reset(self) -> None:
        """Forget the last frame, but not how fast frames come."""
        self._last_ns = None
