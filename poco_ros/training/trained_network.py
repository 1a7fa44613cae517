"""From a training to a network of the store: weights, and a record of where they come from."""

from __future__ import annotations

import hashlib
import importlib.metadata
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from poco_ros.checkpoints.provenance import Provenance, now
from poco_ros.checkpoints.store import save_network
from poco_ros.errors import DatasetError
from poco_ros.networks.model import PocoModel
from poco_ros.synth.shards import HEADER, Header, shard_path
from poco_ros.training.train_config import TrainConfig
from poco_ros.whole_files import sha256_of

LICENCE = 'Apache-2.0'
TRAINING_FOLDER = 'training'
"""In the network's folder: state and logs."""


def dataset_sha256(folder: Path) -> str:
    """Return the hash of a data set: of the hashes of its header and its shards, in order.

    :raises DatasetError: when a file is missing.
    """
    header = Header.load(folder)
    digest = hashlib.sha256()
    for path in (folder / HEADER, *(shard_path(folder, shard) for shard in range(header.shards))):
        try:
            digest.update(bytes.fromhex(sha256_of(path)))
        except OSError as error:
            raise DatasetError(f'{path} cannot be read: {error.strerror}; run the same poco synth command again, which '
                               'makes only what is missing') from error
    return digest.hexdigest()


def save_trained(
    folder: Path, model: PocoModel, config: TrainConfig, data: Mapping[str, Any], numbers: Mapping[str, float]
) -> Provenance:
    """Store the network beside the state of its training.

    :param folder: of the network; its name is the network's.
    :param model: with the best weights.
    :param config: how it was trained.
    :param data: on what: name, hash, people, mode of the losses.
    :param numbers: of the validation of these weights.
    :returns: the record as stored.
    :raises ModelFileError: when the folder cannot be written to.
    """
    settings = {**vars(config), **data}
    versions = {name: importlib.metadata.version(name) for name in ('torch', 'numpy')}
    provenance = Provenance(
        folder.name, model.variant, '', '', 'trained by poco train', LICENCE, now(),
        training={**settings, 'validation': _known(numbers), 'versions': versions},
    )  # fmt: skip
    return save_network(folder, model, provenance, keep=(TRAINING_FOLDER,))


def _known(numbers: Mapping[str, float]) -> dict[str, float]:
    """JSON has no NaN: what is not known is left out."""
    return {name: value for name, value in numbers.items() if value == value}
