"""``poco build-engine``: builds, tells, keeps."""

from __future__ import annotations

import pytest
import typer
from engine_networks import make_network
from fake_tensorrt_driver import FakeDriver
from typer.testing import CliRunner

from poco_ros.cli.build_engine import build_engine
from poco_ros.engine import choose


@pytest.fixture
def run(tmp_path, monkeypatch):
    monkeypatch.setenv('POCO_CACHE', str(tmp_path / 'cache'))
    monkeypatch.setenv('COLUMNS', '100')
    make_network(tmp_path / 'cache' / 'networks' / 'small')
    app = typer.Typer()
    app.command()(build_engine)

    def invoke(*arguments):
        return CliRunner().invoke(app, list(arguments))

    return invoke


def test_builds_a_plan_and_keeps_it(run, monkeypatch, tmp_path):
    driver = FakeDriver()
    monkeypatch.setattr(choose, '_tensorrt_driver', lambda: driver)
    result = run('small', '--engine', 'tensorrt', '--max-batch', '4')
    assert result.exit_code == 0, result.output
    assert driver.recipes[0].persons == (1, 1, 4)
    for word in ('tensorrt 11.4.0.106', 'tf32', 'H100', 'plan', 'built in'):
        assert word in result.output
    assert max(len(line) for line in result.output.splitlines()) <= 100
    again = run(str(tmp_path / 'cache' / 'networks' / 'small'), '--engine', 'tensorrt', '--max-batch', '4')
    assert 'from the cache' in ' '.join(again.output.split())
    assert driver.calls.count('build') == 1


def test_with_openvino_it_checks_and_says_that_nothing_is_kept(run):
    result = run('small', '--engine', 'openvino', '--precision', 'fp32')
    assert result.exit_code == 0, result.output
    assert 'compiled at every start' in result.output


@pytest.mark.parametrize('arguments', [
    ('nothing',), ('small', '--engine', 'onnxruntime'), ('small', '--max-batch', '0'),
])
def test_mistakes_are_told_and_nothing_is_built(run, arguments):
    result = run(*arguments)
    assert result.exit_code != 0
    assert str(result.exception)
