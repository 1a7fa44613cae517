"""A stored network comes back whole or not at all, and everything that may be wrong with a cache is told."""

import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
import torch
from network_models import TINY, with_mock_weights

from poco_ros.checkpoints import store
from poco_ros.checkpoints.mock import mock_provenance
from poco_ros.checkpoints.provenance import Provenance
from poco_ros.checkpoints.store import (
    available_networks,
    checked_name,
    load_network,
    network_folder,
    network_lock,
    networks_folder,
    new_name,
    save_network,
)
from poco_ros.errors import ConfigError, ModelFileError
from poco_ros.networks.model import PocoModel

REPOSITORY = Path(__file__).resolve().parents[1]
torch.set_num_threads(1)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv('POCO_CACHE', str(tmp_path / 'cache'))
    return tmp_path / 'cache' / 'networks'


@pytest.fixture(scope='module')
def tiny():
    return with_mock_weights(PocoModel(TINY))


@pytest.fixture(scope='module')
def other():
    return with_mock_weights(PocoModel(TINY), 'B')


def provenance(**fields):
    plain = mock_provenance('tiny', TINY, 'A')
    return Provenance(**{**vars(plain), **fields})


def environment():
    """Environment of a child that imports this package."""
    return {**os.environ, 'PYTHONPATH': os.pathsep.join([str(REPOSITORY), os.environ.get('PYTHONPATH', '')])}


def same(model, other):
    expected = other.state_dict()
    return all(torch.equal(tensor, expected[name]) for name, tensor in model.state_dict().items())


def test_folders(cache, monkeypatch, tmp_path):
    assert networks_folder() == cache and network_folder('a_b-1.2') == cache / 'a_b-1.2'
    assert network_folder(tmp_path / 'x') == tmp_path / 'x' and network_folder(str(tmp_path / 'x')) == tmp_path / 'x'
    monkeypatch.delenv('POCO_CACHE')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path / 'xdg'))
    assert networks_folder() == tmp_path / 'xdg' / 'poco_ros' / 'networks'


@pytest.mark.parametrize('name', ['', '.hidden', '-x', '..', 'a b', 'a\n', 'é', 'a/b'])
def test_names(name):
    with pytest.raises(ConfigError, match="network's name"):
        checked_name(name)


@pytest.mark.parametrize('name', ['auto', 'lift', 'cliff', 'pare', 'hmr'])
def test_names_that_mean_something_else_to_the_nodes(name):
    with pytest.raises(ConfigError, match=f'cannot be called {name!r}'):
        new_name(name)
    assert new_name(f'poco_{name}') == f'poco_{name}'


def test_there_and_back(tiny, cache):
    assert available_networks() == []
    given = provenance(unused=('a', 'b'), converted_from=('float16',))
    stored = save_network(network_folder('tiny'), tiny, given)
    model, loaded = load_network('tiny')
    assert same(model, tiny) and not model.training and loaded == stored and loaded.variant == TINY
    assert loaded == Provenance(**{**vars(given), 'weights_sha256': loaded.weights_sha256})
    assert len(loaded.weights_sha256) == 64 and available_networks() == ['tiny']
    assert same(load_network(cache / 'tiny')[0], tiny)
    assert sorted(p.name for p in cache.iterdir()) == ['tiny']
    assert sorted(p.name for p in (cache / 'tiny').iterdir()) == ['provenance.json', 'weights.safetensors']
    assert all(stat.S_IMODE(p.stat().st_mode) & 0o044 == 0o044 for p in (cache / 'tiny').iterdir())


def test_paths_and_records_need_no_torch(tiny):
    save_network(network_folder('tiny'), tiny, provenance())
    code = ("import sys; from poco_ros.checkpoints.store import *; from poco_ros.checkpoints.known import KNOWN;"
            "from poco_ros.checkpoints.provenance import Provenance;"
            "print(available_networks(), Provenance.load(network_folder('tiny')).variant.regressor);"
            "print({'torch', 'timm', 'safetensors', 'onnx'} & set(sys.modules))")
    done = subprocess.run([sys.executable, '-c', code], capture_output=True, text=True, check=True,
                          env=environment())
    assert done.stdout == "['tiny'] cliff\nset()\n"


def test_what_the_checkpoint_had_not_is_nan(tiny):
    absent = ('flow_head.cond_layer.weight', 'flow_head.cond_layer.bias')
    save_network(network_folder('tiny'), tiny, provenance(absent=absent))
    state = load_network('tiny')[0].state_dict()
    assert all(state[name].isnan().all() for name in absent)
    assert all(torch.equal(state[name], tensor) for name, tensor in tiny.state_dict().items() if name not in absent)


def test_a_new_one_takes_the_place_of_the_old_with_all_that_was_made_of_it(tiny, other, cache):
    save_network(network_folder('tiny'), tiny, provenance())
    (cache / 'tiny' / 'model.onnx').write_text('of the old weights')
    save_network(network_folder('tiny'), other, provenance())
    assert same(load_network('tiny')[0], other) and not (cache / 'tiny' / 'model.onnx').exists()
    assert sorted(p.name for p in cache.iterdir()) == ['tiny']


def test_a_failure_leaves_the_old_one(tiny, other, cache, monkeypatch):
    save_network(network_folder('tiny'), tiny, provenance())

    def full(self, folder):
        raise OSError(28, 'No space left on device')

    monkeypatch.setattr(Provenance, 'write', full)
    with pytest.raises(ModelFileError, match=r'cannot be written to .*networks: No space left.*POCO_CACHE'):
        save_network(network_folder('tiny'), other, provenance())
    assert same(load_network('tiny')[0], tiny) and sorted(p.name for p in cache.iterdir()) == ['tiny']


def test_what_killed_processes_left_goes_after_a_day(tiny, cache):
    for name, age in (('.tiny.old', 90000), ('.tiny.now', 60), ('.other.old', 90000)):
        (cache / name / 'new').mkdir(parents=True)
        os.utime(cache / name, times=(time.time() - age,) * 2)
    save_network(network_folder('tiny'), tiny, provenance())
    assert sorted(p.name for p in cache.iterdir()) == ['.other.old', '.tiny.now', 'tiny']
    assert available_networks() == ['tiny']


def test_what_another_process_takes_away_meanwhile_is_no_obstacle(tiny, cache, monkeypatch):
    others = cache / '.tiny.others'
    others.mkdir(parents=True)
    is_dir = Path.is_dir

    def looked_at_last(path, **how):
        found = is_dir(path, **how)
        if path == others and found:
            path.rmdir()
        return found

    monkeypatch.setattr(Path, 'is_dir', looked_at_last)
    save_network(network_folder('tiny'), tiny, provenance())
    assert available_networks() == ['tiny'] and not others.exists()


def test_many_at_once_leave_a_whole_one(tiny, other, cache):
    failures = []

    def save(model):
        try:
            for _ in range(6):
                save_network(network_folder('tiny'), model, provenance())
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=save, args=(model,)) for model in (tiny, other) * 3]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    model, _ = load_network('tiny')
    assert failures == [] and (same(model, tiny) or same(model, other))
    assert sorted(p.name for p in cache.iterdir()) == ['tiny']


def test_the_lock_is_held_alone_and_let_go_when_its_holder_dies(cache):
    folder = network_folder('tiny')
    code = ("import sys, time; from poco_ros.checkpoints.store import *\n"
            "with network_lock(network_folder('tiny')): print('held', flush=True); time.sleep(60)")
    holder = subprocess.Popen([sys.executable, '-c', code], stdout=subprocess.PIPE, text=True, env=environment())
    assert holder.stdout.readline() == 'held\n'
    got = threading.Event()

    def wait():
        with network_lock(folder):
            got.set()

    waiter = threading.Thread(target=wait)
    waiter.start()
    with network_lock(network_folder('another')):  # not in the way
        assert not got.wait(0.2)
    holder.kill()
    holder.wait()
    assert got.wait(10)
    waiter.join()
    assert available_networks() == []


def test_folders_that_cannot_be_written_to(tiny, cache, tmp_path, monkeypatch):
    (tmp_path / 'file').write_text('in the way')
    monkeypatch.setenv('POCO_CACHE', str(tmp_path / 'file'))
    for act in (lambda own: save_network(own, tiny, provenance()), lambda own: network_lock(own).__enter__()):
        with pytest.raises(ModelFileError, match=r'cannot be written to .*file/networks.*POCO_CACHE'):
            act(network_folder('tiny'))


def test_folders_without_permission(tiny, cache):
    cache.mkdir(parents=True)
    cache.chmod(0o500)
    try:
        if os.access(cache, os.W_OK):
            pytest.skip('this user may write to read-only folders')
        with pytest.raises(ModelFileError, match='cannot be written to'):
            save_network(network_folder('tiny'), tiny, provenance())
    finally:
        cache.chmod(0o700)


def test_without_permission_in_words(tiny, monkeypatch):
    def refused(*args, **kwargs):
        raise PermissionError(13, 'Permission denied')

    monkeypatch.setattr(store.tempfile, 'TemporaryDirectory', refused)
    with pytest.raises(ModelFileError, match=r'cannot be written to .*/cache/networks: Permission denied.*POCO_CACHE'):
        save_network(network_folder('tiny'), tiny, provenance())


def damaged(path, name, change):
    (path / name).write_bytes(change((path / name).read_bytes()))


def edited(**fields):
    return lambda data: json.dumps(json.loads(data) | fields).encode()


@pytest.mark.parametrize(('name', 'change', 'message'), [
    ('weights.safetensors', lambda data: data[:-1] + b'\1', 'not the file that was stored: its sha256'),
    ('weights.safetensors', lambda data: data[:500], 'not the file that was stored'),
    ('provenance.json', lambda data: data[:50], 'not the record of a network'),
    ('provenance.json', lambda data: b'[]', 'not the record of a network'),
    ('provenance.json', edited(format=99), 'has the format 99, this version reads 1'),
    ('provenance.json', edited(variant={'name': 'x'}), 'not the record of a network'),
    ('provenance.json', edited(unused='all'), "unused is 'all'"),
    ('provenance.json', edited(mock=1), 'mock is 1'),
    ('provenance.json', lambda data: json.dumps({k: v for k, v in json.loads(data).items() if k != 'licence'}).encode(),
     "lacks 'licence'"),
    ('provenance.json', lambda data: data.replace(b'"flow_context": 32', b'"flow_context": 16'), 'does not fit'),
    ('provenance.json', lambda data: data.replace(b'test_resnet', b'no_such_net'), 'timm'),
])
def test_damaged_networks(tiny, cache, name, change, message):
    save_network(network_folder('tiny'), tiny, provenance())
    damaged(cache / 'tiny', name, change)
    with pytest.raises((ModelFileError, ConfigError), match=message):
        load_network('tiny')


@pytest.mark.parametrize('name', ['weights.safetensors', 'provenance.json'])
def test_missing_files(tiny, cache, name):
    save_network(network_folder('tiny'), tiny, provenance())
    (cache / 'tiny' / name).unlink()
    with pytest.raises(ModelFileError, match=rf'{name} cannot be read: No such file.*import-checkpoint'):
        load_network('tiny')


def test_foreign_weights_under_a_true_hash(tiny, cache):
    import hashlib

    save_network(network_folder('tiny'), tiny, provenance())
    damaged(cache / 'tiny', 'weights.safetensors', lambda data: b'foreign')
    digest = hashlib.sha256(b'foreign').hexdigest()
    damaged(cache / 'tiny', 'provenance.json', edited(weights_sha256=digest))
    with pytest.raises(ModelFileError, match='no safetensors file'):
        load_network('tiny')


def test_networks_that_are_not_there(tiny):
    with pytest.raises(ModelFileError, match=r"no network .*poco_cliff; there are: none\. Import one"):
        load_network('poco_cliff')
    save_network(network_folder('tiny'), tiny, provenance())
    with pytest.raises(ModelFileError, match='there are: tiny'):
        load_network('poco_cliff')


def test_what_a_training_left_stays_when_its_network_is_stored(tmp_path, tiny, other):
    folder = tmp_path / 'net'
    (folder / 'training' / 'tensorboard').mkdir(parents=True)
    (folder / 'training' / 'state.pt').write_bytes(b'state')
    (folder / 'model.onnx').write_bytes(b'of the weights before')
    for network in (tiny, other):
        save_network(folder, network, provenance(training={'seed': 3, 'steps': [1, 2]}), keep=('training', 'none'))
        assert (folder / 'training' / 'state.pt').read_bytes() == b'state'
        assert sorted(path.name for path in folder.iterdir()) == ['provenance.json', 'training', 'weights.safetensors']
    assert load_network(folder)[1].training == {'seed': 3, 'steps': [1, 2]}


def test_networks_of_versions_that_did_not_train(tmp_path, tiny):
    save_network(tmp_path / 'net', tiny, provenance())
    path = tmp_path / 'net' / 'provenance.json'
    plain = json.loads(path.read_text())
    del plain['training']
    path.write_text(json.dumps(plain))
    assert load_network(tmp_path / 'net')[1].training == {}
    path.write_text(json.dumps({**plain, 'training': 'much'}))
    with pytest.raises(ModelFileError, match="training is 'much'"):
        load_network(tmp_path / 'net')
