"""A stand-in for the module ``cuda.bindings.runtime`` that has what both versions publish, and no more."""

# ruff: noqa: N802 (CUDA's own names)

from __future__ import annotations

import ctypes
from types import ModuleType, SimpleNamespace

import numpy as np
from published_api import API, enumeration, fits


class StrictCuda(ModuleType):
    """The module. Work put on a stream is done when the stream is waited for; memory of the GPU is memory here."""

    def __init__(self):
        super().__init__('cuda.bindings.runtime')
        self.streams: dict[int, list] = {}
        self.capturing: dict[int, list] = {}
        self.alive: dict[int, tuple[str, object]] = {}
        self.fail: dict[str, str] = {}
        self.asked: list[str] = []
        self._next = 1000

    def put(self, stream, work):
        self.capturing.get(stream, self.streams[stream]).append(work)

    def __getattr__(self, name):
        assert name in API['cuda'], f'cuda.bindings.runtime.{name} is not in every version'
        listing = API['cuda'][name]
        if listing is None:
            return 1
        if name.endswith(('Kind', 'Mode', '_t')):
            return enumeration(name, listing)

        def call(*args):
            assert fits([listing], args, {}), f'{name} does not take {args}'
            self.asked.append(name)
            if name in self.fail:
                return getattr(self.cudaError_t, self.fail[name]), None
            result = getattr(self, f'_{name}')(*args)
            return (self.cudaError_t.cudaSuccess,) if result is None else (self.cudaError_t.cudaSuccess, result)

        call.__name__ = name
        return call

    def _make(self, kind, thing, number=None):
        if number is None:
            self._next = number = self._next + 1
        self.alive[number] = kind, thing
        return number

    def _drop(self, kind, number):
        if self.alive[int(number)][0] == kind:  # else it stays, as it does when CUDA refuses
            del self.alive[int(number)]

    def _cudaGetDeviceProperties(self, device):
        return SimpleNamespace(name=b'NVIDIA H100 80GB HBM3', major=9, minor=0)

    def _cudaRuntimeGetVersion(self):
        return 13020

    def _cudaDriverGetVersion(self):
        return 13010

    def _cudaStreamCreateWithFlags(self, flags):
        number = self._make('stream', None)
        self.streams[number] = []
        return number

    def _cudaMalloc(self, size):
        block = np.full(size, 77, np.uint8)
        return self._make('device', block, block.ctypes.data)

    def _cudaMallocHost(self, size):
        block = np.full(size, 55, np.uint8)
        return self._make('host', block, block.ctypes.data)

    def _cudaFree(self, devPtr):
        self._drop('device', devPtr)

    def _cudaFreeHost(self, ptr):
        self._drop('host', ptr)

    def _cudaStreamDestroy(self, stream):
        self._drop('stream', stream)

    def _cudaGraphExecDestroy(self, graphExec):
        self._drop('graph exec', graphExec)

    def _cudaGraphDestroy(self, graph):
        self._drop('graph', graph)

    def _cudaMemcpyAsync(self, dst, src, count, kind, stream):
        def inside(address, where):
            return any(block.ctypes.data <= address and address + count <= block.ctypes.data + block.size
                       for what, block in self.alive.values() if what == where)

        to_gpu = repr(kind).endswith('HostToDevice')
        assert inside(dst, 'device' if to_gpu else 'host')
        assert inside(src, 'host' if to_gpu else 'device')
        self.put(stream, lambda: ctypes.memmove(dst, src, count))

    def _cudaStreamSynchronize(self, stream):
        assert stream not in self.capturing, 'waited for a stream that is being recorded'
        for work in self.streams[stream]:
            work()
        self.streams[stream] = []

    def _cudaStreamBeginCapture(self, stream, mode):
        assert repr(mode).endswith('ThreadLocal')
        assert not self.streams[stream], 'recorded while work was pending'
        self.capturing[stream] = []

    def _cudaStreamEndCapture(self, stream):
        return self._make('graph', self.capturing.pop(stream))

    def _cudaGraphInstantiate(self, graph, flags):
        return self._make('graph exec', self.alive[graph][1])

    def _cudaGraphLaunch(self, graphExec, stream):
        self.streams[stream].extend(self.alive[graphExec][1])

    def _cudaGetLastError(self):
        return None

    def _cudaGetErrorString(self, error):
        return repr(error).encode()
