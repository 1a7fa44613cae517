"""The pictures of a reproduction."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from poco_ros.evaluation.reproduce.cells import FORMULATIONS, Result
from poco_ros.evaluation.reproduce.occlusion_sweep import Sweep
from poco_ros.evaluation.reproduce.tables import Spread

if TYPE_CHECKING:
    from matplotlib.figure import Figure

_DPI = 110
_CORRELATIONS = ('PCC pooled', 'PCC of variances', 'PCC image, PVE', 'PCC image, MPJPE', 'PCC in joint')
_SHADE = '#e6ded0'


def save(figure: Figure, path: Path) -> None:
    """Write a PNG.

    :raises OSError: when it cannot be written.
    """
    figure.savefig(path, dpi=_DPI)


def sparsification_figure(results: Sequence[Result]) -> Figure:
    """Draw the mean sparsification curve of each formulation, and the oracle of the last."""
    figure, axes = _figure(7, 5)
    oracle: Any = None
    for name in FORMULATIONS:
        lines = [r['sparsification'] for r in results if r['cell']['formulation'] == name and
                 r['sparsification']['curve']]  # fmt: skip
        if not lines:
            continue
        curves = np.array([line['curve'] for line in lines])
        axes.plot(100 * np.array(lines[0]['fraction']), curves.mean(axis=0), label=name)
        oracle = 100 * np.array(lines[0]['fraction']), np.array([line['oracle'] for line in lines]).mean(axis=0), name
    axes.axhline(1, color='0.6', ls=':', label='random order')
    if oracle is not None:
        axes.plot(*oracle[:2], color='0.2', ls='--', label=f'oracle of {oracle[2]}')
    axes.set(title='Sparsification by MPJPE', xlabel='most uncertain bodies left out (%)',
             ylabel='mean MPJPE of the rest / of all', ylim=(0, None))
    axes.legend()
    return figure


def pcc_figure(spreads: Mapping[str, Mapping[str, Spread]], constant: Spread | None) -> Figure:
    """Draw the correlations of each formulation as bars with their deviation over the seeds.

    :param constant: the pooled PCC of a constant for each joint, drawn as a line.
    """
    figure, axes = _figure(9, 5)
    names = [name for name in spreads if spreads[name]['PCC pooled'].mean is not None]
    width = 0.8 / len(_CORRELATIONS)
    for number, column in enumerate(_CORRELATIONS):
        bars = [spreads[name][column] for name in names]
        place = np.arange(len(names)) + (number - (len(_CORRELATIONS) - 1) / 2) * width
        axes.bar(place, [bar.mean or 0 for bar in bars], width,
                 yerr=[bar.deviation or 0 for bar in bars], capsize=2, label=column)
    if constant is not None and constant.mean is not None:
        axes.axhline(constant.mean, color='k', ls='--', label='PCC pooled of a constant per joint')
    axes.set(title='Uncertainty against error, mean and deviation over the seeds', xlabel='formulation',
             ylabel="Pearson's correlation (no unit)", xticks=range(len(names)), xticklabels=names)
    axes.legend(fontsize='small', loc='upper center', bbox_to_anchor=(0.5, -0.12), ncols=3)
    return figure


def improvement_figure(study: Mapping[str, Any]) -> Figure:
    """Draw the students' errors over the share of predictions that was kept."""
    figure, axes = _figure(7, 5)
    rows = study['rows']
    for kind, marker in (('filtered', 'o-'), ('random', 's--')):
        part = [row for row in rows if row['kind'] == kind]
        axes.plot([100 * row['share'] for row in part], [row['errors']['mpjpe_mm'] for row in part], marker, label=kind)
    for kind, style in (('teacher', ':'), ('whole', '-.')):
        for row in rows:
            if row['kind'] == kind:
                axes.axhline(row['errors']['mpjpe_mm'], ls=style, color='0.4', label=kind)
    axes.set(title='Self-improvement: what the students learn', xlabel='predictions kept as labels (%)',
             ylabel='MPJPE of the test split (mm)')
    axes.legend()
    return figure


def sweep_figure(sweep: Sweep, joints: Sequence[tuple[int, str]]) -> Figure:
    """Draw sigma of some joints while the occluder passes, shaded while it covers them; dashed: without it.

    :param sweep: what was seen.
    :param joints: numbers and names, at most a handful.
    """
    from matplotlib.figure import Figure as NewFigure

    figure = NewFigure(figsize=(9, 1.6 * len(joints) + 1), layout='constrained')
    rows = figure.subplots(len(joints), 1, sharex=True, squeeze=False)[:, 0]
    for axes, (joint, name) in zip(rows, joints, strict=True):
        axes.plot(sweep.position, sweep.sigma[:, joint], lw=1.4, label='with it')
        if sweep.sigma_without is not None:
            axes.plot(sweep.position, sweep.sigma_without[:, joint], lw=1, ls='--', color='0.35', label='without it')
        low, high = axes.get_ylim()
        axes.fill_between(sweep.position, low, high, where=sweep.covered[:, joint], color=_SHADE, step='mid', lw=0)
        axes.set(ylim=(low, high), ylabel=f'{name}\nsigma (no unit)')
    if sweep.sigma_without is not None:
        rows[0].legend(fontsize='small')
    rows[-1].set_xlabel(f'time ({sweep.unit})' if sweep.unit == 's' else f'occluder ({sweep.unit})')
    figure.suptitle(f'{sweep.name}: uncertainty while something covers the joint (shaded)')
    return figure


def _figure(width: float, height: float) -> tuple[Any, Any]:
    from matplotlib.figure import Figure as NewFigure

    figure = NewFigure(figsize=(width, height), layout='constrained')
    axes = figure.subplots()
    axes.grid(alpha=0.3)
    return figure, axes
