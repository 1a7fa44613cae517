"""Exported networks for tests: small ones of every kind, and the official sizes on demand. Their weights are made up.

Making one takes seconds, so each is made once in a session, in a folder of its own.
"""

from __future__ import annotations

import dataclasses
import functools
import tempfile
from collections.abc import Sequence
from pathlib import Path

import torch

from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.mock import mock_network, mock_provenance
from poco_ros.checkpoints.store import save_network
from poco_ros.engine.model_record import ModelRecord
from poco_ros.export.network import export_network
from poco_ros.networks.variants import OFFICIAL, Variant

# Threads that wait for each other on a busy machine take ten times as long as one.
torch.set_num_threads(1)

#: Heads and scale networks of the official size behind a small image network. PARE's made-up head has no bias and so
#: amplifies rounding; behind the smallest of all it would do so beyond measure.
TINY: dict[str, Variant] = {
    f'tiny_{kind}': dataclasses.replace(OFFICIAL[f'poco_{kind}'], name=f'tiny_{kind}', backbone=backbone)
    for kind, backbone in (('cliff', 'test_resnet'), ('pare', 'resnet18'), ('hmr', 'test_resnet'))
}
VARIANTS = {**TINY, **OFFICIAL}


def store_network(folder: Path, name: str = 'tiny_cliff', **changes: object) -> Path:
    """Store a network with made-up weights, not exported.

    :param folder: of the network, to be made.
    :param changes: fields of its variant that differ from the one of that name.
    """
    variant = dataclasses.replace(VARIANTS[name], **changes)
    save_network(folder, mock_network(variant), mock_provenance(name, variant, 'A'))
    return folder


@functools.cache
def exported(
    name: str = 'tiny_cliff', precisions: Sequence[str] = ('fp32', 'fp16', 'bf16')
) -> tuple[Path, ModelRecord]:
    """Return the folder and the record of an exported network; nobody may change what lies in it.

    :param name: of ``VARIANTS``: 'tiny_cliff', 'tiny_pare', 'tiny_hmr', or an official name.
    :param precisions: a tuple, without int8, which needs pictures. Who asks for what others ask for need not wait.
    """
    folder = Path(_session_folder()) / f'{name}_{"_".join(precisions)}'
    return folder, export_network(store_network(folder, name), body=load_body_model(), precisions=precisions)


@functools.cache
def _session_folder() -> str:
    folder = tempfile.TemporaryDirectory(prefix='poco-exported-')
    _KEPT.append(folder)  # removed when the interpreter ends
    return folder.name


_KEPT: list[tempfile.TemporaryDirectory[str]] = []
