"""``poco build-engine``: compiles an exported network for this machine, ahead of the first start of a node."""

from __future__ import annotations

from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from poco_ros.engine.options import AUTO, ENGINES, PRECISIONS, EngineOptions


def build_engine(
    network: Annotated[str, typer.Argument(
        metavar='NAME_OR_FOLDER', help='an exported network: cliff, pare, hmr, its name, or its folder (with a /)')],
    engine: Annotated[str, typer.Option(metavar='|'.join((AUTO, *ENGINES)), help='inference library')] = AUTO,
    precision: Annotated[str, typer.Option(metavar='|'.join((AUTO, *PRECISIONS)), help='arithmetic')] = AUTO,
    max_batch: Annotated[int, typer.Option(help='most persons at once; the node must ask for the same')] = 8,
    threads: Annotated[int, typer.Option(help='processor threads on the CPU; 0: the library decides')] = 0,
) -> None:
    """Compile an exported network for this machine, see that it computes what was exported, and end.

    TensorRT's plans take minutes to build and are kept; a node that asks for the same finds them. OpenVINO compiles in
    seconds, at every start, and keeps nothing: then this only checks.
    """
    from poco_ros.engine.choose import load_engine
    from poco_ros.regressors.compiled.installed import find_network

    options = EngineOptions(engine=engine, precision=precision, max_batch=max_batch, threads=threads)
    folder = find_network(network)
    err, out = Console(stderr=True), Console()
    columns = TextColumn('{task.description}'), BarColumn(), TextColumn('{task.percentage:.0f} %'), TimeElapsedColumn()
    with Progress(*columns, console=err, transient=True) as bar:
        task = bar.add_task('', total=1.0)
        info = load_engine(
            folder, options, lambda what, share: bar.update(task, description=what, completed=share)).info
    table = Table(show_header=False)
    for name, value in (
        ('network', folder.name), ('engine', f'{info.engine} {info.version}'), ('precision', info.precision),
        ('device', info.device), ('graph', f'{info.graph}, sha256 {info.graph_sha256[:16]}'),
        ('plan', f'sha256 {info.engine_sha256[:16]}' if info.engine_sha256 else 'none: compiled at every start'),
        ('why', info.reason),
    ):
        table.add_row(name, value)
    out.print(table)
