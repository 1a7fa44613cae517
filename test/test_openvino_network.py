"""Networks on the CPU: persons one after the other, low precision up to the features and nothing behind them."""

from __future__ import annotations

import dataclasses
import sys

import numpy as np
import onnx
import pytest
from engine_networks import make_network, pictures
from exported_networks import exported

from poco_ros.engine import openvino_network
from poco_ros.engine.agreement import compare
from poco_ros.engine.base import TensorSpec
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.engine.openvino_network import OpenVinoNetwork, has_bf16
from poco_ros.errors import EngineError

needs_bf16 = pytest.mark.skipif(not has_bf16(), reason='this processor has no bfloat16')


@pytest.fixture
def small(tmp_path):
    return tmp_path / 'small', make_network(tmp_path / 'small', precisions=('fp32', 'int8'))


@pytest.mark.parametrize('n', [1, 2, 9])
def test_gives_what_the_whole_graph_gives(small, n):
    folder, record = small
    feeds = pictures(n, seed=n)
    expected = OpenVinoEngine(folder / 'model_fp32.onnx')(feeds)
    found = OpenVinoNetwork(folder, record)(feeds)
    assert list(found) == [spec.name for spec in record.outputs]
    for name, array in expected.items():
        assert found[name].dtype == np.float32
        np.testing.assert_allclose(found[name], array, atol=1e-6)


def test_nobody_is_nobody(small):
    out = OpenVinoNetwork(*small)(pictures(0))
    assert out['rotmat'].shape == (0, 24, 3, 3)
    assert out['uncertainty'].shape == (0,)


def test_a_person_comes_out_the_same_alone_and_among_others(small):
    engine = OpenVinoNetwork(*small)
    feeds = pictures(4)
    together = engine(feeds)
    for row in range(4):
        alone = engine({name: array[row:row + 1] for name, array in feeds.items()})
        for name, array in alone.items():
            np.testing.assert_array_equal(array[0], together[name][row])


def test_outputs_belong_to_the_caller(small):
    engine = OpenVinoNetwork(*small)
    first = engine(pictures(1, seed=1))
    kept = {name: array.copy() for name, array in first.items()}
    engine(pictures(1, seed=2))
    for name, array in kept.items():
        np.testing.assert_array_equal(first[name], array)


def head_alone(folder, record, tmp_path):
    """What follows the boundary, cut out of the file by onnx, as a graph of its own."""
    path = tmp_path / 'head.onnx'
    others = [spec.name for spec in record.inputs if spec.name != 'crops']
    onnx.utils.extract_model(
        str(folder / record.graphs['fp32'].file), str(path), [*record.fp32_from, *others],
        [spec.name for spec in record.outputs])
    model = onnx.load(path)
    for value in (*model.graph.input, *model.graph.output):  # one person, as the engine compiles it
        value.type.tensor_type.shape.dim[0].dim_value = 1
    del model.graph.value_info[:]
    onnx.save(model, path)
    return OpenVinoEngine(path, threads=1, precision='f32')


@needs_bf16
@pytest.mark.parametrize('name', ['tiny_cliff', 'tiny_pare'])
def test_behind_the_features_bf16_changes_no_bit(name, tmp_path):
    """Given the features that the low-precision front made, sigma and all else are those of fp32, bit for bit."""
    folder, record = exported(name)
    inputs, expected = record.expected_values(folder)
    engine = OpenVinoNetwork(folder, record, precision='bf16', threads=1)
    head = head_alone(folder, record, tmp_path)
    for row in range(2):
        feeds = {key: array[row:row + 1] for key, array in inputs.items()}
        found = engine(feeds)
        features = {key: engine._front.get_tensor(key).data.copy() for key in record.fp32_from}
        again = head({**features, **{key: array for key, array in feeds.items() if key != 'crops'}})
        assert np.abs(found['joints'] - expected['joints'][row]).max() > 1e-6  # it is bf16 that ran before
        for spec in record.outputs:
            np.testing.assert_array_equal(found[spec.name], again[spec.name])


@needs_bf16
def test_bf16_is_lower_precision_and_still_the_network():
    folder, record = exported('tiny_cliff')
    inputs, expected = record.expected_values(folder)
    exact = compare(expected, OpenVinoNetwork(folder, record)(inputs))
    rounded = compare(expected, OpenVinoNetwork(folder, record, precision='bf16')(inputs))
    assert exact.joints_worst_mm < 0.01
    assert 10 * exact.joints_mm < rounded.joints_mm < 5
    assert rounded.sigma_rank > 0.99


def test_int8_runs_the_quantised_file_in_8_bits(small):
    folder, record = small
    inputs, expected = record.expected_values(folder)
    engine = OpenVinoNetwork(folder, record, precision='int8')
    assert (engine.info.graph, engine.info.precision) == ('model_int8.onnx', 'int8')
    assert engine.info.graph_sha256 == record.graphs['int8'].sha256
    products = [
        str(node.get_rt_info()['runtimePrecision'].value) for node in
        engine._front.get_compiled_model().get_runtime_model().get_ordered_ops()
        if node.get_rt_info()['layerType'].value in ('FullyConnected', 'MatMul')]
    assert products
    assert set(products) <= {'i8', 'u8'}  # and not folded back to fp32
    agreement = compare(expected, engine(inputs))
    assert 0.001 < agreement.joints_mm < 5


def test_says_what_it_is(small):
    info = OpenVinoNetwork(*small, reason='there is nothing else').info
    assert (info.engine, info.precision, info.graph) == ('openvino', 'fp32', 'model_fp32.onnx')
    assert info.reason == 'there is nothing else'
    assert info.device
    assert info.version


@pytest.mark.parametrize('precision', ['fp16', 'tf32', 'f32'])
def test_precisions_a_cpu_has_not_are_refused(small, precision):
    with pytest.raises(EngineError, match=f'runs networks in fp32, bf16, int8, not in {precision}'):
        OpenVinoNetwork(*small, precision=precision)


def test_bf16_on_a_processor_without_it_is_refused(small, monkeypatch):
    monkeypatch.setattr(openvino_network, 'has_bf16', lambda: False)
    with pytest.raises(EngineError, match='cannot compute in bfloat16; set precision to fp32'):
        OpenVinoNetwork(*small, precision='bf16')


def test_a_graph_edited_by_hand_is_refused(small):
    folder, record = small
    (folder / 'model_fp32.onnx').write_bytes((folder / 'model_fp32.onnx').read_bytes() + b'\0')
    with pytest.raises(EngineError, match=r'model_fp32\.onnx is not the file that was exported'):
        OpenVinoNetwork(folder, record)


def test_a_boundary_that_does_not_part_the_graph_is_refused(small):
    folder, record = small
    apart = 'does not fall in two'
    for names, words in (((), apart), (('sigma',), apart), (('nowhere',), 'no tensor named nowhere')):
        with pytest.raises(EngineError, match=words):
            OpenVinoNetwork(folder, dataclasses.replace(record, fp32_from=names))


@pytest.mark.parametrize('field', ['inputs', 'outputs'])
def test_a_record_of_another_graph_is_refused(small, field):
    folder, record = small
    specs = list(getattr(record, field))
    specs[-1] = TensorSpec(specs[-1].name, (-1, 7), 'float32')
    with pytest.raises(EngineError, match=r'where its record has .*\(1, 7\).*export it anew'):
        OpenVinoNetwork(folder, dataclasses.replace(record, **{field: tuple(specs)}))


def test_wrong_feeds_are_refused(small):
    engine = OpenVinoNetwork(*small)
    with pytest.raises(EngineError, match='different numbers of persons: crops 1, bbox_info 2'):
        engine({'crops': pictures(1)['crops'], 'bbox_info': pictures(2)['bbox_info']})
    with pytest.raises(EngineError, match='crops must be uint8'):
        engine({**pictures(1), 'crops': pictures(1)['crops'].astype(np.float32)})


def test_without_openvino_the_mend_is_named(small, monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    with pytest.raises(EngineError, match='pip install openvino'):
        OpenVinoNetwork(*small)


def test_tensorrt_can_take_the_pixels():
    """TensorRT takes uint8 as an input, but does nothing with it except casting it to fp32 or fp16."""
    folder, record = exported('tiny_cliff', ('fp32', 'bf16'))
    for stored in record.graphs.values():
        graph = onnx.load(folder / stored.file).graph
        readers = [node for node in graph.node if 'crops' in node.input]
        assert [node.op_type for node in readers] == ['Cast']
        assert onnx.helper.get_node_attr_value(readers[0], 'to') == onnx.TensorProto.FLOAT
        assert all([d.dim_param for d in value.type.tensor_type.shape.dim][1:] == [''] * (len(
            value.type.tensor_type.shape.dim) - 1) for value in graph.input)


def test_the_record_is_all_it_needs(small):
    folder, _ = small
    assert OpenVinoNetwork(folder, ModelRecord.load(folder)).inputs[0].shape == (-1, 224, 224, 3)
