"""The networks in the user's cache: what a name stands for, and which one is taken when none is named."""

from __future__ import annotations

import logging
from pathlib import Path

from poco_ros.checkpoints.provenance import PROVENANCE_FILE, Provenance
from poco_ros.checkpoints.store import available_networks, network_folder
from poco_ros.engine.model_record import RECORD_FILE, ModelRecord
from poco_ros.errors import ConfigError
from poco_ros.networks.variants import OFFICIAL

_log = logging.getLogger(__name__)

SHORT_NAMES = {name.removeprefix('poco_'): name for name in OFFICIAL}
"""What the official networks are called for short: cliff, pare, hmr."""


def best_network() -> Path | None:
    """Return the folder of the network that ``auto`` takes: CLIFF before PARE before HMR, exported, never a mock.

    :returns: None where there is none. An imported one that was never exported is passed over, with a warning.
    :raises PocoError: when the record of one that is there cannot be read; names the file.
    """
    for name in OFFICIAL:
        folder = network_folder(name)
        if (folder / RECORD_FILE).exists():
            if not ModelRecord.load(folder).mock:
                return folder
        elif (folder / PROVENANCE_FILE).exists() and not Provenance.load(folder).mock:
            _log.warning("%s was imported but never exported, so auto does not take it: run 'poco export %s'", name,
                         name)
    return None


def find_network(name: str) -> Path:
    """Return the folder of an exported network by name or by path.

    :param name: 'cliff', 'pare', 'hmr', the name of an installed network, or the path of a folder (with a slash in it).
    :raises ConfigError: when it is not there, or was never exported; gives the command to run.
    """
    wanted = SHORT_NAMES.get(name, name)
    folder = network_folder(wanted)
    if (folder / RECORD_FILE).exists():
        return folder
    if (folder / PROVENANCE_FILE).exists():
        raise ConfigError(f"model {name!r}: {folder} was imported but never exported; run 'poco export {wanted}'")
    if '/' in name:
        raise ConfigError(f'model {name!r}: {folder} is not the folder of a network, it has no {RECORD_FILE}')
    if wanted in OFFICIAL:
        raise ConfigError(f"model {name!r}: there is no {folder}; run 'poco import-checkpoint FILE' with its "
                          'checkpoint, or use the model lift, which needs none')
    there = ', '.join(available_networks()) or 'none'
    raise ConfigError(f'no model is called {name!r}; use auto, poco_lift, lift, {", ".join(SHORT_NAMES)}, the name of '
                      f"an installed network (there: {there}), or the path of a network's folder, with a slash in it")
