"""OpenVINO behind the engine interface: real graphs, named tensors, and files that are not what they should be."""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest
from network_files import cached

from poco_ros.engine.base import TensorSpec
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.errors import EngineError
from poco_ros.people.landmarker import FEATURES, OUTPUTS
from poco_ros.people.model_files import DETECTOR, LANDMARKER


def field(number, payload):
    """One protobuf field: a varint or length-delimited bytes."""
    def varint(value):
        low, value = value & 127, value >> 7
        return bytes([low | 128]) + varint(value) if value else bytes([low])

    if isinstance(payload, int):
        return varint(number << 3) + varint(payload)
    payload = payload.encode() if isinstance(payload, str) else payload
    return varint(number << 3 | 2) + varint(len(payload)) + payload


@pytest.fixture
def onnx_file(tmp_path):
    """A graph written by hand after the ONNX protobuf: product = left * right, sum = product + right."""
    dims = b''.join(field(1, field(1, size)) for size in (2, 3))
    kind = field(2, field(1, field(1, 1) + field(2, dims)))
    values = [field(11, field(1, name) + kind) for name in ('left', 'right')] + [field(12, field(1, 'sum') + kind)]
    nodes = [
        field(1, field(1, a) + field(1, b) + field(2, out) + field(4, op))
        for a, b, out, op in (('left', 'right', 'product', 'Mul'), ('product', 'right', 'sum', 'Add'))
    ]
    model = field(1, 8) + field(7, b''.join(nodes) + field(2, 'graph') + b''.join(values)) + field(8, field(2, 17))
    path = tmp_path / 'tiny.onnx'
    path.write_bytes(model)
    return path


def feeds():
    return {
        'left': np.arange(6, dtype=np.float32).reshape(2, 3), 'right': np.full((2, 3), 0.5, np.float32),
    }


def test_runs_an_onnx_file(onnx_file):
    engine = OpenVinoEngine(onnx_file)
    assert [spec.name for spec in engine.inputs] == ['left', 'right']
    assert engine.outputs == (TensorSpec('sum', (2, 3), 'float32'),)
    out = engine(feeds())
    np.testing.assert_array_equal(out['sum'], feeds()['left'] * 0.5 + 0.5)


def test_gives_intermediate_tensors_in_the_order_asked_for(onnx_file):
    engine = OpenVinoEngine(onnx_file, outputs=['product', 'sum'])
    out = engine(feeds())
    assert list(out) == ['product', 'sum']
    np.testing.assert_array_equal(out['product'], feeds()['left'] * 0.5)


def test_outputs_belong_to_the_caller(onnx_file):
    engine = OpenVinoEngine(onnx_file)
    first = engine(feeds())['sum']
    kept = first.copy()
    engine({name: value + 9 for name, value in feeds().items()})
    np.testing.assert_array_equal(first, kept)


def test_says_what_it_is(onnx_file):
    info = OpenVinoEngine(onnx_file, precision='f32').info
    assert (info.engine, info.precision, info.graph) == ('openvino', 'f32', 'tiny.onnx')
    assert info.graph_sha256 == hashlib.sha256(onnx_file.read_bytes()).hexdigest()
    assert info.version
    assert info.device


@pytest.mark.parametrize(('change', 'word'), [
    ({'left': None}, 'missing'), ({'extra': np.zeros(1, np.float32)}, 'no such input'),
    ({'left': np.zeros((3, 2), np.float32)}, 'shape'), ({'left': np.zeros((2, 3), np.float64)}, 'float64'),
    ({'left': np.zeros(6, np.float32)}, 'shape'),
])
def test_wrong_inputs_are_refused(onnx_file, change, word):
    given = {name: value for name, value in {**feeds(), **change}.items() if value is not None}
    with pytest.raises(EngineError, match=word):
        OpenVinoEngine(onnx_file)(given)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(EngineError, match='nowhere.onnx.*No such file'):
        OpenVinoEngine(tmp_path / 'nowhere.onnx')


@pytest.mark.parametrize('name', ['junk.onnx', 'junk.tflite'])
def test_corrupt_file_is_named(tmp_path, name):
    (tmp_path / name).write_bytes(b'x' * 5000)
    with pytest.raises(EngineError, match=f'{name}.*corrupt'):
        OpenVinoEngine(tmp_path / name)


def test_truncated_file_is_named(tmp_path):
    half = cached(DETECTOR).read_bytes()[:1_000_000]
    (tmp_path / 'half.tflite').write_bytes(half)
    with pytest.raises(EngineError, match=r'half\.tflite.*corrupt'):
        OpenVinoEngine(tmp_path / 'half.tflite')


def test_other_kinds_of_file_and_settings_are_refused(tmp_path, onnx_file):
    (tmp_path / 'graph.pt').write_bytes(b'x')
    with pytest.raises(EngineError, match=r'\.tflite or \.onnx'):
        OpenVinoEngine(tmp_path / 'graph.pt')
    with pytest.raises(EngineError, match='no tensor named nothing'):
        OpenVinoEngine(onnx_file, outputs=['nothing'])
    with pytest.raises(EngineError, match='precision'):
        OpenVinoEngine(onnx_file, precision='int4')
    with pytest.raises(EngineError, match='thread'):
        OpenVinoEngine(onnx_file, threads=0)


def test_without_openvino_the_mend_is_named(onnx_file, monkeypatch):
    monkeypatch.setitem(sys.modules, 'openvino', None)
    with pytest.raises(EngineError, match='pip install openvino'):
        OpenVinoEngine(onnx_file)


def test_landmark_network_cut_down_gives_the_same_numbers():
    path = cached(LANDMARKER)
    picture = {'input_1': np.random.default_rng(0).random((1, 256, 256, 3), np.float32)}
    whole, cut = OpenVinoEngine(path), OpenVinoEngine(path, outputs=[*OUTPUTS, FEATURES])
    assert len(whole.outputs) == 5
    expected, out = whole(picture), cut(picture)
    for name in OUTPUTS:
        np.testing.assert_array_equal(out[name], expected[name])
    assert out[FEATURES].shape == (1, 2, 2, 288)
    np.testing.assert_array_equal(cut(picture)[FEATURES], out[FEATURES])


def test_a_signal_after_engines_were_freed_in_any_order(onnx_file):
    """OpenVINO lends the process a stack for signal handlers, which must not be gone when the signal comes."""
    code = f"""
import gc, os, signal
from poco_ros.engine.openvino_engine import OpenVinoEngine
signal.signal(signal.SIGTERM, lambda *_: print('handled', flush=True))
engines = [OpenVinoEngine({str(onnx_file)!r}) for _ in range(3)]
while engines:
    del engines[0]
    gc.collect()
    os.kill(os.getpid(), signal.SIGTERM)
"""
    done = subprocess.run([sys.executable, '-c', code], cwd=Path(__file__).parents[1], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (0, 'handled\n' * 3), done.stderr


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason='one processor alone leaves nothing to choose')
def test_a_network_on_one_thread_is_not_bound_to_one_processor():
    """Bound ones would all share the first processor: two nodes on a machine would take turns."""
    engine, allowed, done = OpenVinoEngine(cached(DETECTOR), threads=1), set(), threading.Event()
    spec = engine.inputs[0]
    picture = {spec.name: np.zeros(spec.shape, np.float32)}

    def watch():
        while not done.is_set():
            for status in Path('/proc/self/task').glob('*/status'):
                with contextlib.suppress(OSError):
                    lines = [line for line in status.read_text().splitlines() if line.startswith('Cpus_allowed_list')]
                    allowed.update(lines)

    watcher = threading.Thread(target=watch)
    watcher.start()
    for _ in range(20):
        engine(picture)
    done.set()
    watcher.join()
    assert len(allowed) == 1, f'threads may run on different processors: {sorted(allowed)}'
