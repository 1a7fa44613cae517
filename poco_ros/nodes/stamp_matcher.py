"""Brings together what belongs to the same stamp but arrives apart: an image and the boxes found in it."""

from __future__ import annotations

from typing import Generic, TypeVar

Left = TypeVar('Left')
Right = TypeVar('Right')


class StampMatcher(Generic[Left, Right]):
    """Pairs by equal stamps. What waits longest is given up when more than ``capacity`` of its kind wait.

    A pair also gives up everything older of both kinds: where the left parts come in the order of time, the pairs do.

    :param capacity: how many of each kind may wait, >= 1.
    """

    def __init__(self, capacity: int) -> None:
        self._capacity = capacity
        self._lefts: dict[int, Left] = {}
        self._rights: dict[int, Right] = {}
        self.lefts_given_up = 0
        self.rights_given_up = 0

    def add_left(self, stamp: int, left: Left) -> tuple[Left, Right] | None:
        """Take a left part; return the pair if its right part is there already."""
        self._lefts[stamp] = left
        return self._pair(stamp)

    def add_right(self, stamp: int, right: Right) -> tuple[Left, Right] | None:
        """Take a right part; return the pair if its left part is there already."""
        self._rights[stamp] = right
        return self._pair(stamp)

    def clear(self) -> None:
        """Forget all that waits, without counting it as given up."""
        self._lefts.clear()
        self._rights.clear()

    def _pair(self, stamp: int) -> tuple[Left, Right] | None:
        if stamp in self._lefts and stamp in self._rights:
            self.lefts_given_up += _drop_before(self._lefts, stamp)
            self.rights_given_up += _drop_before(self._rights, stamp)
            return self._lefts.pop(stamp), self._rights.pop(stamp)
        if len(self._lefts) > self._capacity:
            self._lefts.pop(next(iter(self._lefts)))
            self.lefts_given_up += 1
        if len(self._rights) > self._capacity:
            self._rights.pop(next(iter(self._rights)))
            self.rights_given_up += 1
        return None


def _drop_before(waiting: dict[int, Left], stamp: int) -> int:
    """Drop what is older than ``stamp`` and return how many that were."""
    older = [key for key in waiting if key < stamp]
    for key in older:
        del waiting[key]
    return len(older)
