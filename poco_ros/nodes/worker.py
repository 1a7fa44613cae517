"""A thread that works on the newest item only, so that slow work never delays the node's call-backs."""

from __future__ import annotations

import logging
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

Item = TypeVar('Item')

_log = logging.getLogger(__name__)


class LatestWorker(Generic[Item]):
    """Runs ``work`` in a thread of its own; an item that still waits when a newer one comes is passed over.

    :param work: called with the item and how many were passed over since the previous call. It handles its own
        errors: an exception that escapes is logged, and the next item is worked on.
    :param name: of the thread.
    """

    def __init__(self, work: Callable[[Item, int], None], name: str = 'worker') -> None:
        self._work = work
        self._changed = threading.Condition()
        self._slot: list[Item] = []
        self._skipped = 0
        self._skipped_total = 0
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=name, daemon=True)
        self._thread.start()

    @property
    def skipped_total(self) -> int:
        """How many items were passed over since the start."""
        return self._skipped_total

    def put(self, item: Item) -> None:
        """Give an item to the worker; one that still waits is passed over for it."""
        with self._changed:
            if self._slot:
                self._skipped += 1
                self._skipped_total += 1
            self._slot = [item]
            self._changed.notify()

    def stop(self, timeout_s: float = 5.0) -> bool:
        """Drop the waiting item and end the thread after the item in work.

        :param timeout_s: how long to wait for the item in work.
        :returns: False if the thread still works on its item then; it ends by itself, at the latest with the process.
        """
        with self._changed:
            self._stopping = True
            self._slot = []
            self._changed.notify()
        self._thread.join(timeout_s)
        return not self._thread.is_alive()

    def _run(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._slot or self._stopping)
                if self._stopping:
                    return
                item, skipped = self._slot.pop(), self._skipped
                self._skipped = 0
            try:
                self._work(item, skipped)
            except Exception:
                _log.exception('an item could not be worked on')
            del item  # an image waits for its successor otherwise
