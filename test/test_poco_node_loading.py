"""poco_node while it loads for long: what it tells, what waits, and what does not wait."""

from __future__ import annotations

import signal
import threading
import time

import pytest

pytest.importorskip('rclpy')

from diagnostic_msgs.msg import DiagnosticArray
from lifecycle_msgs.msg import Transition
from lifecycle_msgs.srv import ChangeState, GetState
from poco_node_harness import Bench, level, run_program
from rclpy.client import Client
from rclpy.task import Future
from ros_harness import change_state_client, ros_session

from poco_ros.engine.base import Progress

pytestmark = pytest.mark.ros

#: A node whose engine takes so many seconds to build.
SLOW = '''
import sys, time
from poco_node_harness import FakePipeline
from poco_ros.nodes.poco_node import PocoNode
from poco_ros.nodes.run import run_node

def load(config, progress):
    end = time.monotonic() + {seconds}
    while time.monotonic() < end:
        progress('building', 0.37)
        time.sleep(0.05)
    return FakePipeline()

sys.exit(run_node(lambda: PocoNode(load)))
'''


def test_diagnostics_tell_how_far_an_engine_is_while_configuring_waits_for_it():
    with ros_session() as ros:
        b = Bench(ros)
        told = []
        inner = threading.Event()

        def build(progress: Progress) -> None:
            progress('building the TensorRT engine', 0.374)
            assert inner.wait(10)

        b.loading = build
        publish = b.node.publish_diagnostics

        def listen() -> None:
            publish()
            told.append(b.node._health.model[1])
            if told[-1]:
                inner.set()

        b.node.publish_diagnostics = listen  # the executor of this test cannot spin while the node configures
        assert b.node.trigger_configure().name == 'SUCCESS'
        assert told == ['', 'building the TensorRT engine 37 %', 'fake with fake_body on CPU: test, uncalibrated']
        assert level(b.status('model')) == 'OK'


def asked_to(client: Client, transition: int) -> Future:
    return client.call_async(ChangeState.Request(transition=Transition(id=transition)))


def test_requests_that_come_while_an_engine_is_built_are_handled_in_turn():
    with ros_session() as ros, run_program(ros.domain, code=SLOW.format(seconds=3)) as process:
        try:
            node, said = ros.node('watcher'), []
            node.create_subscription(DiagnosticArray, '/diagnostics', lambda m: said.append(m.status[0].message), 10)
            get = node.create_client(GetState, '/poco_node/get_state')
            change = change_state_client(ros, node, 'poco_node')
            configured = asked_to(change, Transition.TRANSITION_CONFIGURE)
            assert ros.spin_until(lambda: 'loading: building 37 %' in said, 10.0), said
            again = asked_to(change, Transition.TRANSITION_CONFIGURE)
            cleaned = asked_to(change, Transition.TRANSITION_CLEANUP)
            said.clear()
            ros.spin_for(1.2)
            assert said.count('loading: building 37 %') >= 1 and not configured.done()
            assert ros.spin_until(cleaned.done, 10.0)
            assert configured.result().success and not again.result().success and cleaned.result().success
            state_then = get.call_async(GetState.Request())
            assert ros.spin_until(state_then.done, 5.0)
            assert state_then.result().current_state.label == 'unconfigured'
        finally:
            process.kill()
            process.communicate()


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
def test_an_interrupt_does_not_wait_for_an_engine(number):
    with ros_session() as ros, run_program(ros.domain, code=SLOW.format(seconds=120)) as process:
        try:
            node, said = ros.node('watcher'), []
            node.create_subscription(DiagnosticArray, '/diagnostics', lambda m: said.append(m.status[0].message), 10)
            change = change_state_client(ros, node, 'poco_node')
            asked_to(change, Transition.TRANSITION_CONFIGURE)
            assert ros.spin_until(lambda: 'loading: building 37 %' in said, 10.0), said
            start = time.monotonic()
            process.send_signal(number)
            output, _ = process.communicate(timeout=10)
        finally:
            process.kill()
    assert time.monotonic() - start < 5
    assert process.returncode == 0, output
    assert 'Traceback' not in output
