"""The report of ``poco evaluate`` as tables on a terminal."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

_WORST = 10


def show_report(console: Console, report: Mapping[str, Any]) -> None:
    """Print the tables of :func:`poco_ros.evaluation.report.evaluation_report`, or of a benchmark's report.

    :param console: at least 100 columns show everything.
    :param report: as it is written to JSON, NaN allowed.
    """
    console.print(_models(report))
    console.print(_uncertainties(report))
    if report.get('per_joint'):
        console.print(_joints(report['per_joint']))
    for grouping, rows in report.get('groups', {}).items():
        console.print(_groups(f'by {grouping}', rows))
    rows = report['per_sequence']
    worst = sorted(rows, key=lambda row: -_number(row['mpjpe_mm'], -math.inf))[:_WORST]
    console.print(_groups(f'by sequence: the {len(worst)} with the largest MPJPE of {len(rows)}', worst))


def _table(title: str, first: str, headings: Sequence[str]) -> Table:
    table = Table(title=escape(title), title_justify='left')
    table.add_column(first, overflow='fold')
    for heading in headings:
        table.add_column(heading, justify='right')
    return table


def _models(report: Mapping[str, Any]) -> Table:
    split = f', split {report["split"]}' if 'split' in report else ''
    table = _table(f'{report["common"]} of {report["samples"]} samples{split}, {report["sequences"]} sequences; '
                   'mean errors in mm', 'model', ('PVE', 'MPJPE', 'PA-MPJPE', 'camera', 'no body'))
    for name, model in report['models'].items():
        errors = model['errors']
        table.add_row(escape(name), *(_mm(errors.get(key)) for key in (
            'pve_mm', 'mpjpe_mm', 'pa_mpjpe_mm', 'camera_mpjpe_mm')), str(model['lost']))
    return table


def _uncertainties(report: Mapping[str, Any]) -> Table:
    table = _table('uncertainty against error: pooled as published, within joints, and a body by its PVE and MPJPE',
                   'uncertainty', ('pooled PCC', 'in joint', 'PVE PCC', 'PVE rank', 'MPJPE PCC', 'AUSE', 'AURG',
                                   'at 80 %'))
    for name, row in report['uncertainties'].items():
        bodies = row.get('bodies', {})
        pve, mpjpe = bodies.get('pve_mm', {}), bodies.get('mpjpe_mm', {})
        table.add_row(
            escape(name), _ratio(row.get('pooled_pcc')), _ratio(row.get('within_joint_pcc')), _ratio(pve.get('pcc')),
            _ratio(pve.get('spearman')), _ratio(mpjpe.get('pcc')), _ratio(mpjpe.get('ause')),
            _ratio(mpjpe.get('aurg')), _mm(mpjpe.get('error_at_80')))
    return table


def _joints(rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table('by joint', 'joint', ('error, mm', 'sigma', 'PCC rotation', 'PCC mm', 'rank mm'))
    for row in rows:
        table.add_row(row['joint'], _mm(row['error_mm']), _ratio(row['sigma'], 3), _ratio(row['pcc']),
                      _ratio(row['pcc_mm']), _ratio(row['spearman_mm']))
    return table


def _groups(title: str, rows: Sequence[Mapping[str, Any]]) -> Table:
    table = _table(title, 'name', ('samples', 'no body', 'PVE', 'MPJPE', 'PA-MPJPE', 'PCC PVE'))
    for row in rows:
        table.add_row(escape(row['name']), str(row['samples']), str(row['lost']), _mm(row['pve_mm']),
                      _mm(row['mpjpe_mm']), _mm(row['pa_mpjpe_mm']), _ratio(row['pcc_pve']))
    return table


def _number(value: Any, instead: float) -> float:
    return float(value) if value is not None and math.isfinite(value) else instead


def _mm(value: Any) -> str:
    return '-' if math.isnan(_number(value, math.nan)) else f'{value:.1f}'


def _ratio(value: Any, digits: int = 2) -> str:
    return '-' if math.isnan(_number(value, math.nan)) else f'{value:.{digits}f}'
