"""``poco reproduce``: the paper's comparisons, trained and measured on a data set of ``poco synth``."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from poco_ros.cli.network_packages import TORCH_PACKAGES, require_packages
from poco_ros.errors import ConfigError


def reproduce(
    data: Annotated[Path, typer.Option(help='Data set of poco synth; for image regressors made with --crops.')],
    out: Annotated[Path, typer.Option(help='Folder of networks and report.')],
    formulation: Annotated[list[str], typer.Option(
        help='none, gauss, nflow, cond_scale, cond_bdf or poco; repeatable. Left out: all.')] = [],  # noqa: B006
    seeds: Annotated[int, typer.Option(min=1, help='Networks of each formulation.')] = 3,
    steps: Annotated[int, typer.Option(min=1, help='Steps of the first stage of each lift.')] = 20_000,
    scale_steps: Annotated[int, typer.Option(min=0, help='Steps of the second.')] = 4_000,
    image_steps: Annotated[int, typer.Option(min=1, help='Steps of the first stage of each image regressor.')] = 2_000,
    images: Annotated[bool, typer.Option(help='Whether to train HMR, PARE and CLIFF too.')] = True,
    improvement: Annotated[bool, typer.Option(help='Whether to run the self-improvement study.')] = True,
    device: Annotated[str, typer.Option(help='auto, cpu or cuda.')] = 'auto',
    threads: Annotated[int, typer.Option(min=0, help='Of the CPU; 0: one per core.')] = 0,
) -> None:
    """Train every formulation with several seeds, judge all alike, and write report.md and report.json.

    Interrupted, the same command goes on where it stopped: what is trained is not trained again.
    """
    require_packages((*TORCH_PACKAGES, 'matplotlib', 'tensorboardX'))
    import torch

    from poco_ros.body.model_file import load_body_model
    from poco_ros.evaluation.reproduce.cells import FORMULATIONS
    from poco_ros.evaluation.reproduce.lab import NetworkLab
    from poco_ros.evaluation.reproduce.study import IMAGE_REGRESSORS, REPORT, Plan, reproduce_study
    from poco_ros.synth.shards import Header
    from poco_ros.training.train_config import TrainConfig

    unknown = [name for name in formulation if name not in FORMULATIONS]
    if unknown:
        raise ConfigError(f'--formulation must be one of {", ".join(FORMULATIONS)}, not {unknown[0]!r}')
    if threads:
        torch.set_num_threads(threads)
    plan = Plan(tuple(name for name in FORMULATIONS if not formulation or name in formulation), tuple(range(seeds)),
                steps, scale_steps, IMAGE_REGRESSORS if images else (), image_steps, improvement)
    body = load_body_model()
    lab = NetworkLab(data, body, TrainConfig(device=device), TrainConfig(device=device, batch=64, learning_rate=1e-4))
    header = Header.load(data)
    about = {'data': data.name, 'data_sha256': lab.data_sha256, 'samples': header.count, 'torch': torch.__version__}
    console = Console(stderr=True)
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        tasks = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        reproduce_study(lab, plan, out, body, tell, about=about)
    Console().print(f'poco: {out / REPORT}', highlight=False, markup=False, soft_wrap=True)
