"""``poco reproduce``: the paper's comparisons, trained and measured on a data set of ``poco synth``."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from poco_ros.cli.network_packages import TORCH_PACKAGES, require_packages
from poco_ros.errors import ConfigError

if TYPE_CHECKING:
    from poco_ros.evaluation.reproduce.shows import Show
    from poco_ros.evaluation.reproduce.sweep_plan import SweepPlan


def reproduce(
    data: Annotated[Path, typer.Option(help='Data set of poco synth; for image regressors made with --crops.')],
    out: Annotated[Path, typer.Option(help='Folder of networks and report.')],
    formulation: Annotated[list[str], typer.Option(
        help='none, gauss, nflow, cond_scale, cond_bdf or poco; repeatable. Left out: all.')] = [],  # noqa: B006
    seeds: Annotated[int, typer.Option(min=1, help='Networks of each formulation.')] = 3,
    steps: Annotated[int, typer.Option(min=1, help='Steps of the first stage of each lift.')] = 20_000,
    scale_steps: Annotated[int, typer.Option(min=0, help='Steps of the second.')] = 4_000,
    image_steps: Annotated[int, typer.Option(min=1, help='Steps of the first stage of each image regressor.')] = 2_000,
    image_batch: Annotated[int, typer.Option(min=1, help='People in a step of these.')] = 64,
    image_backbone: Annotated[str, typer.Option(
        help="timm's name of the network of HMR and CLIFF; PARE has hrnet_w18_small.")] = 'resnet18',
    images: Annotated[bool, typer.Option(help='Whether to train HMR, PARE and CLIFF too.')] = True,
    image_regressor: Annotated[list[str], typer.Option(
        help='Of these hmr, pare or cliff alone; repeatable. PARE costs by far the most.')] = [],  # noqa: B006
    improvement: Annotated[bool, typer.Option(help='Whether to run the self-improvement study.')] = True,
    mocap: Annotated[Path | None, typer.Option(
        help='Motion file: the occlusion sweep shows rendered people of its test split. Left out: none.')] = None,
    wardrobe: Annotated[Path | None, typer.Option(help='File of clothes for them. Left out: plain ones.')] = None,
    sweep_licence: Annotated[str | None, typer.Option(
        help='Only clips whose licence begins with this. Left out: as the data was made.')] = None,
    sequences: Annotated[int, typer.Option(min=1, help='Rendered sequences of the sweep.')] = 6,
    video: Annotated[list[str], typer.Option(
        help='Video of people for the occlusion sweep; repeatable. Left out: none.')] = [],  # noqa: B006
    sweep_model: Annotated[str, typer.Option(
        help='Network of the occlusion sweep, a name or folder. Left out: the first POCO lift of this report.')] = '',
    device: Annotated[str, typer.Option(help='auto, cpu or cuda.')] = 'auto',
    threads: Annotated[int, typer.Option(min=0, help='Of the CPU; 0: one per core.')] = 0,
) -> None:
    """Train every formulation with several seeds, judge all alike, and write report.md and report.json.

    Interrupted, the same command goes on where it stopped: what is trained is not trained again.
    """
    require_packages((*TORCH_PACKAGES, 'matplotlib', 'tensorboardX', *(('onnx',) if mocap or video else ()),
                      *(('numba',) if mocap else ())))
    import torch

    from poco_ros.body.model_file import load_body_model
    from poco_ros.evaluation.reproduce.cells import FORMULATIONS
    from poco_ros.evaluation.reproduce.lab import NetworkLab
    from poco_ros.evaluation.reproduce.study import CELLS, IMAGE_REGRESSORS, REPORT, Plan, reproduce_study
    from poco_ros.evaluation.reproduce.sweep_plan import runnable_network
    from poco_ros.regressors import choose_regressor
    from poco_ros.synth.shards import Header
    from poco_ros.training.train_config import TrainConfig

    unknown = [name for name in formulation if name not in FORMULATIONS]
    if unknown:
        raise ConfigError(f'--formulation must be one of {", ".join(FORMULATIONS)}, not {unknown[0]!r}')
    unknown = [name for name in image_regressor if name not in IMAGE_REGRESSORS]
    if unknown:
        raise ConfigError(f'--image-regressor must be one of {", ".join(IMAGE_REGRESSORS)}, not {unknown[0]!r}')
    of_images = tuple(name for name in IMAGE_REGRESSORS if not image_regressor or name in image_regressor)
    if threads:
        torch.set_num_threads(threads)
    plan = Plan(tuple(name for name in FORMULATIONS if not formulation or name in formulation), tuple(range(seeds)),
                steps, scale_steps, of_images if images else (), image_steps, improvement)
    body = load_body_model()
    image_config = TrainConfig(device=device, batch=image_batch, learning_rate=1e-4)
    lab = NetworkLab(data, body, TrainConfig(device=device), image_config, image_backbone)
    header = Header.load(data)
    sweep = _sweep(mocap, wardrobe, sweep_licence, sequences, video, header.recipe)
    if sweep_model:
        choose_regressor(sweep_model)  # before hours of training
    about = {'data': data.name, 'data_sha256': lab.data_sha256, 'samples': header.count, 'torch': torch.__version__}
    if sweep.left_out:
        about['the occlusion sweep leaves out'] = sweep.left_out
    console = Console(stderr=True)
    columns = (TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
    with Progress(*columns, console=console) as bar:
        tasks = {}

        def tell(what: str, done: int, total: int) -> None:
            if what not in tasks:
                tasks[what] = bar.add_task(what, total=total)
            bar.update(tasks[what], completed=done, total=total)

        def make_shows() -> list[Show]:
            if not (mocap or video):
                return []
            return sweep.shows(sweep_model or runnable_network(plan, out / CELLS, body), tell)

        reproduce_study(lab, plan, out, body, tell, make_shows, about)
    Console().print(f'poco: {out / REPORT}', highlight=False, markup=False, soft_wrap=True)


def _sweep(
    mocap: Path | None, wardrobe: Path | None, licence: str | None, sequences: int, videos: list[str],
    recipe: Mapping[str, Any],
) -> SweepPlan:
    """What the occlusion sweep is to show; mistakes are found before hours of training."""
    from poco_ros.body.model_file import load_body_model
    from poco_ros.evaluation.reproduce.sweep_plan import SweepPlan, sweep_licence
    from poco_ros.video.sources import open_source

    maker = None
    if mocap is not None:
        from poco_ros.synth.crossing import CrossingConfig, CrossingMaker

        clips = sweep_licence(mocap, recipe) if licence is None else licence
        maker = CrossingMaker(CrossingConfig(mocap, clips, wardrobe), load_body_model())
    sources = [open_source(name) for name in videos]
    live = [name for name, source in zip(videos, sources, strict=True) if source.live]
    if live:
        raise ConfigError(f'--video must be a file that can be shown twice, not the camera {live[0]}')
    return SweepPlan(maker, sequences, sources)
