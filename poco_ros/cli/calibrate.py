"""``poco calibrate``: turns a model's uncertainty into millimetres that hold, and measures whether they do."""

from __future__ import annotations

import dataclasses
import datetime
import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from poco_ros.errors import ConfigError, PocoError

if TYPE_CHECKING:
    from poco_ros.calibration.fit import Learned
    from poco_ros.calibration.outcomes import Outcomes
    from poco_ros.regressors.base import Regressor


def calibrate(
    data: Annotated[Path, typer.Option(help='Folder that poco synth made.')],
    out: Annotated[Path, typer.Option(help="File to write; calibration.json in the network's folder is found by the "
                                           'node by itself.')],
    model: Annotated[str, typer.Option(help='As the node parameter of this name.')] = 'auto',
    split: Annotated[str, typer.Option(help='To calibrate on.')] = 'calibration',
    test_split: Annotated[str, typer.Option(help='To measure on; empty: not measured.')] = 'test',
    learn: Annotated[Path | None, typer.Option(
        help='Folder that poco synth made, of scenes that the network was not trained with: how far off it is there '
             'teaches what to expect. Left out: expected errors follow the scores of single joints.')] = None,
    learn_split: Annotated[str, typer.Option(help='The part of it.')] = 'train',
    level: Annotated[list[float], typer.Option(help='Coverage of radii; repeatable.')] = [0.5, 0.9, 0.95],  # noqa: B006
    bound_mm: Annotated[float, typer.Option(min=1.0, help='In the definition of confidence, mm.')] = 100.0,
    shift: Annotated[list[str], typer.Option(help='NAME=FOLDER of data that differ on purpose; repeatable.')] = [],  # noqa: B006
    report: Annotated[Path | None, typer.Option(help='JSON file for what is measured; a plot is put beside.')] = None,
    body_model: Annotated[Path | None, typer.Option(help='SMPL file; left out: the open body.')] = None,
    engine: Annotated[str, typer.Option(help='As the node parameter of this name.')] = 'auto',
    precision: Annotated[str, typer.Option(help='As the node parameter of this name.')] = 'auto',
) -> None:
    """Calibrate a model on sequences it was not trained on, and measure coverage on others.

    A calibration holds for one network, one graph and one body model: it carries their hashes, and nodes refuse it for
    others. Calibrate the very graph and precision that will run.
    """
    from poco_ros.body.model_file import load_body_model
    from poco_ros.calibration.file import write_calibration
    from poco_ros.calibration.fit import Source, fit_calibration
    from poco_ros.calibration.model import MadeFor
    from poco_ros.calibration.report import measure, measure_shift
    from poco_ros.cli.network_packages import require_packages
    from poco_ros.engine.options import EngineOptions
    from poco_ros.regressors import make_regressor
    from poco_ros.synth.shards import HEADER
    from poco_ros.whole_files import sha256_of

    if learn is not None:
        require_packages(('torch',))
    shifts = named_folders(shift)
    for file in filter(None, (out, report)):
        if not file.absolute().parent.is_dir():  # told before the work, not after it
            raise ConfigError(f'there is no folder {file.parent} to write {file.name} to; make it, or give another')
    body = load_body_model(body_model)
    regressor = make_regressor(model, body, EngineOptions(engine=engine, precision=precision))  # type: ignore[arg-type]
    with _bar() as bar:
        outcomes = _outcomes(regressor, data, split, bar)
        source = Source(MadeFor.of(regressor.info, body), data.absolute().name, sha256_of(data / HEADER), split,
                        datetime.date.today().isoformat())
        test = _outcomes(regressor, data, test_split, bar) if test_split else None
        learned = None if learn is None else _learned(regressor, learn, learn_split, (outcomes, test), bar)
        calibration = fit_calibration(outcomes, source, learned=learned, levels=tuple(sorted(level)),
                                      confidence_bound_mm=bound_mm)
        measured: dict[str, Any] = {}
        if test is not None:
            measured = {'test': measure(calibration, test)}
            measured['shift'] = {
                name: measure_shift(calibration, test, _outcomes(regressor, folder, 'all', bar))
                for name, folder in shifts.items()}
            calibration = dataclasses.replace(
                calibration, measured=summary(measured['test'], data.absolute().name, test_split))
    calibration = write_calibration(calibration, out)
    console = Console()
    if report is not None:
        _write_report(report, {
            'calibration_id': calibration.calibration_id, 'made_for': dataclasses.asdict(calibration.made_for),
            'engine': regressor.info.engine, 'data': dataclasses.asdict(calibration.data),
            'statement': calibration.coverage_statement, **measured})
    from poco_ros.cli.calibration_tables import show_calibration

    show_calibration(console, calibration, measured, out)


def named_folders(texts: list[str]) -> dict[str, Path]:
    """Return folders by name from NAME=FOLDER.

    :raises ConfigError: when one is something else, or two have the same name.
    """
    folders: dict[str, Path] = {}
    for text in texts:
        name, _, folder = text.partition('=')
        if not name or not folder or name in folders:
            raise ConfigError(f'--shift takes NAME=FOLDER, each name once, not {text!r}')
        folders[name] = Path(folder)
    return folders


def summary(test: Mapping[str, Any], name: str, split: str) -> dict[str, Any]:
    """Return the part of a measurement that the calibration itself carries."""
    return {
        'data': name, 'split': split, 'sequences': test['sequences'], 'subjects': test['subjects'],
        'coverage': [{'level': one['level'], **one['summary']} for one in test['coverage']],
        'expected_error_ence': test['expected_error']['joints']['normalised_error'],
        'confidence_ece': test['confidence']['ece'],
    }


def _outcomes(regressor: Regressor, data: Path, split: str, bar: Progress) -> Outcomes:
    """Run a regressor on the people of a split that the node would find."""
    from poco_ros.calibration.outcomes import Outcomes
    from poco_ros.evaluation.predictions import predict_bodies
    from poco_ros.synth.found import found
    from poco_ros.synth.shards import read_dataset
    from poco_ros.synth.stored_crops import StoredCrops

    samples = read_dataset(data, split)
    crops = None if regressor.needs_landmarks else StoredCrops(data, split)
    task = bar.add_task(f'{data.name}, {split}', total=len(samples))
    predictions = predict_bodies(
        regressor, samples, lambda done, total: bar.update(task, completed=done, total=total), crops)
    return Outcomes.of(predictions.take(np.flatnonzero(found(samples))))


def _learned(
    regressor: Regressor, data: Path, split: str, others: Sequence[Outcomes | None], bar: Progress,
) -> Learned:
    """Teach an error network with the people of a split that the node would find, none of whom may be in ``others``."""
    from poco_ros.calibration.fit import Learned
    from poco_ros.synth.poses import PRIOR
    from poco_ros.synth.shards import HEADER
    from poco_ros.training.error_learning import learn_errors
    from poco_ros.whole_files import sha256_of

    outcomes = _outcomes(regressor, data, split, bar)
    kept_apart = {name for other in others if other is not None for name in other.subject.tolist()} - {PRIOR}
    both = sorted(kept_apart & {*outcomes.subject.tolist()})
    if both:
        raise ConfigError('errors must be learned from other people than those calibrated and measured on, and '
                          f'{", ".join(both)} are in both: give --learn-split another split than {split!r}')
    task = bar.add_task('learning errors', total=None)
    network = learn_errors(outcomes, lambda done, total: bar.update(task, completed=done, total=total))
    return Learned(network, outcomes, data.absolute().name, sha256_of(data / HEADER), split)


def _bar() -> Progress:
    return Progress(TextColumn('{task.description}'), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn(),
                    console=Console(stderr=True))


def _write_report(path: Path, plain: dict[str, Any]) -> None:
    from poco_ros.cli.calibration_tables import reliability_figure
    from poco_ros.whole_files import written_whole

    text = json.dumps({'command': shlex.join(['poco', *sys.argv[1:]]), **plain}, indent=1, allow_nan=False)
    try:
        with written_whole(path) as temporary:
            temporary.write_text(text + '\n', encoding='utf-8')
        if 'test' in plain:
            reliability_figure(plain['test']).savefig(path.with_suffix('.png'))
    except OSError as error:
        raise PocoError(f'cannot write {path}: {error.strerror}') from error
