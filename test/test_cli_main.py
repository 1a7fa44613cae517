"""The command line: options, help, version, errors, and the doctor on things that are missing."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from poco_ros.cli import checks, doctor, main
from poco_ros.cli.checks import Check, Verdict
from poco_ros.errors import ModelFileError
from poco_ros.graph import GraphOptions

ROOT = Path(__file__).parents[1]
runner = CliRunner()


def poco(*words: str, **environ: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, '-m', 'poco_ros.cli.main', *words], cwd=ROOT, env={**os.environ, **environ},
        capture_output=True, text=True)


def test_version_is_that_of_the_package():
    want = re.search('<version>(.+?)</version>', (ROOT / 'package.xml').read_text())[1]
    done = poco('--version')
    assert (done.returncode, done.stdout.strip()) == (0, f'poco_ros {want}')


def test_help_names_every_command_and_needs_no_ros():
    shown = runner.invoke(main.app, ['--help']).output
    for command in ('up', 'demo', 'doctor', 'fetch-models', 'infill', 'bench-infill', 'fit-age-law'):
        assert re.search(rf'^  {command} ', shown, re.MULTILINE)
        assert runner.invoke(main.app, [command, '--help']).exit_code == 0
    done = subprocess.run(
        [sys.executable, '-c', 'import sys, poco_ros.cli.main; print({"rclpy", "cv2", "openvino"} & set(sys.modules))'],
        cwd=ROOT, capture_output=True, text=True)
    assert done.stdout.strip() == 'set()', done.stderr


def test_up_has_an_option_for_every_launch_argument(monkeypatch):
    shown = ' '.join(runner.invoke(main.app, ['up', '--help']).output.split())
    for item in dataclasses.fields(GraphOptions):
        assert f'--{item.name.replace("_", "-")}' in shown
        assert item.metadata['description'] in shown.replace('- ', '-') or item.metadata['description'] in shown
    given = []
    monkeypatch.setattr('poco_ros.cli.up.run_graph', lambda options, say: given.append(options) or 0)
    words = ['up', '--video', '0', '--no-loop', '--image-topic', '/cam/image', '--use-sim-time', '--log-level', 'debug']
    assert runner.invoke(main.app, words).exit_code == 0
    assert runner.invoke(main.app, ['up']).exit_code == 0
    assert given == [
        GraphOptions(video='0', loop=False, image_topic='/cam/image', use_sim_time=True, log_level='debug'),
        GraphOptions(),
    ]


def test_demo_options(monkeypatch, tmp_path):
    given = []
    monkeypatch.setattr('poco_ros.cli.demo.run_demo', lambda options, console: given.append(options))
    assert runner.invoke(main.app, ['demo', '--video', 'a.mp4', '--out', str(tmp_path), '--frames', '3']).exit_code == 0
    assert runner.invoke(main.app, ['demo']).exit_code == 0
    assert [(o.video, o.out, o.frames) for o in given] == [('a.mp4', tmp_path, 3), ('demo', Path('out'), 0)]
    assert runner.invoke(main.app, ['demo', '--frames', '-1']).exit_code == 2


@pytest.mark.parametrize(('words', 'code', 'said'), [
    (['up', '--log-level', 'loud'], 1, "poco: error: log_level is 'loud'; it must be one of"),
    (['up', '--params-file', '/no/such'], 1, 'poco: error: params_file: there is no file /no/such'),
    (['demo', '--out', '/proc/nowhere'], 1, 'poco: error: cannot write to /proc/nowhere'),
    (['up', '--nonsense'], 2, 'No such option'),
    (['dance'], 2, 'No such command'),
])
def test_mistakes_are_told_in_a_line_without_a_traceback(words, code, said):
    done = poco(*words)
    assert done.returncode == code and said in done.stderr and 'Traceback' not in done.stderr
    assert code == 2 or done.stderr.count('\n') == 1


def test_fetch_models_prints_the_files_and_passes_errors_on(monkeypatch):
    def fetch(progress) -> list[Path]:
        progress('busy')
        return [Path('/a/b.tflite')]

    monkeypatch.setattr('poco_ros.people.model_files.fetch_models', fetch)
    done = runner.invoke(main.app, ['fetch-models'])
    assert (done.exit_code, done.stdout.strip()) == (0, '/a/b.tflite')

    def offline(progress: object) -> None:
        raise ModelFileError('no network; copy the folder [models]')

    monkeypatch.setattr('poco_ros.people.model_files.fetch_models', offline)
    monkeypatch.setattr(sys, 'argv', ['poco', 'fetch-models'])
    assert main.main() == 1


# ---- doctor

def test_report_on_a_terminal_and_for_programs(monkeypatch):
    found = [Check('a', Verdict.OK, 'fine'), Check('b', Verdict.NOTE, 'not there', 'get [b]')]
    monkeypatch.setattr(doctor, 'all_checks', lambda shell: [lambda check=check: check for check in found])
    monkeypatch.setattr(os, 'environ', dict(os.environ))
    good = runner.invoke(main.app, ['doctor'])
    assert good.exit_code == 0 and 'Ready' in good.stdout and '-> get [b]' in good.stdout
    found.append(Check('c', Verdict.FAIL, 'broken', 'mend it'))
    bad = runner.invoke(main.app, ['doctor'])
    assert bad.exit_code == 1 and 'Not ready: mend c.' in bad.stdout
    report = json.loads(runner.invoke(main.app, ['doctor', '--json']).stdout)
    assert report['can_run'] is False
    assert report['checks'][2] == {'name': 'c', 'verdict': 'fail', 'found': 'broken', 'mend': 'mend it'}


def test_a_check_that_breaks_has_failed_and_the_others_are_made():
    def broken() -> Check:
        raise RuntimeError('boom')

    first, second = doctor.run([broken, lambda: Check('x', Verdict.OK, '')])
    assert first == Check('broken', Verdict.FAIL, 'RuntimeError: boom') and second.verdict is Verdict.OK


def test_missing_models_are_a_failure_with_the_mend(monkeypatch, tmp_path):
    monkeypatch.setenv('POCO_CACHE', str(tmp_path))
    check = checks.model_files()
    assert check.verdict is Verdict.FAIL and str(tmp_path) in check.found and check.mend == 'poco fetch-models'


@pytest.mark.parametrize(('function', 'module', 'verdict'), [
    (checks.ros, 'rclpy', Verdict.FAIL), (checks.messages, 'poco_ros.msg', Verdict.FAIL),
    (checks.openvino, 'openvino', Verdict.FAIL), (checks.opencv, 'cv2', Verdict.FAIL),
])
def test_missing_libraries_are_failures_with_a_mend(monkeypatch, function, module, verdict):
    monkeypatch.setitem(sys.modules, module, None)  # makes the import fail
    check = function()
    assert check.verdict is verdict and check.mend


def test_launch_is_not_needed(monkeypatch):
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: None)
    assert checks.launch().verdict is Verdict.NOTE and 'poco up' in checks.launch().mend
    monkeypatch.setattr(importlib.util, 'find_spec', lambda name: name)
    monkeypatch.setenv('AMENT_PREFIX_PATH', '')
    assert 'does not know' in checks.launch().found


def test_profile_of_the_shell():
    mine = checks.profile({'FASTDDS_DEFAULT_PROFILES_FILE': '/mine.xml'})
    assert mine.verdict is Verdict.OK and '/mine.xml' in mine.found
    none = checks.profile({})
    assert none.verdict is Verdict.NOTE and re.search(r'export FAST\w+=/.*fastdds\.xml', none.mend)


def test_unsuitable_python_and_opencv(monkeypatch):
    import cv2

    monkeypatch.setattr(sys, 'version_info', (3, 9, 0))
    assert checks.python().verdict is Verdict.FAIL
    monkeypatch.setattr(cv2, '__version__', '5.0.0')
    assert checks.opencv().verdict is Verdict.NOTE and '<5' in checks.opencv().mend


def test_cameras_that_may_not_be_opened(monkeypatch):
    monkeypatch.setattr(Path, 'glob', lambda self, pattern: [Path('/dev/video0')])
    monkeypatch.setattr(os, 'access', lambda path, mode: False)
    assert 'usermod' in checks.cameras().mend
    monkeypatch.setattr(Path, 'glob', lambda self, pattern: [])
    assert 'no /dev/video' in checks.cameras().found


@pytest.mark.parametrize(('received', 'met', 'verdict', 'word'), [
    (30, True, Verdict.OK, 'median 2.0 ms'), (0, True, Verdict.FAIL, '0 of 30'), (20, True, Verdict.FAIL, '20 of 30'),
    (0, False, Verdict.FAIL, 'do not find each other'),
])
def test_transport_is_judged_by_what_arrives(monkeypatch, received, met, verdict, word):
    transport = pytest.importorskip('poco_ros.cli.transport', reason='needs ROS')
    monkeypatch.setattr(
        transport, 'measure_transport', lambda environ: transport.TransportResult(30, received, 2.0, met))
    check = checks.transport()
    assert check.verdict is verdict and word in check.found and bool(check.mend) == (verdict is Verdict.FAIL)
