"""One growing number out of TensorRT's nested phases."""

from __future__ import annotations

import threading

import pytest

from poco_ros.engine.build_progress import BuildProgress


@pytest.fixture
def told():
    return []


@pytest.fixture
def progress(told):
    return BuildProgress(lambda what, share: told.append((what, share)), 'building it')


def shares(told):
    return [share for _, share in told]


def test_steps_of_the_outermost_phase_count_equally(progress, told):
    progress.phase_start('engine', None, 4)
    for step in range(4):
        assert progress.step_complete('engine', step)
    progress.phase_finish('engine')
    progress.finish()
    assert shares(told) == [0, 0.25, 0.5, 0.75, 0.99, 1]
    assert {what for what, _ in told} == {'building it'}


def test_what_runs_inside_a_step_fills_that_step(progress, told):
    progress.phase_start('engine', None, 2)
    progress.step_complete('engine', 0)
    progress.phase_start('tactics', 'engine', 5)
    progress.phase_start('timing', 'tactics', 2)
    progress.step_complete('timing', 0)
    assert shares(told)[-1] == pytest.approx(0.5 + 0.5 * 0.5 / 5)
    progress.phase_finish('timing')
    progress.step_complete('tactics', 0)
    assert shares(told)[-1] == pytest.approx(0.6)


def test_never_goes_back_and_is_never_done_before_the_end(progress, told):
    for _ in range(3):  # three outermost phases, one after the other
        progress.phase_start('pass', None, 10)
        for step in range(10):
            progress.step_complete('pass', step)
        progress.phase_finish('pass')
    assert shares(told) == sorted(shares(told))
    assert shares(told)[-1] < 1
    progress.finish()
    assert shares(told)[-1] == 1


def test_a_phase_that_ends_early_counts_as_done(progress, told):
    progress.phase_start('engine', None, 2)
    progress.phase_start('tactics', 'engine', 100)
    progress.step_complete('tactics', 3)
    progress.phase_finish('tactics')
    assert shares(told)[-1] == 0.5


def test_small_steps_are_not_told_one_by_one(progress, told):
    progress.phase_start('engine', None, 10_000)
    for step in range(10_000):
        progress.step_complete('engine', step)
    assert 90 <= len(told) <= 102


def test_unknown_phases_and_parents_are_no_reason_to_fail(progress, told):
    assert progress.step_complete('nothing', 3)
    progress.phase_finish('nothing')
    progress.phase_start('orphan', 'gone', 0)
    progress.step_complete('orphan', 0)
    assert shares(told)[-1] == 0.99


def test_a_listener_that_raises_stops_the_build():
    def listen(what, share):
        if share >= 0.5:
            raise KeyboardInterrupt

    progress = BuildProgress(listen, 'building it')
    progress.raise_if_stopped()
    progress.phase_start('engine', None, 4)
    assert progress.step_complete('engine', 0)
    assert not progress.step_complete('engine', 1)
    with pytest.raises(KeyboardInterrupt):
        progress.raise_if_stopped()


def test_many_threads_at_once(progress, told):
    progress.phase_start('engine', None, 8)
    for index in range(8):
        progress.phase_start(f'tactics {index}', 'engine', 50)

    def work(index):
        for step in range(50):
            progress.step_complete(f'tactics {index}', step)

    threads = [threading.Thread(target=work, args=(index,)) for index in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert shares(told) == sorted(shares(told))
