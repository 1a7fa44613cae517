"""export_network: the files and the record it leaves, what it refuses, and that a failure changes nothing."""

from __future__ import annotations

import hashlib
from pathlib import Path

import numpy as np
import onnx
import pytest
import torch
from exported_networks import TINY, exported, store_network

import poco_ros.export.network as network
from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.mock import mock_network, mock_provenance
from poco_ros.checkpoints.store import save_network
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.errors import ConfigError, ExportError, ModelFileError
from poco_ros.export.network import export_network
from poco_ros.export.pictures import feeds_for, synthetic_crops


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


def contents(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in folder.iterdir()}


def test_the_record_says_what_lies_in_the_folder(body: BodyModel) -> None:
    folder, returned = exported('tiny_pare')
    record = ModelRecord.load(folder)
    assert record == returned
    files = contents(folder)
    assert set(files) == {
        'weights.safetensors', 'provenance.json', 'model.onnx', 'model_fp16.onnx', 'model_bf16.onnx', 'expected.npz',
        'model.json',
    }
    assert {stored.file: stored.sha256 for stored in record.graphs.values()} == {
        name: digest for name, digest in files.items() if name.endswith('.onnx')}
    assert record.weights_sha256 == files['weights.safetensors'] == record.provenance['weights_sha256']
    assert (record.variant, record.mock, record.crop_size) == (TINY['tiny_pare'], True, 224)
    assert (record.body_model, record.body_model_sha256) == (body.name, body.sha256)
    assert record.fp32_from == ('features', 'shape_features')
    assert 'official-pare-1' in record.uncertainty_definition
    assert 'CC0-1.0' in record.licence
    assert record.made['torch'] == torch.__version__.split('+')[0] or record.made['torch'] == torch.__version__


def test_the_checks_are_kept(body: BodyModel) -> None:
    _, record = exported('tiny_pare')
    assert list(record.checks['fp32']['persons']) == ['1', '2', '5', '8', '16']
    checks = record.checks
    measured = [checks['fp32']['persons']['16'], checks['fp16']['rounding'], checks['bf16']['rounding']]
    errors = [check['joints_mm'] for check in measured]
    assert errors == sorted(errors)
    assert 0 < errors[0] < 0.05
    assert record.checks['pictures'] == 'made-up pictures'


def test_an_engine_can_compare_itself_with_the_expected_values() -> None:
    folder, record = exported()
    inputs, expected = record.expected_values(folder)
    assert len(inputs['crops']) == len(expected['joints']) == 4
    found = OpenVinoEngine(record.graph_path(folder))(inputs)
    for spec in record.outputs:
        np.testing.assert_allclose(found[spec.name], expected[spec.name], atol=1e-3)


def test_vertices_and_int8_with_the_users_pictures(tmp_path: Path, body: BodyModel) -> None:
    pytest.importorskip('onnxruntime')
    folder = store_network(tmp_path / 'tiny_hmr', 'tiny_hmr', formulation='none')
    said: list[str] = []
    record = export_network(folder, body=body, precisions=['int8'], vertices=True, progress=said.append,
                            calibration_images=synthetic_crops(40)[30:])
    assert list(record.graphs) == ['fp32', 'int8']
    assert [spec.name for spec in record.outputs] == ['rotmat', 'betas', 'cam', 'joints', 'vertices']
    assert record.uncertainty_definition == ''
    assert record.checks['pictures'] == 'people of the calibration pictures'
    assert record.checks['int8']['persons']['10']['vertices_mm'] > 0
    assert record.checks['int8']['persons']['10']['sigma'] is None
    found = OpenVinoEngine(record.graph_path(folder, 'int8'))(feeds_for(record.inputs, synthetic_crops(1)))
    assert found['vertices'].shape == (1, body.num_vertices, 3)
    assert 'checking the int8 graph' in said

    # Exporting again with less leaves nothing of the larger export.
    again = export_network(folder, body=body)
    assert list(again.graphs) == ['fp32']
    assert not (folder / 'model_int8.onnx').exists()
    assert ModelRecord.load(folder, 'fp32') == again


@pytest.mark.parametrize('name', ['tiny_cliff', 'tiny_pare'])
def test_high_resolution_networks_of_the_released_kind(name: str, tmp_path: Path, body: BodyModel) -> None:
    folder = store_network(tmp_path / name, name, backbone='hrnet_w18_small')
    record = export_network(folder, body=body, precisions=('fp32', 'bf16'))
    assert list(record.graphs) == ['fp32', 'bf16']
    graph = onnx.load(record.graph_path(folder, 'bf16')).graph
    types = {value.name: value.type.tensor_type.elem_type for value in graph.value_info}
    sizes = [node for node in graph.node if node.op_type == 'Resize']
    assert len(sizes) > 6  # nearest neighbours between the branches; bilinear too with PARE
    assert {types[node.output[0]] for node in sizes} == {onnx.TensorProto.BFLOAT16}


def test_a_failed_export_changes_nothing(tmp_path: Path, body: BodyModel, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = store_network(tmp_path / 'tiny')
    export_network(folder, body=body)
    before = contents(folder)

    def refuse(*_: object) -> None:
        raise ExportError('too far from torch')

    monkeypatch.setattr(network, 'check_rounding', refuse)
    with pytest.raises(ExportError, match='too far from torch'):
        export_network(folder, body=body, precisions=('fp32', 'bf16'))
    assert contents(folder) == before


def test_the_same_network_gives_the_same_graphs(tmp_path: Path, body: BodyModel) -> None:
    _, first = exported()
    folder = store_network(tmp_path / 'again')
    assert export_network(folder, body=body, precisions=('fp32', 'fp16', 'bf16')).graphs == first.graphs


def test_nan_in_the_weights_is_named(tmp_path: Path, body: BodyModel) -> None:
    model = mock_network(TINY['tiny_cliff'])
    with torch.no_grad():
        model.head.fc2.weight[3, 4] = np.nan
    save_network(tmp_path / 'broken', model, mock_provenance('broken', TINY['tiny_cliff'], 'A'))
    with pytest.raises(ExportError, match=r'weights of broken hold NaN or infinity in head\.fc2\.weight; import'):
        export_network(tmp_path / 'broken', body=body)


def test_an_unknown_precision_is_refused_before_any_work(tmp_path: Path, body: BodyModel) -> None:
    with pytest.raises(ConfigError, match="must be one of fp32, fp16, bf16, int8, got 'int4'"):
        export_network(tmp_path, body=body, precisions=('fp32', 'int4'))


def test_int8_without_pictures_says_what_to_give(tmp_path: Path, body: BodyModel) -> None:
    with pytest.raises(ExportError, match='--calibration-video FILE'):
        export_network(tmp_path, body=body, precisions=('int8',))


def test_a_network_that_is_not_there_is_named(tmp_path: Path, body: BodyModel) -> None:
    with pytest.raises(ModelFileError, match='nowhere'):
        export_network(tmp_path / 'nowhere', body=body)


def test_a_folder_that_cannot_be_written_to_is_named(
    tmp_path: Path, body: BodyModel, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = store_network(tmp_path / 'tiny')

    def full(*_: object, **__: object) -> None:
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(network.tempfile, 'TemporaryDirectory', full)
    with pytest.raises(ExportError, match=r'tiny cannot be written to: No space left on device; free or unlock'):
        export_network(folder, body=body)
