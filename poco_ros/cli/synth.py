"""``poco synth``: makes training and test data."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from poco_ros.cli.network_packages import require_packages

_INTERRUPTED = 130


def synth(
    mocap: Annotated[Path, typer.Option(help='Motion file (.npz) on the SMPL tree, 30 frames a second.')],
    out: Annotated[Path, typer.Option(help='Folder for the data set; a begun one is gone on with.')],
    count: Annotated[int, typer.Option(min=1, help='Samples.')] = 1000,
    seed: Annotated[int, typer.Option(min=0, help='Other seeds give other samples, of the same splits.')] = 0,
    frames: Annotated[int, typer.Option(min=2, max=64, help='Pictures of every sequence.')] = 8,
    mirrored: Annotated[bool, typer.Option('--mirrored', help='Look at every picture in the mirror too: twice the '
                                           'samples of a sequence.')] = False,
    licence: Annotated[str, typer.Option(help="Only clips whose licence begins with this. '' takes all.")] = '',
    wardrobe: Annotated[Path | None, typer.Option(help='File of clothes (open_wardrobe.npz). Left out: plain ones.')]
    = None,
    split: Annotated[str, typer.Option(help='all, or one of train, val, calibration and test.')] = 'all',
    crops: Annotated[bool, typer.Option('--crops', help='Store pictures too, for networks that read images.')] = False,
    prior: Annotated[float, typer.Option(min=0, max=1, help='Share of movements that are made up.')] = 0.5,
    shape_spread: Annotated[float, typer.Option(min=0, max=3, help='Standard deviation of the betas.')] = 1.0,
    camera_height: Annotated[tuple[float, float], typer.Option(help='Lowest and highest camera, m.')] = (0.5, 1.8),
    distance: Annotated[tuple[float, float], typer.Option(help='Nearest and farthest person, m.')] = (1.0, 8.0),
    workers: Annotated[int, typer.Option(min=0, help='Processes. 0: one for each processor.')] = 0,
) -> None:
    """Make training and test data: people in motion-captured poses, rendered, and seen by the real BlazePose.

    Splits are by person, clothes and background, never by frame. Interrupted, the same command goes on where it
    stopped.
    """
    require_packages(('numba',))
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    from poco_ros.synth.config import SynthConfig
    from poco_ros.synth.generate import generate
    from poco_ros.synth.viewpoint import ViewConfig

    view = ViewConfig(*camera_height, *distance)
    config = SynthConfig(
        mocap, seed, count, frames, mirrored, licence, wardrobe, crops, split, prior, shape_spread, view)
    console = Console(stderr=True)
    columns = (TextColumn('samples'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    try:
        with Progress(*columns, console=console) as bar:
            task = bar.add_task('samples', total=count)
            header = generate(config, out, workers or os.cpu_count() or 1,
                              lambda done, total: bar.update(task, completed=done, total=total))
    except KeyboardInterrupt:
        console.print(f'poco: stopped; the same command goes on in {out}', highlight=False, soft_wrap=True)
        raise typer.Exit(_INTERRUPTED) from None
    Console().print(f'{header.count} samples in {header.shards} shards: {out}', highlight=False, markup=False)
