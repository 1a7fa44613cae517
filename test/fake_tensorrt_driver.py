"""TensorRT played on the CPU: the same protocol, real numbers (OpenVINO computes them), and faults on demand."""

from __future__ import annotations

import hashlib
import json
import threading
from pathlib import Path

import numpy as np

from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.engine.tensorrt_interface import PlanTensor, Platform
from poco_ros.errors import EngineError

PLATFORM = Platform(
    tensorrt='11.4.0.106', cuda_runtime=13020, cuda_driver=13, gpu='NVIDIA H100 80GB HBM3', compute_capability='9.0')


class FakeDriver:
    """Plans are JSON that names the graph and the platform, followed by zeros.

    Faults: see the attributes. ``calls`` tells what was asked of it.
    """

    def __init__(self, platform=PLATFORM):
        self.platform = platform
        self.calls: list[str] = []
        self.recipes = []
        self.timings = []
        self.sessions: list[FakeSession] = []
        self.build_error = ''
        self.refuse_plans = 0  # so many loads give None
        self.change_tensors = lambda tensors: tensors
        self.spoil = lambda outputs: outputs
        self.can_capture = True
        self.capture_raises = False
        self.refuse_enqueue = False
        self.largest_session = 1000
        self.building = threading.Event()
        self.go_on = threading.Event()
        self.go_on.set()

    def build(self, graph: Path, recipe, timing_cache: bytes, monitor):
        self.calls.append('build')
        self.recipes.append(recipe)
        self.timings.append(timing_cache)
        self.building.set()
        assert self.go_on.wait(20)
        monitor.phase_start('engine', None, 4)
        for step in range(4):
            monitor.phase_start('tactics', 'engine', 25)
            for inner in range(25):
                if not monitor.step_complete('tactics', inner):
                    raise EngineError('TensorRT fake cannot build: stopped')
            monitor.phase_finish('tactics')
            monitor.step_complete('engine', step)
        monitor.phase_finish('engine')
        if self.build_error:
            raise EngineError(self.build_error)
        head = json.dumps({
            'graph': str(graph), 'sha256': hashlib.sha256(graph.read_bytes()).hexdigest(),
            'platform': self.platform.gpu + self.platform.tensorrt, 'persons': recipe.persons,
        }).encode()
        return head + b'\n' + bytes(1000), timing_cache + b'learned'

    def load(self, plan: bytes):
        self.calls.append('load')
        try:
            head = json.loads(plan.split(b'\n')[0])
        except ValueError:
            return None
        if self.refuse_plans or head['platform'] != self.platform.gpu + self.platform.tensorrt:
            self.refuse_plans = max(self.refuse_plans - 1, 0)
            return None
        return FakePlan(self, head)


class FakePlan:
    def __init__(self, driver: FakeDriver, head):
        self._driver = driver
        self._network = OpenVinoEngine(head['graph'])
        tensors = [
            PlanTensor(spec.name, is_input, spec.dtype, spec.shape,
                       tuple((n, *spec.shape[1:]) for n in head['persons']) if is_input else ())
            # TensorRT lists tensors in an order of its own
            for specs, is_input in ((self._network.outputs[::-1], False), (self._network.inputs[::-1], True))
            for spec in specs
        ]
        self.tensors = tuple(driver.change_tensors(tensors))

    def session(self, layout):
        persons = next(iter(layout.tensors.values())).shape[0]
        if persons > self._driver.largest_session:
            raise EngineError(f'TensorRT fake cannot make room for {persons} persons')
        session = FakeSession(self._driver, self._network, self.tensors, layout)
        self._driver.sessions.append(session)
        return session


class FakeSession:
    """Like the real one: what is enqueued is done when waited for, a graph can only be recorded after a first run."""

    def __init__(self, driver, network, tensors, layout):
        self._driver, self._network, self._tensors, self._layout = driver, network, tensors, layout
        self.memory = np.random.default_rng(0).integers(0, 256, layout.total_bytes, dtype=np.uint8)
        self.log: list[str] = []
        self._pending = False
        self._recorded = False

    def enqueue(self):
        self.log.append('enqueue')
        self._pending = not self._driver.refuse_enqueue
        return self._pending

    def capture(self):
        assert self.log[:2] == ['enqueue', 'wait'], 'recorded before the first run'
        self.log.append('capture')
        if self._driver.capture_raises:
            raise EngineError('CUDA: cudaStreamBeginCapture failed: operation not permitted')
        self._recorded = self._driver.can_capture
        return self._recorded

    def launch(self):
        assert self._recorded, 'launched without a graph'
        self.log.append('launch')
        self._pending = True

    def wait(self):
        self.log.append('wait')
        if self._pending:
            feeds = {tensor.name: self._view(tensor).copy() for tensor in self._tensors if tensor.is_input}
            outputs = self._driver.spoil(self._network(feeds))
            for tensor in self._tensors:
                if not tensor.is_input:
                    self._view(tensor)[...] = outputs[tensor.name]
        self._pending = False

    def view(self, name):
        """The memory of one tensor."""
        return self._view(next(tensor for tensor in self._tensors if tensor.name == name))

    def _view(self, tensor):
        place = self._layout.tensors[tensor.name]
        size = int(np.prod(place.shape)) * np.dtype(tensor.dtype).itemsize
        inside = place.offset + size <= (self._layout.input_bytes if tensor.is_input else self._layout.total_bytes)
        assert inside and (tensor.is_input or place.offset >= self._layout.input_bytes)
        return self.memory[place.offset:place.offset + size].view(tensor.dtype).reshape(place.shape)
