"""Where the entries of a network lie in a checkpoint: the four layouts that trainers write (SPEC section 2).

They may lie at the top, under the key ``model``, under ``state_dict``, or under both in that order, and their names may
start with ``model.``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poco_ros.checkpoints.safe_load import StoredTensor
from poco_ros.checkpoints.unpickler import StandIn
from poco_ros.errors import CheckpointError

WRAPPERS = ('model', 'state_dict')
PARTS = ('backbone.', 'head.', 'uncert_head.', 'flow_head.')
BODY = 'smpl.'
_PREFIX = 'model.'


@dataclass(frozen=True)
class Entries:
    """The entries of a checkpoint, sorted out; names are without a leading 'model.'.

    :param layout: the wrappers and the prefix, in words.
    :param network: entries of the network's parts, and all that nobody knows.
    :param body: entries of the body model, ``smpl.*``.
    :param outside: names of what lies beside a network whose names start with 'model.': the trainer's own.
    """

    layout: str
    network: Mapping[str, StoredTensor]
    body: Mapping[str, StoredTensor]
    outside: tuple[str, ...]


def sort_entries(tree: Any) -> Entries:
    """Find the network's entries.

    :param tree: of :class:`poco_ros.checkpoints.safe_load.Content`.
    :raises CheckpointError: there are none, one is no tensor, or there are two of a name.
    """
    wrappers = []
    for key in WRAPPERS:
        if isinstance(tree, dict) and key in tree:
            tree = tree[key]
            wrappers.append(key)
    at = f"under '{'/'.join(wrappers)}'" if wrappers else 'at the top'
    if isinstance(tree, StandIn):
        raise CheckpointError(f'{at} is a whole object of class {tree.original}, not its weights: save the state_dict()'
                              ' of the model with the program it belongs to')
    if not isinstance(tree, dict):
        raise CheckpointError(f'{at} is a {type(tree).__name__}, not the weights of a network by name')
    prefixed = any(isinstance(name, str) and name.startswith(tuple(_PREFIX + part for part in PARTS)) for name in tree)
    network: dict[str, StoredTensor] = {}
    body: dict[str, StoredTensor] = {}
    outside = []
    for full_name, value in tree.items():
        name = str(full_name)
        if prefixed and not name.startswith((_PREFIX, *PARTS)):
            outside.append(name)
            continue
        name = name.removeprefix(_PREFIX)
        entries = body if name.startswith(BODY) else network
        if not isinstance(value, StoredTensor):
            what = value.original if isinstance(value, StandIn) else type(value).__name__
            raise CheckpointError(f"{at}, '{full_name}' is a {what}, not a tensor: not the weights of a network")
        if name in entries:
            raise CheckpointError(f"'{name}' is there twice, with and without '{_PREFIX}': one of them is wrong")
        entries[name] = value
    if not any(name.startswith(PARTS) for name in network):
        some = ', '.join(map(repr, sorted(network)[:3])) or 'nothing'
        raise CheckpointError(f'{at} are no entries of a POCO network (backbone.*, head.*, uncert_head.*) but {some}')
    layout = at + (f", names start with '{_PREFIX}'" if prefixed else '')
    return Entries(layout, network, body, tuple(sorted(outside)))
