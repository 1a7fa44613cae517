"""The clock that stamps the frames of a source, as it goes on between them."""

from __future__ import annotations


class SourceClock:
    """Follows the stamps of a source from a clock of our own.

    The two need not agree: a bag has stamps of long ago, a camera a clock of its own, and every frame comes later than
    its stamp. Only that they run equally fast is assumed, and only since the last frame.
    """

    def __init__(self) -> None:
        self._anchor: tuple[int, int] | None = None

    def arrived(self, stamp_ns: int, now_ns: int) -> None:
        """Take in that the newest frame came now.

        :param now_ns: of our clock.
        """
        self._anchor = (stamp_ns, now_ns)

    def at(self, now_ns: int) -> int | None:
        """Return which stamp a frame would have that came now; None before the first frame.

        It stands still where our clock went back.
        """
        if self._anchor is None:
            return None
        stamp_ns, came_ns = self._anchor
        return stamp_ns + max(0, now_ns - came_ns)

    def reset(self) -> None:
        """Forget the last frame."""
        self._anchor = None
