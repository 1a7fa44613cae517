"""``poco parity`` as its user sees it."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from parity_sets import evaluation, geometry
from typer.testing import CliRunner, Result

from poco_ros.cli.parity import parity
from poco_ros.errors import ConfigError, PocoError

app = typer.Typer()
app.command()(parity)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    np.savez(tmp_path / 'geometry.npz', **geometry(5))
    np.savez(tmp_path / 'eval.npz', **evaluation(5))
    return tmp_path


def run(folder: Path, *more: str) -> Result:
    names = ('--only', 'geometry.npz', '--only', 'eval')
    return CliRunner().invoke(app, ['--golden', str(folder), '--base', 'A', *names, *more], env={'COLUMNS': '100'})


def change(path: Path, **arrays: np.ndarray) -> None:
    with np.load(path) as golden:
        stored = dict(golden)
    np.savez(path, **{**stored, **arrays})


def test_a_set_that_agrees(folder: Path) -> None:
    result = run(folder, '--json', str(folder / 'out.json'))
    assert result.exit_code == 0, result.output
    assert 'geometry.npz: 9 compared, 8 inputs' in result.output and 'eval.npz: 10 compared' in result.output
    assert '34 of 34 arrays of 2 files agree' in result.output and 'miss' not in result.output
    assert max(len(line) for line in result.output.splitlines()) <= 100
    written = json.loads((folder / 'out.json').read_text())
    assert written['passed'] is True and written['base'] == 'A' and written['versions']['numpy'] == np.__version__
    arrays = {array['name']: array for file in written['files'] for array in file['arrays']}
    assert len(arrays) == 34 and arrays['mpjpe']['limit'] == 1e-4 and 0 <= arrays['mpjpe']['error'] < 1e-6
    assert arrays['pred_j14']['role'] == 'input' and arrays['pred_j14']['error'] is None


def test_every_miss_is_named(folder: Path) -> None:
    golden = evaluation(5)
    golden['pve'][3] = np.nan
    change(folder / 'eval.npz', pve=golden['pve'], mpjpe=golden['mpjpe'] * np.float32(1.01), news=np.zeros(3))
    (folder / 'geometry.npz').write_bytes(b'PK damaged')
    result = run(folder, '--json', str(folder / 'out.json'))
    assert result.exit_code == 1
    misses = [line for line in result.output.splitlines() if line.startswith('miss:')]
    assert [line.split()[1:3] for line in misses if 'eval.npz' in line] == [
        ['eval.npz:', 'mpjpe'], ['eval.npz:', 'pve'], ['eval.npz:', 'news']]
    assert 'off by 0.0099 of max-abs, allowed 0.0001' in misses[1] and 'not finite' in misses[2]
    assert 'geometry.npz: ' in misses[0] and 'cannot be read' in misses[0]
    assert '15 of 18 arrays of 2 files agree' in result.output
    assert json.loads((folder / 'out.json').read_text())['passed'] is False


@pytest.mark.parametrize(
    ('arguments', 'message'),
    [(['--golden', '/nowhere', '--base', 'A'], 'there is no folder'), (['--base', ''], 'empty'),
     (['--base', 'A', '--only', 'nothing.npz'], 'no golden file is called')],
)  # fmt: skip
def test_mistakes_are_told(folder: Path, arguments: list[str], message: str) -> None:
    given = arguments if '--golden' in arguments else ['--golden', str(folder), *arguments]
    result = CliRunner().invoke(app, given)
    assert result.exit_code == 1 and isinstance(result.exception, ConfigError)
    assert message in str(result.exception)


def test_a_file_that_cannot_be_written(folder: Path) -> None:
    result = run(folder, '--json', str(folder / 'no' / 'out.json'))
    assert isinstance(result.exception, PocoError) and 'cannot write' in str(result.exception)
