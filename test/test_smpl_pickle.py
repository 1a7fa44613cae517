"""Pickled arrays come out as they went in, and nothing that stands in a pickle ever runs."""

import io
import os
import pickle
import pickletools
import sys
import types

import numpy as np
import pytest
import scipy.sparse
from body_arrays import Python2Pickler, small_body

from poco_ros.body.smpl_pickle import read_pickled_arrays
from poco_ros.errors import BodyModelError

ARRAYS = {
    'doubles': np.random.default_rng(0).normal(size=(4, 3, 2)),
    'floats': np.arange(6, dtype=np.float32).reshape(2, 3),
    'fortran': np.asfortranarray(np.arange(12.0).reshape(3, 4)),
    'big_endian': np.arange(5, dtype='>f8'),
    'unsigned': np.array([[2**32 - 1, 0]], np.uint32),
    'bytes_beyond_ascii': np.arange(256, dtype=np.uint8),
}
SPARSE = scipy.sparse.random(24, 60, density=0.1, random_state=0)


def read(tmp_path, data, names):
    path = tmp_path / 'model.pkl'
    path.write_bytes(data)
    return read_pickled_arrays(path, names)


@pytest.fixture
def chumpy(monkeypatch):
    """A stand-in package with chumpy's class and its way of pickling; chumpy itself needs an old numpy."""

    class Ch:
        def __init__(self, x):
            self.__dict__.update(x=x, _dirty_vars={'x'}, _itr=None, _make_dense=False, _depends_on_deps={})

    class MatVecMult(Ch):
        def __init__(self, a, b):
            self.__dict__.update(mtx=a, vec=b, _dirty_vars=set())

    package, module = types.ModuleType('chumpy'), types.ModuleType('chumpy.ch')
    for cls in (Ch, MatVecMult):
        cls.__module__, cls.__qualname__ = 'chumpy.ch', cls.__name__
        setattr(module, cls.__name__, cls)
    package.ch = module
    monkeypatch.setitem(sys.modules, 'chumpy', package)
    monkeypatch.setitem(sys.modules, 'chumpy.ch', module)
    return module


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_arrays_of_every_protocol(tmp_path, protocol):
    got = read(tmp_path, pickle.dumps(ARRAYS, protocol), ARRAYS)
    assert got.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(got[name], array)
        assert got[name].dtype.kind == array.dtype.kind and got[name].dtype.itemsize == array.dtype.itemsize


@pytest.mark.parametrize('make', [scipy.sparse.csc_matrix, scipy.sparse.csr_matrix, scipy.sparse.csc_array])
@pytest.mark.parametrize('protocol', [0, 2, 4])
def test_sparse_matrices_become_dense(tmp_path, make, protocol):
    got = read(tmp_path, pickle.dumps({'a': make(SPARSE)}, protocol), ['a'])
    np.testing.assert_array_equal(got['a'], SPARSE.toarray())


def test_python2_pickle_with_chumpy(tmp_path, chumpy, monkeypatch):
    content = {
        'v_template': chumpy.Ch(ARRAYS['doubles']),
        'J_regressor': scipy.sparse.csc_matrix(SPARSE),
        'f': ARRAYS['unsigned'],
        'bytes': ARRAYS['bytes_beyond_ascii'],
        'J': chumpy.MatVecMult(scipy.sparse.csc_matrix(SPARSE), chumpy.Ch(ARRAYS['floats'])),
        'bs_type': 'lrotmin',
    }
    file = io.BytesIO()
    Python2Pickler(file).dump(content)
    for told in (b'cnumpy.core.multiarray\n_reconstruct\n', b'cscipy.sparse.csc\ncsc_matrix\n', b'cchumpy.ch\nCh\n'):
        assert told in file.getvalue()
    monkeypatch.delitem(sys.modules, 'chumpy')
    monkeypatch.delitem(sys.modules, 'chumpy.ch')
    got = read(tmp_path, file.getvalue(), ['v_template', 'J_regressor', 'f', 'bytes', 'absent'])
    assert got.keys() == {'v_template', 'J_regressor', 'f', 'bytes'}
    np.testing.assert_array_equal(got['v_template'], ARRAYS['doubles'])
    np.testing.assert_array_equal(got['J_regressor'], SPARSE.toarray())
    np.testing.assert_array_equal(got['f'], ARRAYS['unsigned'])
    np.testing.assert_array_equal(got['bytes'], ARRAYS['bytes_beyond_ascii'])
    with pytest.raises(BodyModelError, match="'J' holds no plain numbers .*chumpy expression"):
        read_pickled_arrays(tmp_path / 'model.pkl', ['J'])
    with pytest.raises(BodyModelError, match="'bs_type' holds no plain numbers"):
        read_pickled_arrays(tmp_path / 'model.pkl', ['bs_type'])


def call(function, *arguments):
    """An object whose unpickling calls the function."""

    class Call:
        def __reduce__(self):
            return function, arguments

    return Call()


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
@pytest.mark.parametrize('beside', [True, False])
def test_a_pickle_that_runs_a_command_is_refused_unrun(tmp_path, protocol, beside):
    marker = tmp_path / 'it_ran'
    payload = call(os.system, f'touch {marker}')
    data = pickle.dumps({**ARRAYS, 'extra': payload} if beside else payload, protocol)
    with pytest.raises(BodyModelError, match=r"model\.pkl: refused to load '(posix|nt)\.system'"):
        read(tmp_path, data, ARRAYS)
    assert not marker.exists()
    pickle.loads(data)  # noqa: S301  the payload is a live one: an ordinary unpickler does run it
    assert marker.exists()


@pytest.mark.parametrize(
    'name',
    ['builtins eval', 'builtins getattr', 'builtins __import__', '__builtin__ exec', 'numpy load', 'numpy.core os',
     'numpy.core.multiarray fromfile', 'numpy._core.multiarray set_typeDict', 'scipy.sparse load_npz', 'codecs open',
     'scipy.sparse.csc os.system', '_codecs decode', 'copyreg __newobj__', 'poco_ros.body.smpl_pickle pickle'],
)  # fmt: skip
def test_any_other_name_is_refused(tmp_path, name):
    module, attribute = name.split()
    data = b'\x80\x04' + b''.join(b'\x8c' + bytes([len(s)]) + s.encode() for s in (module, attribute)) + b'\x93.'
    with pytest.raises(BodyModelError, match=f"refused to load '{module}.{attribute}'"):
        read(tmp_path, data, [])


def test_a_name_inside_chumpy_is_never_looked_up(tmp_path, chumpy):
    ran = []
    chumpy.Boom = type('Boom', (), {'__module__': 'chumpy.ch', '__init__': lambda self, *a: ran.append(a)})
    data = pickle.dumps({'a': call(chumpy.Boom, 1)})
    with pytest.raises(BodyModelError, match="'a' holds no plain numbers"):
        read(tmp_path, data, ['a'])
    assert not ran
    pickle.loads(data)  # noqa: S301  an ordinary unpickler does run it
    assert ran


@pytest.mark.parametrize('target', [b'cnumpy\nndarray\n', b'cnumpy\ndtype\n', b'c__builtin__\nset\n'])
@pytest.mark.parametrize('state', [b'}U\x08__init__I1\ns', b'N}U\x08__init__I1\ns\x86', b'N'])
def test_a_pickle_cannot_rewrite_what_names_lead_to(tmp_path, target, state):
    with pytest.raises(BodyModelError, match='readable pickle'):
        read(tmp_path, b'\x80\x02' + target + state + b'b.', [])
    np.testing.assert_array_equal(read(tmp_path, pickle.dumps(ARRAYS), ['floats'])['floats'], ARRAYS['floats'])


def test_objects_and_broken_arrays_are_named(tmp_path):
    objects = pickle.dumps({'good': np.ones(2), 'objects': np.array([print, None], object)})
    with pytest.raises(BodyModelError, match='refused to load .*print'):
        read(tmp_path, objects, ['good'])
    objects = pickle.dumps({'good': np.ones(2), 'objects': np.array([None, 'a'], object)})
    assert list(read(tmp_path, objects, ['good'])['good']) == [1, 1]
    with pytest.raises(BodyModelError, match="'objects' holds no plain numbers .*O8"):
        read(tmp_path, objects, ['objects'])
    structured = pickle.dumps({'a': np.zeros(2, [('x', 'f8'), ('y', 'f8')])})
    with pytest.raises(BodyModelError, match="'a' holds no plain numbers"):
        read(tmp_path, structured, ['a'])


def test_a_sparse_matrix_that_points_outside_is_refused(tmp_path):
    bad = scipy.sparse.csc_matrix(SPARSE)
    bad.indices = bad.indices + 1000
    with pytest.raises(BodyModelError, match="'a' holds no plain numbers"):
        read(tmp_path, pickle.dumps({'a': bad}, 2), ['a'])


def test_every_truncation_is_an_error_of_ours(tmp_path):
    data = pickle.dumps(small_body(8), 2)
    for length in [0, 1, 2, *range(3, len(data), 997), len(data) - 1]:
        with pytest.raises(BodyModelError, match=r'model\.pkl'):
            read(tmp_path, data[:length], ['v_template'])


def asks_for_a_huge_memo(data):
    """A damaged memo index is only a question of memory, which a test must not eat."""
    try:
        return any(op.name == 'LONG_BINPUT' and arg > 1 << 16 for op, arg, _ in pickletools.genops(bytes(data)))
    except Exception:
        return True


@pytest.mark.filterwarnings('ignore:invalid escape sequence')
def test_random_damage_never_escapes(tmp_path):
    """Bytes changed at random give arrays or an error of ours, nothing else."""
    data = pickle.dumps({'a': np.arange(20.0), 'b': scipy.sparse.csc_matrix(SPARSE)}, 2)
    rng = np.random.default_rng(1)
    refused = read_well = 0
    for _ in range(3000):
        damaged = bytearray(data)
        for position in rng.integers(2, len(data), 3):
            damaged[position] = rng.integers(0, 256)
        if asks_for_a_huge_memo(damaged):
            continue
        try:
            read(tmp_path, bytes(damaged), ['a', 'b'])
            read_well += 1
        except BodyModelError:
            refused += 1
    assert refused > 20 and read_well > 5


@pytest.mark.parametrize('content', [[1, 2], np.ones(3), 'text', None])
def test_not_a_dictionary(tmp_path, content):
    with pytest.raises(BodyModelError, match='not the dictionary'):
        read(tmp_path, pickle.dumps(content), [])


@pytest.mark.parametrize('data', [b'', b'<html>404</html>', b'version https://git-lfs.github.com/spec/v1\n', bytes(99)])
def test_not_a_pickle(tmp_path, data):
    with pytest.raises(BodyModelError, match='neither an .npz nor a readable pickle'):
        read(tmp_path, data, [])


def test_a_pickle_that_asks_for_endless_memory(tmp_path):
    with pytest.raises(BodyModelError, match=r'model\.pkl'):
        read(tmp_path, b'\x80\x04\x8e' + (1 << 62).to_bytes(8, 'little') + b'.', [])
