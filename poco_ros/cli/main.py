"""The command ``poco``."""

from __future__ import annotations

import importlib.metadata
import logging
from pathlib import Path
from typing import Annotated
from xml.etree import ElementTree

import typer
from rich.console import Console
from rich.logging import RichHandler
from rich.markup import escape

from poco_ros.cli.bench_infill import bench_infill
from poco_ros.cli.build_engine import build_engine
from poco_ros.cli.calibrate import calibrate
from poco_ros.cli.evaluate import evaluate
from poco_ros.cli.export import export
from poco_ros.cli.fit_age_law import fit_age_law
from poco_ros.cli.fit_body_dynamics import fit_body_dynamics
from poco_ros.cli.fit_learned_dynamics import fit_learned_dynamics
from poco_ros.cli.fit_steadying import fit_steadying
from poco_ros.cli.import_checkpoint import import_checkpoint
from poco_ros.cli.infill import infill
from poco_ros.cli.mock_checkpoint import mock_checkpoint
from poco_ros.cli.options import with_graph_options
from poco_ros.cli.parity import parity
from poco_ros.cli.reproduce import reproduce
from poco_ros.cli.synth import synth
from poco_ros.cli.train import train
from poco_ros.environment import share_dir
from poco_ros.errors import PocoError
from poco_ros.graph import DEMO, GraphOptions

app = typer.Typer(
    name='poco', no_args_is_help=True, add_completion=False, rich_markup_mode=None, pretty_exceptions_enable=False,
    help="People's SMPL bodies from camera images, with a confidence, as ROS 2 nodes.",
)
_out = Console()
_err = Console(stderr=True)


def version() -> str:
    """Return the version of the package: of its package.xml, else of what pip installed."""
    try:
        text = ElementTree.parse(share_dir() / 'package.xml').findtext('version')
    except (OSError, ElementTree.ParseError):
        text = None
    return text or importlib.metadata.version('poco_ros')


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f'poco_ros {version()}')
        raise typer.Exit


@app.callback()
def _common(
    wants_version: Annotated[
        bool, typer.Option('--version', callback=_print_version, is_eager=True, help='Show the version and end.')
    ] = False,
) -> None:
    """Set up what all commands share."""


def _say(line: str) -> None:
    _out.print(f'poco: {line}', highlight=False, markup=False, soft_wrap=True)


@app.command(short_help='Start the nodes and keep them until Ctrl-C.')
@with_graph_options
def up(options: GraphOptions) -> None:
    """Start the nodes and keep them until Ctrl-C, as ros2 launch poco_ros poco.launch.py does.

    The options are the launch arguments.
    """
    from poco_ros.cli.up import run_graph

    raise typer.Exit(run_graph(options, _say))


@app.command(short_help='See it work on a clip, a video or a webcam.')
def demo(
    video: Annotated[str, typer.Option(
        help='A video, a folder of pictures, or the number of a webcam. Left out: the built-in clip.',
    )] = DEMO,
    out: Annotated[Path, typer.Option(
        help='Folder for bodies.jsonl, bodies_infilled.jsonl, overlay.mp4, still.png, confidence.png and timeline.png.',
    )] = Path('out'),
    frames: Annotated[int, typer.Option(min=0, help='End after so many messages. 0: when the video ends.')] = 0,
) -> None:
    """See it work: the real nodes on a video, a live table, and the results in a folder.

    Exit code 0 when bodies came, 1 otherwise. The nodes talk in a ROS domain of their own, on this machine only, unless
    ROS_DOMAIN_ID or ROS_AUTOMATIC_DISCOVERY_RANGE is set.
    """
    from poco_ros.cli.demo import DemoOptions, run_demo

    run_demo(DemoOptions(video or DEMO, out, frames), _out)


@app.command(short_help='Say what is there and what is missing.')
def doctor(
    as_json: Annotated[bool, typer.Option('--json', help='For programs: one JSON object.')] = False,
) -> None:
    """Say what is there, what is missing, and how to mend it. Exit code 0 when the main job can run."""
    from poco_ros.cli.doctor import run_doctor

    raise typer.Exit(run_doctor(_out, as_json))


@app.command('fetch-models', short_help='Fetch the network files, once.')
def fetch_models() -> None:
    """Fetch the network files once into the cache; afterwards nothing needs a network."""
    from poco_ros.people import model_files

    with _err.status('looking for the model files') as status:
        paths = model_files.fetch_models(status.update)
    for path in paths:
        _out.print(str(path), highlight=False, markup=False, soft_wrap=True)


for command in (
    import_checkpoint, export, build_engine, mock_checkpoint, parity, synth, train, reproduce, calibrate, evaluate,
    infill, bench_infill, fit_age_law, fit_body_dynamics,
    fit_learned_dynamics, fit_steadying,
):
    app.command()(command)


def main() -> int:
    """Run the command line.

    :returns: the exit code; a mistake of the user or a missing part is told in words, without a traceback.
    """
    handler = RichHandler(console=_err, show_time=False, show_path=False)
    logging.basicConfig(level=logging.WARNING, format='%(message)s', handlers=[handler])
    try:
        app(prog_name='poco')
    except PocoError as error:
        _err.print(f'[bold red]poco: error:[/] {escape(str(error))}', highlight=False, soft_wrap=True)
        return 1
    except SystemExit as end:
        return end.code if isinstance(end.code, int) else int(end.code is not None)
    return 0


if __name__ == '__main__':
    raise SystemExit(main())
