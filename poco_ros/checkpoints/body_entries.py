"""The body model inside a checkpoint: left there, unless its owner asks for it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from poco_ros.body.model_file import load_body_model
from poco_ros.checkpoints.safe_load import StoredTensor
from poco_ros.errors import BodyModelError, CheckpointError
from poco_ros.whole_files import written_whole

LICENCE_NOTE = (
    'this is SMPL: its own licence holds for it (research without commercial use, unless you have another one from its '
    'owners); do not pass it on'
)
# Name in the checkpoint, name in a SMPL file, shape.
_ENTRIES = (
    ('v_template', 'v_template', (6890, 3)), ('shapedirs', 'shapedirs', (6890, 3, 10)),
    ('posedirs', 'posedirs', (207, 20670)), ('J_regressor', 'J_regressor', (24, 6890)),
    ('lbs_weights', 'weights', (6890, 24)), ('faces_tensor', 'f', (13776, 3)), ('parents', 'kintree_table', (24,)),
)


def keep_body(entries: Mapping[str, StoredTensor], path: Path) -> None:
    """Write the body model of a checkpoint as a file that :func:`poco_ros.body.model_file.load_body_model` reads.

    :param entries: the checkpoint's entries ``smpl.*`` (SPEC section 2).
    :param path: the ``.npz`` to write; it appears whole or not at all.
    :raises CheckpointError: the checkpoint holds no whole body model, or the file cannot be written.
    """
    by_name = {name.removeprefix('smpl.').removeprefix('smpl.'): entry for name, entry in entries.items()}
    arrays: dict[str, Any] = {}
    for name, target, shape in _ENTRIES:
        if name not in by_name or by_name[name].shape != shape:
            what = f'has the shape {by_name[name].shape}, not {shape}' if name in by_name else 'is not there'
            raise CheckpointError(f"no whole body model lies in it: 'smpl.{name}' {what}; leave --keep-smpl out")
        tensor = by_name[name].read()
        arrays[target] = (tensor.float() if tensor.is_floating_point() else tensor).numpy()
    # The released programs flatten the vertices' axes, and transpose.
    arrays['posedirs'] = arrays['posedirs'].T.reshape(6890, 3, 207)
    arrays['kintree_table'] = np.stack([arrays['kintree_table'], np.arange(24)])
    try:
        with written_whole(path) as temporary:
            with temporary.open('wb') as file:
                np.savez(file, **arrays)
            load_body_model(temporary)
    except OSError as error:
        raise CheckpointError(f'its body model cannot be written to {path}: {error.strerror}') from error
    except BodyModelError as error:
        raise CheckpointError(f'its body model is not usable: {error}') from error
