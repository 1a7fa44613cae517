"""Helpers for tests that run nodes over real DDS: an own domain, and event-driven waiting instead of sleeping."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator

import rclpy
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.client import Client
from rclpy.context import Context
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from poco_ros import environment

_newest = 0


def free_domain() -> int:
    """Return the domain of the newest :class:`Ros`, for programs that a test starts."""
    return _newest or _next_domain()


def _next_domain() -> int:
    """Take a domain in which nobody on this machine is, not even a node that Python has not collected yet.

    The first participant of a domain listens on a port that the DDS standard prescribes. Domains up to 101 stay below
    the ports that Linux gives to clients.
    """
    global _newest
    start = _newest or os.getpid() * 13
    for candidate in range(start, start + 101):
        domain = 1 + candidate % 101
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', 7410 + 250 * domain))
            except OSError:
                continue
        _newest = domain
        return domain
    raise RuntimeError('every ROS domain of this machine is in use')


class Ros:
    """One ROS context with one executor that spins only while a test waits.

    :param domain: ROS domain id, to join another session; None takes a new one.
    """

    def __init__(self, domain: int | None = None) -> None:
        environment.prepare()
        self.domain = _next_domain() if domain is None else domain
        self.context = Context()
        rclpy.init(context=self.context, domain_id=self.domain)
        self.executor = SingleThreadedExecutor(context=self.context)
        self._nodes: list[Node] = []

    def add(self, node: Node) -> Node:
        """Take over a node made with ``context=ros.context``; it is destroyed at the end."""
        self._nodes.append(node)
        self.executor.add_node(node)
        return node

    def node(self, name: str, **options: object) -> Node:
        """Return a plain node for the test's own publishers and subscriptions."""
        return self.add(Node(name, context=self.context, **options))

    def remove(self, node: Node) -> None:
        """Destroy a node before the end of the test."""
        self._nodes.remove(node)
        self.executor.remove_node(node)
        node.destroy_node()

    def spin_until(self, condition: Callable[[], object], timeout: float = 5.0) -> bool:
        """Spin until ``condition()`` is true; False if that takes longer than ``timeout`` seconds."""
        end = time.monotonic() + timeout
        while not condition():
            if time.monotonic() > end:
                return False
            self.executor.spin_once(timeout_sec=0.01)
        return True

    def spin_for(self, seconds: float) -> None:
        """Spin for a fixed time; only for showing that something does not happen."""
        self.spin_until(lambda: False, seconds)

    def close(self) -> None:
        """Destroy the nodes and the context."""
        for node in list(self._nodes):
            self.remove(node)
        self.executor.shutdown(timeout_sec=1.0)
        rclpy.shutdown(context=self.context)


def change_state_client(ros: Ros, node: Node, name: str, timeout: float = 20.0) -> Client:
    """Return a client of ``/<name>/change_state`` that hears the answers.

    A node may answer before it has discovered who asked, and the answer is then lost. Clients are discovered in the
    order they were made in: once a younger one is answered, the older one hears too.
    """
    change = node.create_client(ChangeState, f'/{name}/change_state')
    state = node.create_client(GetState, f'/{name}/get_state')
    end = time.monotonic() + timeout
    assert ros.spin_until(lambda: change.service_is_ready() and state.service_is_ready(), timeout)
    while not ros.spin_until(state.call_async(GetState.Request()).done, 1.0):
        assert time.monotonic() < end, f'/{name} does not answer'
    node.destroy_client(state)
    return change


@contextlib.contextmanager
def ros_session(domain: int | None = None) -> Iterator[Ros]:
    """Give a :class:`Ros` and close it."""
    ros = Ros(domain)
    try:
        yield ros
    finally:
        ros.close()
