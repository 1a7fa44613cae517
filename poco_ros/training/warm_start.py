"""Training that goes on from a network that is there: one that was trained here, or the lift that ships."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from poco_ros.checkpoints.graph_weights import load_from_graph
from poco_ros.checkpoints.store import WEIGHTS_FILE, load_network, network_folder
from poco_ros.engine.model_record import RECORD_FILE, ModelRecord
from poco_ros.errors import ConfigError
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import Variant
from poco_ros.regressors.poco_lift.shipped import SHIPPED, find_shipped_lift


@dataclasses.dataclass(frozen=True)
class Start:
    """A network that a training begins with.

    :param name: of the network.
    :param weights_sha256: of its ``weights.safetensors``, also where only its graph is at hand.
    """

    name: str
    weights_sha256: str


def begin_with(model: PocoModel, name_or_folder: str) -> Start:
    """Give a new network the weights of another one of the same structure.

    Of an exported network without ``weights.safetensors``, as the package ships it, the graph's fp32 weights are taken.
    A flow, which no graph has, then keeps the weights it was made with.

    :param model: is changed.
    :param name_or_folder: of the network; 'poco_lift' is the one that ships.
    :returns: what the training began with.
    :raises ConfigError: when the other one's structure is another.
    :raises ModelFileError, EngineError: when it is not there, its files are damaged, or its graph holds only a part of
        the weights.
    """
    folder = find_shipped_lift() if name_or_folder == SHIPPED else network_folder(name_or_folder)
    if (folder / WEIGHTS_FILE).is_file() or not (folder / RECORD_FILE).is_file():
        other, provenance = load_network(folder)
        _check(model.variant, provenance.variant, folder)
        model.load_state_dict(other.state_dict())
        return Start(provenance.name, provenance.weights_sha256)
    record = ModelRecord.load(folder)
    _check(model.variant, record.variant, folder)
    load_from_graph(model, record.graph_path(folder))
    return Start(record.name, record.weights_sha256)


def _check(wanted: Variant, given: Variant, folder: Path) -> None:
    differ = [f.name for f in dataclasses.fields(Variant)
              if f.name != 'name' and getattr(wanted, f.name) != getattr(given, f.name)]
    if differ:
        told = ', '.join(f'{name} {getattr(given, name)!r} instead of {getattr(wanted, name)!r}' for name in differ)
        raise ConfigError(f'the network in {folder} cannot be gone on from: it has {told}')
