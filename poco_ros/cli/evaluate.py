"""``poco evaluate``: how good a model's bodies are, and what its uncertainty is worth."""

from __future__ import annotations

import dataclasses
import json
import shlex
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from poco_ros.errors import ConfigError, PocoError

if TYPE_CHECKING:
    from poco_ros.body.model import BodyModel
    from poco_ros.calibration.model import Calibration
    from poco_ros.regressors.base import Regressor


def evaluate(
    json_file: Annotated[Path, typer.Option('--json', help='File to write everything to.')],
    data: Annotated[Path | None, typer.Option(help='Folder that poco synth made.')] = None,
    model: Annotated[str, typer.Option(help='As the node parameter of this name.')] = 'auto',
    split: Annotated[str, typer.Option(help='Of --data: auto, train, val, calibration, test or all.')] = 'auto',
    dataset: Annotated[str, typer.Option(help='3dpw, 3dpw-occ, 3doh50k, h36m or mpi-inf-3dhp.')] = '',
    npz: Annotated[Path | None, typer.Option(help="File of --dataset, in the field's usual layout.")] = None,
    images: Annotated[Path | None, typer.Option(help='Folder that the image names in --npz are relative to.')] = None,
    body_model: Annotated[Path | None, typer.Option(help='Neutral SMPL file; needed for --dataset.')] = None,
    male: Annotated[Path | None, typer.Option(help='Male SMPL file, for the truth of 3DPW.')] = None,
    female: Annotated[Path | None, typer.Option(help='Female SMPL file, for the truth of 3DPW.')] = None,
    h36m_regressor: Annotated[Path | None, typer.Option(help='J_regressor_h36m.npy, for --dataset.')] = None,
    threads: Annotated[int, typer.Option(min=0, help='Processor threads of the network. 0: it decides.')] = 0,
) -> None:
    """Measure a model on made-up people (--data), or on a data set of the field (--dataset).

    PVE, MPJPE, PA-MPJPE, everything that is known of measuring confidence, and tables by sequence, source and joint.
    The model runs as in the node. Interrupted, the same command goes on where it stopped: what was computed lies beside
    the JSON file, in a folder of the same name ending in .cache.
    """
    if (data is None) == (not dataset):
        raise ConfigError('give either --data, a folder that poco synth made, or --dataset with --npz and --images')
    from poco_ros.body.model_file import load_body_model
    from poco_ros.engine.options import EngineOptions
    from poco_ros.regressors import choose_regressor, make_regressor

    body = load_body_model(body_model)
    options = EngineOptions(threads=threads)
    cache = json_file.with_suffix('.cache')
    with _bar() as bar:
        tell = _teller(bar)
        if data is not None:
            network = choose_regressor(model, body)
            report = _synthetic(data, split, network, make_regressor(model, body, options), body, cache, tell)
        else:
            if npz is None or images is None or body_model is None or h36m_regressor is None:
                raise ConfigError('--dataset needs --npz, --images, --body-model (the neutral SMPL file) and '
                                  '--h36m-regressor')
            from poco_ros.evaluation.datasets.files import Files
            from poco_ros.evaluation.datasets.run import evaluate_benchmark

            files = Files(npz, images, h36m_regressor, male, female)
            report = evaluate_benchmark(dataset, files, model, body, options, cache, tell)
    _write(json_file, report)
    from poco_ros.cli.evaluation_tables import show_report

    show_report(Console(), report)


def _synthetic(
    data: Path, split: str, network: Path | None, regressor: Regressor, body: BodyModel, cache: Path, tell: Any,
) -> dict[str, Any]:
    from poco_ros.evaluation.synthetic import BASELINE, SPLIT_CHOICES, choose_split, evaluate_dataset
    from poco_ros.regressors.lift.regressor import BlazePoseLift
    from poco_ros.synth.shards import Header

    if split not in SPLIT_CHOICES:
        raise ConfigError(f'--split must be one of {", ".join(SPLIT_CHOICES)}, not {split!r}')
    chosen = choose_split(split, Header.load(data), network)
    name = regressor.info.model
    regressors: dict[str, Regressor] = {name: regressor}
    if not isinstance(regressor, BlazePoseLift):
        regressors[BASELINE] = BlazePoseLift(body)
    calibration, told = _calibration(network, regressor, body)
    return {'model': {'name': name, **dataclasses.asdict(regressor.info)}, 'calibration': told,
            **evaluate_dataset(data, chosen, name, regressors, body, cache, tell, calibration)}


def _calibration(network: Path | None, regressor: Regressor, body: BodyModel) -> tuple[Calibration | None, str]:
    """The calibration that the node would use, if any, and its identity, or why there is none."""
    from poco_ros.calibration.choose import load_calibration
    from poco_ros.calibration.file import CALIBRATION_FILE
    from poco_ros.calibration.model import MadeFor
    from poco_ros.errors import CalibrationError
    from poco_ros.regressors import calibration_folder

    folder = calibration_folder(network)
    if folder is None or not (folder / CALIBRATION_FILE).exists():
        return None, 'none'
    try:
        calibration = load_calibration(folder / CALIBRATION_FILE, MadeFor.of(regressor.info, body))
    except CalibrationError as error:
        return None, f'refused: {error}'
    return calibration, calibration.calibration_id


def _bar() -> Progress:
    return Progress(TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                    console=Console(stderr=True))


def _teller(bar: Progress) -> Any:
    tasks: dict[str, Any] = {}

    def tell(what: str, done: int, total: int) -> None:
        if what not in tasks:
            tasks[what] = bar.add_task(what, total=total)
        bar.update(tasks[what], completed=done, total=total)

    return tell


def _write(path: Path, report: dict[str, Any]) -> None:
    from poco_ros.evaluation.report import without_nan
    from poco_ros.whole_files import written_whole

    plain = {'command': shlex.join(['poco', *sys.argv[1:]]), **without_nan(report)}
    try:
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(plain, indent=1, allow_nan=False) + '\n', encoding='utf-8')
    except OSError as error:
        raise PocoError(f'cannot write {path}: {error.strerror}') from error
