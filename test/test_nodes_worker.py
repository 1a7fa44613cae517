"""Latest wins, drops are counted, errors and stopping are clean."""

from __future__ import annotations

import gc
import threading
import time
import weakref

from poco_ros.nodes.worker import LatestWorker


class Gate:
    """Work that waits for permission, and records what it was given."""

    def __init__(self):
        self.started, self.go, self.done = threading.Semaphore(0), threading.Semaphore(0), []

    def __call__(self, item, skipped):
        self.started.release()
        self.go.acquire(timeout=5)
        self.done.append((item, skipped))


def wait_for(condition):
    end = time.monotonic() + 5
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.001)


def test_items_are_worked_on_in_order_when_there_is_time():
    done = []
    worker = LatestWorker(lambda item, skipped: done.append((item, skipped)))
    for i in range(5):
        worker.put(i)
        wait_for(lambda i=i: len(done) == i + 1)
    assert done == [(i, 0) for i in range(5)]
    assert worker.skipped_total == 0
    assert worker.stop()


def test_the_newest_wins_and_the_passed_over_are_counted():
    gate = Gate()
    worker = LatestWorker(gate)
    worker.put(1)
    gate.started.acquire(timeout=5)
    for item in (2, 3, 4):
        worker.put(item)
    gate.go.release(2)
    wait_for(lambda: len(gate.done) == 2)
    assert gate.done == [(1, 0), (4, 2)]
    assert worker.skipped_total == 2
    assert worker.stop()


def test_putting_never_waits_for_the_work():
    gate = Gate()
    worker = LatestWorker(gate)
    worker.put(0)
    gate.started.acquire(timeout=5)
    start = time.monotonic()
    for item in range(1000):
        worker.put(item)
    assert time.monotonic() - start < 1.0
    gate.go.release(2)
    assert worker.stop()


def test_an_escaped_exception_does_not_end_the_worker(caplog):
    done = []

    def work(item, skipped):
        if item == 'bad':
            raise RuntimeError('broken on purpose')
        done.append(item)

    worker = LatestWorker(work)
    worker.put('bad')
    wait_for(lambda: 'broken on purpose' in caplog.text)
    worker.put('good')
    wait_for(lambda: done == ['good'])
    assert worker.stop()


def test_stop_drops_the_waiting_item_and_ends_after_the_one_in_work():
    gate = Gate()
    worker = LatestWorker(gate)
    worker.put(1)
    gate.started.acquire(timeout=5)
    worker.put(2)
    assert not worker.stop(timeout_s=0.01)
    gate.go.release()
    assert worker.stop()
    assert gate.done == [(1, 0)]
    worker.put(3)
    time.sleep(0.01)
    assert gate.done == [(1, 0)]


def test_a_finished_item_is_let_go():
    class Big:
        pass

    seen = threading.Event()
    worker = LatestWorker(lambda item, skipped: seen.set())
    item = Big()
    alive = weakref.ref(item)
    worker.put(item)
    del item
    assert seen.wait(5)
    wait_for(lambda: gc.collect() is not None and alive() is None)
    assert worker.stop()
