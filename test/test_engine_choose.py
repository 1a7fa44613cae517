"""Which engine runs a network, and what is said about it."""

from __future__ import annotations

import logging
import sys

import numpy as np
import pytest
from engine_networks import make_network, pictures
from exported_networks import exported
from fake_tensorrt_driver import FakeDriver

from poco_ros.engine import choose, openvino_network
from poco_ros.engine.choose import load_engine
from poco_ros.engine.options import EngineOptions
from poco_ros.errors import ConfigError, EngineError


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('POCO_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache'


@pytest.fixture
def folder(tmp_path):
    make_network(tmp_path / 'small')
    return tmp_path / 'small'


@pytest.fixture
def gpu(monkeypatch):
    """A machine with TensorRT."""
    driver = FakeDriver()
    monkeypatch.setattr(choose, '_tensorrt_driver', lambda: driver)
    return driver


def load(folder, **options):
    return load_engine(folder, EngineOptions(**options))


def bf16_there(monkeypatch, there):
    monkeypatch.setattr(openvino_network, 'has_bf16', lambda: there)


def test_without_tensorrt_auto_is_openvino_and_says_why(folder, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    bf16_there(monkeypatch, False)
    with caplog.at_level(logging.INFO):
        engine = load(folder)
    assert (engine.info.engine, engine.info.precision) == ('openvino', 'fp32')
    assert engine.info.reason.startswith('not tensorrt: TensorRT cannot be imported')
    assert engine.info.reason.endswith('fp32 because the processor has no bf16')
    assert engine.info.reason in caplog.text
    assert not [record for record in caplog.records if record.levelno >= logging.WARNING]
    assert np.isfinite(engine(pictures(2))['joints']).all()


def test_with_tensorrt_and_a_gpu_auto_is_tensorrt(folder, gpu, cache):
    info = load(folder).info
    assert (info.engine, info.precision) == ('tensorrt', 'tf32')
    assert 'no fp16 graph was exported' in info.reason
    assert list((cache / 'engines').glob('small-*.plan'))


def test_fp16_is_taken_where_it_was_exported(tmp_path, gpu):
    make_network(tmp_path / 'small', precisions=('fp32', 'fp16'))
    assert load(tmp_path / 'small').info.precision == 'fp16'
    assert load(tmp_path / 'small', precision='fp32').info.precision == 'fp32'


def test_where_tensorrt_fails_auto_goes_on_with_a_warning(folder, gpu, caplog):
    gpu.build_error = 'TensorRT 11.4 cannot build model.onnx: out of memory'
    with caplog.at_level(logging.WARNING):
        info = load(folder).info
    assert info.engine == 'openvino'
    assert 'not tensorrt: TensorRT 11.4 cannot build model.onnx: out of memory' in info.reason
    assert 'small cannot be run by TensorRT' in caplog.text
    with pytest.raises(EngineError, match='out of memory'):
        load(folder, engine='tensorrt')


@pytest.mark.parametrize(('exported_precisions', 'processor', 'taken', 'word'), [
    (('fp32',), True, 'fp32', 'nothing says what that does'), (('fp32', 'bf16'), True, 'bf16', 'passed the check'),
    (('fp32', 'bf16'), False, 'fp32', 'has no bf16'), (('fp32', 'int8'), True, 'fp32', 'nothing says'),
])
def test_bf16_is_taken_only_where_the_export_checked_it(
    tmp_path, monkeypatch, exported_precisions, processor, taken, word
):
    make_network(tmp_path / 'small', precisions=exported_precisions)
    real = openvino_network.has_bf16()
    if processor and not real:
        pytest.skip('this processor has no bfloat16')
    bf16_there(monkeypatch, processor)
    info = load(tmp_path / 'small', engine='openvino').info
    assert info.precision == taken
    assert word in info.reason
    assert 'openvino was asked for' in info.reason


def test_what_openvino_cannot_run_is_not_hidden_by_torch(folder):
    (folder / 'model_fp32.onnx').write_bytes(b'edited by hand')
    with pytest.raises(EngineError, match='no engine can run small; not tensorrt.*is not the file that was exported'):
        load(folder)


def test_numbers_that_are_none_are_refused(tmp_path):
    make_network(tmp_path / 'small', poison=True)
    with pytest.raises(EngineError, match='does not compute what was exported.*not finite'):
        load(tmp_path / 'small')


def test_stored_values_of_another_network_are_refused(folder, tmp_path):
    make_network(tmp_path / 'other', seed=5)
    (folder / 'expected.npz').write_bytes((tmp_path / 'other' / 'expected.npz').read_bytes())
    with pytest.raises(EngineError, match=r'expected\.npz is not the file'):
        load(folder)


def test_without_any_library_it_says_what_to_install(folder, monkeypatch):
    for name in ('tensorrt', 'openvino', 'torch'):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(EngineError) as caught:
        load(folder)
    for words in ('pip install tensorrt cuda-bindings', 'pip install openvino', 'make networks'):
        assert words in str(caught.value)


@pytest.mark.parametrize(('engine', 'module', 'words'), [
    ('tensorrt', 'tensorrt', 'pip install tensorrt'), ('openvino', 'openvino', 'pip install openvino'),
    ('torch', 'torch', 'make networks'),
])
def test_an_engine_asked_for_that_is_not_there_is_an_error(folder, monkeypatch, engine, module, words):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(EngineError, match=words):
        load(folder, engine=engine)


def test_torch_is_taken_where_there_is_nothing_else(monkeypatch):
    folder, _ = exported('tiny_cliff')
    def absent(library):
        def ask():
            raise EngineError(f'no {library}; install it')
        return ask

    monkeypatch.setattr(choose, '_tensorrt_driver', absent('TensorRT'))
    monkeypatch.setattr(openvino_network, 'has_bf16', absent('OpenVINO'))
    info = load(folder, threads=1).info
    assert (info.engine, info.precision) == ('torch', 'fp32')
    assert info.reason == 'not tensorrt: no TensorRT; not openvino: no OpenVINO'


@pytest.mark.parametrize('precision', ['fp16', 'tf32'])
def test_a_precision_that_nothing_here_has_is_an_error_with_every_reason(folder, monkeypatch, precision):
    monkeypatch.setitem(sys.modules, 'tensorrt', None)
    with pytest.raises(EngineError, match=f'not tensorrt: .*not openvino: .*not in {precision}'):
        load(folder, precision=precision)


def test_a_network_that_was_not_exported_is_an_error(tmp_path):
    with pytest.raises(EngineError, match=r'model\.json is missing.*poco export'):
        load(tmp_path)


def test_progress_ends_at_one_and_can_stop_it(folder, gpu):
    told = []
    load_engine(folder, EngineOptions(max_batch=2), lambda what, share: told.append((what, share)))
    assert told[-1] == ('small is loaded', 1.0)
    assert any(what.startswith('building small-') for what, _ in told)

    def enough(what, share):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        load_engine(folder, EngineOptions(max_batch=4), enough)


def test_nobody_needs_torch_to_run_a_network(folder, monkeypatch):
    for name in ('torch', 'onnx', 'timm', 'safetensors'):
        monkeypatch.setitem(sys.modules, name, None)
    assert load(folder).info.engine == 'openvino'


def test_options_out_of_range_are_refused():
    with pytest.raises(ConfigError, match='max_batch'):
        EngineOptions(max_batch=0)
