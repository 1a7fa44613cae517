"""The user's networks: one folder each in the cache, never in the repository.

A folder holds ``weights.safetensors`` and ``provenance.json``; exported graphs come to lie beside them. Everything here
but :func:`save_network` and :func:`load_network` works without torch.
"""

from __future__ import annotations

import contextlib
import dataclasses
import errno
import fcntl
import itertools
import re
import shutil
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from poco_ros.checkpoints.provenance import PROVENANCE_FILE, Provenance
from poco_ros.errors import ConfigError, ModelFileError
from poco_ros.networks.variants import OFFICIAL
from poco_ros.people.model_files import models_folder
from poco_ros.whole_files import sha256_of

if TYPE_CHECKING:
    from poco_ros.networks.model import PocoModel

WEIGHTS_FILE = 'weights.safetensors'
_TAKEN = ('auto', 'lift', *(name.removeprefix('poco_') for name in OFFICIAL))  # what the nodes' parameter model means
_NAME = re.compile(r'[A-Za-z0-9][A-Za-z0-9_.-]*')


def networks_folder() -> Path:
    """Return the folder of all networks: ``networks`` in ``$POCO_CACHE``, else in the user's cache; need not exist.

    :raises ModelFileError: when no home folder is known and no variable names one.
    """
    return models_folder().parent / 'networks'


def network_folder(name_or_folder: str | Path) -> Path:
    """Return the folder of a network; it need not exist.

    :param name_or_folder: a path, or a string: a name in :func:`networks_folder`, or a path when it holds a ``/``.
    :raises ConfigError: the string can be neither.
    """
    if isinstance(name_or_folder, Path) or '/' in name_or_folder:
        return Path(name_or_folder).expanduser().absolute()
    return networks_folder() / checked_name(name_or_folder)


def checked_name(name: str) -> str:
    """Return a network's name as it is.

    :raises ConfigError: it could not be the name of a folder everywhere.
    """
    if not _NAME.fullmatch(name):
        raise ConfigError(f"a network's name consists of letters, digits, '_', '-' and '.', and starts with one of the "
                          f'first two; got {name!r}')
    return name


def available_networks() -> list[str]:
    """Return the names of the networks in the cache, sorted."""
    folder = networks_folder()
    try:
        return sorted(p.name for p in folder.iterdir() if _NAME.fullmatch(p.name) and (p / PROVENANCE_FILE).is_file())
    except OSError:
        return []


def new_name(name: str) -> str:
    """Return the name for a network that is about to be stored, as it is.

    :raises ConfigError: it could not be a name, or the nodes take it for something else.
    """
    if name in _TAKEN:
        raise ConfigError(f'a network cannot be called {name!r}: for the nodes that is another one; give another name')
    return checked_name(name)


@contextlib.contextmanager
def network_lock(folder: Path) -> Iterator[None]:
    """Hold a network's folder alone among all processes that ask for it here; waits for the one that has it.

    :param folder: of the network; its parent is made where missing.
    :raises ModelFileError: when the parent cannot be written to.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        lock = (folder.parent / f'.{folder.name}.lock').open('w')
    except OSError as error:
        raise _cannot_write(folder.parent, error) from error
    with lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # the system lets go of it when the process ends, however it ends
        yield


def save_network(
    folder: Path, model: PocoModel, provenance: Provenance, keep: tuple[str, ...] = ()
) -> Provenance:
    """Store a network; one that is there is replaced as a whole, with all that was made of it.

    :param folder: of the network, e.g. of :func:`network_folder`. The new one appears whole or not at all.
    :param model: its entries are stored as they are, but for those that ``provenance.absent`` names.
    :param provenance: its ``weights_sha256`` is filled in.
    :param keep: folders in it that stay as they are, such as the state of a training.
    :returns: the provenance as stored.
    :raises ModelFileError: when the folder cannot be written to.
    """
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    state = {name: tensor.detach().contiguous() for name, tensor in model.state_dict().items()
             if name not in provenance.absent}
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        _remove_leftovers(folder)
        with tempfile.TemporaryDirectory(dir=folder.parent, prefix=f'.{folder.name}.') as temporary:
            fresh = Path(temporary) / 'new'
            fresh.mkdir()
            save_file(state, fresh / WEIGHTS_FILE, metadata={'format': 'pt'})
            (fresh / WEIGHTS_FILE).chmod(0o644)
            stored = dataclasses.replace(provenance, weights_sha256=sha256_of(fresh / WEIGHTS_FILE))
            stored.write(fresh)
            for name in keep:
                if (folder / name).is_dir():
                    shutil.copytree(folder / name, fresh / name)
            _put_in_place(fresh, folder)
    except (OSError, SafetensorError) as error:
        raise _cannot_write(folder.parent, error) from error
    return stored


def load_network(name_or_folder: str | Path) -> tuple[PocoModel, Provenance]:
    """Load a stored network, after comparing its weights with their hash.

    :param name_or_folder: as for :func:`network_folder`.
    :returns: the network in evaluation mode on the CPU, and where it comes from. Entries in ``provenance.absent`` are
        NaN.
    :raises ModelFileError: there is no such network, or its files are unreadable, changed or do not belong together.
    """
    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    from poco_ros.networks.model import PocoModel

    folder = network_folder(name_or_folder)
    if not folder.is_dir():
        there = ', '.join(available_networks()) or 'none'
        raise ModelFileError(f"there is no network {folder}; there are: {there}. Import one: 'poco import-checkpoint'")
    provenance = Provenance.load(folder)
    path = folder / WEIGHTS_FILE
    mend = "import the network again with 'poco import-checkpoint'"
    try:
        digest = sha256_of(path)
        if digest != provenance.weights_sha256:
            raise ModelFileError(f'{path} is not the file that was stored: its sha256 is {digest}, {PROVENANCE_FILE} '
                                 f'has {provenance.weights_sha256}; {mend}')
        state = load_file(path)
    except OSError as error:
        raise ModelFileError(f'{path} cannot be read: {error.strerror}; {mend}') from error
    except SafetensorError as error:
        raise ModelFileError(f'{path} is no safetensors file ({error}); {mend}') from error
    model = PocoModel(provenance.variant)
    state |= {name: torch.full_like(entry, torch.nan) for name, entry in model.state_dict().items()
              if name in provenance.absent}
    try:
        model.load_state_dict(state)
    except RuntimeError as error:
        reason = ' '.join(str(error).split())
        raise ModelFileError(f'{path} does not fit the network {provenance.variant.name}: {reason}; {mend}') from error
    return model.eval(), provenance


def _remove_leftovers(folder: Path) -> None:
    """Remove what a process left that was killed while it wrote this network, a day ago or more."""
    for leftover in folder.parent.glob(f'.{folder.name}.*'):
        with contextlib.suppress(FileNotFoundError):  # of somebody who is writing it too, and is done by now
            if leftover.is_dir() and leftover.stat().st_mtime < time.time() - 86400:
                shutil.rmtree(leftover, ignore_errors=True)


def _put_in_place(fresh: Path, folder: Path) -> None:
    """Rename ``fresh`` to ``folder``, moving away what is there; others may be doing the same."""
    for attempt in itertools.count():
        with contextlib.suppress(FileNotFoundError):
            folder.rename(fresh.with_name(f'old{attempt}'))
        try:
            fresh.rename(folder)
            return
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == 100:
                raise


def _cannot_write(folder: Path, error: Exception) -> ModelFileError:
    reason = getattr(error, 'strerror', None) or error
    return ModelFileError(f'networks cannot be written to {folder}: {reason}; free or unlock the disk, or set '
                          'POCO_CACHE to another folder')
