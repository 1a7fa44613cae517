"""A node as a program: its exit status tells how it ended, and an interrupt ends it soon and quietly."""

from __future__ import annotations

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator

import pytest
from rclpy.node import Node
from rclpy.task import Future
from ros_harness import free_domain

from poco_ros.errors import ConfigError, VideoError
from poco_ros.nodes.run import GAVE_UP, WRONG_USE, run_node

pytestmark = pytest.mark.ros


@pytest.fixture(autouse=True)
def own_domain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv('ROS_DOMAIN_ID', str(free_domain()))
    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    yield
    for number, handler in handlers.items():
        signal.signal(number, handler)


IDLE = '''
from rclpy.node import Node
from poco_ros.nodes.run import run_node

def make():
    node = Node('idle')
    print('made', flush=True)
    return node

raise SystemExit(run_node(make, []))
'''


def idle_node() -> Node:
    return Node('idle', start_parameter_services=False)


def test_a_node_that_cannot_be_made_is_wrong_use(capfd: pytest.CaptureFixture[str]) -> None:
    def refuse() -> Node:
        raise ConfigError("parameter 'rate' is -1")

    assert run_node(refuse, []) == WRONG_USE
    assert "parameter 'rate' is -1" in capfd.readouterr().err


def test_a_node_that_finishes_ends_well() -> None:
    future: Future = Future()
    threading.Timer(0.2, future.set_result, [None]).start()
    assert run_node(idle_node, [], finished=lambda node: future) == 0


def test_a_node_that_gives_up_says_why(capfd: pytest.CaptureFixture[str]) -> None:
    future: Future = Future()
    future.set_exception(VideoError('the camera is gone'))
    assert run_node(idle_node, [], finished=lambda node: future) == GAVE_UP
    assert 'the camera is gone' in capfd.readouterr().err


@pytest.mark.parametrize('number', [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize('times', [1, 2])
def test_an_interrupt_ends_an_idle_node_soon_and_quietly(number: signal.Signals, times: int) -> None:
    """Also when it comes twice, as when both the terminal and launch pass it on."""
    process = subprocess.Popen(
        [sys.executable, '-c', IDLE], stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    assert process.stdout is not None and process.stdout.readline() == 'made\n'
    time.sleep(0.3)
    began = time.monotonic()
    for _ in range(times):
        process.send_signal(number)
        time.sleep(0.03)
    output, _ = process.communicate(timeout=20)
    assert (process.returncode, output) == (0, '')
    assert time.monotonic() - began < 5.0
