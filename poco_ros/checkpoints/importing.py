"""From a checkpoint file to a network that can be stored."""

from __future__ import annotations

import re
import zipfile
import zlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from poco_ros.checkpoints.body_entries import keep_body
from poco_ros.checkpoints.layouts import Entries, sort_entries
from poco_ros.checkpoints.mock import LICENCE as MOCK_LICENCE
from poco_ros.checkpoints.mock import is_made_up
from poco_ros.checkpoints.provenance import Provenance, now
from poco_ros.checkpoints.safe_load import open_checkpoint
from poco_ros.checkpoints.strict import MEAN_PARAMETERS, Fit, detect_variant, fit_entries
from poco_ros.errors import CheckpointError
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import Variant
from poco_ros.whole_files import sha256_of

LICENCE = 'as the publisher of the checkpoint states; of the released POCO models: non-commercial research only'


@dataclass(frozen=True)
class ReadNetwork:
    """A network read from a checkpoint.

    :param model: with the weights.
    :param provenance: to store it with.
    :param forgotten: full names of classes whose objects in the file were not made.
    """

    model: PocoModel
    provenance: Provenance
    forgotten: tuple[str, ...]


def read_network(path: Path, *, variant: Variant | None = None, name: str = '', mean_params: Path | None = None,
                 keep_smpl: Path | None = None) -> ReadNetwork:
    """Read a checkpoint of one of the released networks, in any layout, strictly, running nothing that stands in it.

    :param path: the file.
    :param variant: the network it is of; None: told by its entries, among the released ones.
    :param name: to store the network under; empty: the variant's.
    :param mean_params: ``smpl_mean_params.npz`` (arrays ``pose`` (144), ``shape`` (10), ``cam`` (3)), used when the
        checkpoint has no ``head.init_*``.
    :param keep_smpl: file to write the checkpoint's body model to; None: it stays where it is.
    :raises CheckpointError: the file is unreadable, may run code, or is not whole and sound.
    """
    with open_checkpoint(path) as content:
        entries = sort_entries(content.tree)
        if variant is None:
            variant = detect_variant(entries.network)
        model = PocoModel(variant)
        given = {} if mean_params is None else read_mean_parameters(mean_params)
        fit = _fit(model, entries, given)
        if keep_smpl is not None:
            keep_body(entries.body, keep_smpl)
    model.load_state_dict(fit.state)
    mock = is_made_up(fit.state)
    provenance = Provenance(
        name or variant.name, variant, path.name, sha256_of(path), f'{content.kind}, {entries.layout}',
        MOCK_LICENCE if mock else LICENCE, now(), mock=mock,
        unused=tuple(_listed([*fit.unused, *entries.body, *entries.outside])), absent=fit.absent,
        converted_from=fit.converted_from,
        mean_parameters=f'{mean_params.name}, sha256 {sha256_of(mean_params)}'
        if mean_params and not given.keys() <= entries.network.keys() else '',
    )
    return ReadNetwork(model.eval(), provenance, content.forgotten)


def read_mean_parameters(path: Path) -> dict[str, torch.Tensor]:
    """Read the mean pose, shape and camera that the iterations start from (SPEC section 2.4).

    :param path: an ``.npz`` with ``pose`` (144), ``shape`` (10) and ``cam`` (3).
    :returns: ``head.init_pose`` (1, 144), ``head.init_shape`` (1, 10) and ``head.init_cam`` (1, 3), float32.
    :raises CheckpointError: the file is unreadable or holds something else.
    """
    given = {}
    try:
        with np.load(path, allow_pickle=False) as archive:
            for entry, size in zip(MEAN_PARAMETERS, (144, 10, 3), strict=True):
                values = np.asarray(archive[entry.removeprefix('head.init_')], np.float32).reshape(1, -1)
                if values.shape[1] != size or not np.isfinite(values).all():
                    raise ValueError(f"'{entry.removeprefix('head.init_')}' is not {size} finite numbers")
                given[entry] = torch.from_numpy(values)
    except (OSError, ValueError, KeyError, TypeError, AttributeError, EOFError, zipfile.BadZipFile, zlib.error) as err:
        raise CheckpointError(
            f'{path} does not hold the mean parameters pose (144), shape (10) and cam (3): {err}') from err
    return given


def _fit(model: PocoModel, entries: Entries, given: dict[str, torch.Tensor]) -> Fit:
    try:
        return fit_entries(model, entries.network, given)
    except CheckpointError as error:
        try:
            found = detect_variant(entries.network)
        except CheckpointError:
            raise error from None
        if found.regressor == model.variant.regressor:
            raise
        raise CheckpointError(
            f'a checkpoint of {found.name}, not of {model.variant.name}; leave --variant out') from error


def _listed(names: Iterable[str]) -> list[str]:
    """Return the names, where there are many of a kind as one with their count."""
    kinds = {'*.num_batches_tracked': r'.*\.num_batches_tracked', 'flow_head.*': r'flow_head\..*',
             'smpl.*': r'smpl\..*'}
    left = list(names)
    counted = []
    for kind, pattern in kinds.items():
        alike = {name for name in left if re.fullmatch(pattern, name)}
        counted += [f'{kind} ({len(alike)})'] if alike else []
        left = [name for name in left if name not in alike]
    return left + counted
