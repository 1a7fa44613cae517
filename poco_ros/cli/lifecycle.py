"""Bringing a managed node to ACTIVE through its services, as launch does, with the node's own reason when it fails."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import rclpy
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus
from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node
from rclpy.signals import SignalHandlerOptions

from poco_ros.errors import PocoError
from poco_ros.graph import NodeSpec

#: What is done in words, the transition, and the states in which it begins and ends.
_TRANSITIONS = (
    ('configure', Transition.TRANSITION_CONFIGURE, State.PRIMARY_STATE_UNCONFIGURED, State.PRIMARY_STATE_INACTIVE),
    ('activate', Transition.TRANSITION_ACTIVATE, State.PRIMARY_STATE_INACTIVE, State.PRIMARY_STATE_ACTIVE),
)
#: Longer than any start of a node on a busy machine; loading models comes later, within ``configure``.
_APPEARANCE_S = 60.0
_PATIENCE_S = 5.0
_REASON_S = 2.0


@contextmanager
def ros_node(name: str) -> Iterator[Node]:
    """Give a node for the time of the block, leaving signals to the caller."""
    rclpy.init(signal_handler_options=SignalHandlerOptions.NO)
    try:
        node = rclpy.create_node(name)
        try:
            yield node
        finally:
            node.destroy_node()
    finally:
        rclpy.try_shutdown()


class DiagnosticsWatch:
    """Remembers the last word of every part of the graph on ``/diagnostics``."""

    def __init__(self, node: Node) -> None:
        self._last: dict[str, DiagnosticStatus] = {}
        node.create_subscription(DiagnosticArray, '/diagnostics', self._remember, 10)

    def _remember(self, message: DiagnosticArray) -> None:
        self._last.update({status.name: status for status in message.status})

    def says(self, name: str) -> str:
        """Return the last message of a part by its full name, like '/poco_node: model'; '' where it said nothing."""
        return self._last[name].message if name in self._last else ''

    def complaints(self, of: str = '') -> list[str]:
        """Return the warnings and errors in force, worst first, each as 'name: message'.

        :param of: only of parts whose name contains this.
        """
        bad = [s for s in self._last.values() if _level(s) > _level(DiagnosticStatus()) and of in s.name]
        return [f'{status.name}: {status.message}' for status in sorted(bad, key=_level, reverse=True)]


def _level(status: DiagnosticStatus) -> int:
    level = status.level
    return level[0] if isinstance(level, bytes) else int(level)


@dataclass(frozen=True)
class _Managed:
    """A node that is being brought up, and the clients of its services."""

    spec: NodeSpec
    alive: Callable[[], bool]
    change: Any
    state: Any


class Bringup:
    """Configures and activates managed nodes.

    :param node: with which the services are called; nobody else may spin it meanwhile.
    :param diagnostics: where a node says why it failed.
    :param say: told in a line what is being waited for.
    """

    def __init__(self, node: Node, diagnostics: DiagnosticsWatch, say: Callable[[str], None]) -> None:
        self._node = node
        self._diagnostics = diagnostics
        self._say = say
        self._executor = SingleThreadedExecutor()

    def to_active(self, spec: NodeSpec, alive: Callable[[], bool]) -> None:
        """Bring one node to ACTIVE.

        :param spec: a node that has been started.
        :param alive: whether its process still runs.
        :raises PocoError: when the process ends, its services never answer, or a transition fails; gives the reason.
        """
        self._executor.add_node(self._node)
        # A node may have to answer before it has discovered who asked, and what it says is then lost. Clients are
        # discovered in the order they were made in: once it answers the second one, the first hears it too.
        change: Any = self._node.create_client(ChangeState, f'{spec.full_name}/change_state')
        state: Any = self._node.create_client(GetState, f'{spec.full_name}/get_state')
        managed = _Managed(spec, alive, change, state)
        try:
            if not self._wait(lambda: change.service_is_ready() and self._state(managed) is not None, alive,
                              _APPEARANCE_S):
                raise PocoError(self._why_not(spec, alive, 'started'))
            for word, transition, start, goal in _TRANSITIONS:
                self._change(managed, word, transition, start, goal)
        finally:
            self._executor.remove_node(self._node)
            self._node.destroy_client(state)
            self._node.destroy_client(change)

    def _change(self, managed: _Managed, word: str, transition: int, start: int, goal: int) -> None:
        spec, alive = managed.spec, managed.alive
        future: Any = managed.change.call_async(ChangeState.Request(transition=Transition(id=transition)))
        asked, before = time.monotonic(), None
        while not self._wait(future.done, alive, _PATIENCE_S):
            if not alive():
                raise PocoError(self._why_not(spec, alive, f'{word}d'))
            state = self._state(managed)
            if state == goal:  # the answer got lost, the deed is done
                return
            if state == before == start:  # once may be from before the request was handled; twice, it failed
                raise PocoError(self._why_not(spec, alive, f'{word}d'))
            before = state
            what = self._diagnostics.says(f'{spec.full_name}: model')
            self._say(f'{spec.full_name}: {word} takes a while ({time.monotonic() - asked:.0f} s)'
                      + (f': {what}' if what else ''))
        if not future.result().success:
            self._wait(lambda: bool(self._diagnostics.complaints(spec.name)), alive, _REASON_S)
            raise PocoError(self._why_not(spec, alive, f'{word}d'))

    def _state(self, managed: _Managed) -> int | None:
        """Return the state the node says it is in; None when it does not answer, as while it is busy."""
        if not self._wait(managed.state.service_is_ready, managed.alive, 1.0):
            return None
        future: Any = managed.state.call_async(GetState.Request())
        if not self._wait(future.done, managed.alive, 1.0):
            managed.state.remove_pending_request(future)
            return None
        return int(future.result().current_state.id)

    def _wait(self, ready: Callable[[], bool], alive: Callable[[], bool], seconds: float) -> bool:
        deadline = time.monotonic() + seconds
        while not ready():
            if time.monotonic() > deadline or not alive():
                return False
            self._executor.spin_once(timeout_sec=0.1)
        return True

    def _why_not(self, spec: NodeSpec, alive: Callable[[], bool], what: str) -> str:
        head = f'{spec.full_name} could not be {what}'
        if not alive():
            return f'{head}: its process ended; its last lines say why'
        complaints = self._diagnostics.complaints(spec.name)
        return f'{head}: {"; ".join(complaints)}' if complaints else f'{head}; its log says why'
