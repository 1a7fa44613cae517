"""model.json: what is written is read back, and files that are not what was exported are refused with the mend."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from poco_ros.engine.base import TensorSpec
from poco_ros.engine.model_record import ModelRecord, StoredFile
from poco_ros.errors import EngineError
from poco_ros.networks.variants import OFFICIAL

EXPECTED = {'input_crops': np.arange(2, dtype=np.uint8), 'output_cam': np.array([[1.0, 0.25, -0.5]], np.float32)}


def stored(path: Path) -> StoredFile:
    return StoredFile(path.name, hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder as an export leaves it, with graphs that are only bytes."""
    (tmp_path / 'model.onnx').write_bytes(b'the graph')
    (tmp_path / 'model_int8.onnx').write_bytes(b'the small graph')
    np.savez(tmp_path / 'expected.npz', **EXPECTED)
    ModelRecord(
        name='poco_cliff', variant=OFFICIAL['poco_cliff'],
        graphs={'fp32': stored(tmp_path / 'model.onnx'), 'int8': stored(tmp_path / 'model_int8.onnx')},
        expected=stored(tmp_path / 'expected.npz'), inputs=(TensorSpec('crops', (-1,), 'uint8'),),
        outputs=(TensorSpec('cam', (-1, 3), 'float32'),), fp32_from=('features',), weights_sha256='ab' * 32,
        provenance={'licence': 'theirs', 'unused': ['x']}, body_model='open_body', body_model_sha256='cd' * 32,
        crop_size=224, box_padding=1.0, focal_rule='diagonal', uncertainty_definition='in words', licence='theirs',
        mock=True, made={'torch': '2.13.0'}, checks={'fp32': {'joints_mm': 0.01, 'scalar_rank': None}},
    ).write(tmp_path)
    return tmp_path


def edit(folder: Path, **changes: object) -> None:
    path = folder / 'model.json'
    plain = json.loads(path.read_text()) | changes
    path.write_text(json.dumps({name: value for name, value in plain.items() if value != 'REMOVE'}))


def test_what_was_written_is_read(folder: Path) -> None:
    record = ModelRecord.load(folder, 'int8')
    assert record.variant == OFFICIAL['poco_cliff']
    assert record.outputs == (TensorSpec('cam', (-1, 3), 'float32'),)
    assert record.graphs['int8'].file == 'model_int8.onnx'
    assert (record.fp32_from, record.mock, record.box_padding) == (('features',), True, 1.0)
    assert record.checks['fp32']['scalar_rank'] is None
    assert ModelRecord.from_dict(json.loads(json.dumps(record.to_dict()))) == record


def test_gives_the_path_of_a_graph_that_is_as_it_was_exported(folder: Path) -> None:
    assert ModelRecord.load(folder).graph_path(folder) == folder / 'model.onnx'


def test_gives_the_expected_values(folder: Path) -> None:
    inputs, outputs = ModelRecord.load(folder).expected_values(folder)
    np.testing.assert_array_equal(inputs['crops'], EXPECTED['input_crops'])
    np.testing.assert_array_equal(outputs['cam'], EXPECTED['output_cam'])


def test_refuses_a_graph_edited_by_hand(folder: Path) -> None:
    (folder / 'model.onnx').write_bytes(b'the graph!')
    ModelRecord.load(folder)
    ModelRecord.load(folder, 'int8')
    with pytest.raises(EngineError, match=r"model\.onnx is not the file that was exported.*'poco export "):
        ModelRecord.load(folder, 'fp32')


def test_refuses_expected_values_that_were_changed(folder: Path) -> None:
    np.savez(folder / 'expected.npz', **EXPECTED, more=1)
    with pytest.raises(EngineError, match=r'expected\.npz is not the file'):
        ModelRecord.load(folder).expected_values(folder)


@pytest.mark.parametrize('lacks', EXPECTED)
def test_refuses_expected_values_that_do_not_fit_the_record(folder: Path, lacks: str) -> None:
    np.savez(folder / 'expected.npz', **{name: array for name, array in EXPECTED.items() if name != lacks})
    edit(folder, expected=dataclasses.asdict(stored(folder / 'expected.npz')))
    with pytest.raises(EngineError, match=f'does not hold the expected values.*{lacks}'):
        ModelRecord.load(folder).expected_values(folder)


def test_names_a_graph_that_is_missing(folder: Path) -> None:
    (folder / 'model_int8.onnx').unlink()
    with pytest.raises(EngineError, match=r'model_int8\.onnx is missing.*poco export'):
        ModelRecord.load(folder, 'int8')


def test_says_how_to_get_a_precision_that_was_not_exported(folder: Path) -> None:
    with pytest.raises(EngineError) as caught:
        ModelRecord.load(folder, 'bf16')
    assert "no bf16 graph, only fp32, int8" in str(caught.value)
    assert "'poco export poco_cliff --precision fp32 --precision int8 --precision bf16'" in str(caught.value)


def test_a_folder_without_record_was_not_exported(tmp_path: Path) -> None:
    with pytest.raises(EngineError, match=r'model\.json is missing: the network was not exported yet'):
        ModelRecord.load(tmp_path)


@pytest.mark.parametrize(('text', 'reason'), [
    ('{"format": 1', 'is not JSON'), ('\xff', 'is not JSON'), ('[]', 'has the format None'),
    ('{"format": 2}', 'has the format 2, this version reads 1'), ('{"format": 1}', "lacks 'name'"),
])
def test_refuses_what_is_no_record(folder: Path, text: str, reason: str) -> None:
    (folder / 'model.json').write_bytes(text.encode('latin-1'))
    with pytest.raises(EngineError, match=reason) as caught:
        ModelRecord.load(folder)
    assert str(folder / 'model.json') in str(caught.value)
    assert 'poco export' in str(caught.value)


@pytest.mark.parametrize(('field', 'value'), [
    ('name', 3), ('mock', 'yes'), ('mock', 0), ('crop_size', 224.5), ('crop_size', True), ('variant', {'name': 'x'}),
    ('graphs', {}), ('graphs', {'fp31': {'file': 'model.onnx', 'sha256': ''}}), ('graphs', {'fp32': 'model.onnx'}),
    ('expected', {'file': '../expected.npz', 'sha256': 'ab'}), ('inputs', [{'name': 'crops'}]), ('inputs', None),
    ('outputs', [{'name': 'cam', 'shape': [-1], 'dtype': 'float31'}]), ('provenance', []), ('licence', 'REMOVE'),
    ('fp32_from', 7),
])
def test_refuses_fields_that_are_not_what_they_should_be(folder: Path, field: str, value: object) -> None:
    edit(folder, **{field: value})
    with pytest.raises(EngineError, match=r'model\.json') as caught:
        ModelRecord.load(folder)
    assert 'poco export' in str(caught.value)


def test_a_folder_that_cannot_be_written_to_is_named(folder: Path) -> None:
    record = ModelRecord.load(folder)
    with pytest.raises(EngineError, match=r'nowhere/model\.json cannot be written'):
        record.write(folder / 'nowhere')


def test_reading_needs_neither_torch_nor_onnx() -> None:
    code = 'import sys, poco_ros.engine.model_record; print(sorted({"torch", "onnx", "scipy"} & set(sys.modules)))'
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == '[]'
