"""The occlusion sweep in the report: a table of all, and of each the joints and a picture."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.evaluation.reproduce import plots
from poco_ros.evaluation.reproduce.occlusion_sweep import joined_sweeps, sweep_summary
from poco_ros.evaluation.reproduce.shows import Show
from poco_ros.evaluation.reproduce.tables import markdown

_SHOWN_JOINTS = 5
_OVERVIEW = ('shown', 'regressor', 'sweeps', 'frames', 'without a body', 'joints that rise', 'AUROC',
             'AUROC of the rise')
_JOINTS = {'frames covered': ('frames_covered', 0), 'sigma covered': ('sigma_covered', 3),
           'the same without it': ('sigma_without', 3), 'sigma not covered': ('sigma_clear', 3), 'AUROC': ('auroc', 2),
           'AUROC of the rise': ('auroc_rise', 2), 'error covered mm': ('error_covered_mm', 1),
           'error not covered mm': ('error_clear_mm', 1)}  # fmt: skip


def show_summary(show: Show) -> dict[str, Any]:
    """Return 'show' and 'model', the number of 'sweeps', and what :func:`sweep_summary` says of all together.

    Without any sweep there is nothing but these three.
    """
    named = {'show': show.name, 'model': show.model, 'sweeps': len(show.sweeps)}
    return {**named, **(sweep_summary(joined_sweeps(show.name, show.sweeps)) if show.sweeps else {})}


def sweep_lines(shows: Sequence[Show], folder: Path) -> list[str]:
    """Return the section of the report, and draw its pictures, ``sweep-0.png`` and so on.

    :param shows: what was shown; without any the section is empty.
    :param folder: of the report.
    :raises OSError: when a picture cannot be written.
    """
    if not shows:
        return []
    summaries = [show_summary(show) for show in shows]
    rows = [[s['show'], s['model'], str(s['sweeps']), *_overview(s)] for s in summaries]
    lines = [
        '## Occlusion sweep (Fig. S.6)', '',
        'Something passes before people. Sigma of a joint should be larger in the frames in which it covers the joint '
        'than in the others: AUROC is the probability of that (0.5: it notices nothing), mean over the joints. The '
        'rise is the difference to the same frame without it, which leaves out that poses differ. On real videos '
        'nobody knows where the joints are: what is covered is taken from the bodies without it. A sweep is a rendered '
        'sequence, or a person in one showing of a video.', '',
        *markdown(_OVERVIEW, rows), '']
    for number, (show, summary) in enumerate(zip(shows, summaries, strict=True)):
        lines += _one(show, summary, folder, f'sweep-{number}.png')
    return lines


def _overview(summary: dict[str, Any]) -> list[str]:
    if not summary['sweeps']:
        return ['-'] * 5
    return [str(summary['frames']), str(summary['lost']), f'{summary["rises"]} of {len(summary["joints"])}',
            _text(summary['auroc'], 2), _text(summary['auroc_rise'], 2)]


def _one(show: Show, summary: dict[str, Any], folder: Path, picture: str) -> list[str]:
    lines = [f'### {show.name}, {show.model}', '']
    rows = summary.get('joints', [])
    if not rows:
        return [*lines, 'Nothing was covered in some frames and in sight in others.', '']
    shown = max(show.sweeps, key=lambda sweep: sweep.covered.sum())
    covered = shown.covered.sum(axis=0)
    joints = sorted((row['joint'] for row in rows), key=lambda joint: -covered[JOINT_INDEX[joint]])[:_SHOWN_JOINTS]
    plots.save(plots.sweep_figure(shown, [(JOINT_INDEX[joint], joint) for joint in joints]), folder / picture)
    columns = {head: cell for head, cell in _JOINTS.items() if any(cell[0] in row for row in rows)}
    cells = [[row['joint'], *(_text(row.get(key), digits) for key, digits in columns.values())] for row in rows]
    return [*lines, f'![sweep]({picture})', '', *markdown(['joint', *columns], cells), '']


def _text(value: Any, digits: int) -> str:
    return '-' if value is None or value != value else f'{value:.{digits}f}'
