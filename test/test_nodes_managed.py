"""A managed node stops and frees at the right times, and says so when it cannot."""

from __future__ import annotations

import pytest
import rclpy
from rclpy.lifecycle import LifecycleState, TransitionCallbackReturn
from ros_harness import free_domain

from poco_ros.nodes.managed import ManagedNode

pytestmark = pytest.mark.ros

SUCCESS, ERROR = TransitionCallbackReturn.SUCCESS, TransitionCallbackReturn.ERROR


class Recorded(ManagedNode):
    """Writes down what it is told to do."""

    def __init__(self, context: rclpy.Context, stops: bool = True, complete: bool = True) -> None:
        super().__init__('recorded', context=context)
        self.done: list[str] = []
        self.stops = stops
        self._complete = complete

    def _stop(self) -> bool:
        self.done.append('stop')
        return self.stops

    def _free(self) -> None:
        self.done.append('free')


@pytest.fixture
def context():
    context = rclpy.Context()
    rclpy.init(context=context, domain_id=free_domain())
    yield context
    rclpy.shutdown(context=context)


def test_a_whole_life_stops_once_and_frees_once(context):
    node = Recorded(context)
    assert node.trigger_configure() == node.trigger_activate() == SUCCESS
    assert node.done == []
    assert node.trigger_deactivate() == SUCCESS and node.done == ['stop']
    assert node.trigger_cleanup() == SUCCESS and node.done == ['stop', 'free']


def test_shutdown_from_active_stops_before_it_frees(context):
    node = Recorded(context)
    node.trigger_configure()
    node.trigger_activate()
    assert node.trigger_shutdown() == SUCCESS
    assert node.done == ['stop', 'free']


def test_work_that_does_not_end_is_an_error_and_the_node_starts_over(context):
    node = Recorded(context, stops=False)
    node.trigger_configure()
    node.trigger_activate()
    state = LifecycleState('active', 3)
    assert node.on_deactivate(state) == ERROR
    node.done.clear()
    node.trigger_deactivate()
    assert node.done == ['stop', 'stop', 'free']  # deactivate, then on_error
    assert node.trigger_configure() == SUCCESS


def test_what_was_never_built_is_not_stopped(context):
    node = Recorded(context, complete=False)
    node.destroy_node()
    assert node.done == []
    node = Recorded(context)
    node.destroy_node()
    assert node.done == ['stop']
