"""More persons than an engine takes at once."""

from __future__ import annotations

import numpy as np
import pytest

from poco_ros.engine.base import TensorSpec
from poco_ros.engine.batches import batch_sizes, run_in_turns
from poco_ros.errors import EngineError

INPUTS = (TensorSpec('a', (-1, 2), 'float32'), TensorSpec('b', (-1,), 'int32'))
OUTPUTS = (TensorSpec('sum', (-1, 2), 'float32'), TensorSpec('twice', (-1,), 'int32'))


def feeds(n):
    return {'a': np.arange(2 * n, dtype=np.float32).reshape(n, 2), 'b': np.arange(n, dtype=np.int32)}


@pytest.mark.parametrize(('n', 'turns'), [(0, []), (1, [1]), (3, [3]), (4, [3, 1]), (8, [3, 3, 2])])
def test_every_person_once_in_order(n, turns):
    seen = []
    buffer = np.zeros((3, 2), np.float32), np.zeros(3, np.int32)

    def run(arrays):
        """Writes into the same memory every time, as engines do."""
        a, b = arrays
        seen.append(len(a))
        buffer[0][:len(a)], buffer[1][:len(a)] = a + b[:, None], 2 * b
        return [buffer[0][:len(a)], buffer[1][:len(a)]]

    given = feeds(n)
    found = run_in_turns(run, INPUTS, OUTPUTS, given, 3)
    assert seen == turns
    np.testing.assert_array_equal(found['sum'], given['a'] + given['b'][:, None])
    np.testing.assert_array_equal(found['twice'], 2 * given['b'])
    assert (found['sum'].dtype, found['twice'].dtype) == (np.float32, np.int32)


def test_different_numbers_of_persons_are_refused():
    with pytest.raises(EngineError, match='a 2, b 3'):
        run_in_turns(lambda arrays: arrays, INPUTS, OUTPUTS, {'a': feeds(2)['a'], 'b': feeds(3)['b']}, 3)


@pytest.mark.parametrize(('most', 'sizes'), [
    (1, [1]), (2, [1, 2]), (3, [1, 2, 3]), (8, [1, 2, 4, 8]), (12, [1, 2, 4, 8, 12]), (64, [1, 2, 4, 8, 16, 32, 64]),
])
def test_sizes_made_ready(most, sizes):
    assert batch_sizes(most) == sizes
