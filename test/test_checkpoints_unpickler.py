"""What stands in a checkpoint's pickle becomes tensors, plain values or nothing, and never runs."""

import argparse
import collections
import functools
import io
import os
import pickle
import pickletools
import struct
import subprocess
import sys
import types

import pytest

from poco_ros.checkpoints.unpickler import InertUnpickler, StandIn, Storage, TensorView
from poco_ros.errors import CheckpointError


def load(data):
    return InertUnpickler(io.BytesIO(data)).load()


class Reduces:
    """Pickles as the call of a function."""

    def __init__(self, function, *args):
        self.call = function, args

    def __reduce__(self):
        return self.call


def _global(module, name):
    return b'c' + module.encode() + b'\n' + name.encode() + b'\n'


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize(('function', 'args', 'named'), [
    (os.system, ('touch {mark}',), 'system'), (subprocess.check_output, (['touch', '{mark}'],), 'check_output'),
    (exec, ('open("{mark}", "w")',), 'exec'), (eval, ('open("{mark}", "w")',), 'eval'), (open, ('{mark}', 'w'), 'open'),
    (getattr, (pickle, 'loads'), ''),
], ids=lambda value: getattr(value, '__name__', ''))
def test_functions_of_python_are_refused_by_name_and_not_called(tmp_path, protocol, function, args, named):
    mark = tmp_path / 'ran'
    filled = [a.format(mark=mark) if isinstance(a, str) else [p.format(mark=mark) for p in a] if isinstance(a, list)
              else a for a in args]
    if function is getattr:  # a module cannot be pickled: write the call by hand
        data = _global('builtins', 'getattr') + b'(' + _global('os', 'path') + b'Vsystem\ntR.'
    else:
        data = pickle.dumps({'state_dict': {'x': Reduces(function, *filled)}}, protocol)
    with pytest.raises(CheckpointError, match=f'refused.*{named}.*may run code'):
        load(data)
    assert not mark.exists()
    if function is not getattr:
        pickle.loads(data)  # noqa: S301  (the file is as evil as it should be)
        assert mark.exists()


@pytest.fixture
def package(monkeypatch):
    """A package 'framework' with a class of every way of pickling, and a function that tells when it runs."""
    module = types.ModuleType('framework')
    ran = []

    class Config(dict):
        pass

    class Slots:
        __slots__ = ('x',)

    class State:
        def __setstate__(self, state):
            ran.append('setstate')

        def __getstate__(self):
            return {'x': 1}

    class Items(list):
        pass

    class Named(StandIn):
        def __reduce_ex__(self, protocol):
            return module.run, ('args',), {'a': 1}, iter([1, 2]), iter([(1, 2)])

    def run(*args):
        ran.append(args)
        return Named()

    module.ran, module.run = ran, run
    for thing in (Config, Slots, State, Items, run):
        thing.__module__, thing.__qualname__ = 'framework', thing.__name__
        setattr(module, thing.__name__, thing)
    module.Named = Named
    monkeypatch.setitem(sys.modules, 'framework', module)
    return module


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_objects_of_other_packages_become_stand_ins_and_the_rest_stays(package, protocol):
    things = [package.Config(a=1), package.State(), package.Items([1, 2]), package.Named(), argparse.Namespace(b=2),
              collections.Counter('abca'), functools.partial(package.run, 1)]
    if protocol >= 2:
        slots = package.Slots()
        slots.x = 5
        things.append(slots)
    data = pickle.dumps({'things': things, 'epoch': 7, 'list': [1.5, 'two', None, (True, b'x')]}, protocol)
    package.ran.clear()
    unpickler = InertUnpickler(io.BytesIO(data))
    tree = unpickler.load()
    assert package.ran == []
    assert tree['epoch'] == 7 and tree['list'][:3] == [1.5, 'two', None] and tree['list'][3][0] is True
    assert all(isinstance(thing, StandIn) for thing in tree['things'])
    assert {'framework.Config', 'framework.run', 'argparse.Namespace'} <= set(unpickler.forgotten)


def test_what_stand_ins_are_told_does_not_stay():
    hidden = types.SimpleNamespace(**{'__class__': 5, 'original': 'changed'})
    (stand_in,) = load(pickle.dumps([hidden]))
    assert type(stand_in).original == 'types.SimpleNamespace' and vars(stand_in) == {}


@pytest.mark.parametrize('body', [
    _global('framework', 'Thing') + b'(dVoriginal\nVchanged\nsb.',  # a class is given a state
    _global('framework', 'Thing') + b'(N(dVoriginal\nVchanged\nstb.',
    _global('collections', 'OrderedDict') + b'(dVupdate\nNsb.',
    _global('torch', 'FloatStorage') + b'(dVx\nNsb.',
    _global('framework', 'Thing') + b'Vkey\nVvalue\ns.',  # a class is given an item
    _global('framework', 'Thing') + b'Vvalue\na.',
    _global('torch', 'FloatStorage') + b')R.',  # a number type is called
    _global('copyreg', '_reconstructor') + b'(' + _global('torch', 'FloatStorage') + b'NNtR.',
    _global('torch._utils', '_rebuild_tensor_v2') + b'(Vno storage\nI0\n(I1\nt(I1\nttR.',
    _global('torch._utils', '_rebuild_tensor_v2') + b')R.',
    b'Pa persistent id\n.',
    b'\x80\xff.', b'', b'\x80\x04',
])
def test_opcodes_that_fit_nothing_are_errors(body):
    before = dict(vars(StandIn)), dict(vars(Storage)), dict(vars(TensorView))
    with pytest.raises((CheckpointError, pickle.UnpicklingError, TypeError, AttributeError, EOFError, ValueError,
                        IndexError)):
        load(body)
    assert before == (dict(vars(StandIn)), dict(vars(Storage)), dict(vars(TensorView)))


def _persistent(*pid):
    class Pickler(pickle.Pickler):
        def persistent_id(self, thing):
            return pid if thing is pid else None

    file = io.BytesIO()
    Pickler(file, 2).dump(pid)
    # The number type stands in a pickle as a global of torch; in this test as its name.
    return file.getvalue()


def test_a_storage_is_described_and_told_of():
    told = []
    tree = InertUnpickler(io.BytesIO(_persistent('storage', 'float16', '7', 'cuda:0', 12)), told.append).load()
    assert tree == Storage('7', 'float16', 12) and told == [tree] and tree.num_bytes == 24


@pytest.mark.parametrize('pid', [
    ('storage', 'float16', '7', 'cpu'), ('storage', 'float16', '7', 'cpu', -1), ('storage', 'float16', '7', 'cpu', 1.5),
    ('storage', 'float16', '7', 'cpu', True), ('storage', 'float16', 7, 'cpu', 1), ('storage', 'int3', '7', 'cpu', 1),
    ('storage', 'float16', '7', 'cpu', 1 << 60), ('other', 'float16', '7', 'cpu', 1), 'storage',
    ('storage', 'float16', '7', 'cpu', 9, ('8', 2, 3)),
])
def test_other_persistent_ids_are_errors(pid):
    with pytest.raises(CheckpointError, match='refers to'):
        load(_persistent(*pid) if isinstance(pid, tuple) else b'\x80\x02Vstorage\nQ.')


def test_no_opcode_of_the_machine_is_left_untried():
    """Random pickles: whatever they are, they end in plain values, stand-ins or an exception."""
    import random

    rng = random.Random(3)
    codes = [op.code.encode('latin1') for op in pickletools.opcodes]
    parts = [*codes, b'I1\n', b'Vx\n', b')', b'(', b']', b'}', _global('collections', 'OrderedDict'), _global('a', 'B'),
             _global('torch._utils', '_rebuild_tensor_v2'), _global('copyreg', '_reconstructor'), struct.pack('<i', 1)]
    ended = 0
    for _ in range(4000):
        data = b''.join(rng.choice(parts) for _ in range(rng.randrange(1, 14))) + b'.'
        try:
            load(data)
            ended += 1
        except Exception:  # any exception is fine: the caller makes an error of it
            continue
    assert ended > 20 and vars(StandIn)['original'] == ''
