"""Decides by its time stamp what an arriving image is: the next one, a repetition, or the start of something new."""

from __future__ import annotations

from enum import Enum


class Order(Enum):
    """How an image follows the one before."""

    FIRST = 'first'
    NEXT = 'next'
    REPEATED = 'repeated'
    BACKWARDS = 'backwards'
    GAP = 'gap'

    @property
    def starts_anew(self) -> bool:
        """Whether what is known from earlier images must be forgotten."""
        return self in (Order.BACKWARDS, Order.GAP)


class StampGate:
    """Compares each stamp with the last one.

    A bag that loops sends stamps that go back; a camera that freezes repeats one; after a long gap nobody can be
    taken for the same person any more.

    :param longest_gap_s: a step forward of more than this is a gap.
    """

    def __init__(self, longest_gap_s: float) -> None:
        self._longest_gap_ns = round(longest_gap_s * 1e9)
        self._last_ns: int | None = None

    def check(self, stamp_ns: int) -> Order:
        """Return what the image of this stamp is, and remember the stamp unless it repeats the last one."""
        last, self._last_ns = self._last_ns, stamp_ns
        if last is None:
            return Order.FIRST
        if stamp_ns == last:
            return Order.REPEATED
        if stamp_ns < last:
            return Order.BACKWARDS
        return Order.GAP if stamp_ns - last > self._longest_gap_ns else Order.NEXT

    def reset(self) -> None:
        """Forget the last stamp."""
        self._last_ns = None
