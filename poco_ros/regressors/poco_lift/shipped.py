"""The lift's network that ships with the package."""

from __future__ import annotations

from pathlib import Path

from poco_ros.checkpoints.store import network_folder
from poco_ros.engine.model_record import RECORD_FILE
from poco_ros.environment import share_dir
from poco_ros.errors import ConfigError
from poco_ros.networks.variants import POCO_LIFT

SHIPPED = POCO_LIFT.name
"""What the nodes call it."""


def shipped_lift() -> Path | None:
    """Return the folder of the network; None where this package has none."""
    try:
        folder = share_dir() / 'engines' / SHIPPED
    except FileNotFoundError:
        return None
    return folder if (folder / RECORD_FILE).is_file() else None


def find_shipped_lift() -> Path:
    """Return the folder of the network.

    :raises ConfigError: when this package has none, or the user has a network of the same name.
    """
    folder, own = shipped_lift(), network_folder(SHIPPED)
    if (own / RECORD_FILE).is_file():
        raise ConfigError(f'two networks are called {SHIPPED!r}: the one that ships with the package and {own}; give '
                          'the path of the one that is meant, or rename the folder')
    if folder is None:
        raise ConfigError(f'model {SHIPPED!r}: this installation has no share/poco_ros/engines/{SHIPPED}; install the '
                          'package again (make, or colcon build), or use the model lift, which needs no network')
    return folder
