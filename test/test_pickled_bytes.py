"""A pickle is taken out of a file whole, and one that asks for memory without end is not taken at all."""

import io
import pickle
import subprocess
import sys

import pytest

from poco_ros.pickled_bytes import read_pickled_bytes


@pytest.mark.parametrize('protocol', range(pickle.HIGHEST_PROTOCOL + 1))
def test_pickles_in_a_row(protocol):
    things = [{f'name {k}': [k, float(k), b'\0' * k, (k,)] for k in range(300)}, 'text\n', 1 << 100, {1, 2}]
    file = io.BytesIO(b'before' + b''.join(pickle.dumps(thing, protocol) for thing in things) + b'behind')
    file.seek(6)
    assert [pickle.loads(read_pickled_bytes(file)) for _ in things] == things  # noqa: S301
    assert file.read() == b'behind'


GREEDY = [b'\x80\x02Nr\xf0\xff\xff\xff.', b'Np4000000000\n.']  # LONG_BINPUT and PUT


@pytest.mark.parametrize('data', GREEDY)
def test_a_place_far_out_in_the_table_is_refused(data):
    with pytest.raises(pickle.UnpicklingError, match='place 4'):
        read_pickled_bytes(io.BytesIO(data))


def test_the_refused_pickle_really_takes_all_memory():
    code = ('import pickle, resource; resource.setrlimit(resource.RLIMIT_AS, (2 << 30, 2 << 30)); '
            f'pickle.loads({GREEDY[0]!r})')
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=False)
    assert 'MemoryError' in done.stderr


@pytest.mark.parametrize('data', [
    b'', b'\x80', b'foreign', b'\x80\x04\x96' + (1 << 60).to_bytes(8, 'little') + b'abc.',
    b'\x80\x04\x8e' + (1 << 40).to_bytes(8, 'little') + b'.', pickle.dumps([1, 2, 3])[:-1],
])
def test_what_is_no_whole_pickle_is_refused(data):
    with pytest.raises(ValueError):
        read_pickled_bytes(io.BytesIO(data))
