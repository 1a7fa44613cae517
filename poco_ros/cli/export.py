"""``poco export``: makes the graphs that the nodes run of a stored network, and checks them."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.table import Table

from poco_ros.checkpoints.store import network_folder, network_lock
from poco_ros.cli.network_packages import TORCH_PACKAGES, require_packages

if TYPE_CHECKING:
    from poco_ros.engine.model_record import ModelRecord

_COLUMNS = {
    'joints_mm': ('joints, mm', '.3g'), 'rotation_deg': ('rotation, deg', '.3g'), 'sigma': ('sigma', '.3g'),
    'sigma_rank': ('order of sigma', '.4f'), 'scalar_rank': ('order of persons', '.4f'),
}


def export(
    network: Annotated[str, typer.Argument(help='name of a network in the cache, or its folder')],
    body_model: Annotated[Path | None, typer.Option(
        help="SMPL file (.pkl or .npz) that the graph's joints are of; empty: the open body",
    )] = None,
    precision: Annotated[list[str], typer.Option(
        help='fp32 (always made), fp16 and bf16 for TensorRT, int8 for both engines; repeatable',
    )] = ['fp32'],  # noqa: B006
    vertices: Annotated[bool, typer.Option('--vertices', help='the graph also gives the mesh')] = False,
    calibration_video: Annotated[str, typer.Option(
        help='video or folder of pictures that shows people as the camera will: needed for int8',
    )] = '',
) -> None:
    """Make the graphs that the nodes run of a stored network, and compare each with torch.

    The files come to lie beside the weights, with model.json, which says what they are.
    """
    require_packages((*TORCH_PACKAGES, 'onnx', *(('onnxruntime',) if 'int8' in precision else ())))
    from poco_ros.body.model_file import load_body_model
    from poco_ros.export.network import export_network
    from poco_ros.export.pictures import crops_from_video

    console = Console()
    folder = network_folder(network)
    body = load_body_model(body_model)
    with console.status('exporting') as status:
        crops = None
        if calibration_video:
            status.update(f'looking for people in {calibration_video}')
            crops = crops_from_video(calibration_video)
        with network_lock(folder):
            record = export_network(folder, body=body, precisions=precision, vertices=vertices,
                                    calibration_images=crops, progress=status.update)
    console.print(_table(record))
    for stored in record.graphs.values():
        path = folder / stored.file
        console.print(f'{path} ({path.stat().st_size / 1e6:.0f} MB)', highlight=False, markup=False, soft_wrap=True)


def _table(record: ModelRecord) -> Table:
    """What the checks measured over all persons: with fp16 and bf16 what rounding costs."""
    persons = max(int(count) for count in record.checks['fp32']['persons'])
    table = Table(title=f'{record.name}: how far from torch, {persons} persons, {record.checks["pictures"]}')
    table.add_column('graph')
    for heading, _ in _COLUMNS.values():
        table.add_column(heading, justify='right')
    for precision in record.graphs:
        check: Mapping[str, Any] = record.checks[precision]
        measured = check.get('rounding', check['persons'][str(persons)])
        cells = (measured[name] for name in _COLUMNS)
        table.add_row(precision, *(
            '-' if value is None else format(value, style)
            for value, (_, style) in zip(cells, _COLUMNS.values(), strict=True)))
    return table
