"""The reference engine: the network's own weights, in torch."""

from __future__ import annotations

import dataclasses
import logging
import shutil
import sys

import numpy as np
import pytest
from exported_networks import exported

from poco_ros.body.model_file import load_body_model
from poco_ros.engine.agreement import compare
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.torch_engine import TorchEngine
from poco_ros.errors import EngineError, ModelFileError
from poco_ros.regressors.poco_lift.shipped import find_shipped_lift

torch = pytest.importorskip('torch')


@pytest.fixture(scope='module')
def engine():
    folder, record = exported('tiny_cliff')
    return TorchEngine(folder, record, threads=1, max_batch=3, device='cpu')


def values():
    folder, record = exported('tiny_cliff')
    return record.expected_values(folder)


def test_gives_what_was_stored_at_the_export(engine):
    inputs, expected = values()
    agreement = compare(expected, engine(inputs))
    assert agreement.joints_worst_mm < 0.01
    assert agreement.sigma_worst < 1e-5


def test_more_persons_than_at_once_and_nobody(engine):
    inputs, _ = values()
    many = {name: np.concatenate([array, array[::-1]]) for name, array in inputs.items()}
    found = engine(many)
    for name, array in found.items():
        assert len(array) == 8
        np.testing.assert_allclose(array[:4], array[:3:-1], atol=2e-5, err_msg=name)
    nobody = engine({name: array[:0] for name, array in inputs.items()})
    assert nobody['joints'].shape == (0, 24, 3)


def test_says_what_it_is(engine):
    assert engine.info.engine == 'torch'
    assert engine.info.graph_sha256 == exported('tiny_cliff')[1].weights_sha256
    assert engine.info.device == 'CPU, 1 threads'


def test_the_lift_that_ships_without_weights_has_them_in_its_graph(tmp_path):
    pytest.importorskip('onnx')
    folder = find_shipped_lift()
    record = ModelRecord.load(folder)
    for stored in (record.graphs['fp32'], record.expected):
        shutil.copy(folder / stored.file, tmp_path)
    engine = TorchEngine(tmp_path, record, threads=1, max_batch=4, device='cpu')
    assert (engine.info.graph, engine.info.graph_sha256) == ('model.onnx', record.graphs['fp32'].sha256)
    inputs, expected = record.expected_values(tmp_path)
    assert compare(expected, engine(inputs)).joints_worst_mm < 0.01
    with (tmp_path / 'model.onnx').open('ab') as file:
        file.write(b'more')
    with pytest.raises(EngineError, match=r'model\.onnx'):
        TorchEngine(tmp_path, record, device='cpu')
    (tmp_path / 'model.onnx').unlink()
    with pytest.raises(EngineError, match=r'model\.onnx'):
        TorchEngine(tmp_path, record, device='cpu')
    with pytest.raises(ModelFileError):  # graphs of networks on pictures do not have them one by one
        TorchEngine(tmp_path, exported('tiny_cliff')[1], device='cpu')


@pytest.mark.parametrize('precision', ['fp16', 'bf16', 'int8', 'tf32'])
def test_is_the_reference_and_nothing_less(precision):
    with pytest.raises(EngineError, match='torch is the reference'):
        TorchEngine(*exported('tiny_cliff'), precision=precision, device='cpu')


def test_other_weights_and_other_bodies_are_refused():
    folder, record = exported('tiny_cliff')
    with pytest.raises(EngineError, match='not those that were exported'):
        TorchEngine(folder, dataclasses.replace(record, weights_sha256='0' * 64), device='cpu')
    body = load_body_model()
    other = dataclasses.replace(body, name='another', sha256='f' * 64)
    with pytest.raises(EngineError, match="exported for the body model 'open_body'.*this one is 'another'"):
        TorchEngine(folder, record, body=other, device='cpu')


def test_without_torch_the_mend_is_named(monkeypatch):
    folder, record = exported('tiny_cliff')
    monkeypatch.setitem(sys.modules, 'torch', None)
    with pytest.raises(EngineError, match='make networks'):
        TorchEngine(folder, record)


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason='no NVIDIA GPU, or torch without CUDA')
def test_on_the_gpu_as_graphs_and_plainly(monkeypatch, caplog):
    folder, record = exported('tiny_cliff')
    inputs, expected = values()
    for plain in (False, True):
        if plain:
            monkeypatch.setattr(torch.cuda, 'CUDAGraph', lambda: (_ for _ in ()).throw(RuntimeError('not today')))
        with caplog.at_level(logging.WARNING):
            engine = TorchEngine(folder, record, max_batch=3, device='cuda')
        assert ('cannot run as a CUDA graph' in caplog.text) == plain
        agreement = compare(expected, engine(inputs))
        assert agreement.joints_worst_mm < 0.1
        assert agreement.sigma_worst < 1e-4
    assert ModelRecord.load(folder).name in caplog.text
