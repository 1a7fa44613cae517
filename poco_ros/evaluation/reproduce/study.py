"""The whole reproduction, cell by cell; and its report as Markdown with pictures, and as JSON."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poco_ros.body.model import BodyModel
from poco_ros.errors import DatasetError
from poco_ros.evaluation.predictions import predict_bodies
from poco_ros.evaluation.report import CONSTANT, DEFINITIONS, without_nan
from poco_ros.evaluation.reproduce import plots, tables
from poco_ros.evaluation.reproduce.cells import FORMULATIONS, Cell, Lab, Progress, Result, judge, run_cell
from poco_ros.evaluation.reproduce.self_improvement import self_improvement
from poco_ros.evaluation.reproduce.shows import Show
from poco_ros.evaluation.reproduce.sweep_report import show_summary, sweep_lines
from poco_ros.regressors.lift.regressor import BlazePoseLift
from poco_ros.whole_files import written_whole

REPORT, NUMBERS = 'report.md', 'report.json'
CELLS = 'cells'
"""Folder of the trained networks inside the report's."""
IMAGE_REGRESSORS = ('hmr', 'pare', 'cliff')


@dataclass(frozen=True)
class Plan:
    """What is trained.

    :param formulations: of the lift.
    :param seeds: of each.
    :param steps: of the first stage of a lift.
    :param scale_steps: of its second.
    :param image_regressors: each without uncertainty and as POCO; empty: none.
    :param image_steps: of the first stage of each; the second is a fifth of it.
    :param improvement: whether to run the self-improvement study.
    """

    formulations: tuple[str, ...] = FORMULATIONS
    seeds: tuple[int, ...] = (0, 1, 2)
    steps: int = 20_000
    scale_steps: int = 4_000
    image_regressors: tuple[str, ...] = IMAGE_REGRESSORS
    image_steps: int = 2_000
    improvement: bool = True

    def lifts(self) -> list[Cell]:
        """The cells of the main table; seed by seed, so that an early end has whole rows."""
        return [Cell('lift', name, seed, self.steps, self.scale_steps if name != 'none' else 0)
                for seed in self.seeds for name in self.formulations]

    def images(self) -> list[Cell]:
        """The cells of the image regressors."""
        return [Cell(regressor, name, self.seeds[0], self.image_steps, self.image_steps // 5 if name != 'none' else 0)
                for regressor in self.image_regressors for name in ('none', 'poco')]


def reproduce_study(
    lab: Lab, plan: Plan, folder: Path, body: BodyModel, progress: Progress,
    make_shows: Callable[[], Sequence[Show]] = tuple, about: Mapping[str, Any] | None = None,
) -> dict[str, Any]:
    """Train and judge what is not there yet, and write the report.

    :param lab: trains and runs.
    :param plan: what.
    :param folder: of the cells and the report; made if need be.
    :param body: of the bodies.
    :param progress: told of every training.
    :param make_shows: called when everything is trained: occlusion sweeps for the report.
    :param about: of data, machine and command, for the report.
    :returns: what stands in the JSON file.
    :raises DatasetError: when the report cannot be written.
    """
    cells = folder / CELLS
    lifts = [run_cell(lab, cell, cells, body, progress) for cell in plan.lifts()]
    images = [run_cell(lab, cell, cells, body, progress) for cell in plan.images()]
    improvement = None
    if plan.improvement:
        teacher = Cell('lift', 'poco', plan.seeds[0], plan.steps, plan.scale_steps)
        improvement = self_improvement(lab, teacher, cells, body, progress)
    analytic = judge(predict_bodies(BlazePoseLift(body), lab.samples('test')), body)
    shows = make_shows()
    study = {
        'about': dict(about or {}), 'plan': dataclasses.asdict(plan), 'definitions': DEFINITIONS, 'lifts': lifts,
        'analytic_lift': analytic, 'images': images, 'self_improvement': improvement,
        'sweeps': [show_summary(show) for show in shows],
    }  # fmt: skip
    write_report(study, folder, shows)
    return study


def write_report(study: Mapping[str, Any], folder: Path, shows: Sequence[Show] = ()) -> None:
    """Write ``report.md``, ``report.json`` and the pictures.

    :raises DatasetError: when that does not work.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        lines = _report(study, folder, shows)
        text = json.dumps(without_nan(_with_spreads(study)), indent=1, allow_nan=False)
        for name, content in ((REPORT, '\n'.join(lines)), (NUMBERS, text)):
            with written_whole(folder / name) as path:
                path.write_text(content + '\n', encoding='utf-8')
    except OSError as error:
        raise DatasetError(f'the report cannot be written to {folder}: {error.strerror}') from error


def _report(study: Mapping[str, Any], folder: Path, shows: Sequence[Show]) -> list[str]:
    lifts = study['lifts']
    lines = ['# Reproduction of the paper on open data', '', *_about(study), '']
    lines += _comparison(lifts, study['analytic_lift'], folder)
    if study['images']:
        lines += _image_lines(study['images'])
    if study['self_improvement']:
        lines += _improvement(study['self_improvement'], folder)
    lines += sweep_lines(shows, folder)
    return lines + ['## What the columns are', '', *(f'- {name}: {text}.' for name, text in DEFINITIONS.items())]


def _about(study: Mapping[str, Any]) -> list[str]:
    plan, lifts = study['plan'], study['lifts']
    facts = [f'{name}: {value}' for name, value in study['about'].items()]
    samples = lifts[0]['samples'] if lifts else 0
    return [f'{len(plan["seeds"])} seeds; {plan["steps"]} + {plan["scale_steps"]} steps; judged on {samples} samples '
            'of the test split: people, outfits and backgrounds that were not trained with. Mean ± standard deviation '
            'over the seeds.', '', *(f'- {fact}' for fact in facts)]


def _comparison(lifts: Sequence[Result], analytic: Result, folder: Path) -> list[str]:
    spreads, unlearnt = tables.by_formulation(lifts), tables.baselines(lifts)
    rows = {**spreads, 'analytic lift (not trained)': tables.spreads_of([analytic])}
    constant = unlearnt.get(CONSTANT, {}).get('PCC pooled')
    plots.save(plots.sparsification_figure(lifts), folder / 'sparsification.png')
    plots.save(plots.pcc_figure(spreads, constant), folder / 'pcc.png')
    amiss = tables.order_of_paper(spreads)
    verdict = ['The order is that of the paper.'] if set(FORMULATIONS) <= set(spreads) else []
    best = [result for result in lifts if result['cell']['formulation'] == 'poco'] or list(lifts)
    joints = [[row['joint'], row['error_mm'].text(1), row['sigma'].text(3), row['pcc'].text(2), row['pcc_mm'].text(2),
               row['spearman_mm'].text(2)] for row in tables.joints(best)]
    return [
        "## The paper's measures (Table 3, S.1)", '', *tables.table(rows, tables.PAPER), '',
        '![correlations](pcc.png)', '',
        *([f'- Not as in the paper: {text}' for text in amiss] or verdict), '',
        '## What they do not tell', '', *tables.table(rows, tables.HONEST), '',
        'The same for uncertainties that were not learnt, against the errors of the same networks:', '',
        *tables.table(unlearnt, ('PCC pooled', *tables.HONEST), 'uncertainty'), '',
        '![sparsification](sparsification.png)', '',
        f'## By joint ({best[0]["cell"]["formulation"]})', '',
        *tables.markdown(['joint', 'error mm', 'sigma', 'PCC rotation', 'PCC mm', 'rank mm'], joints), '',
    ]  # fmt: skip


def _image_lines(images: Sequence[Result]) -> list[str]:
    named = {f'{r["cell"]["regressor"]} {r["cell"]["formulation"]}': r for r in images}
    spreads = {name: tables.spreads_of([result]) for name, result in named.items()}
    return ['## Image regressors (one seed, small backbones, few steps)', '',
            *tables.table(spreads, (*tables.PAPER, 'PCC image, MPJPE', 'AUSE'), 'network'), '']


def _improvement(study: Mapping[str, Any], folder: Path) -> list[str]:
    plots.save(plots.improvement_figure(study), folder / 'self_improvement.png')
    rows = [[row['kind'], _text(row['share'], 2), _text(row['threshold'], 4), str(row['pseudo']),
             _text(row['pseudo_mpjpe_mm'], 1), *(_text(row['errors'][name], 1) for name in (
                 'pve_mm', 'mpjpe_mm', 'pa_mpjpe_mm')), _text(row['pooled_pcc'], 3)] for row in study['rows']]
    return [
        '## Self-improvement (section 5.4, Table S.3)', '',
        f'The teacher learns from {study["labelled"]} labelled samples and predicts {study["unlabelled"]} of other '
        'people. One seed: differences of the size of the deviations above mean nothing.', '',
        *tables.markdown(['trained with', 'share', 'threshold', 'predictions', 'their MPJPE mm', 'PVE mm', 'MPJPE mm',
                          'PA-MPJPE mm', 'PCC pooled'], rows), '', '![self-improvement](self_improvement.png)', '']


def _with_spreads(study: Mapping[str, Any]) -> dict[str, Any]:
    spreads = {name: {column: dataclasses.asdict(spread) for column, spread in row.items()}
               for name, row in {**tables.by_formulation(study['lifts']), **tables.baselines(study['lifts'])}.items()}
    return {**study, 'spreads': spreads, 'not_as_in_the_paper': tables.order_of_paper(
        tables.by_formulation(study['lifts']))}


def _text(value: Any, digits: int) -> str:
    return '-' if value is None or value != value else f'{value:.{digits}f}'
