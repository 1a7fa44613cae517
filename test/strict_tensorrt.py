"""A stand-in for the module ``tensorrt`` that has what every version publishes, and no more.

Every class has exactly the attributes listed in ``tensorrt_api.json``; a call must fit a published overload. The
"network" behind it doubles its input: enough to see that memory, streams, graphs and plans are used as they must be.
"""

from __future__ import annotations

import ctypes
from types import ModuleType, SimpleNamespace

import numpy as np
from published_api import API, enumeration, fits


class Published:
    """An object of one of TensorRT's classes: published attributes only."""

    def __init__(self, of, does=None, **properties):
        object.__setattr__(self, '_listing', API['classes'][of])
        object.__setattr__(self, '_of', of)
        object.__setattr__(self, '_does', does or {})
        object.__setattr__(self, '_properties', properties)

    def __getattr__(self, name):
        if name not in self._listing:
            raise AssertionError(f'{self._of}.{name} is not in every version of TensorRT')
        if self._listing[name] is None:
            return self._properties[name]

        def call(*args, **kwargs):
            assert fits(self._listing[name], args, kwargs), f'{self._of}.{name} does not take {args} {kwargs}'
            return self._does[name](*args, **kwargs)

        return call

    def __setattr__(self, name, value):
        assert self._listing.get(name, ()) is None, f'{self._of}.{name} cannot be set in every version of TensorRT'
        self._properties[name] = value


class Host(Published):
    """IHostMemory, which has the buffer interface."""

    def __new__(cls, data):
        return memoryview(data)


class StrictTensorRt(ModuleType):
    """The module. ``world`` holds its state, for tests to look at and to set faults in."""

    def __init__(self, cuda):
        super().__init__('tensorrt')
        self.world = SimpleNamespace(
            flags={'TF32'}, profiles=[], set_caches=[], timing_refused=False, parse_errors=[], builds=True,
            context=True, refuse_address=False, execute=True, network_flags=None, config=None, log_errors=(), cuda=cuda,
            input_shapes=[])
        self.__version__ = '11.4.0.106'

    def __getattr__(self, name):
        assert name in API['module'], f'tensorrt.{name} is not in every version'
        if name in ('ILogger', 'IProgressMonitor'):
            return _base(name)
        if isinstance(API['classes'].get(name), list):
            return enumeration(name, API['classes'][name])
        return {'Builder': self._builder, 'OnnxParser': self._parser, 'Runtime': self._runtime,
                'nptype': lambda dtype: {0: np.uint8, 1: np.float32}[dtype]}[name]

    def _builder(self, logger):
        world = self.world
        world.logger = logger

        def create_network(flags=0):
            world.network_flags = flags
            image = Published('ITensor', name='image', shape=(-1, 2, 3))
            return Published('INetworkDefinition', {'get_input': lambda index: [image][index]}, num_inputs=1)

        def build_serialized_network(network, config):
            monitor = world.config.progress_monitor
            monitor.phase_start('engine', None, 2)
            monitor.step_complete('engine', 0)
            monitor.phase_finish('engine')
            for text in world.log_errors:
                logger.log(self.ILogger.ERROR, text)
            return Host(b'plan of ' + world.parsed) if world.builds else None

        def make_config():
            world.config = self._config()
            return world.config

        return Published('Builder', {
            'create_network': create_network, 'build_serialized_network': build_serialized_network,
            'create_builder_config': make_config, 'create_optimization_profile': self._profile,
        })

    def _profile(self):
        def set_shape(input, min, opt, max):
            self.world.profiles.append((input, min, opt, max))

        return Published('IOptimizationProfile', {'set_shape': set_shape})

    def _config(self):
        world = self.world

        def set_timing_cache(cache, ignore_mismatch):
            world.set_caches.append((bytes(cache.serialize()), ignore_mismatch))
            return not (world.timing_refused and bytes(cache.serialize()))

        def create_timing_cache(data):
            return Published('ITimingCache', {'serialize': lambda: Host(data)})

        return Published('IBuilderConfig', {
            'set_flag': lambda flag: world.flags.add(repr(flag).split('.')[1]),
            'clear_flag': lambda flag: world.flags.discard(repr(flag).split('.')[1]),
            'set_memory_pool_limit': lambda pool, size: setattr(world, 'workspace', (repr(pool), size)),
            'add_optimization_profile': lambda profile: 0, 'create_timing_cache': create_timing_cache,
            'set_timing_cache': set_timing_cache,
        })

    def _parser(self, network, logger):
        world = self.world

        def parse(model, path=None):
            world.parsed = bytes(model)
            return not world.parse_errors

        return Published('OnnxParser', {
            'parse': parse,
            'get_error': lambda index: Published('ParserError', {'desc': lambda: world.parse_errors[index]}),
        }, num_errors=len(world.parse_errors))

    def _runtime(self, logger):
        def deserialize_cuda_engine(plan):
            return self._engine() if bytes(plan).startswith(b'plan of ') else None

        return Published('Runtime', {'deserialize_cuda_engine': deserialize_cuda_engine})

    def _engine(self):
        names = ['twice', 'image']
        modes = self.TensorIOMode
        return Published('ICudaEngine', {
            'get_tensor_name': lambda index: names[index],
            'get_tensor_mode': lambda name: modes.INPUT if name == 'image' else modes.OUTPUT,
            'get_tensor_dtype': lambda name: 0 if name == 'image' else 1,
            'get_tensor_shape': lambda name: (-1, 2, 3),
            'get_tensor_profile_shape': lambda name, index: [(1, 2, 3), (1, 2, 3), (8, 2, 3)],
            'create_execution_context': self._context,
        }, num_io_tensors=2)

    def _context(self):
        world = self.world
        if not world.context:
            return None
        addresses, shapes = {}, {}

        def set_tensor_address(name, memory):
            addresses[name] = memory
            return not world.refuse_address

        def set_input_shape(name, shape):
            assert name == 'image', 'set_input_shape of an output'
            assert isinstance(shape, (tuple, list))
            shapes[name] = shape
            world.input_shapes.append(shape)
            return True

        def double():
            count = int(np.prod(shapes['image']))
            image = np.ctypeslib.as_array((ctypes.c_uint8 * count).from_address(addresses['image']))
            twice = np.ctypeslib.as_array((ctypes.c_float * count).from_address(addresses['twice']))
            twice[:] = 2.0 * image

        def execute_async_v3(stream_handle):
            assert stream_handle != 0, 'on the default stream'
            world.cuda.put(stream_handle, double)
            return world.execute

        return Published('IExecutionContext', {
            'set_tensor_address': set_tensor_address, 'set_input_shape': set_input_shape,
            'execute_async_v3': execute_async_v3,
        })


def _base(name):
    """ILogger and IProgressMonitor, which are made to be derived from."""
    members = {} if name == 'IProgressMonitor' else {
        member: index for index, member in enumerate(('INTERNAL_ERROR', 'ERROR', 'WARNING', 'INFO', 'VERBOSE'))}
    return type(name, (), {'__init__': lambda self: None, **members})
