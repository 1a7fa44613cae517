"""Lets through at most so many items a second, evenly, also when the items come with jitter."""

from __future__ import annotations

#: An item that comes earlier than its turn by less than this share of the period is let through: with jitter, every
#: other frame of a 30 Hz camera would not quite make it to 15 Hz.
_TOLERANCE = 0.2


class Throttle:
    """Decides by the caller's clock, which may be simulated, stand still, or jump back.

    :param rate_hz: at most so many a second on average; 0 lets everything through.
    """

    def __init__(self, rate_hz: float) -> None:
        self.rate_hz = rate_hz
        self._next_ns: float | None = None

    def due(self, now_ns: int) -> bool:
        """Return whether an item may pass now; True counts as passed.

        :param now_ns: the clock's time in nanoseconds. After a jump back it begins anew.
        """
        if self.rate_hz <= 0:
            return True
        period = 1e9 / self.rate_hz
        turn = self._next_ns
        if turn is None or now_ns < turn - 2 * period:
            turn = float(now_ns)
        if now_ns < turn - _TOLERANCE * period:
            return False
        self._next_ns = max(turn + period, now_ns + period * (1 - 2 * _TOLERANCE))
        return True
