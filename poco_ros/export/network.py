"""``export_network``: from a stored network to the files that engines run, checked before they take their places."""

from __future__ import annotations

import datetime
import importlib.metadata
import shutil
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import OPEN_BODY_PATH
from poco_ros.checkpoints.provenance import Provenance
from poco_ros.checkpoints.store import load_network
from poco_ros.crops import CROP_SIZE
from poco_ros.engine.base import Array
from poco_ros.engine.model_record import EXPECTED_FILE, GRAPH_FILES, PRECISIONS, RECORD_FILE, ModelRecord, StoredFile
from poco_ros.errors import ConfigError, ExportError
from poco_ros.export.check import check_file, check_rounding, limits_for, torch_outputs
from poco_ros.export.graph import NetworkGraph
from poco_ros.export.mixed_precision import to_mixed_precision
from poco_ros.export.observations import synthetic_observations
from poco_ros.export.onnx_file import export_onnx, write_onnx
from poco_ros.export.pictures import ImageArray, checked_crops, feeds_for, synthetic_crops
from poco_ros.export.quantise import quantise
from poco_ros.networks.model import PocoModel
from poco_ros.networks.variants import LIFT, Variant
from poco_ros.whole_files import sha256_of

_CHECKED_PERSONS = 16
_STORED_PERSONS = 4
_LEAST_REAL = 8  # fewer would not fill the largest batch that is checked
_SIGMA = 'sigma: the network\'s own scale of error of each joint\'s rotation, 24 numbers{range}, not calibrated; '
_RULES = {
    'official-cliff-1': 'uncertainty: sigma of the pelvis, 1 where that is above 0.8 (rule official-cliff-1)',
    'official-pare-1': 'uncertainty: mean over the joints of sigma added up from the pelvis to the joint, not '
                       'normalised, 1 where sigma of the pelvis is above 0.4 (rule official-pare-1)',
    'paper-1': 'uncertainty: mean over the joints of sigma added up from the pelvis to the joint, divided by the '
               'largest such mean for sigma up to 1 (rule paper-1)',
    'reach-1': 'uncertainty: root mean square of sigma, every joint weighed by the squared distances to the joints '
               'that it moves (rule reach-1)',
    'reach-variance-1': 'uncertainty: root mean of sigma, every joint weighed by the squared distances to the joints '
                        'that it moves (rule reach-variance-1)',
}


def export_network(
    folder: Path, *, body: BodyModel, precisions: Sequence[str] = ('fp32',), vertices: bool = False,
    calibration_images: Array | None = None, progress: Callable[[str], None] | None = None,
) -> ModelRecord:
    """Export a stored network, check every graph against torch, and write ``model.json``.

    Nothing in the folder changes unless everything succeeds; graphs of an earlier export that are not asked for any
    more are removed. Whoever may be exporting the same network at the same time holds
    :func:`poco_ros.checkpoints.store.network_lock`.

    :param folder: of the network, with its weights.
    :param body: body model that joints and vertices are of.
    :param precisions: of 'fp32' (always made), 'fp16', 'bf16', 'int8'.
    :param vertices: whether the graphs give the mesh too.
    :param calibration_images: crops of people as the camera will show them, (M, 224, 224, 3) uint8 RGB: needed for
        int8, and from 8 on used in the checks in place of made-up pictures. Not for a lift, which sees none.
    :param progress: told in a line what is being done.
    :returns: what was written to ``model.json``.
    :raises ConfigError: when a precision is unknown, or the network is a lift and something but fp32 is asked for.
    :raises ModelFileError: when there is no such network, or its files were changed.
    :raises ExportError: when the weights hold NaN, a graph cannot be made or written, or differs too much from torch;
        says in what, and by how much.
    """
    say = progress or (lambda line: None)
    wanted = _wanted(precisions)
    if calibration_images is not None:
        calibration_images = checked_crops(calibration_images)
    elif 'int8' in wanted:
        raise ExportError('int8 needs pictures of people to find the ranges of its numbers with; give a video that '
                          'shows what the camera will see: --calibration-video FILE')
    say('loading the weights')
    model, provenance = load_network(folder)
    _check_lift(model.variant, wanted, calibration_images)
    _check_finite(model, provenance)
    graph = NetworkGraph(model, body, vertices=vertices)
    try:
        with tempfile.TemporaryDirectory(dir=folder, prefix='.export.') as name:
            record = _export_into(Path(name), graph, provenance, body, wanted, calibration_images, say)
            _put_in_place(Path(name), Path(folder), record)
    except OSError as error:
        raise ExportError(f'{folder} cannot be written to: {error.strerror}; free or unlock the disk, or set '
                          'POCO_CACHE to another folder') from error
    return record


def _export_into(
    folder: Path, graph: NetworkGraph, provenance: Provenance, body: BodyModel, precisions: tuple[str, ...],
    calibration_images: ImageArray | None, say: Callable[[str], None],
) -> ModelRecord:
    say('running the network in torch')
    people = np.empty((0, CROP_SIZE, CROP_SIZE, 3), np.uint8) if calibration_images is None else calibration_images
    feeds, shown = _checked_people(graph, people)
    expected = torch_outputs(graph, feeds)
    checks: dict[str, Any] = {}
    say('tracing the network')
    fp32 = export_onnx(graph)
    for precision in precisions:
        path = folder / GRAPH_FILES[precision]
        say(f'making the {precision} graph')
        model = fp32
        if precision in ('fp16', 'bf16'):
            model = to_mixed_precision(fp32, precision, graph.boundary)
        elif precision == 'int8':
            model = quantise(fp32, people, graph.inputs, graph.boundary)
        write_onnx(model, path)
        del model
        say(f'checking the {precision} graph')
        limits = limits_for(precision, provenance.mock)
        checks[precision] = {'persons': check_file(path, precision, feeds, expected, limits)}
        if precision in ('fp16', 'bf16'):
            checks[precision]['rounding'] = check_rounding(graph, precision, feeds, expected, limits)
    checks['pictures'] = shown
    _write_expected(folder / EXPECTED_FILE, feeds, expected)
    return _record(folder, graph, provenance, body, precisions, checks)


def _checked_people(graph: NetworkGraph, people: ImageArray) -> tuple[dict[str, Array], str]:
    """Return what the graphs are fed in the checks, and what that is in words."""
    if graph.variant.regressor == LIFT:
        return synthetic_observations(graph.model, _CHECKED_PERSONS), 'made-up observations'
    if len(people) >= _LEAST_REAL:
        return feeds_for(graph.inputs, _spread(people)), 'people of the calibration pictures'
    return feeds_for(graph.inputs, synthetic_crops(_CHECKED_PERSONS)), 'made-up pictures'


def _check_lift(variant: Variant, precisions: tuple[str, ...], calibration_images: Array | None) -> None:
    if variant.regressor == LIFT and (precisions != ('fp32',) or calibration_images is not None):
        raise ConfigError(f'{variant.name} is a lift: it is exported in fp32 alone, which takes well under a '
                          'millisecond, and sees no pictures; leave out --precision and --calibration-video')


def _wanted(precisions: Sequence[str]) -> tuple[str, ...]:
    unknown = [precision for precision in precisions if precision not in PRECISIONS]
    if unknown:
        raise ConfigError(f'a precision must be one of {", ".join(PRECISIONS)}, got {", ".join(map(repr, unknown))}')
    return tuple(precision for precision in PRECISIONS if precision == 'fp32' or precision in precisions)


def _check_finite(model: PocoModel, provenance: Provenance) -> None:
    broken = [
        name for name, entry in model.state_dict().items()
        if name not in provenance.absent and not torch.isfinite(entry).all()
    ]
    if broken:
        more = f' and {len(broken) - 3} more' if len(broken) > 3 else ''
        raise ExportError(f'the weights of {provenance.name} hold NaN or infinity in {", ".join(broken[:3])}{more}; '
                          'import a whole checkpoint')


def _spread(crops: ImageArray) -> ImageArray:
    return crops[np.unique(np.linspace(0, len(crops) - 1, _CHECKED_PERSONS).round().astype(int))]


def _write_expected(path: Path, feeds: dict[str, Array], expected: dict[str, Array]) -> None:
    arrays = {f'input_{name}': array[:_STORED_PERSONS] for name, array in feeds.items()}
    arrays |= {f'output_{name}': array[:_STORED_PERSONS] for name, array in expected.items()}
    np.savez_compressed(path, **arrays)  # type: ignore[arg-type]


def _put_in_place(fresh: Path, folder: Path, record: ModelRecord) -> None:
    """Move the files of a complete export to where they belong; between the two states there is no record."""
    (folder / RECORD_FILE).unlink(missing_ok=True)
    for name in GRAPH_FILES.values():
        (folder / name).unlink(missing_ok=True)
    for stored in (*record.graphs.values(), record.expected):
        shutil.move(fresh / stored.file, folder / stored.file)
    record.write(folder)


def _record(
    folder: Path, graph: NetworkGraph, provenance: Provenance, body: BodyModel, precisions: tuple[str, ...],
    checks: dict[str, Any],
) -> ModelRecord:
    is_lift = graph.variant.regressor == LIFT
    return ModelRecord(
        name=provenance.name, variant=graph.variant,
        graphs={precision: StoredFile.of(folder / GRAPH_FILES[precision]) for precision in precisions},
        expected=StoredFile.of(folder / EXPECTED_FILE), inputs=graph.inputs, outputs=graph.outputs,
        fp32_from=graph.boundary, weights_sha256=provenance.weights_sha256, provenance=provenance.to_dict(),
        body_model=body.name, body_model_sha256=body.sha256, crop_size=None if is_lift else CROP_SIZE,
        box_padding=None if is_lift else 1.0, focal_rule='camera' if is_lift else 'diagonal',
        uncertainty_definition=_uncertainty_definition(graph.variant),
        licence=f'{provenance.licence}; joints of {body.name}: {_body_licence(body)}', mock=provenance.mock,
        made=_versions(), checks=checks,
    )


def _uncertainty_definition(variant: Variant) -> str:
    if not variant.has_uncertainty:
        return ''
    bounded = f' between 0 and {variant.sigma_multiplier:g}' if variant.scale_activation == 'sigmoid' else ''
    return _SIGMA.format(range=bounded) + _RULES[variant.scalar_rule]


def _body_licence(body: BodyModel) -> str:
    if body.sha256 == sha256_of(OPEN_BODY_PATH):
        return 'CC0-1.0'
    return "the licence of the user's body-model file; do not pass the graph on without it"


def _versions() -> dict[str, str]:
    now = datetime.datetime.now(datetime.timezone.utc).isoformat(timespec='seconds')
    packages = ('torch', 'timm', 'onnx', 'onnxruntime', 'openvino', 'poco_ros')
    made = {'date': now}
    for package in packages:
        try:
            made[package] = importlib.metadata.version(package)
        except importlib.metadata.PackageNotFoundError:
            made[package] = 'not installed'
    return made
