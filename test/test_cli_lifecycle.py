"""Bringing up managed nodes whose answers get lost on the way, over real DDS."""

from __future__ import annotations

import contextlib
import threading

import pytest

pytest.importorskip('rclpy')

from lifecycle_msgs.msg import State, Transition
from lifecycle_msgs.srv import ChangeState, GetState
from rclpy.callback_groups import ReentrantCallbackGroup
from rclpy.context import Context
from rclpy.executors import ExternalShutdownException, SingleThreadedExecutor
from rclpy.node import Node
from rclpy.task import Future
from ros_harness import free_domain, ros_session

from poco_ros.cli import lifecycle
from poco_ros.errors import PocoError
from poco_ros.graph import NodeSpec

pytestmark = pytest.mark.ros
GOALS = {Transition.TRANSITION_CONFIGURE: State.PRIMARY_STATE_INACTIVE,
         Transition.TRANSITION_ACTIVATE: State.PRIMARY_STATE_ACTIVE}


class Deaf:
    """A managed node; the first answers to ``get_state``, and if wanted all to ``change_state``, get lost.

    :param works: transitions succeed.
    """

    def __init__(self, context: Context, lost_states: int = 0, lost_changes: bool = False, works: bool = True) -> None:
        self.node = Node('deaf', context=context)
        self.state, self.heard = State.PRIMARY_STATE_UNCONFIGURED, []
        self._lost_states, self._lost_changes, self._works = lost_states, lost_changes, works
        group = ReentrantCallbackGroup()  # what is never answered keeps nothing else waiting
        self.node.create_service(ChangeState, '~/change_state', self._change, callback_group=group)
        self.node.create_service(GetState, '~/get_state', self._get, callback_group=group)

    async def _change(self, request, response):
        self.heard.append(request.transition.id)
        if self._works:
            self.state = GOALS[request.transition.id]
        if self._lost_changes:
            await Future()
        response.success = self._works
        return response

    async def _get(self, request, response):
        self.heard.append('state')
        if self.heard.count('state') <= self._lost_states:
            await Future()
        response.current_state.id = self.state
        return response


@contextlib.contextmanager
def deaf(monkeypatch, **how):
    """Give the node, running in a thread, and a function that brings it to ACTIVE."""
    monkeypatch.setattr(lifecycle, '_PATIENCE_S', 0.3)
    with ros_session() as ros:
        node, executor = Deaf(ros.context, **how), SingleThreadedExecutor(context=ros.context)
        executor.add_node(node.node)

        def spin():
            with contextlib.suppress(ExternalShutdownException):
                executor.spin()

        thread = threading.Thread(target=spin, daemon=True)
        thread.start()
        monkeypatch.setenv('ROS_DOMAIN_ID', str(free_domain()))
        try:
            with lifecycle.ros_node('bringup') as caller:
                said = []
                bringup = lifecycle.Bringup(caller, lifecycle.DiagnosticsWatch(caller), said.append)
                spec = NodeSpec(executable='deaf', name='deaf', lifecycle=True)
                yield node, lambda: bringup.to_active(spec, lambda: True)
        finally:
            executor.shutdown(timeout_sec=0.5)
            thread.join(5.0)
            node.node.destroy_node()


def test_nothing_is_asked_of_a_node_before_its_answers_are_heard(monkeypatch):
    with deaf(monkeypatch, lost_states=2) as (node, to_active):
        to_active()
        assert node.heard == ['state'] * 3 + [Transition.TRANSITION_CONFIGURE, Transition.TRANSITION_ACTIVATE]
        assert node.state == State.PRIMARY_STATE_ACTIVE


def test_a_deed_whose_answer_got_lost_counts(monkeypatch):
    with deaf(monkeypatch, lost_changes=True) as (node, to_active):
        to_active()
        assert node.state == State.PRIMARY_STATE_ACTIVE
        assert [item for item in node.heard if item != 'state'] == [*GOALS]


def test_a_failure_whose_answer_got_lost_is_told_and_not_waited_for_without_end(monkeypatch):
    with deaf(monkeypatch, lost_changes=True, works=False) as (node, to_active):
        with pytest.raises(PocoError, match='/deaf could not be configured'):
            to_active()
        assert [item for item in node.heard if item != 'state'] == [Transition.TRANSITION_CONFIGURE]


def test_a_failure_that_is_answered_is_told_at_once(monkeypatch):
    with deaf(monkeypatch, works=False) as (node, to_active):
        with pytest.raises(PocoError, match='/deaf could not be configured'):
            to_active()
        assert node.heard == ['state', Transition.TRANSITION_CONFIGURE]
