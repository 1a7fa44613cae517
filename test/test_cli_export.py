"""``poco export``: from a stored network to a table of what was measured, and plain words when something is missing."""

from __future__ import annotations

from pathlib import Path

import pytest
import typer
from exported_networks import store_network
from typer.testing import CliRunner

import poco_ros.cli.export as command
from poco_ros.engine.model_record import ModelRecord
from poco_ros.errors import ExportError, ModelFileError, PocoError


def run(*arguments: str) -> str:
    app = typer.Typer()
    app.command()(command.export)
    done = CliRunner().invoke(app, list(arguments), env={'COLUMNS': '100'})
    if done.exception and not isinstance(done.exception, SystemExit):
        raise done.exception
    assert done.exit_code == 0, done.output
    return done.output


def test_a_network_is_exported_by_its_name(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('POCO_CACHE', str(tmp_path))
    folder = store_network(tmp_path / 'networks' / 'mine')
    output = run('mine', '--precision', 'bf16')
    record = ModelRecord.load(folder, 'bf16')
    assert list(record.graphs) == ['fp32', 'bf16']
    lines = output.splitlines()
    assert max(len(line) for line in lines if 'model' not in line) <= 100
    row = next(line for line in lines if 'bf16' in line and '│' in line)
    assert f'{record.checks["bf16"]["rounding"]["joints_mm"]:.3g}' in row
    assert any(line.startswith(f'{folder}/model_bf16.onnx (') for line in lines)


def test_a_network_that_is_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv('POCO_CACHE', str(tmp_path))
    with pytest.raises(ModelFileError, match='poco import-checkpoint'):
        run('poco_cliff')


def test_int8_needs_pictures(tmp_path: Path) -> None:
    pytest.importorskip('onnxruntime')
    with pytest.raises(ExportError, match='--calibration-video'):
        run(f'{tmp_path}/mine', '--precision', 'int8')


def test_without_torch_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(command, 'TORCH_PACKAGES', ('torch_that_is_not_there',))
    with pytest.raises(PocoError, match='needs torch_that_is_not_there'):
        run('poco_cliff')
