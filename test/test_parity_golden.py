"""Reading golden files, and what is found wrong with one."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Mapping
from pathlib import Path

import numpy as np
import pytest

from poco_ros.errors import ImageError, PocoError
from poco_ros.evaluation.parity.comparison import EXACT, GENERAL
from poco_ros.evaluation.parity.golden import Context, FileResult, GoldenFile, Input, Output, check_file, load_arrays
from poco_ros.evaluation.parity.rules import begins, only, within

Arrays = Mapping[str, np.ndarray]


def doubled(golden: Arrays, context: Context) -> Arrays:
    if golden['x'][0, 0] == 99:
        raise ImageError('no picture')
    return {'twice': 2 * golden['x'], 'rows': np.arange(len(golden['x'])), 'label': np.array(context.base)}


FILE = GoldenFile(
    'file.npz',
    inputs={'x': Input('float32', ('N', 3)), 'y': Input('float32', ('N', 'K')), 'name': Input('str', ('N',))},
    outputs={'twice': Output(GENERAL), 'rows': Output(EXACT, 'int64'), 'label': Output(EXACT, 'str')},
    compute=doubled,
)


def arrays() -> dict[str, np.ndarray]:
    x = np.arange(1, 13, dtype=np.float32).reshape(4, 3)
    return {'x': x, 'y': x[:, :2], 'name': np.array(['a', 'b', 'c', 'dddd']), 'twice': 2 * x, 'rows': np.arange(4),
            'label': np.array('A')}


def check(folder: Path, **change: np.ndarray | None) -> FileResult:
    stored = {name: array for name, array in (arrays() | change).items() if array is not None}
    np.savez(folder / 'file.npz', **stored)
    return check_file(FILE, Context('A', folder))


def missed(result: FileResult) -> dict[str, str]:
    return {array.name: array.problem for array in result.misses}


def test_a_file_that_agrees(tmp_path: Path) -> None:
    result = check(tmp_path)
    assert result.passed and not result.problem
    assert {array.name: array.role for array in result.arrays} == {
        'x': 'input', 'y': 'input', 'name': 'input', 'twice': 'compared', 'rows': 'compared', 'label': 'compared'}


def test_one_array_changed(tmp_path: Path) -> None:
    twice = arrays()['twice']
    twice[2, 1] += 0.1
    assert list(missed(check(tmp_path, twice=twice))) == ['twice']


def test_one_array_of_another_type_or_shape(tmp_path: Path) -> None:
    changes = {'twice': arrays()['twice'].astype(np.float64), 'rows': np.arange(5)}
    assert missed(check(tmp_path, **changes)) == {
        'twice': 'is float64, not float32', 'rows': 'has the shape (5,), computed (4,)'}


def test_one_array_missing_and_one_unknown(tmp_path: Path) -> None:
    assert missed(check(tmp_path, rows=None, more=np.zeros(2))) == {'rows': 'is missing', 'more': 'is not known'}


def test_one_nan(tmp_path: Path) -> None:
    twice = arrays()['twice']
    twice[0, 0] = np.nan
    assert list(missed(check(tmp_path, twice=twice))) == ['twice']


@pytest.mark.parametrize(
    ('x', 'problem'),
    [(None, 'is missing'), (np.zeros((4, 3)), 'is float64'), (np.zeros((4, 2), np.float32), 'has the shape (4, 2)'),
     (np.full((4, 3), np.nan, np.float32), '12 entries are not finite')],
)  # fmt: skip
def test_without_its_inputs_nothing_is_compared(tmp_path: Path, x: np.ndarray | None, problem: str) -> None:
    result = check(tmp_path, x=x)
    assert problem in missed(result)['x'] and problem in result.problem
    assert all(missed(result)[name] == 'was not compared' for name in FILE.outputs)
    assert not result.passed


def test_the_same_letter_is_the_same_size(tmp_path: Path) -> None:
    assert missed(check(tmp_path, y=np.zeros((4, 9), np.float32))) == {}
    assert missed(check(tmp_path, y=np.zeros((5, 2), np.float32)))['y'] == 'has the shape (5, 2), not (4, K)'


def test_a_computation_that_cannot_be_done_is_told(tmp_path: Path) -> None:
    result = check(tmp_path, x=np.full((4, 3), 99, np.float32))
    assert not result.passed and 'ImageError: no picture' in result.problem


def test_an_array_that_nobody_computes_is_a_miss(tmp_path: Path) -> None:
    np.savez(tmp_path / 'file.npz', **arrays())
    lazy = GoldenFile('file.npz', FILE.inputs, FILE.outputs, lambda golden, context: {'twice': golden['twice']})
    assert missed(check_file(lazy, Context('A', tmp_path))) == {
        'rows': 'was not computed', 'label': 'was not computed'}


def test_an_empty_array_may_have_any_type(tmp_path: Path) -> None:
    none = {name: array[:0] for name, array in arrays().items() if name != 'label'} | {'rows': np.zeros(0)}
    np.savez(tmp_path / 'file.npz', **none, label=np.array('A'))
    few = GoldenFile('file.npz', FILE.inputs, FILE.outputs, lambda golden, context: {
        'twice': golden['x'], 'rows': np.arange(0), 'label': np.array('A')})
    assert check_file(few, Context('A', tmp_path)).passed


@pytest.mark.parametrize(
    ('rule', 'good', 'bad'),
    [(only(0, 1), [0.0, 1.0, 1.0], [0.0, 2.0]), (within(0, 1), [0.0, 0.5, 1.0], [0.5, -0.1]),
     (begins('4.'), '4.5.5', '5.0.0')],
)  # fmt: skip
def test_rules(rule: object, good: object, bad: object) -> None:
    assert rule(np.array(good)) == ''
    assert rule(np.array(bad)) != ''


def test_damaged_files_are_told(tmp_path: Path) -> None:
    np.savez_compressed(tmp_path / 'good.npz', x=np.arange(1000), y=np.random.default_rng(0).random(1000))
    data = bytearray((tmp_path / 'good.npz').read_bytes())
    data[len(data) // 2] ^= 0xFF
    objects, loose, foreign = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(objects, x=np.array([{'a': 1}], dtype=object))
    np.save(loose, np.arange(3))
    with zipfile.ZipFile(foreign, 'w') as archive:
        archive.writestr('readme.txt', 'no array')
    for name, content, message in (
        ('truncated', (tmp_path / 'good.npz').read_bytes()[:900], 'cannot be read'), ('empty', b'', 'cannot be read'),
        ('flipped', bytes(data), "at the array 'y'"), ('text', b'hello', 'cannot be read'),
        ('objects', objects.getvalue(), "at the array 'x'"), ('loose', loose.getvalue(), 'no npz archive'),
        ('foreign', foreign.getvalue(), 'is no array'),
    ):
        path = tmp_path / f'{name}.npz'
        path.write_bytes(content)
        with pytest.raises(PocoError, match=message) as error:
            load_arrays(path)
        assert str(path) in str(error.value)
    with pytest.raises(PocoError, match='is missing'):
        load_arrays(tmp_path / 'nothing.npz')


def test_a_damaged_file_is_a_miss_of_the_file(tmp_path: Path) -> None:
    (tmp_path / 'file.npz').write_bytes(b'PK')
    result = check_file(FILE, Context('A', tmp_path))
    assert not result.passed and 'cannot be read' in result.problem and not result.arrays
