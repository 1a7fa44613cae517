"""Gives every followed person a row of the filters' arrays, a slot, for as long as they are followed."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.intp]


class Slots:
    """Slots by track id. Their number doubles whenever it is too small, and never shrinks.

    :param limit: most tracks at once.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._slots: dict[int, int] = {}
        self._blocked: dict[int, int] = {}
        self.capacity = 0
        self._list()

    def __len__(self) -> int:
        return len(self._slots)

    def __contains__(self, track_id: int) -> bool:
        return track_id in self._slots

    def _list(self) -> None:
        """Follow a change of the tracks: who is where changes seldom, and is asked for in every frame."""
        n = len(self._slots)
        #: Slots in use, in the order in which their tracks came.
        self.rows: Rows = np.fromiter(self._slots.values(), np.intp, n)
        #: Track ids in the order of the rows.
        self.track_ids: npt.NDArray[np.int32] = np.fromiter(self._slots, np.int32, n)
        #: The rows as an index that needs no copy, where they are the first ones in order.
        self.index: Rows | slice = slice(0, n) if (self.rows == np.arange(n)).all() else self.rows

    def slot(self, track_id: int) -> int:
        """Return the slot of a track that has one."""
        return self._slots[track_id]

    def claim(self, track_id: int, frame: int) -> int | None:
        """Give a new track a slot, or None while there is no room.

        :param track_id: of a track without a slot.
        :param frame: number of the present frame.
        """
        if len(self._slots) >= self._limit:
            return None
        taken = set(self._slots.values())
        taken.update(slot for slot, until in self._blocked.items() if until > frame)
        slot = next(i for i in range(len(taken) + 1) if i not in taken)
        self._blocked.pop(slot, None)
        self._slots[track_id] = slot
        self._list()
        while slot >= self.capacity:
            self.capacity = max(1, 2 * self.capacity)
        return slot

    def free(self, track_id: int, until: int) -> None:
        """Take a track's slot away; nobody gets it before frame number ``until``: nothing refers to it then."""
        self._blocked[self._slots.pop(track_id)] = until
        self._list()

    def clear(self) -> None:
        """Forget all tracks."""
        self._slots.clear()
        self._blocked.clear()
        self._list()
