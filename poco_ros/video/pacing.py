"""When pictures are due."""

from __future__ import annotations


class Schedule:
    """Even times without drift: the n-th is due n periods after the first, whatever delays the others had.

    Who falls behind by more than a period gets a new start instead of a burst of overdue times; so does a clock that
    was set back.
    """

    def __init__(self, rate: float) -> None:
        """Set the pace.

        :param rate: times a second, > 0.
        """
        self.restarts = 0
        self._period_ns = 1e9 / rate
        self._start_ns: int | None = None
        self._count = 0

    def next(self, now_ns: int) -> int:
        """Return the next time, in nanoseconds of the clock that ``now_ns`` is read from; the first is now."""
        if self._start_ns is None:
            self._start_ns, self._count = now_ns, 0
        due = self._due(self._start_ns)
        if not now_ns - self._period_ns <= due <= now_ns + 2 * self._period_ns:
            self.restarts += 1
            self._start_ns, self._count = now_ns, 0
            due = now_ns
        self._count += 1
        return due

    def accepts(self, now_ns: int) -> bool:
        """Tell whether something that came by itself is due; if so, the schedule goes on to the next time.

        A tenth of a period early is still accepted, or a camera of exactly this rate would lose every other picture.
        """
        if self._start_ns is not None:
            early_ns = self._due(self._start_ns) - now_ns
            if 0.1 * self._period_ns < early_ns <= 2 * self._period_ns:
                return False
        self.next(now_ns)
        return True

    def _due(self, start_ns: int) -> int:
        return start_ns + round(self._count * self._period_ns)
