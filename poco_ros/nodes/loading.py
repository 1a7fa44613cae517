"""Loading in a thread of its own, so that a node can tell of it while it takes: an engine may be built for minutes.

A transition of a managed node ends when its call-back returns, and only then does rclpy handle the next request. So the
call-back waits, and does what must not wait; requests for transitions and parameters are answered afterwards, in turn.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import TypeVar

from poco_ros.errors import PocoError

Loaded = TypeVar('Loaded')

_TURN_S = 1.0
#: A library that is still at work when the process ends may crash it; one that is told to stop needs a moment.
_GRACE_S = 2.0


class AbandonedError(PocoError):
    """Nobody waits any longer for what is being loaded."""


def load_in_thread(
    load: Callable[[], Loaded], meanwhile: Callable[[], None], wanted: Callable[[], bool], turn_s: float = _TURN_S,
) -> Loaded:
    """Run ``load`` in a thread and wait for it.

    :param load: makes what is wanted; whatever it raises is raised here.
    :param meanwhile: called here, in the caller's thread, after every ``turn_s`` seconds of waiting.
    :param wanted: asked as often whether to go on waiting.
    :returns: what ``load`` returned.
    :raises AbandonedError: when it is not wanted any more. ``load`` should find out by itself and end; it is waited for
        a little, as after an interrupt, and then left alone.
    """
    done = threading.Event()
    results: list[Loaded] = []
    errors: list[BaseException] = []

    def run() -> None:
        try:
            results.append(load())
        except BaseException as error:
            errors.append(error)
        done.set()

    threading.Thread(target=run, name='loading', daemon=True).start()
    try:
        while not done.wait(turn_s):
            if not wanted():
                raise AbandonedError('loading was interrupted')
            meanwhile()
    except BaseException:
        done.wait(_GRACE_S)
        raise
    if errors:
        raise errors[0]
    return results[0]
