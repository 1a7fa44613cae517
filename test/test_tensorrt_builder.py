"""Plans from the cache or built: what is rebuilt, what is refused, who waits for whom."""

from __future__ import annotations

import logging
import threading

import pytest
from engine_networks import make_network
from fake_tensorrt_driver import FakeDriver

from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.plan_cache import PlanCache
from poco_ros.engine.tensorrt_builder import TensorRtBuilder
from poco_ros.errors import EngineError


def no_check(plan):
    pass


class Scene:
    """A network, a cache and a driver."""

    def __init__(self, tmp_path):
        self.folder = tmp_path / 'small'
        make_network(self.folder)
        self.cache = PlanCache(tmp_path / 'engines')
        self.driver = FakeDriver()
        self.told = []

    def plan(self, driver=None, *, precision='fp32', max_batch=8, check=no_check, progress=None):
        builder = TensorRtBuilder(driver or self.driver, self.cache, progress or (lambda *step: self.told.append(step)))
        return builder.plan(self.folder, ModelRecord.load(self.folder), precision, max_batch, check)

    def files(self, ending):
        return sorted(self.cache.folder.glob(f'*{ending}'))


@pytest.fixture
def scene(tmp_path):
    return Scene(tmp_path)


def test_builds_once_and_then_loads(scene):
    first = scene.plan()
    second = scene.plan()
    assert scene.driver.calls == ['build', 'load', 'load']
    assert first.sha256 == second.sha256
    assert 'built in' in first.source
    assert 'from the cache' in second.source
    assert [path.name for path in scene.files('.plan')] == [scene.files('.json')[0].stem + '.plan']


def test_what_a_build_learned_goes_into_the_next(scene):
    scene.plan(max_batch=4)
    scene.plan(max_batch=8)
    assert scene.driver.timings == [b'', b'learned']
    assert len(scene.files('.cache')) == 1


@pytest.mark.parametrize('damage', ['truncate', 'flip', 'empty', 'no record', 'broken record', 'not text'])
def test_a_damaged_plan_is_built_again(scene, damage):
    scene.plan()
    plan, record = scene.files('.plan')[0], scene.files('.json')[0]
    whole = plan.read_bytes()
    if damage == 'truncate':
        plan.write_bytes(whole[:-10])
    elif damage == 'flip':
        plan.write_bytes(whole[:-1] + b'\1')
    elif damage == 'empty':
        plan.write_bytes(b'')
    elif damage == 'no record':
        record.unlink()
    elif damage == 'broken record':
        record.write_text('[1, 2')
    else:
        record.write_bytes(b'\xff\xfe')
    scene.plan()
    assert scene.driver.calls == ['build', 'load', 'build', 'load']
    assert scene.files('.plan')[0].read_bytes() == whole


def test_a_plan_that_tensorrt_refuses_is_built_again(scene, caplog):
    scene.plan()
    scene.driver.refuse_plans = 1
    with caplog.at_level(logging.WARNING):
        scene.plan()
    assert scene.driver.calls == ['build', 'load', 'load', 'build', 'load']
    assert 'not usable and is built again: TensorRT cannot load it' in caplog.text


def test_a_fresh_plan_that_is_refused_is_an_error(scene):
    scene.driver.refuse_plans = 1
    with pytest.raises(EngineError, match='TensorRT cannot load it'):
        scene.plan()
    assert not scene.files('.plan')


def test_a_cached_plan_that_fails_the_check_is_built_again_once(scene):
    scene.plan()
    failures = ['sigma is wrong']

    def check(plan):
        if failures:
            raise EngineError(failures.pop())

    scene.plan(check=check)
    assert scene.driver.calls.count('build') == 2

    def always(plan):
        raise EngineError('always wrong')

    with pytest.raises(EngineError, match='always wrong'):
        scene.plan(check=always)
    assert scene.driver.calls.count('build') == 3


@pytest.mark.parametrize(('change', 'words'), [
    (lambda tensors: tensors[:-1], 'its tensors are'),
    (lambda tensors: [t.__class__(**{**vars(t), 'dtype': 'float16'}) for t in tensors], 'float16'),
    (lambda tensors: [t.__class__(**{**vars(t), 'shape': (1, *t.shape[1:])}) for t in tensors], r'shape \(1,'),
    (lambda tensors: [t.__class__(**{**vars(t), 'is_input': True, 'profile': ((1,), (1,), (8,))}) for t in tensors],
     'is an input'),
    (lambda tensors: [t.__class__(**{**vars(t), 'profile': t.profile[:2] + ((4, *t.shape[1:]),)}) if t.is_input else t
                      for t in tensors], 'takes 1 to 4 persons, not 1 to 8'),
])
def test_another_networks_plan_is_refused(scene, change, words):
    scene.driver.change_tensors = change
    with pytest.raises(EngineError, match=words):
        scene.plan()
    assert not scene.files('.plan')


def test_a_graph_edited_by_hand_is_refused(scene):
    scene.plan()
    with (scene.folder / 'model_fp32.onnx').open('ab') as file:
        file.write(b'\0')
    with pytest.raises(EngineError, match=r'model_fp32\.onnx is not the file that was exported'):
        scene.plan()


def test_what_tensorrt_says_of_a_failed_build_comes_out(scene):
    scene.driver.build_error = 'TensorRT 11.4 cannot build model.onnx: out of memory'
    with pytest.raises(EngineError, match='out of memory'):
        scene.plan()
    scene.driver.build_error = ''
    assert scene.plan().sha256  # nothing of the failure is left


def test_a_folder_without_write_permission_builds_in_memory_and_says_so(scene, monkeypatch, caplog):
    def denied(*arguments, **options):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr('poco_ros.whole_files.tempfile.mkstemp', denied)
    real = type(scene.cache.folder).open
    monkeypatch.setattr(type(scene.cache.folder), 'open', lambda path, mode='r', *a, **k: (
        denied() if path.suffix == '.lock' else real(path, mode, *a, **k)))
    with caplog.at_level(logging.WARNING):
        ready = scene.plan()
    assert 'not kept' in ready.source
    assert 'cannot be kept' in caplog.text
    assert 'POCO_CACHE' in caplog.text
    assert not scene.files('.plan')


def test_a_read_only_folder_with_a_plan_in_it_is_used(scene, monkeypatch):
    scene.plan()
    scene.files('.lock')[0].unlink()
    real = type(scene.cache.folder).open

    def denied(path, mode='r', *arguments, **options):
        if path.suffix == '.lock':
            raise PermissionError(13, 'Permission denied')
        return real(path, mode, *arguments, **options)

    monkeypatch.setattr(type(scene.cache.folder), 'open', denied)
    assert 'from the cache' in scene.plan().source


def test_of_two_one_builds_and_the_other_waits_and_loads(scene):
    second_driver = FakeDriver()
    scene.driver.go_on.clear()
    told: list[str] = []
    results = []
    first = threading.Thread(target=lambda: results.append(scene.plan()))
    first.start()
    assert scene.driver.building.wait(10)
    second = threading.Thread(
        target=lambda: results.append(scene.plan(second_driver, progress=lambda what, share: told.append(what))))
    second.start()
    while not any(what.startswith('waiting for another process') for what in told):
        assert second.is_alive()
    scene.driver.go_on.set()
    first.join(20)
    second.join(20)
    assert len(results) == 2
    assert (scene.driver.calls, second_driver.calls) == (['build', 'load'], ['load'])


def test_a_listener_that_raises_stops_the_build(scene):
    class Enough(Exception):  # noqa: N818
        pass

    def progress(what, share):
        if share > 0.3:
            raise Enough

    with pytest.raises(Enough):
        scene.plan(progress=progress)
    assert not scene.files('.plan')
    assert scene.plan().sha256


def test_the_same_network_in_other_words_has_its_own_plan(scene):
    scene.plan()
    scene.plan(precision='tf32')
    scene.plan(max_batch=4)
    assert scene.driver.calls.count('build') == 3
    assert len(scene.files('.plan')) == 3
