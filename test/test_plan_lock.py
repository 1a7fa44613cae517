"""Only one builds at a time, and nobody is locked out by the dead."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from poco_ros.engine.plan_lock import locked

ROOT = Path(__file__).parents[1]
HOLD = """
import sys, time
from pathlib import Path
from poco_ros.engine.plan_lock import locked
with locked(Path(sys.argv[1]), lambda: None) as held:
    print(held, flush=True)
    time.sleep(60)
"""


@pytest.fixture
def holder(tmp_path):
    """Another process that has the lock."""
    process = subprocess.Popen([sys.executable, '-c', HOLD, tmp_path / 'lock'], stdout=subprocess.PIPE, cwd=ROOT)
    assert process.stdout.readline() == b'True\n'
    yield process
    process.kill()
    process.wait()


def test_waits_for_another_process_and_goes_on_when_it_is_killed(tmp_path, holder):
    waited = []

    def waiting():
        waited.append(1)
        if len(waited) == 2:
            holder.kill()

    with locked(tmp_path / 'lock', waiting) as held:
        assert held
    assert len(waited) >= 2


def test_waiting_can_be_given_up(tmp_path, holder):
    def waiting():
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt), locked(tmp_path / 'lock', waiting):
        pytest.fail('got a lock that another process has')


def test_a_file_left_behind_locks_nothing(tmp_path):
    (tmp_path / 'lock').write_text('of a process that is long dead')
    with locked(tmp_path / 'lock', lambda: pytest.fail('waited')) as held:
        assert held
    with locked(tmp_path / 'lock', lambda: pytest.fail('waited')) as held:
        assert held


def test_is_let_go_of_when_the_work_fails(tmp_path):
    with pytest.raises(ValueError, match='work'), locked(tmp_path / 'lock', lambda: None):
        raise ValueError('work')
    with locked(tmp_path / 'lock', lambda: pytest.fail('waited')) as held:
        assert held


def test_without_a_place_for_it_there_is_none(tmp_path):
    with locked(tmp_path / 'nowhere' / 'lock', lambda: None) as held:
        assert not held


def test_a_file_system_without_locks_is_no_obstacle(tmp_path, monkeypatch):
    def refuse(file, how):
        raise OSError(37, 'No locks available')

    monkeypatch.setattr('poco_ros.engine.plan_lock.fcntl.flock', refuse)
    with locked(tmp_path / 'lock', lambda: None) as held:
        assert not held
