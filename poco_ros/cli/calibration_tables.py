"""What ``poco calibrate`` shows: a table of what was promised and found, and the reliability diagrams."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from poco_ros.calibration.model import Calibration

_INK, _PROMISE = '#1f4e79', '#999999'


def show_calibration(console: Console, calibration: Calibration, measured: Mapping[str, Any], path: Path) -> None:
    """Print the calibration's promise and what was measured."""
    console.print(escape(f'{path}: {calibration.status}'), highlight=False, soft_wrap=True)
    console.print(f'calibration_id {calibration.calibration_id}', highlight=False, soft_wrap=True)
    console.print(escape(calibration.coverage_statement), highlight=False)
    if 'test' in measured:
        console.print(_table('on other people', measured['test']))
    for name, one in measured.get('shift', {}).items():
        console.print(_table(f'shifted: {name}', one))


def _table(title: str, found: Mapping[str, Any]) -> Table:
    domain = found['domain']
    notes = [f'{found["sequences"]} sequences of {found["subjects"]} subjects, {found["frames"]} people, '
             f'{found["lost"]} of them without a body']
    ence, ece = found['expected_error']['joints']['normalised_error'], found['confidence']['ece']
    notes += [f'ENCE of expected errors {_percent(ence)}, ECE of confidence {_percent(ece)}']
    if 'flagged' in domain:
        auroc = f', AUROC {domain["auroc"]:.3f}' if domain.get('auroc') is not None else ''
        notes += [f'called unfamiliar: {_percent(domain["flagged"])}{auroc}']
    table = Table(title=escape(title), caption='\n'.join(notes), title_justify='left', caption_justify='left')
    for column in ('level', 'of what', 'frames within', 'sequences held', 'median radius'):
        table.add_column(column, justify='left' if column == 'of what' else 'right')
    for one in found['coverage']:
        summary, level = one['summary'], _percent(one['level'])
        table.add_row(level, 'joints, mean', _percent(summary['mean_frames']), _percent(summary['mean_sequences']),
                      _mm(summary['mean_radius_mm']))
        table.add_row('', 'worst joint', _percent(summary['least_frames']), _percent(summary['least_sequences']), '')
        for name, column in (('all joints at once', 'body'), ('position', 'position')):
            found_one = one['columns'][column]
            table.add_row('', name, *(_percent(found_one.get(key)) for key in ('frames', 'sequences')),
                          _mm(found_one.get('radius_mm')))
    return table


def reliability_figure(test: Mapping[str, Any]) -> Figure:
    """Draw promised against found: expected errors, confidence, and coverage by level.

    :param test: of :func:`poco_ros.calibration.report.measure`.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(12, 4), dpi=120, layout='constrained')
    errors, sure, held = figure.subplots(1, 3)
    for what, colour in (('joints', _INK), ('body', '#c0504d')):
        bins = test['expected_error'][what]
        errors.plot(bins['promised'], bins['found'], 'o-', color=colour, label=what)
    top = max([1.0, *test['expected_error']['joints']['promised'], *test['expected_error']['joints']['found']])
    errors.plot([0, top], [0, top], '--', color=_PROMISE)
    errors.set(xlabel='expected error, mm', ylabel='mean error found, mm')
    errors.legend()
    sure.plot([0, 1], [0, 1], '--', color=_PROMISE)
    sure.plot(test['confidence']['promised'], test['confidence']['found'], 'o-', color=_INK)
    sure.set(xlabel=f'confidence (mean joint error < {test["confidence"]["bound_mm"]:g} mm)', ylabel='part found under',
             xlim=(0, 1), ylim=(0, 1.02))
    for one in test['coverage']:
        found = [c.get('sequences') for name, c in one['columns'].items() if name != 'pelvis' and c]
        held.plot([one['level']] * len(found), found, 'o', color=_INK, alpha=0.4)
    held.plot([0, 1], [0, 1], '--', color=_PROMISE)
    held.set(xlabel='level', ylabel='sequences held (a dot per joint, position, body)', ylim=(0, 1.02))
    for axes in (errors, sure, held):
        axes.grid(alpha=0.3)
    return figure


def _percent(value: float | None) -> str:
    return '' if value is None else f'{100 * value:.1f} %'


def _mm(value: float | None) -> str:
    return '' if value is None else f'{value:.0f} mm'
