"""One process builds a plan, the others wait for it."""

from __future__ import annotations

import contextlib
import fcntl
import time
from collections.abc import Callable, Iterator
from pathlib import Path

_RETRY_S = 0.2


@contextlib.contextmanager
def locked(path: Path, waiting: Callable[[], None]) -> Iterator[bool]:
    """Hold a file's lock alone, among processes and threads, waiting for whoever has it.

    The system lets go of it when its holder ends, however that ends; a file left behind locks nothing.

    :param path: of the lock file; made where missing, never removed (removing it would let two in).
    :param waiting: called again and again while somebody else has it; what it raises ends the waiting.
    :returns: True; False when there can be no lock, because the folder cannot be written to or its file system knows
        none.
    """
    try:
        file = path.open('a')
    except OSError:
        yield False
        return
    with file:
        held = False
        while not held:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                held = True
            except BlockingIOError:
                waiting()
                time.sleep(_RETRY_S)
            except OSError:
                break
        yield held
