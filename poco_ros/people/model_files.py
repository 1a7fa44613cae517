"""The two BlazePose network files: fetched once, by pip, by hash, into a cache; afterwards only read.

They lie inside one wheel on PyPI (Apache-2.0). The wheel is downloaded and unzipped, never installed, so its tags need
not fit this Python or this processor. Only :func:`fetch_models` touches the network.
"""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from poco_ros.errors import ModelFileError
from poco_ros.whole_files import written_whole

_MEND = (
    "run 'poco fetch-models' once with a network connection; on a machine that stays offline copy the folder from a "
    'machine that has it, or set PIP_FIND_LINKS to a folder that holds the wheel'
)


@dataclass(frozen=True)
class ModelFile:
    """One network file inside the wheel.

    :param name: file name in the cache.
    :param member: path inside the wheel.
    :param sha256: of the file, hexadecimal.
    :param licence: SPDX identifier.
    """

    name: str
    member: str
    sha256: str
    licence: str = 'Apache-2.0'


@dataclass(frozen=True)
class Wheel:
    """The one wheel that holds the files, with the tags it was built for."""

    requirement: str
    sha256: str
    python_version: str
    abi: str
    platform: str


WHEEL = Wheel(
    'mediapipe==0.10.21', '956eb1ebc275c629e61b085b2cab89c3a5b9e93bad1bb107348d98dafb5a4bb5',
    '3.12', 'cp312', 'manylinux_2_28_x86_64',
)
DETECTOR = ModelFile(
    'pose_detection.tflite', 'mediapipe/modules/pose_detection/pose_detection.tflite',
    '9ba9dd3d42efaaba86b4ff0122b06f29c4122e756b329d89dca1e297fd8f866c',
)
LANDMARKER = ModelFile(
    'pose_landmark_full.tflite', 'mediapipe/modules/pose_landmark/pose_landmark_full.tflite',
    'e9a5c5cb17f736fafd4c2ec1da3b3d331d6edbe8a0d32395855aeb2cdfd64b9f',
)
MODELS = (DETECTOR, LANDMARKER)


def models_folder() -> Path:
    """Return the folder of the files: ``$POCO_CACHE``, else ``$XDG_CACHE_HOME/poco_ros``, else ``~/.cache/poco_ros``.

    It ends in ``models`` and need not exist.

    :raises ModelFileError: when no home folder is known and neither variable is set.
    """
    own = os.environ.get('POCO_CACHE')
    if own:
        return Path(own).expanduser().absolute() / 'models'
    xdg = os.environ.get('XDG_CACHE_HOME')
    if xdg and Path(xdg).is_absolute():
        return Path(xdg) / 'poco_ros' / 'models'
    try:
        return Path.home() / '.cache' / 'poco_ros' / 'models'
    except RuntimeError as error:
        raise ModelFileError('no home folder is known to keep model files in; set POCO_CACHE to a folder') from error


def model_path(model: ModelFile) -> Path:
    """Return the path of a file that is there and whole; never touches the network.

    :raises ModelFileError: when it is missing, unreadable or not the expected file.
    """
    path = models_folder() / model.name
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except FileNotFoundError as error:
        raise ModelFileError(f'model file {path} is missing; {_MEND}') from error
    except OSError as error:
        raise ModelFileError(f'model file {path} cannot be read: {error.strerror}') from error
    if digest != model.sha256:
        raise ModelFileError(f'model file {path} is corrupt (sha256 {digest}, expected {model.sha256}); {_MEND}')
    return path


def fetch_models(progress: Callable[[str], None] | None = None) -> list[Path]:
    """Make sure that all model files are in the cache, downloading them when one is missing or corrupt.

    Safe when several processes do it at once: every file appears whole, under its name, or not at all.

    :param progress: told in a line what is being done.
    :returns: the paths, in the order of ``MODELS``.
    :raises ModelFileError: when there is no pip, no network, a file that is not the expected one, or no place to write.
    """
    say = progress or (lambda line: None)
    wanted = [model for model in MODELS if not _is_whole(model)]
    if wanted:
        try:
            models_folder().mkdir(parents=True, exist_ok=True)
            with tempfile.TemporaryDirectory(prefix='poco-models-') as folder:
                say(f'downloading {WHEEL.requirement} (36 MB) with pip')
                wheel = _download(Path(folder))
                for model in wanted:
                    say(f'writing {models_folder() / model.name}')
                    _install(wheel, model)
        except OSError as error:
            raise ModelFileError(
                f'model files cannot be written to {models_folder()}: {error.strerror}; free or unlock the disk, or '
                'set POCO_CACHE to another folder'
            ) from error
    say(f'all model files are in {models_folder()}')
    return [model_path(model) for model in MODELS]


def _is_whole(model: ModelFile) -> bool:
    try:
        model_path(model)
    except ModelFileError:
        return False
    return True


def _download(folder: Path) -> Path:
    """Download the wheel into ``folder`` with this interpreter's pip, which checks its hash."""
    if importlib.util.find_spec('pip') is None:
        raise ModelFileError(
            f'{sys.executable} has no pip to fetch the model files with; install it '
            "('python3 -m ensurepip' or 'apt install python3-pip') and run 'poco fetch-models' again"
        )
    requirements = folder / 'requirements.txt'
    requirements.write_text(f'{WHEEL.requirement} --hash=sha256:{WHEEL.sha256}\n')
    command = [
        sys.executable, '-m', 'pip', 'download', '--disable-pip-version-check', '--no-input', '--quiet', '--no-deps',
        '--only-binary=:all:', '--require-hashes', '--implementation', 'cp', '--python-version', WHEEL.python_version,
        '--abi', WHEEL.abi, '--platform', WHEEL.platform, '--dest', str(folder), '--requirement', str(requirements),
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    wheels = list(folder.glob('*.whl'))
    if done.returncode or len(wheels) != 1:
        raise ModelFileError(f'pip could not fetch {WHEEL.requirement}: {_reason(done.stderr)}; {_MEND}')
    return wheels[0]


def _reason(stderr: str) -> str:
    """Return what pip said, shortened to its errors."""
    lines = [line.strip() for line in stderr.splitlines() if line.strip()]
    text = ' '.join(lines).upper()
    if 'HASHES' in text and 'DO NOT MATCH' in text:
        return 'the downloaded file is not the expected one (its hash differs)'
    if 'NO SPACE LEFT' in text:
        return f'no space left on the disk of {tempfile.gettempdir()} (set TMPDIR to another folder)'
    errors = [line for line in lines if line.startswith('ERROR')]
    return ' '.join(errors[-2:] or lines[-2:] or ['it gave no reason'])


def _install(wheel: Path, model: ModelFile) -> None:
    """Write one file of the wheel under its final name, whole or not at all."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(model.member)
    except (zipfile.BadZipFile, KeyError) as error:
        raise ModelFileError(f'{wheel.name} does not hold {model.member}: {error}; {_MEND}') from error
    digest = hashlib.sha256(data).hexdigest()
    if digest != model.sha256:
        raise ModelFileError(f'{model.member} in {wheel.name} is not the expected file (sha256 {digest}); {_MEND}')
    with written_whole(models_folder() / model.name) as temporary:
        temporary.write_bytes(data)
