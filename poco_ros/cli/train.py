"""``poco train``: trains the learned lift, or the image regressors of the paper, on a data set of ``poco synth``."""

from __future__ import annotations

import contextlib
import dataclasses
import functools
import signal
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from poco_ros.cli.network_packages import TORCH_PACKAGES, require_packages
from poco_ros.errors import ConfigError

if TYPE_CHECKING:
    from poco_ros.training.train_config import TrainConfig
    from poco_ros.training.trainer import Outcome, Task, Trainer

_PACKAGES = (*TORCH_PACKAGES, 'tensorboardX')
_INTERRUPTED = 130
_VERTEX_STEP = 8
_SHOWN = {'val_mpjpe_mm': 'MPJPE {:.1f} mm', 'val_pa_mpjpe_mm': 'PA-MPJPE {:.1f} mm', 'val_pve_mm': 'PVE {:.1f} mm',
          'val_pcc': 'PCC {:.3f}'}  # fmt: skip
_OF_IMAGES: dict[str, Any] = {'batch': 64, 'learning_rate': 1e-4}
_BACKBONES = {'hmr': 'resnet18', 'cliff': 'resnet18', 'pare': 'hrnet_w18_small'}


def train(
    regressor: Annotated[str, typer.Argument(metavar='lift|hmr|pare|cliff', help='what is trained')],
    data: Annotated[Path, typer.Option(help='data set of poco synth; for hmr, pare and cliff made with --crops')],
    out: Annotated[Path, typer.Option(help="folder of the network; its name is the network's")],
    validation: Annotated[Path | None, typer.Option(
        help='data set by whose split val the best weights are chosen; left out: --data')] = None,
    start: Annotated[str, typer.Option(
        help='network to go on from: name or folder; poco_lift: the one that ships; left out: random weights')] = '',
    formulation: Annotated[str, typer.Option(
        help='how uncertainty is modelled', metavar='none|gauss|nflow|cond_scale|cond_bdf|poco')] = 'poco',
    mode: Annotated[str, typer.Option(
        help="losses of the paper's equations, or of the released code", metavar='paper|official')] = 'paper',
    pose_weight: Annotated[float, typer.Option(
        help='factor on the weights of rotation errors and flow; 1: those of the formulation')] = 1.0,
    backbone: Annotated[str, typer.Option(
        help="timm's name of the image network; empty: resnet18, of pare hrnet_w18_small")] = '',
    seed: Annotated[int, typer.Option(help='of weights, order and noise')] = 0,
    steps: Annotated[int, typer.Option(min=1, help='of the first stage: everything is trained')] = 50_000,
    scale_steps: Annotated[int, typer.Option(min=0, help='of the second: scale network and flow alone')] = 10_000,
    batch: Annotated[int | None, typer.Option(min=1, help='people per step; left out: 256, of images 64')] = None,
    learning_rate: Annotated[float | None, typer.Option(
        help='the largest; left out: 0.001, with images 0.0001')] = None,
    validate_every: Annotated[int, typer.Option(min=1, help='steps between validations, each saves the state')] = 1000,
    device: Annotated[str, typer.Option(help='where to train', metavar='auto|cpu|cuda')] = 'auto',
    threads: Annotated[int, typer.Option(min=0, help='of the CPU; 0: one per core')] = 0,
    resume: Annotated[bool, typer.Option('--resume', help='go on where a training in this folder was left')] = False,
) -> None:
    """Train a network on a data set of poco synth; Ctrl-C saves its state, --resume goes on from there.

    The folder gets the weights that the validation liked best, and in training/ the state, log.csv and TensorBoard's
    files. Next: poco export.
    """
    require_packages((*_PACKAGES, 'onnx') if start else _PACKAGES)
    import torch

    from poco_ros.training.starting_point import new_network, start_from
    from poco_ros.training.train_config import TrainConfig
    from poco_ros.training.trained_network import TRAINING_FOLDER, save_trained
    from poco_ros.training.trainer import Trainer

    if threads:
        torch.set_num_threads(threads)
    console = Console()
    settings: dict[str, Any] = {} if regressor == 'lift' else dict(_OF_IMAGES)
    given = {'batch': batch, 'learning_rate': learning_rate}
    settings |= {name: value for name, value in given.items() if value is not None}
    config = TrainConfig(seed=seed, steps=steps, scale_steps=scale_steps, validate_every=validate_every, device=device,
                         **settings)
    out = _checked_folder(out, resume)
    with console.status(f'reading {data}'):
        variant, task = _task(regressor, formulation, mode, backbone, pose_weight, data, validation or data)
        model = new_network(variant, config)
        start_from(model, task.data)
        if start:
            from poco_ros.training.warm_start import begin_with

            begun = begin_with(model, start)
            task = dataclasses.replace(task, identity={**task.identity, 'start': begun.name,
                                                       'start_sha256': begun.weights_sha256})
        trainer = Trainer(model, task, config, out / TRAINING_FOLDER)
    if resume:
        trainer.resume()
    _say(console, f'{len(task.data)} people to train with, {len(task.validation)} to choose by, on {trainer.device}')
    outcome = _run(trainer, config, console)
    if not outcome.finished:
        _say(console, f'stopped after {outcome.step} of {trainer.total_steps} steps; the state is saved. Go on with '
                      'the same command and --resume')
        raise typer.Exit(_INTERRUPTED)
    about = {'mode': mode, 'losses': vars(task.losses), 'data': data.name,
             'validation_data': (validation or data).name, **task.identity}
    about.pop('variant')
    save_trained(out, trainer.model.cpu(), config, about, outcome.numbers)
    _say(console, f'{out}: {_shown(outcome.numbers)}; next: poco export {out}')


def _checked_folder(out: Path, resume: bool) -> Path:
    """The network's folder as an absolute path; what is in it must not be lost."""
    from poco_ros.checkpoints.provenance import PROVENANCE_FILE
    from poco_ros.checkpoints.store import new_name
    from poco_ros.training.trained_network import TRAINING_FOLDER
    from poco_ros.training.trainer import STATE_FILE

    folder = out.expanduser().absolute()
    new_name(folder.name)
    if not resume and (folder / TRAINING_FOLDER / STATE_FILE).exists():
        raise ConfigError(f'{folder} holds a training already: go on with it by --resume, or give another --out')
    if not resume and (folder / PROVENANCE_FILE).exists():
        raise ConfigError(f'{folder} holds a network already: give another --out')
    return folder


def _task(
    regressor: str, name: str, mode: str, backbone: str, pose_weight: float, data: Path, validation: Path
) -> tuple[Any, Task]:
    """The network's structure, and what it is trained on."""
    import numpy as np

    from poco_ros.body.model_file import load_body_model
    from poco_ros.synth.shards import Header
    from poco_ros.training.formulations import formulation
    from poco_ros.training.image_data import read_image_data
    from poco_ros.training.lift_data import read_lift_data
    from poco_ros.training.smpl_layer import SmplLayer
    from poco_ros.training.trained_network import dataset_sha256
    from poco_ros.training.trainer import Task

    is_lift = regressor == 'lift'
    if not pose_weight > 0:
        raise ConfigError(f'--pose-weight must be positive, got {pose_weight}')
    if is_lift and backbone:
        raise ConfigError('--backbone is of image networks; the lift has none')
    if regressor == 'pare' and backbone and not backbone.startswith('hrnet_'):
        raise ConfigError(f"PARE's head looks at a map of 56 x 56, which of timm's networks the HRNets are given here: "
                          f'--backbone must be hrnet_..., not {backbone}')
    made = formulation(name, regressor, mode, backbone=None if is_lift else backbone or _BACKBONES.get(regressor))
    read = read_lift_data if is_lift else functools.partial(read_image_data, regressor=regressor)
    training, judged = read(data, 'train'), read(validation, 'val')
    body = load_body_model()
    # An eighth of the mesh tells its mean error to a hundredth and costs an eighth.
    layer = SmplLayer(body, only_vertices=np.arange(0, body.num_vertices, _VERTEX_STEP))
    files = Header.load(data).recipe.get('files', {})
    identity = {'variant': made.variant.to_dict(), 'data_sha256': dataset_sha256(data),
                'mocap_sha256': files.get('mocap', ''), 'body_sha256': body.sha256}
    if validation != data:
        identity['validation_sha256'] = dataset_sha256(validation)
    return made.variant, Task(made.losses.with_pose_weight(pose_weight), training, judged, layer, identity)


def _run(trainer: Trainer, config: TrainConfig, console: Console) -> Outcome:
    """Train with a progress bar until the end or Ctrl-C."""
    bar = Progress(
        TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn(), TextColumn('left'),
        TimeRemainingColumn(), TextColumn('{task.fields[numbers]}'), console=console,
    )  # fmt: skip
    with bar, _interruptible() as interrupted:
        line = bar.add_task('', total=trainer.total_steps, completed=trainer.step, numbers='')

        def show(step: int, numbers: Mapping[str, float]) -> None:
            stage = 'everything' if step < config.steps else 'scale network and flow'
            bar.update(line, completed=step, description=stage, numbers=_shown(numbers))

        return trainer.run(show, interrupted)


@contextlib.contextmanager
def _interruptible() -> Iterator[Callable[[], bool]]:
    """Give a function that tells whether Ctrl-C was pressed; pressed again it ends the program as ever."""
    pressed = False

    def press(*_: object) -> None:
        nonlocal pressed
        pressed = True
        signal.signal(signal.SIGINT, before)

    before = signal.signal(signal.SIGINT, press)
    try:
        yield lambda: pressed
    finally:
        signal.signal(signal.SIGINT, before)


def _shown(numbers: Mapping[str, float]) -> str:
    return ', '.join(text.format(numbers[name]) for name, text in _SHOWN.items() if name in numbers)


def _say(console: Console, line: str) -> None:
    console.print(line, highlight=False, markup=False, soft_wrap=True)
