"""A small SMPL-shaped body for tests, and pickles of it as Python 2 wrote them."""

from __future__ import annotations

import functools
import importlib.util
import pickle
import struct
import sys
from pathlib import Path

import numpy as np

from poco_ros.body.smpl import PARENTS


def small_body(num_vertices: int = 60, num_shapes: int = 10, seed: int = 0) -> dict[str, np.ndarray]:
    """Random arrays with the keys and shapes of a SMPL file; geometrically meaningless."""
    rng = np.random.default_rng(seed)
    regressor = rng.random((24, num_vertices)) * (rng.random((24, num_vertices)) < 0.1)
    regressor[:, 0] += 0.1
    weights = rng.random((num_vertices, 24)) ** 4
    return {
        'v_template': rng.normal(size=(num_vertices, 3)),
        'shapedirs': 0.01 * rng.normal(size=(num_vertices, 3, num_shapes)),
        'posedirs': 0.003 * rng.normal(size=(num_vertices, 3, 207)),
        'J_regressor': regressor / regressor.sum(1, keepdims=True),
        'weights': weights / weights.sum(1, keepdims=True),
        'f': rng.integers(0, num_vertices, (90, 3)).astype(np.uint32),
        'kintree_table': np.stack([PARENTS, np.arange(24)]).astype(np.uint32),  # the root's -1 becomes 2^32 - 1
    }


@functools.cache
def synthetic_body(shared_dir: Path) -> dict[str, np.ndarray]:
    """The SMPL-shaped random body of the specification, with the keys of a SMPL file (SPEC section 15.2)."""
    folder = str(shared_dir / 'spec')
    spec = importlib.util.spec_from_file_location('synthetic_body', f'{folder}/synthetic_body.py')
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, folder)
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.remove(folder)
    arrays = module.build()
    arrays['f'] = arrays['faces']
    arrays['kintree_table'] = np.stack([arrays['parents'], np.arange(24)])
    return arrays


class Python2Pickler(pickle._Pickler):
    """Writes protocol 2 the way Python 2 did: bytes as its ``str``, and modules by the names they had then."""

    dispatch = pickle._Pickler.dispatch.copy()
    OLD_MODULES = {
        'numpy._core.multiarray': 'numpy.core.multiarray',
        'scipy.sparse._csc': 'scipy.sparse.csc',
        'scipy.sparse._csr': 'scipy.sparse.csr',
        'builtins': '__builtin__',
    }

    def __init__(self, file):
        super().__init__(file, protocol=2)

    def save_python2_str(self, value):
        data = value if isinstance(value, bytes) else value.encode('ascii')
        self.write(pickle.BINSTRING + struct.pack('<i', len(data)) + data)
        self.memoize(value)

    dispatch[bytes] = save_python2_str
    dispatch[str] = save_python2_str

    def save_global(self, value, name=None):
        name = name or value.__name__
        module = self.OLD_MODULES.get(value.__module__, value.__module__)
        self.write(pickle.GLOBAL + f'{module}\n{name}\n'.encode())
        self.memoize(value)

    dispatch[type] = save_global
    dispatch[type(small_body)] = save_global
