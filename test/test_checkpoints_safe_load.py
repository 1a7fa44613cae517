"""Checkpoint files come out as torch itself reads them, and nothing that stands in them runs."""

import functools
import io
import os
import pickle
import sys
import types
import zipfile
from pathlib import Path

import numpy as np
import pytest
import safetensors.torch
import torch

from poco_ros.checkpoints.safe_load import StoredTensor, open_checkpoint
from poco_ros.checkpoints.unpickler import StandIn
from poco_ros.errors import CheckpointError

torch.set_num_threads(1)
GENERATOR = torch.Generator().manual_seed(5)
NOISE = torch.randn(6, 4, generator=GENERATOR)
TENSORS = {
    'plain': NOISE, 'transposed': NOISE.T, 'slice': NOISE[1:5, ::2], 'expanded': NOISE[:1].expand(3, 4),
    'same storage': NOISE.view(-1)[3:7], 'scalar': torch.tensor(3.5), 'empty': torch.empty(0, 3),
    'parameter': torch.nn.Parameter(torch.ones(2)), 'bool': torch.tensor([True, False]),
    **{str(dtype): (10 * NOISE).to(dtype) for dtype in (
        torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int32, torch.int16, torch.int8)},
}


def write(path, tree, kind='torch'):
    if kind == 'safetensors':
        safetensors.torch.save_file({name: tensor.detach().clone().contiguous() for name, tensor in tree.items()}, path)
    else:
        torch.save(tree, path, _use_new_zipfile_serialization=kind == 'torch')
    return path


@pytest.mark.parametrize('kind', ['torch', 'torch before 1.6', 'safetensors'])
def test_every_tensor_is_the_one_that_torch_reads(tmp_path, kind):
    path = write(tmp_path / 'any.name', TENSORS, kind)
    read_by_torch = TENSORS if kind == 'safetensors' else torch.load(path, weights_only=True)
    with open_checkpoint(path) as content:
        assert content.kind == kind and content.forgotten == () and set(content.tree) == set(TENSORS)
        for name, expected in read_by_torch.items():
            entry = content.tree[name]
            tensor = entry.read()
            assert entry.shape == tuple(expected.shape) and f'torch.{entry.dtype}' == str(expected.dtype), name
            assert tensor.dtype == expected.dtype and torch.equal(tensor, expected), name


@pytest.mark.parametrize('kind', ['torch', 'torch before 1.6'])
def test_state_dicts_and_what_lies_beside_them(tmp_path, kind):
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4))
    tree = {'state_dict': model.state_dict(), 'epoch': 3, 'lr': [1e-4], 'best': np.float64(2.5),
            'size': torch.Size([3]), 'device': torch.device('cpu'), 'dtype': torch.complex64, 'complex': None}
    if kind == 'torch':  # before 1.6 the sizes of other number types are not told
        tree['complex'] = torch.zeros(2, dtype=torch.complex64)
        tree['unsigned'] = torch.zeros(2, dtype=torch.uint16)
    with open_checkpoint(write(tmp_path / 'c.pt', tree, kind)) as content:
        state = {name: entry.read() for name, entry in content.tree['state_dict'].items()}
        assert content.tree['epoch'] == 3 and isinstance(content.tree['best'], StandIn)
        assert not isinstance(content.tree['complex'], StoredTensor)
        assert any('numpy' in name for name in content.forgotten)
    torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.BatchNorm1d(4)).load_state_dict(state)
    assert all(torch.equal(state[name], tensor) for name, tensor in model.state_dict().items())


class Evil:
    def __init__(self, mark):
        self.mark = mark

    def __reduce__(self):
        return os.system, (f'touch {self.mark}',)


@pytest.mark.parametrize('kind', ['torch', 'torch before 1.6'])
@pytest.mark.parametrize('where', ['top', 'beside', 'inside'])
def test_code_in_a_checkpoint_is_refused_and_not_run(tmp_path, kind, where):
    mark = tmp_path / 'ran'
    tree = {'top': Evil(mark), 'beside': {'w': torch.ones(2), 'hyper_parameters': Evil(mark)},
            'inside': {'state_dict': {'w': torch.ones(2), 'x': Evil(mark)}}}[where]
    path = write(tmp_path / 'evil.pt', tree, kind)
    with pytest.raises(CheckpointError, match=r"evil\.pt: refused.*'posix\.system'.*run code"), open_checkpoint(path):
        pass
    assert not mark.exists()
    torch.load(path, weights_only=False)  # it is evil indeed
    assert mark.exists()


def test_code_of_other_packages_is_not_run_either(tmp_path, monkeypatch):
    ran = []
    package = types.ModuleType('package')
    package.run = lambda *args: ran.append(args) or {}
    package.run.__module__, package.run.__qualname__ = 'package', 'run'
    monkeypatch.setitem(sys.modules, 'package', package)

    class Calls:
        def __reduce__(self):
            return package.run, (1,)

    path = write(tmp_path / 'c.pt', {'w': torch.ones(2), 'x': Calls()})
    with open_checkpoint(path) as content:
        assert torch.equal(content.tree['w'].read(), torch.ones(2)) and content.forgotten == ('package.run',)
    assert ran == []
    torch.load(path, weights_only=False)
    assert ran == [(1,)]


def repacked(path, change=lambda name, data: data, compression=zipfile.ZIP_STORED):
    """Write a zip archive again, its members changed; None drops one."""
    with zipfile.ZipFile(path) as archive:
        members = {name: change(name, archive.read(name)) for name in archive.namelist()}
    target = path.with_name('repacked.pt')
    with zipfile.ZipFile(target, 'w', compression) as archive:
        for name, data in members.items():
            if data is not None:
                archive.writestr(name, data)
    return target


def read_all(path):
    with open_checkpoint(path) as content:
        return {name: entry.read() for name, entry in content.tree.items()}


@pytest.fixture
def good(tmp_path):
    return write(tmp_path / 'good.pt', {'w': NOISE, 'v': torch.arange(1000.0)})


def test_a_repacked_archive_is_still_read(good):
    assert torch.equal(read_all(repacked(good))['w'], NOISE)


@pytest.mark.parametrize(('change', 'message'), [
    (lambda name, data: data[:-4] if name.endswith('data/0') else data, 'cut short'),
    (lambda name, data: None if name.endswith('data/0') else data, 'lacks the data'),
    (lambda name, data: None if name.endswith('data.pkl') else data, r'no data\.pkl'),
    (lambda name, data: data[:40] if name.endswith('data.pkl') else data, 'not a readable checkpoint'),
    (lambda name, data: b'big' if name.endswith('byteorder') else data, 'big-endian'),
    (lambda name, data: data.replace(b'K\x06K\x04', b'K\x06K\x7f') if name.endswith('.pkl') else data, 'beyond'),
    (lambda name, data: data.replace(b'K\x06K\x04', b'K\x06J\xff\xff\xff\xff') if name.endswith('.pkl') else data,
     'damaged tensor'),
])
def test_damaged_archives(good, change, message):
    with pytest.raises(CheckpointError, match=message):
        read_all(repacked(good, change))


def test_zip_bombs_are_not_unpacked(good):
    with pytest.raises(CheckpointError, match='compressed'):
        read_all(repacked(good, compression=zipfile.ZIP_DEFLATED))


@pytest.mark.parametrize('kind', ['torch', 'torch before 1.6', 'safetensors'])
def test_files_cut_short_anywhere(tmp_path, kind):
    data = write(tmp_path / 'c.pt', {'w': NOISE, 'v': torch.arange(200.0)}, kind).read_bytes()
    cut = tmp_path / 'cut.pt'
    for length in sorted({*range(0, len(data) - 1, 37), *range(30), len(data) - 1}):
        cut.write_bytes(data[:length])
        with pytest.raises(CheckpointError, match=r'cut\.pt'):
            read_all(cut)


@pytest.mark.parametrize('kind', ['torch', 'torch before 1.6'])
def test_files_with_a_wrong_byte_give_an_error_or_a_tensor(tmp_path, kind):
    data = bytearray(write(tmp_path / 'c.pt', {'w': NOISE}, kind).read_bytes())
    path = tmp_path / 'bad.pt'
    refused = 0
    for position in range(0, min(len(data), 1200), 3):
        changed = data.copy()
        changed[position] ^= 0x5A
        path.write_bytes(changed)
        try:
            read_all(path)
        except CheckpointError:
            refused += 1
        except AttributeError:  # the top is no dictionary any more, or an entry no tensor: sorted out elsewhere
            continue
    assert refused > 50


def test_flipped_numbers_in_an_archive_are_found_by_its_checksum(good):
    data = bytearray(good.read_bytes())
    at = data.index(NOISE.numpy().tobytes())
    data[at + 5] ^= 1
    good.write_bytes(data)
    with pytest.raises(CheckpointError, match='damaged.*CRC'):
        read_all(good)


@functools.cache
def foreign_files():
    npz, script, plain = io.BytesIO(), io.BytesIO(), io.BytesIO()
    np.savez(npz, w=np.ones(3))
    torch.jit.save(torch.jit.script(torch.nn.Linear(2, 2)), script)
    with zipfile.ZipFile(plain, 'w') as archive:
        archive.writestr('readme.txt', 'hello')
    return {
        'an empty file': (b'', 'empty'), 'random bytes': (np.random.default_rng(1).bytes(5000), 'neither'),
        'text': (b'version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\n', 'neither'),
        'a web page': (b'\n <!DOCTYPE html><html><title>Login</title></html>', 'web page'),
        'arrays': (npz.getvalue(), r'no data\.pkl'), 'a zip': (plain.getvalue(), r'no data\.pkl'),
        'a program': (script.getvalue(), 'TorchScript'),
        'a pickle': (pickle.dumps({'w': [1, 2]}), 'not a checkpoint that torch.save wrote'),
        'a greedy pickle': (b'\x80\x02Nr\xf0\xff\xff\xff.', 'not a readable checkpoint'),
        'a pickle of nothing': (b'\x80\x02.', 'not a readable checkpoint'),
        'a wrong header': (b'\x20\0\0\0\0\0\0\0{"w":{"dtype":"F32"}}', 'not a readable checkpoint'),
    }


@pytest.mark.filterwarnings('ignore:.*torch.jit')
@pytest.mark.parametrize('what', [
    'an empty file', 'random bytes', 'text', 'a web page', 'arrays', 'a zip', 'a program', 'a pickle',
    'a greedy pickle', 'a pickle of nothing', 'a wrong header',
])
def test_foreign_files(tmp_path, what):
    data, message = foreign_files()[what]
    path = tmp_path / 'foreign.pt'
    path.write_bytes(data)
    with pytest.raises(CheckpointError, match=rf'foreign\.pt: .*{message}'), open_checkpoint(path):
        pass


def test_files_that_cannot_be_opened(tmp_path):
    for path in (tmp_path / 'missing.pt', tmp_path):
        with pytest.raises(CheckpointError, match='cannot be read'), open_checkpoint(path):
            pass


class WholeModel(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.layer = torch.nn.Linear(2, 2)


@pytest.mark.filterwarnings("ignore:Couldn't retrieve source code")
@pytest.mark.parametrize('kind', ['torch', 'torch before 1.6'])
def test_a_whole_model_is_not_made(tmp_path, kind):
    with open_checkpoint(write(tmp_path / 'm.pt', WholeModel(), kind)) as content:
        assert isinstance(content.tree, StandIn) and content.tree.original.endswith('WholeModel')


def test_only_what_is_asked_for_is_read(tmp_path):
    path = write(tmp_path / 'c.pt', {'w': NOISE, 'optimizer': {'m': torch.arange(1000.0)}})
    data = path.read_bytes()
    at = data.index(torch.arange(1000.0).numpy().tobytes())
    Path(path).write_bytes(data[:at] + b'\xff' * 4000 + data[at + 4000:])
    with open_checkpoint(path) as content:
        assert torch.equal(content.tree['w'].read(), NOISE)
        with pytest.raises(CheckpointError, match='CRC'):
            content.tree['optimizer']['m'].read()
