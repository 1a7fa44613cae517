"""TensorRT behind the engine interface, played by a fake driver: batches, CUDA graphs, faults."""

from __future__ import annotations

import dataclasses
import logging

import numpy as np
import pytest
from engine_networks import make_network, pictures
from fake_tensorrt_driver import FakeDriver

from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.engine.plan_cache import PlanCache
from poco_ros.engine.tensorrt_engine import TensorRtEngine, layout
from poco_ros.engine.tensorrt_interface import PlanTensor
from poco_ros.errors import EngineError


@pytest.fixture
def folder(tmp_path):
    make_network(tmp_path / 'small')
    return tmp_path / 'small'


def load(folder, driver, *, precision='fp32', max_batch=8, cache=None, **options):
    from poco_ros.engine.model_record import ModelRecord

    options.setdefault('progress', lambda what, share: None)
    return TensorRtEngine(
        folder, ModelRecord.load(folder), driver, cache or PlanCache(folder.parent / 'engines'), precision=precision,
        max_batch=max_batch, **options)


def reference(folder, feeds):
    return OpenVinoEngine(folder / 'model_fp32.onnx')(feeds)


@pytest.mark.parametrize('n', [1, 2, 3, 5, 8, 9, 19])
def test_any_number_of_persons_gives_the_networks_outputs(folder, n):
    engine = load(folder, FakeDriver())
    feeds = pictures(n, seed=n)
    found, expected = engine(feeds), reference(folder, feeds)
    assert list(found) == [spec.name for spec in engine.outputs]
    for name, array in expected.items():
        np.testing.assert_allclose(found[name], array, atol=1e-6)


def test_nobody_is_nobody_and_runs_nothing(folder):
    driver = FakeDriver()
    engine = load(folder, driver)
    before = [list(session.log) for session in driver.sessions]
    out = engine(pictures(0))
    assert out['joints'].shape == (0, 24, 3)
    assert out['uncertainty'].shape == (0,)
    assert [session.log for session in driver.sessions] == before


def test_outputs_belong_to_the_caller(folder):
    engine = load(folder, FakeDriver())
    first = engine(pictures(2, seed=1))
    kept = {name: array.copy() for name, array in first.items()}
    engine(pictures(2, seed=2))
    for name, array in kept.items():
        np.testing.assert_array_equal(first[name], array)


def test_every_size_is_recorded_as_a_cuda_graph_while_loading(folder):
    driver = FakeDriver()
    engine = load(folder, driver, max_batch=6)
    assert len(driver.sessions) == 4  # 1, 2, 4, 6
    for session in driver.sessions:
        assert session.log[:3] == ['enqueue', 'wait', 'capture']
    counts = [len(session.log) for session in driver.sessions]
    engine(pictures(3))
    assert [len(session.log) - count for session, count in zip(driver.sessions, counts, strict=True)] == [0, 0, 2, 0]
    assert driver.sessions[2].log[-2:] == ['launch', 'wait']


def test_rows_that_nobody_reads_hold_somebody_real(folder):
    driver = FakeDriver()
    engine = load(folder, driver)
    feeds = pictures(3, seed=4)
    engine(feeds)
    session = driver.sessions[2]  # for 4 persons
    for spec in engine.inputs:
        view = session.view(spec.name)
        np.testing.assert_array_equal(view[:3], feeds[spec.name])
        np.testing.assert_array_equal(view[3], feeds[spec.name][2])


@pytest.mark.parametrize('fault', [{'can_capture': False}, {'capture_raises': True}])
def test_without_a_cuda_graph_it_runs_plainly_and_says_so(folder, caplog, fault):
    driver = FakeDriver()
    for name, value in fault.items():
        setattr(driver, name, value)
    with caplog.at_level(logging.WARNING):
        engine = load(folder, driver, max_batch=1)
    assert 'cannot run as a CUDA graph for 1 persons' in caplog.text
    feeds = pictures(1)
    np.testing.assert_allclose(engine(feeds)['joints'], reference(folder, feeds)['joints'], atol=1e-6)
    assert driver.sessions[0].log[-2:] == ['enqueue', 'wait']
    assert 'launch' not in driver.sessions[0].log


def test_says_what_runs(folder):
    info = load(folder, FakeDriver(), reason='it was asked for').info
    assert (info.engine, info.version, info.precision) == ('tensorrt', '11.4.0.106', 'fp32')
    assert 'H100' in info.device
    assert '9.0' in info.device
    assert len(info.engine_sha256) == 64
    assert info.reason.startswith('it was asked for; plan small-')


def test_precision_is_the_graph_and_tf32_is_said_in_words(tmp_path):
    make_network(tmp_path / 'small', precisions=('fp32', 'fp16'))
    driver = FakeDriver()
    infos = {p: load(tmp_path / 'small', driver, precision=p).info for p in ('fp32', 'tf32', 'fp16')}
    assert [recipe.tf32 for recipe in driver.recipes] == [False, True, False]
    assert [infos[p].graph for p in infos] == ['model_fp32.onnx', 'model_fp32.onnx', 'model_fp16.onnx']
    assert len({info.engine_sha256 for info in infos.values()}) >= 2
    assert all(recipe.persons == (1, 1, 8) for recipe in driver.recipes)
    with pytest.raises(EngineError, match='no bf16 graph.*poco export'):
        load(tmp_path / 'small', driver, precision='bf16')


def test_numbers_that_are_none_are_refused(folder):
    driver = FakeDriver()
    driver.spoil = lambda outputs: {**outputs, 'sigma': outputs['sigma'] * np.nan}
    with pytest.raises(EngineError, match='small in fp32 does not compute what was exported.*sigma'):
        load(folder, driver)


def test_swapped_persons_are_refused(folder):
    driver = FakeDriver()
    driver.spoil = lambda outputs: {**outputs, 'joints': outputs['joints'][::-1]}
    with pytest.raises(EngineError, match='joints_mm'):
        load(folder, driver)


def test_tensorrt_refusing_to_run_is_an_error(folder):
    driver = FakeDriver()
    driver.refuse_enqueue = True
    with pytest.raises(EngineError, match='refused to run the network for 1 persons'):
        load(folder, driver)


def test_too_little_memory_is_an_error(folder):
    driver = FakeDriver()
    driver.largest_session = 4
    with pytest.raises(EngineError, match='room for 8 persons'):
        load(folder, driver)


def test_wrong_feeds_are_refused(folder):
    engine = load(folder, FakeDriver())
    with pytest.raises(EngineError, match='bbox_info is missing'):
        engine({'crops': pictures(1)['crops']})
    with pytest.raises(EngineError, match='crops 2, bbox_info 3'):
        engine({'crops': pictures(2)['crops'], 'bbox_info': pictures(3)['bbox_info']})


def test_layout_puts_inputs_first_aligned_and_apart():
    tensors = (
        PlanTensor('out', False, 'float32', (-1, 3)), PlanTensor('image', True, 'uint8', (-1, 5, 5, 3)),
        PlanTensor('scalar', False, 'float32', (-1,)), PlanTensor('box', True, 'float32', (-1, 3)),
    )
    places = layout(tensors, 3)
    sizes = {'image': 225, 'box': 36, 'out': 36, 'scalar': 12}
    spans = sorted((place.offset, place.offset + sizes[name], name) for name, place in places.tensors.items())
    assert all(start % 256 == 0 for start, _, _ in spans)
    assert all(end <= start for (_, end, _), (start, _, _) in zip(spans, spans[1:], strict=False))
    assert {name for start, end, name in spans if end <= places.input_bytes} == {'image', 'box'}
    assert spans[-1][1] <= places.total_bytes
    assert places.tensors['scalar'].shape == (3,)


def test_progress_goes_up_to_the_end(folder):
    told = []
    load(folder, FakeDriver(), progress=lambda what, share: told.append((what, share)))
    shares = [share for what, share in told if what.startswith('building small-')]
    assert shares == sorted(shares)
    assert shares[0] == 0
    assert shares[-1] == 1
    assert any(0.3 < share < 0.4 for share in shares)


def test_another_gpu_of_another_version_builds_its_own(folder):
    first = FakeDriver()
    load(folder, first)
    other = FakeDriver(dataclasses.replace(first.platform, gpu='Orin', compute_capability='8.7'))
    load(folder, other)
    again = FakeDriver()
    load(folder, again)
    assert ('build' in first.calls, 'build' in other.calls, 'build' in again.calls) == (True, True, False)
