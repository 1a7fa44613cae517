"""The cache of network files, against real pip, real disk limits and real broken files; nothing is downloaded."""

from __future__ import annotations

import dataclasses
import hashlib
import os
import subprocess
import sys
import textwrap
import zipfile
from pathlib import Path

import pytest

from poco_ros.errors import ModelFileError
from poco_ros.people import model_files
from poco_ros.people.model_files import MODELS, ModelFile, fetch_models, model_path, models_folder

WHEEL_NAME = 'mediapipe-0.10.21-cp312-cp312-manylinux_2_28_x86_64.whl'
REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A cache and a pip that sees nothing but a folder of wheels."""
    wheels = tmp_path / 'wheels'
    wheels.mkdir()
    for name in [name for name in os.environ if name.startswith('PIP_')]:
        monkeypatch.delenv(name)
    for name, value in {
        'POCO_CACHE': tmp_path / 'cache', 'PIP_NO_INDEX': 1, 'PIP_FIND_LINKS': wheels, 'PIP_NO_CACHE_DIR': 1,
        'PIP_CONFIG_FILE': os.devnull, 'PIP_DISABLE_PIP_VERSION_CHECK': 1,
    }.items():
        monkeypatch.setenv(name, str(value))
    return wheels


def make_wheel(folder, contents):
    path = folder / WHEEL_NAME
    info = 'mediapipe-0.10.21.dist-info'
    with zipfile.ZipFile(path, 'w') as archive:
        for name, data in contents.items():
            archive.writestr(name, data)
        archive.writestr(f'{info}/METADATA', 'Metadata-Version: 2.1\nName: mediapipe\nVersion: 0.10.21\n')
        archive.writestr(f'{info}/WHEEL', 'Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: cp312-cp312-any\n')
        archive.writestr(f'{info}/RECORD', '')
    return hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.fixture
def small_models(offline, monkeypatch):
    """Two small files in a wheel of the right name stand in for the networks, with their own hashes."""
    contents = {model.member: model.name.encode() * 50_000 for model in MODELS}
    models = tuple(
        dataclasses.replace(model, sha256=hashlib.sha256(contents[model.member]).hexdigest()) for model in MODELS
    )
    digest = make_wheel(offline, contents)
    monkeypatch.setattr(model_files, 'MODELS', models)
    monkeypatch.setattr(model_files, 'WHEEL', dataclasses.replace(model_files.WHEEL, sha256=digest))
    return models


def left_over():
    folder = models_folder()
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def test_folder_follows_the_environment(monkeypatch, tmp_path):
    monkeypatch.setenv('POCO_CACHE', str(tmp_path))
    assert models_folder() == tmp_path / 'models'
    monkeypatch.setenv('POCO_CACHE', '')
    monkeypatch.setenv('XDG_CACHE_HOME', str(tmp_path))
    assert models_folder() == tmp_path / 'poco_ros' / 'models'
    monkeypatch.setenv('XDG_CACHE_HOME', 'not/absolute')
    monkeypatch.setenv('HOME', str(tmp_path / 'home'))
    assert models_folder() == tmp_path / 'home' / '.cache' / 'poco_ros' / 'models'


def test_missing_file_names_path_and_mend(monkeypatch, tmp_path):
    monkeypatch.setenv('POCO_CACHE', str(tmp_path))
    with pytest.raises(ModelFileError, match='poco fetch-models') as error:
        model_path(MODELS[0])
    assert str(tmp_path / 'models' / MODELS[0].name) in str(error.value)
    assert 'offline' in str(error.value)


def test_fetches_once_and_then_needs_nothing(small_models, offline):
    said = []
    paths = fetch_models(said.append)
    assert paths == [models_folder() / model.name for model in small_models]
    assert any('downloading' in line for line in said)
    (offline / WHEEL_NAME).unlink()
    said.clear()
    assert fetch_models(said.append) == paths
    assert not any('downloading' in line for line in said)
    assert left_over() == sorted(model.name for model in small_models)


def test_corruption_is_seen_and_mended(small_models):
    path = fetch_models()[0]
    data = bytearray(path.read_bytes())
    data[1000] ^= 1
    path.write_bytes(data)
    with pytest.raises(ModelFileError, match='corrupt'):
        model_path(small_models[0])
    fetch_models()
    assert model_path(small_models[0]) == path


def test_a_wheel_with_another_hash_is_refused(offline):
    make_wheel(offline, {model.member: b'something else' for model in MODELS})
    with pytest.raises(ModelFileError, match='not the expected one'):
        fetch_models()
    assert left_over() == []


def test_a_wheel_with_other_files_is_refused(small_models, monkeypatch):
    wrong = tuple(dataclasses.replace(model, sha256='0' * 64) for model in small_models)
    monkeypatch.setattr(model_files, 'MODELS', wrong)
    with pytest.raises(ModelFileError, match='not the expected file'):
        fetch_models()
    monkeypatch.setattr(model_files, 'MODELS', (ModelFile('gone.tflite', 'nowhere/gone.tflite', '0' * 64),))
    with pytest.raises(ModelFileError, match='does not hold nowhere/gone.tflite'):
        fetch_models()
    assert left_over() == []


def test_no_network(offline, monkeypatch):
    monkeypatch.delenv('PIP_NO_INDEX')
    monkeypatch.setenv('PIP_INDEX_URL', 'http://127.0.0.1:9/simple')
    monkeypatch.setenv('PIP_RETRIES', '0')
    with pytest.raises(ModelFileError, match='could not fetch mediapipe.*poco fetch-models'):
        fetch_models()
    assert left_over() == []


def test_cache_that_cannot_be_made(small_models, monkeypatch, tmp_path):
    (tmp_path / 'file').write_text('in the way')
    monkeypatch.setenv('POCO_CACHE', str(tmp_path / 'file'))
    with pytest.raises(ModelFileError, match='cannot be written.*POCO_CACHE'):
        fetch_models()


def test_cache_that_is_read_only(small_models):
    folder = models_folder()
    folder.mkdir(parents=True)
    folder.chmod(0o500)
    try:
        if os.access(folder, os.W_OK):
            pytest.skip('this user may write to read-only folders')
        with pytest.raises(ModelFileError, match='cannot be written'):
            fetch_models()
    finally:
        folder.chmod(0o700)
    assert left_over() == []


def run(code, python=sys.executable, **environment):
    path = os.pathsep.join([str(REPOSITORY), os.environ.get('PYTHONPATH', '')])
    return subprocess.run(
        [str(python), '-c', textwrap.dedent(code)], capture_output=True, text=True, check=False,
        env={**os.environ, 'PYTHONPATH': path, **environment},
    )


def test_full_disk_leaves_nothing_half_written(offline):
    """A limit on the size of files fails the write in the middle, as a full disk does."""
    big = {model.member: b'0' * 3_000_000 for model in MODELS}
    make_wheel(offline, big)
    done = run(f'''
        import dataclasses, hashlib, resource, signal
        from pathlib import Path
        from poco_ros.people import model_files as files
        digest = hashlib.sha256(b'0' * 3_000_000).hexdigest()
        files.MODELS = tuple(dataclasses.replace(model, sha256=digest) for model in files.MODELS)
        files._download = lambda folder: Path({str(offline / WHEEL_NAME)!r})
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (1_000_000, 1_000_000))
        try:
            files.fetch_models()
        except files.ModelFileError as error:
            print('told:', error)
    ''')
    assert 'told:' in done.stdout, done.stderr
    assert 'cannot be written' in done.stdout
    assert left_over() == []


def test_python_without_pip_says_so(offline, tmp_path):
    subprocess.run([sys.executable, '-m', 'venv', '--without-pip', str(tmp_path / 'bare')], check=True)
    done = run('''
        from poco_ros.people.model_files import ModelFileError, fetch_models
        try:
            fetch_models()
        except ModelFileError as error:
            print('told:', error)
    ''', python=tmp_path / 'bare' / 'bin' / 'python', PYTHONPATH=str(REPOSITORY))
    assert 'has no pip' in done.stdout, done.stderr


def test_two_processes_at_once(small_models):
    code = f'''
        import dataclasses
        from poco_ros.people import model_files as files
        files.WHEEL = dataclasses.replace(files.WHEEL, sha256={model_files.WHEEL.sha256!r})
        files.MODELS = tuple(files.ModelFile(*fields) for fields in {[dataclasses.astuple(m) for m in small_models]!r})
        print(len(files.fetch_models()))
    '''
    environment = {**os.environ, 'PYTHONPATH': str(REPOSITORY)}
    started = [
        subprocess.Popen([sys.executable, '-c', textwrap.dedent(code)], env=environment, stdout=subprocess.PIPE)
        for _ in range(3)
    ]
    assert [process.communicate()[0].strip() for process in started] == [b'2'] * 3
    assert left_over() == sorted(model.name for model in small_models)
