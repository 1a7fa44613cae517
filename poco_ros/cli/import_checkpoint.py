"""``poco import-checkpoint``: from the user's checkpoint to a network that the nodes run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from poco_ros.checkpoints.known import KNOWN, known_variant
from poco_ros.checkpoints.store import network_folder, network_lock, new_name, save_network
from poco_ros.cli.network_packages import TORCH_PACKAGES, require_packages
from poco_ros.errors import ConfigError

if TYPE_CHECKING:
    from poco_ros.checkpoints.importing import ReadNetwork

_AUTO = 'auto'
_PRECISIONS = ('fp32', 'fp16', 'bf16')


def import_checkpoint(
    checkpoint: Annotated[Path, typer.Argument(help='file with the weights, e.g. poco_cliff.pt')],
    name: Annotated[str, typer.Option(help='to keep the network under; empty: the name of its kind')] = '',
    variant: Annotated[str, typer.Option(
        help='kind of network; auto: told by its entries', metavar='|'.join((_AUTO, *KNOWN)),
    )] = _AUTO,
    body_model: Annotated[Path | None, typer.Option(
        help="SMPL file (.pkl or .npz) that the graph's joints are of; empty: the open body",
    )] = None,
    mean_params: Annotated[Path | None, typer.Option(
        help='smpl_mean_params.npz, for a checkpoint without head.init_*',
    )] = None,
    export: Annotated[bool, typer.Option(help='make the graph that the nodes run, too')] = True,
    precision: Annotated[list[str], typer.Option(help='fp32, fp16 or bf16; repeatable')] = ['fp32'],  # noqa: B006
    keep_smpl: Annotated[Path | None, typer.Option(
        help='.npz to write the SMPL model to that lies in the checkpoint; used as --body-model if none is given',
    )] = None,
) -> None:
    """Read a checkpoint of POCO-CLIFF, POCO-PARE or POCO-HMR, check it, and keep it in the cache.

    Nothing that stands in the file is run, and a checkpoint that is not whole is refused. The weights stay under their
    own licence. The plain variants are the same networks without uncertainty.
    """
    require_packages((*TORCH_PACKAGES, 'onnx') if export else TORCH_PACKAGES)
    from poco_ros.body.model_file import load_body_model
    from poco_ros.checkpoints.body_entries import LICENCE_NOTE
    from poco_ros.checkpoints.importing import read_network

    console = Console()
    kind = None if variant == _AUTO else known_variant(variant)
    if not set(precision) <= set(_PRECISIONS):
        raise ConfigError(f'--precision must be {", ".join(_PRECISIONS)} here, got {", ".join(precision)}; int8 needs '
                          'pictures of people: import, then poco export --precision int8 --calibration-video FILE')
    if name:
        new_name(name)
    body = load_body_model(body_model) if export and (body_model or not keep_smpl) else None
    with console.status(f'reading {checkpoint.name}'):
        read = read_network(checkpoint, variant=kind, name=name, mean_params=mean_params, keep_smpl=keep_smpl)
    provenance = read.provenance
    folder = network_folder(provenance.name)
    with network_lock(folder):
        if folder.is_dir():
            _say(console, f'replacing the network {provenance.name} that was there')
        save_network(folder, read.model, provenance)
        _report(console, read)
        if keep_smpl:
            _say(console, f'body model written to {keep_smpl}: {LICENCE_NOTE}')
        _say(console, f'stored in {folder}')
        if export:
            from poco_ros.export.network import export_network

            body = body or load_body_model(keep_smpl)
            with console.status('exporting') as status:
                export_network(folder, body=body, precisions=tuple(precision), progress=status.update)
            _say(console, f'exported ({", ".join(precision)}), with the joints of the body model {body.name}; next: '
                          f'poco up --model {provenance.name}')


def _report(console: Console, read: ReadNetwork) -> None:
    """Say what was read, and what was done with what is not as usual."""
    provenance = read.provenance
    variant = provenance.variant
    _say(console, f'{variant.name}: {variant.regressor.upper()} on {variant.backbone}, '
                  + ('with uncertainty' if variant.has_uncertainty else 'without uncertainty'))
    _say(console, f'read from: {provenance.source_file} ({provenance.layout})')
    _say(console, f'licence: {provenance.licence}')
    if provenance.mock:
        _say(console, 'these weights are made up or were never trained: the bodies mean nothing; marked as mock')
    if provenance.converted_from:
        _say(console, f'converted to float32 from: {", ".join(provenance.converted_from)}')
    if provenance.mean_parameters:
        _say(console, f'mean parameters from: {provenance.mean_parameters}')
    if provenance.unused:
        _say(console, f'not used when it runs: {", ".join(provenance.unused)}')
    if provenance.absent:
        _say(console, f'not in the checkpoint, and not needed to run it: {len(provenance.absent)} entries '
                      f'({", ".join(sorted({name.split(".")[0] for name in provenance.absent}))})')
    if read.forgotten:
        _say(console, f'objects in the file that were not made: {", ".join(read.forgotten)}')


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
