"""The commands as a user types them: real nodes, real DDS, a real person."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import cv2
import numpy as np
import psutil
import pytest

from poco_ros.cli.isolation import isolated
from poco_ros.cli.records import read_records, stamp_ns

pytest.importorskip('rclpy', reason='needs ROS')
pytestmark = pytest.mark.ros

ROOT = Path(__file__).parents[1]
POCO = [sys.executable, '-m', 'poco_ros.cli.main']


def descendants_with(token: str) -> list[psutil.Process]:
    """Processes whose environment carries the token, which only those started by a test do."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get('POCO_TEST_TOKEN') == token:
                found.append(process)
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
    return found


@pytest.fixture()
def environ(tmp_path) -> dict[str, str]:
    return {**os.environ, 'POCO_TEST_TOKEN': str(tmp_path)}


def test_demo_leaves_bodies_overlay_still_and_plot(tmp_path, environ):
    out = tmp_path / 'out'
    done = subprocess.run(
        [*POCO, 'demo', '--out', str(out), '--frames', '30'], cwd=ROOT, env=environ, capture_output=True, text=True,
        timeout=120)
    assert done.returncode == 0, done.stderr + done.stdout
    assert not descendants_with(str(tmp_path))
    records = list(read_records(out / 'bodies.jsonl'))
    assert len(records) == 30 and 'bodies in' in done.stdout
    stamps = [stamp_ns(record) for record in records]
    assert stamps == sorted(set(stamps))
    assert {record['header']['frame_id'] for record in records} == {'camera_optical_frame'}
    with_bodies = [record for record in records if record['bodies']]
    assert len(with_bodies) > 15  # the clip begins with the astronaut in full view
    assert all(0 < (record['received_ns'] - stamp_ns(record)) / 1e9 < 30 for record in records)
    body = with_bodies[-1]['bodies'][0]
    assert 0.5 < body['transl'][2] < 10 and len(body['pose']) == 72 and None not in body['pose']
    assert 0 < body['confidence'] < 1 and len(records[0]['calibration_id']) == 64
    assert body['transl_radius_mm'] is None  # with a guessed focal length it is not known, and null in JSON
    video = cv2.VideoCapture(str(out / 'overlay.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) >= 1 and video.get(cv2.CAP_PROP_FRAME_WIDTH) == 640
    still = cv2.imread(str(out / 'still.png'))
    assert still.shape == (480, 640, 3) and still.std() > 20
    assert cv2.imread(str(out / 'confidence.png')).shape[0] > 500
    assert cv2.imread(str(out / 'timeline.png')).shape[0] > 500
    infilled = list(read_records(out / 'bodies_infilled.jsonl'))
    assert [stamp_ns(record) for record in infilled] == stamps[:len(infilled)] and len(infilled) >= 25
    assert {record['declared_lag_frames'] for record in infilled} == {5}
    assert 'playing demo clip' in (out / 'log.txt').read_text()


def test_demo_without_anybody_fails_with_the_reason(tmp_path, environ):
    (tmp_path / 'pictures').mkdir()
    for number in range(90):
        cv2.imwrite(str(tmp_path / 'pictures' / f'{number:03}.png'), np.full((240, 320, 3), 90, np.uint8))
    done = subprocess.run(
        [*POCO, 'demo', '--video', str(tmp_path / 'pictures'), '--out', str(tmp_path / 'out')], cwd=ROOT, env=environ,
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and 'nobody was found' in done.stderr and 'Traceback' not in done.stderr


def test_demo_on_a_video_that_is_not_there(tmp_path, environ):
    done = subprocess.run(
        [*POCO, 'demo', '--video', '/no/such.mp4', '--out', str(tmp_path / 'out')], cwd=ROOT, env=environ,
        capture_output=True, text=True, timeout=120)
    assert done.returncode == 1 and '/no/such.mp4 does not exist' in done.stderr and 'Traceback' not in done.stderr


def test_demo_says_so_when_the_nodes_cannot_start(tmp_path, environ):
    out = tmp_path / 'out'
    done = subprocess.run(
        [*POCO, 'demo', '--out', str(out)], cwd=ROOT, env={**environ, 'POCO_CACHE': str(tmp_path)}, capture_output=True,
        text=True, timeout=120)
    assert done.returncode == 1 and 'poco fetch-models' in done.stderr and 'last lines of' in done.stderr
    assert not descendants_with(str(tmp_path))


class Up:
    """``poco up`` in its own ROS domain, stopped at the end of the block in any case."""

    def __init__(self, words: list[str], environ: dict[str, str], log: Path) -> None:
        self._log = log
        with log.open('wb') as output:
            self.process = subprocess.Popen(
                [*POCO, 'up', *words], cwd=ROOT, env=isolated(environ), stdout=output, stderr=subprocess.STDOUT)

    def says(self, word: str, seconds: float = 60) -> bool:
        deadline = time.monotonic() + seconds
        while word not in self.text and time.monotonic() < deadline and self.process.poll() is None:
            time.sleep(0.1)
        return word in self.text

    @property
    def text(self) -> str:
        return self._log.read_text(errors='replace')

    def __enter__(self) -> Up:
        return self

    def __exit__(self, *error: object) -> None:
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()


def test_up_ends_in_active_and_stops_clean_on_ctrl_c(tmp_path, environ):
    with Up(['--video', 'demo', '--namespace', 'robot1'], environ, tmp_path / 'log') as up:
        assert up.says('/robot1/poco_node is active'), up.text
        assert len(descendants_with(str(tmp_path))) >= 4
        up.process.send_signal(signal.SIGINT)
        assert up.process.wait(timeout=30) == 0, up.text
    assert 'Traceback' not in up.text
    assert not descendants_with(str(tmp_path))


def test_up_fails_when_a_node_dies(tmp_path, environ):
    with Up(['--video', 'demo', '--no-view'], environ, tmp_path / 'log') as up:
        assert up.says('running; Ctrl-C stops'), up.text
        (node,) = [p for p in descendants_with(str(tmp_path)) if 'poco_ros.nodes.poco_node' in ' '.join(p.cmdline())]
        node.kill()
        assert up.process.wait(timeout=30) == 1
    assert 'poco_node died' in up.text
    assert not descendants_with(str(tmp_path))


def test_up_gives_the_nodes_own_reason_when_it_cannot_be_configured(tmp_path, environ):
    with Up([], {**environ, 'POCO_CACHE': str(tmp_path / 'empty')}, tmp_path / 'log') as up:
        assert up.process.wait(timeout=60) == 1
    last = up.text.strip().splitlines()[-1]
    assert last.startswith('poco: error: /poco_node could not be configured') and 'poco fetch-models' in last
    assert not descendants_with(str(tmp_path))


def test_doctor_measures_and_is_ready(environ):
    done = subprocess.run(
        [*POCO, 'doctor', '--json'], cwd=ROOT, env=environ, capture_output=True, text=True, timeout=120)
    report = json.loads(done.stdout)
    checks = {check['name']: check for check in report['checks']}
    assert done.returncode == 0 and report['can_run'], report
    assert '30 images 1280x720 arrived' in checks['transport']['found']
    assert checks['estimator']['found'].startswith('1 found in the built-in picture')
