"""Child processes: they end when asked, when left, and when the parent is killed."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest

from poco_ros.cli.isolation import isolated
from poco_ros.cli.processes import NOT_FROM_HERE, Children, child_environment, interruptible, program
from poco_ros.errors import PocoError
from poco_ros.graph import NodeSpec

ROOT = Path(__file__).parents[1]
SLEEP = [sys.executable, '-c', 'import time; time.sleep(60)']
STUBBORN = [sys.executable, '-c', (
    'import signal, time; signal.signal(signal.SIGINT, signal.SIG_IGN); print("up", flush=True); time.sleep(60)'
)]


def wait_until(condition, seconds: float = 10.0) -> bool:
    deadline = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.02)
    return True


def test_children_are_stopped_however_the_block_is_left():
    with pytest.raises(KeyboardInterrupt), Children(os.environ) as children:
        child = children.start('sleeper', SLEEP)
        assert child.is_running() and children.running() == [child] and children.ended() == []
        raise KeyboardInterrupt
    assert child.exit_code is not None and not psutil.pid_exists(child.process.pid)
    assert children.ended() == [child]


def test_a_child_that_ignores_the_interrupt_is_terminated(tmp_path, monkeypatch):
    monkeypatch.setattr('poco_ros.cli.processes._STOPPING', ((signal.SIGINT, 0.2), (signal.SIGTERM, 5.0)))
    with (tmp_path / 'log').open('wb') as output, Children(os.environ, output) as children:
        child = children.start('stubborn', STUBBORN)
        assert wait_until(lambda: (tmp_path / 'log').read_text() == 'up\n')
    assert child.exit_code == -signal.SIGTERM


def test_grandchildren_do_not_stay():
    shell = ['sh', '-c', f'{sys.executable} -c "import time; time.sleep(60)" & echo $! > /dev/null; wait']
    with Children(os.environ) as children:
        child = children.start('shell', shell)
        assert wait_until(lambda: psutil.Process(child.process.pid).children())
        (grandchild,) = psutil.Process(child.process.pid).children()
    assert wait_until(lambda: not grandchild.is_running() or grandchild.status() == psutil.STATUS_ZOMBIE)


@pytest.mark.skipif(sys.platform != 'linux', reason='the kernel call is of Linux')
def test_children_end_when_the_parent_is_killed():
    parent = subprocess.Popen(
        [sys.executable, '-c', (
            'import os, sys, time\nfrom poco_ros.cli.processes import Children\n'
            f'with Children(os.environ) as c:\n print(c.start("s", {SLEEP!r}).process.pid, flush=True)\n time.sleep(60)'
        )], stdout=subprocess.PIPE, text=True, cwd=ROOT)
    child = psutil.Process(int(parent.stdout.readline()))
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert wait_until(lambda: not child.is_running() or child.status() == psutil.STATUS_ZOMBIE)


def test_a_program_that_is_not_there_is_named():
    with Children(os.environ) as children, pytest.raises(PocoError, match='thing cannot be started: /no/such'):
        children.start('thing', ['/no/such'])


def test_children_import_this_very_package_whatever_their_folder_holds(tmp_path):
    (tmp_path / 'poco_ros').mkdir()
    (tmp_path / 'poco_ros' / '__init__.py').write_text('raise ImportError("the wrong one")')
    done = subprocess.run(
        [sys.executable, '-c', NOT_FROM_HERE + 'import poco_ros.graph; print(poco_ros.graph.__file__)'], cwd=tmp_path,
        env=child_environment(os.environ), capture_output=True, text=True)
    import poco_ros.graph

    assert done.stdout.strip() == poco_ros.graph.__file__, done.stderr


@pytest.mark.parametrize('number', [signal.SIGTERM, signal.SIGHUP, signal.SIGINT])
def test_signals_end_the_block_like_ctrl_c_and_handlers_come_back(number):
    before = signal.getsignal(number)
    with pytest.raises(KeyboardInterrupt), interruptible():
        os.kill(os.getpid(), number)
        time.sleep(5)
    assert signal.getsignal(number) == before


def test_programs_of_other_packages_are_taken_from_where_they_are_installed(tmp_path):
    marker = tmp_path / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'rviz2'
    marker.parent.mkdir(parents=True)
    marker.touch()
    spec = NodeSpec('rviz2', 'rviz2', package='rviz2', arguments=('-d', 'x'))
    assert program(spec, {'AMENT_PREFIX_PATH': str(tmp_path)})[:3] == [str(tmp_path / 'lib/rviz2/rviz2'), '-d', 'x']
    assert program(spec, {}) is None
    own = program(NodeSpec('poco_node', 'poco_node'), {})
    assert own[0] == sys.executable and 'poco_ros.nodes.poco_node' in own[2]


def test_own_network_unless_the_user_has_one():
    own = isolated({})
    assert 1 <= int(own['ROS_DOMAIN_ID']) <= 101
    assert own['ROS_AUTOMATIC_DISCOVERY_RANGE'] == 'LOCALHOST' and 'ROS_LOCALHOST_ONLY' not in own
    assert isolated({'ROS_DISTRO': 'humble'})['ROS_LOCALHOST_ONLY'] == '1'
    chosen = {'ROS_DOMAIN_ID': '7', 'ROS_AUTOMATIC_DISCOVERY_RANGE': 'SUBNET'}
    assert isolated(chosen) == chosen
    assert isolated({'ROS_LOCALHOST_ONLY': '1'}).keys() == {'ROS_LOCALHOST_ONLY', 'ROS_DOMAIN_ID'}


def test_a_domain_in_use_is_not_taken():
    import socket

    first = int(isolated({})['ROS_DOMAIN_ID'])
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as participant:
        participant.bind(('', 7410 + 250 * first))
        assert int(isolated({})['ROS_DOMAIN_ID']) != first
