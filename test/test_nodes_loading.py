"""Loading in a thread: what comes back, what is raised, and what goes on meanwhile."""

from __future__ import annotations

import threading

import pytest

from poco_ros.errors import EngineError
from poco_ros.nodes.loading import AbandonedError, load_in_thread


def never() -> None:
    raise AssertionError('there was nothing to wait for')


def test_what_is_loaded_comes_back_at_once():
    assert load_in_thread(lambda: 7, never, lambda: True, turn_s=60) == 7


def test_errors_are_raised_where_somebody_waits():
    def fail() -> None:
        raise EngineError('no such plan')

    with pytest.raises(EngineError, match='no such plan'):
        load_in_thread(fail, never, lambda: True)
    with pytest.raises(SystemExit):
        load_in_thread(lambda: exit(3), never, lambda: True)


def test_the_caller_goes_on_in_its_own_thread_until_it_is_loaded():
    go, turns = threading.Event(), []

    def load() -> str:
        assert go.wait(10)
        return threading.current_thread().name

    def meanwhile() -> None:
        turns.append(threading.current_thread())
        if len(turns) == 3:
            go.set()

    assert load_in_thread(load, meanwhile, lambda: True, turn_s=0.01) == 'loading'
    assert len(turns) >= 3 and set(turns) == {threading.current_thread()}


def test_what_is_not_wanted_any_more_is_not_waited_for():
    go = threading.Event()
    with pytest.raises(AbandonedError):
        load_in_thread(lambda: go.wait(10), never, lambda: False, turn_s=0.01)
    go.set()
