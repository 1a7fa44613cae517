"""Fitting a checkpoint's entries to a network, strictly: nothing that counts may be missing, left over or unusable.

The released program loads what it finds and leaves the rest random (SPEC B9), which looks plausible and means nothing.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import torch

from poco_ros.checkpoints.safe_load import StoredTensor
from poco_ros.errors import CheckpointError
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import OFFICIAL, Variant

MASK = 'flow_head.flow.mask'
MEAN_PARAMETERS = ('head.init_pose', 'head.init_shape', 'head.init_cam')
# Carried by the released checkpoints, never applied (SPEC section 2).
_UNUSED = re.compile(r'backbone\.classifier\..*|.*\.num_batches_tracked')
_UNUSED_OF_PARE = re.compile(r'backbone\.final_layer\..*')
_FLOW, _SCALE_NETWORK = 'flow_head.', 'uncert_head.'
_WEIGHT_DTYPES = {'float64', 'float32', 'float16', 'bfloat16'}
_LEAST_MATCH = 0.5  # of a network's entries must be there, in name and shape, to call a checkpoint one of it


@dataclass(frozen=True)
class Fit:
    """A checkpoint's entries in the form a network takes.

    :param state: for ``load_state_dict``, float32; has every entry of the network.
    :param unused: names of entries that inference does not use.
    :param absent: names of entries that inference does not use and the checkpoint lacks; NaN in ``state``.
    :param converted_from: number types that became float32.
    """

    state: dict[str, torch.Tensor]
    unused: tuple[str, ...]
    absent: tuple[str, ...]
    converted_from: tuple[str, ...]


def detect_variant(entries: Mapping[str, StoredTensor], variants: Mapping[str, Variant] = OFFICIAL) -> Variant:
    """Tell by names and shapes which network's entries these are.

    :param entries: of the network's parts.
    :param variants: the networks it may be.
    :raises CheckpointError: they are not even half of any network's.
    """
    matches = {name: _match(entries, variant) for name, variant in variants.items()}
    best = max(matches, key=lambda name: matches[name])
    if matches[best] < _LEAST_MATCH:
        raise CheckpointError(
            f'not the checkpoint of a network known here: of the entries of {best}, the closest one, it has '
            f'{100 * matches[best]:.0f} % in name and shape'
        )
    return variants[best]


def fit_entries(model: PocoModel, entries: Mapping[str, StoredTensor], given: Mapping[str, torch.Tensor]) -> Fit:
    """Check a checkpoint's entries against a network and read them.

    :param model: the network, with the flow's mask in place; it is not changed.
    :param entries: of the network's parts.
    :param given: mean parameters (``MEAN_PARAMETERS``) to use where the checkpoint has none.
    :raises CheckpointError: an entry that is used is missing, has another shape, is no number type of weights or holds
        NaN or infinity; one is unknown; the flow is there in part, or has another mask.
    """
    expected = model.state_dict()
    _check_names(model.variant, expected, entries, given)
    state: dict[str, torch.Tensor] = {}
    absent: list[str] = []
    unused: list[str] = []
    converted: set[str] = set()
    for name, own in expected.items():
        if name in entries:
            state[name] = _read(name, entries[name], own)
            if own.is_floating_point():
                converted |= {entries[name].dtype} - {'float32'}
            if _is_unused(model.variant, name) or name.startswith(_FLOW):
                unused.append(name)
        elif name in given:
            state[name] = given[name]
        elif name == MASK or not own.is_floating_point():
            state[name] = own
        else:
            state[name] = torch.full_like(own, torch.nan)
            absent.append(name)
    if MASK in expected and not torch.equal(state[MASK], expected[MASK]):
        raise CheckpointError(f"'{MASK}' differs from the network's: it was trained with another kind of mask")
    return Fit(state, tuple(unused), tuple(absent), tuple(sorted(converted)))


def _match(entries: Mapping[str, StoredTensor], variant: Variant) -> float:
    expected = _shapes(variant)
    return sum(name in entries and entries[name].shape == shape for name, shape in expected.items()) / len(expected)


@functools.cache
def _shapes(variant: Variant) -> dict[str, tuple[int, ...]]:
    with torch.device('meta'):
        return {name: tuple(own.shape) for name, own in PocoModel(variant).state_dict().items()}


def _is_unused(variant: Variant, name: str) -> bool:
    return bool(_UNUSED.fullmatch(name) or (variant.regressor == 'pare' and _UNUSED_OF_PARE.fullmatch(name)))


def _check_names(variant: Variant, expected: Mapping[str, torch.Tensor], entries: Mapping[str, StoredTensor],
                 given: Mapping[str, torch.Tensor]) -> None:
    flow_is_there = any(name.startswith(_FLOW) for name in entries)
    missing = [
        name for name in expected
        if name not in entries and name not in given and not _is_unused(variant, name)
        and (flow_is_there or not name.startswith(_FLOW))
    ]
    unknown = [name for name in entries if name not in expected]
    shapes = [f"'{name}' is {entries[name].shape} where {tuple(own.shape)} is needed"
              for name, own in expected.items() if name in entries and entries[name].shape != own.shape]
    faults = []
    if missing:
        faults.append(_some('it lacks', map(repr, missing), len(missing)))
        if not any(name.startswith(_SCALE_NETWORK) for name in entries) and variant.has_uncertainty:
            faults.append(f'its whole scale network ({_SCALE_NETWORK}*) is missing, so it gives no uncertainty; to use '
                          f'it all the same import it as --variant plain_{variant.regressor}')
        if set(missing) <= set(MEAN_PARAMETERS):
            faults.append('give them with --mean-params smpl_mean_params.npz')
    if shapes:
        faults.append(_some('of other shapes:', shapes, len(shapes)))
    if unknown:
        faults.append(_some(f'{variant.name} has no', map(repr, unknown), len(unknown)))
    if faults:
        raise CheckpointError(f'not a whole {variant.name}: ' + '; '.join(faults))


def _some(what: str, items: Iterable[str], count: int) -> str:
    shown = list(items)[:3]
    return f'{what} {", ".join(shown)}' + (f' and {count - 3} more ({count} in all)' if count > 3 else '')


def _read(name: str, entry: StoredTensor, own: torch.Tensor) -> torch.Tensor:
    tensor = entry.read()
    if not own.is_floating_point():
        return tensor.to(own.dtype)
    if entry.dtype not in _WEIGHT_DTYPES:
        raise CheckpointError(f"'{name}' holds {entry.dtype}: a quantised checkpoint is not read, give the original")
    values = tensor.to(own.dtype)
    if not torch.isfinite(values).all():
        raise CheckpointError(f"'{name}' holds NaN or infinity: its training went wrong, or the file is damaged")
    if name.endswith('.running_var') and (values < 0).any():
        raise CheckpointError(f"'{name}' holds negative variances: the file is damaged")
    return values
