"""The thin adapter to TensorRT and CUDA: its names against what is published, its calls against strict stand-ins."""

from __future__ import annotations

import ast
import gc
import importlib
import logging
import sys
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
from published_api import API
from strict_cuda import StrictCuda
from strict_tensorrt import StrictTensorRt

from poco_ros.engine.build_progress import BuildProgress
from poco_ros.engine.tensorrt_engine import layout
from poco_ros.engine.tensorrt_interface import PlanTensor, Recipe
from poco_ros.errors import EngineError

NAME = 'poco_ros.engine.tensorrt_driver'
SOURCE = Path(__file__).parents[1] / 'poco_ros' / 'engine' / 'tensorrt_driver.py'

# What the variables of the adapter are, of TensorRT's classes.
VARIABLES = {
    'builder': 'Builder', 'network': 'INetworkDefinition', 'parser': 'OnnxParser', 'config': 'IBuilderConfig',
    'profile': 'IOptimizationProfile', 'tensor': 'ITensor', 'cache': 'ITimingCache', 'engine': 'ICudaEngine',
    'context': 'IExecutionContext', '_context': 'IExecutionContext', '_engine': 'ICudaEngine', '_runtime': 'Runtime',
    'get_error': 'ParserError', 'ILogger': 'ILogger', 'IProgressMonitor': 'IProgressMonitor',
}
ENUMERATIONS = ('cudaError_t', 'cudaMemcpyKind', 'cudaStreamCaptureMode')
# What is no object of TensorRT's or CUDA's: attributes of our own records, of modules and of plain values.
PLAIN = {
    'self', 'recipe', 'layout', 'place', 'gpu', 'logging', '_log', '_LOGGER', 'ctypes', 'weakref', 'np', 'function',
    'graph', 'monitor', 'finalize', 'ctypeslib', 'name', 'dtype', 'tensors', 'cudaGetErrorString',
}


def attributes():
    """Every attribute in the adapter: what it is taken from, its name, the line."""
    for node in ast.walk(ast.parse(SOURCE.read_text())):
        if isinstance(node, ast.Attribute):
            base = node.value
            while isinstance(base, (ast.Call, ast.Subscript)):
                base = base.func if isinstance(base, ast.Call) else base.value
            if isinstance(base, (ast.Constant, ast.BinOp)):
                continue
            yield ast.unparse(base), node.attr, node.lineno


def published(base, name):
    """Whether TensorRT and CUDA publish a name in every version; None where the base is neither's."""
    if base == 'trt':
        return name in API['module'] or name == '__version__'
    if base == 'cudart':
        return name in API['cuda']
    *_, last = base.split('.')
    if base.startswith('trt.') and last in API['classes']:
        return name in API['classes'][last]
    if base.startswith('cudart.') and last in ENUMERATIONS:
        return name in API['cuda'][last]
    if last in VARIABLES and base != 'self.engine':
        return name in API['classes'][VARIABLES[last]]
    return None


def test_every_name_is_in_every_version():
    found = list(attributes())
    checked = [(base, name, line) for base, name, line in found if published(base, name) is not None]
    assert len(checked) > 60
    assert not [(base, name, line) for base, name, line in checked if not published(base, name)]


def test_nothing_else_is_touched_unseen():
    """An attribute of a variable that this test knows nothing of could be one of TensorRT's."""
    unknown = [
        (base, name, line) for base, name, line in attributes()
        if published(base, name) is None and base.split('.')[-1].split('(')[0] not in PLAIN]
    assert not unknown, f'say in VARIABLES or PLAIN what these are: {unknown}'


def test_no_removed_name_is_used():
    removed = {name for names in API['removed'].values() for name in names}
    assert 'FP16' in removed
    assert not [(base, name, line) for base, name, line in attributes() if name in removed]


def test_the_listing_catches_removed_and_misspelt_names():
    for base, name in (
        ('trt.BuilderFlag', 'FP16'), ('builder', 'platform_has_fast_fp16'), ('config', 'int8_calibrator'),
        ('engine', 'device_memory_size'), ('trt', 'IInt8Calibrator'), ('cudart', 'cudaMallocPinned'),
        ('self._context', 'execute_async_v2'),
    ):
        assert published(base, name) is False, (base, name)
    for kind, names in API['removed'].items():
        listing = API['module'] if kind == 'tensorrt' else API['classes'].get(kind, ())
        assert not set(names) & set(listing)


def test_the_adapter_is_thin_and_alone():
    assert len(SOURCE.read_text().splitlines()) < 200
    for path in SOURCE.parents[1].rglob('*.py'):
        if path != SOURCE:
            imported = {
                name.split('.')[0] for node in ast.walk(ast.parse(path.read_text()))
                for name in ([a.name for a in node.names] if isinstance(node, ast.Import)
                             else [node.module or ''] if isinstance(node, ast.ImportFrom) else [])}
            assert not imported & {'tensorrt', 'cuda', 'pycuda'}, path


@pytest.fixture
def cuda():
    return StrictCuda()


@pytest.fixture
def trt(cuda):
    return StrictTensorRt(cuda)


@pytest.fixture
def adapter(monkeypatch, trt, cuda):
    """The adapter, imported against the stand-ins."""
    bindings = ModuleType('cuda.bindings')
    bindings.runtime = cuda
    for name, module in (('tensorrt', trt), ('cuda', ModuleType('cuda')), ('cuda.bindings', bindings),
                         ('cuda.bindings.runtime', cuda)):
        monkeypatch.setitem(sys.modules, name, module)
    sys.modules.pop(NAME, None)
    yield importlib.import_module(NAME)
    sys.modules.pop(NAME, None)


@pytest.fixture
def graph(tmp_path):
    path = tmp_path / 'model.onnx'
    path.write_bytes(b'onnx')
    return path


def build(adapter, graph, *, tf32=False, timing=b''):
    told = []
    plan, learned = adapter.Driver().build(
        graph, Recipe((1, 2, 8), tf32=tf32), timing, BuildProgress(lambda what, share: told.append(share), 'building'))
    return plan, learned, told


def test_says_where_it_runs(adapter):
    where = adapter.Driver().platform
    assert (where.tensorrt, where.cuda_runtime, where.cuda_driver) == ('11.4.0.106', 13020, 13)
    assert (where.gpu, where.compute_capability) == ('NVIDIA H100 80GB HBM3', '9.0')


def test_builds_strongly_typed_with_the_recipes_settings(adapter, trt, graph):
    plan, learned, told = build(adapter, graph, timing=b'known')
    world = trt.world
    assert plan == b'plan of onnx'
    assert learned == b'known'
    strongly_typed = API['classes']['NetworkDefinitionCreationFlag'].index('STRONGLY_TYPED')
    assert world.network_flags == 1 << strongly_typed
    assert world.flags == set()
    assert world.profiles == [('image', (1, 2, 3), (2, 2, 3), (8, 2, 3))]
    assert world.workspace == ('MemoryPoolType.WORKSPACE', 1 << 30)
    assert world.config.builder_optimization_level == 3
    assert world.set_caches == [(b'known', False)]
    assert told == [0, 0.5, 0.99]


def test_tf32_is_set_only_when_asked_for(adapter, trt, graph):
    build(adapter, graph, tf32=True)
    assert trt.world.flags == {'TF32'}


def test_a_timing_cache_of_elsewhere_is_dropped(adapter, trt, graph):
    trt.world.timing_refused = True
    plan, learned, _ = build(adapter, graph, timing=b'of another version')
    assert plan
    assert learned == b''
    assert trt.world.set_caches == [(b'of another version', False), (b'', False)]


def test_what_the_parser_says_is_passed_on(adapter, trt, graph):
    trt.world.parse_errors = ['no importer registered for op: NonZero', 'second']
    with pytest.raises(EngineError, match=r'11\.4.*cannot parse .*model\.onnx: no importer.*NonZero / second'):
        build(adapter, graph)


def test_what_the_builder_says_is_passed_on_and_logged(adapter, trt, graph, caplog):
    trt.world.builds, trt.world.log_errors = False, ('out of memory',)
    with caplog.at_level(logging.ERROR), pytest.raises(EngineError, match='cannot build.*out of memory'):
        build(adapter, graph)
    assert 'TensorRT: out of memory' in caplog.text


def session_of(adapter, graph, persons=2):
    plan = adapter.Driver().load(build(adapter, graph)[0])
    places = layout(plan.tensors, persons)
    return plan.session(places), places


def run_on(session, places, image, start):
    session.memory[:image.size] = image.ravel()
    start()
    session.wait()
    offset = places.tensors['twice'].offset
    return session.memory[offset:offset + 4 * image.size].view(np.float32).reshape(image.shape).copy()


def test_a_plan_tells_its_tensors(adapter, graph):
    plan = adapter.Driver().load(build(adapter, graph)[0])
    assert plan.tensors == (
        PlanTensor('twice', False, 'float32', (-1, 2, 3)),
        PlanTensor('image', True, 'uint8', (-1, 2, 3), ((1, 2, 3), (1, 2, 3), (8, 2, 3))),
    )


def test_a_refused_plan_is_none(adapter):
    assert adapter.Driver().load(b'of another GPU') is None


def test_runs_plainly_and_as_a_graph(adapter, graph, trt):
    session, places = session_of(adapter, graph)
    assert trt.world.input_shapes == [(2, 2, 3)]
    images = np.random.default_rng(0).integers(0, 256, (3, 2, 2, 3), dtype=np.uint8)
    np.testing.assert_array_equal(run_on(session, places, images[0], session.enqueue), 2.0 * images[0])
    assert session.capture()
    for image in images:
        np.testing.assert_array_equal(run_on(session, places, image, session.launch), 2.0 * image)


def test_a_graph_that_cannot_be_recorded_leaves_the_session_usable(adapter, graph, trt, cuda):
    session, places = session_of(adapter, graph)
    image = np.arange(12, dtype=np.uint8).reshape(2, 2, 3)
    run_on(session, places, image, session.enqueue)
    trt.world.execute = False
    assert not session.capture()
    trt.world.execute = True
    assert 'cudaGetLastError' in cuda.asked
    assert not cuda.capturing
    np.testing.assert_array_equal(run_on(session, places, image, session.enqueue), 2.0 * image)
    cuda.fail['cudaStreamEndCapture'] = 'cudaErrorStreamCaptureUnsupported'
    assert not session.capture()


def test_everything_is_freed_with_the_session(adapter, graph, cuda):
    session, _ = session_of(adapter, graph)
    session.enqueue()
    session.wait()
    session.capture()
    assert {kind for kind, _ in cuda.alive.values()} >= {'stream', 'host', 'device', 'graph exec'}
    del session
    gc.collect()
    assert not cuda.alive


@pytest.mark.parametrize(('fault', 'words'), [
    ({'cudaMalloc': 'cudaErrorMemoryAllocation'}, 'cudaMalloc failed.*cudaErrorMemoryAllocation'),
    ({'cudaStreamCreateWithFlags': 'cudaErrorNoDevice'}, 'cudaStreamCreateWithFlags failed'),
])
def test_cudas_failures_are_told(adapter, graph, cuda, fault, words):
    cuda.fail = fault
    with pytest.raises(EngineError, match=words):
        session_of(adapter, graph)


def test_no_context_and_refused_memory_are_told(adapter, graph, trt):
    trt.world.refuse_address = True
    with pytest.raises(EngineError, match=r'does not take twice of shape \(2, 2, 3\)|does not take image'):
        session_of(adapter, graph)
    trt.world.context = False
    with pytest.raises(EngineError, match='execution context'):
        session_of(adapter, graph)


def test_without_a_gpu_it_says_so(adapter, cuda):
    cuda.fail = {'cudaGetDeviceProperties': 'cudaErrorNoDevice'}
    with pytest.raises(EngineError, match='no NVIDIA GPU.*nvidia-smi'):
        adapter.Driver()


@pytest.mark.parametrize('missing', ['tensorrt', 'cuda'])
def test_without_the_libraries_the_mend_is_named(adapter, monkeypatch, missing):
    monkeypatch.setitem(sys.modules, missing, None)
    if missing == 'cuda':
        monkeypatch.delitem(sys.modules, 'cuda.bindings.runtime')
        monkeypatch.setitem(sys.modules, 'cuda.bindings', None)
    sys.modules.pop(NAME)
    with pytest.raises(EngineError, match='pip install tensorrt cuda-bindings.*Jetson'):
        importlib.import_module(NAME)
