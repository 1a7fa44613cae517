"""``poco fit-age-law``: fits how the errors of unseen joints grow with age, and measures whether the radii hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from poco_ros.errors import PocoError

_AGES = (1, 5, 10, 15, 30)
_LAG = 5


def fit_age_law(
    data: Annotated[Path, typer.Option(help='motion file (.npz)')],
    out: Annotated[Path, typer.Option(help='file to write (.json)')],
    licence: Annotated[str, typer.Option(help='fit to clips whose licence begins so; empty: all')] = 'CMU',
    count: Annotated[int, typer.Option(min=20, help='windows per length of the gap')] = 512,
    gap: Annotated[list[int], typer.Option(min=1, help='frames of the occlusion; repeatable')] = [5, 10, 15, 30],  # noqa: B006
    seed: Annotated[int, typer.Option(help='of windows and noise; the coverage is measured with others')] = 201,
) -> None:
    """Fit the age law of the temporal stage, and measure its coverage on other windows and on the other clips."""
    from poco_ros.evaluation.infill.age_law_fit import Samples, fit_law, measure, no_law, run
    from poco_ros.evaluation.infill.motion_file import load_motion
    from poco_ros.temporal.age_law import from_plain, to_plain

    whole = load_motion(data)
    chosen = whole.clips(licence)
    motion = whole.only(chosen)
    live, *infilled = (
        run(motion, lag=lag, law=no_law(), gaps=gap, count=count, seed=seed) for lag in (0, _LAG, 3 * _LAG))
    law = from_plain(to_plain(fit_law(live, Samples.joined(infilled))))
    others = np.setdiff1d(np.arange(len(whole.names)), chosen)
    coverage = 0.9
    measured: dict[str, Any] = {}
    for name, clips in (('the same clips, other windows', chosen), ('the other clips', others)):
        if len(clips):
            for lag in (0, _LAG):
                samples = run(whole.only(clips), lag=lag, law=law, gaps=gap, count=count, seed=seed + 1)
                measured[f'{name}, lag {lag}'] = measure(samples, coverage, _AGES)
    plain = {
        'law': to_plain(law),
        'fitted': {
            'command': f'poco fit-age-law --data {data.name} --licence {licence!r} --count {count} --seed {seed}',
            'data': data.name, 'licences': sorted(set(motion.licences)), 'clips': len(motion.names),
            'noise': 'preset poco of the infilling benchmark: the errors at age 0 are those of this simulation',
        },
        'measured': measured,
    }
    try:
        out.write_text(json.dumps(plain, indent=1) + '\n', encoding='utf-8')
    except OSError as error:
        raise PocoError(f'cannot write {out}: {error.strerror}') from error
    console = Console()
    for name, rows in measured.items():
        console.print(_table(name, rows))


def _table(title: str, rows: list[dict[str, float]]) -> Table:
    table = Table(title=f'{title}; radii promised to hold for {100 * rows[0]["coverage"]:.0f} %')
    for heading in (
        'age, frames', 'joints', 'whole body', 'pelvis', 'radius, mm', 'error, mm', 'confidence', 'under bound',
    ):
        table.add_column(heading, justify='right')
    for row in rows:
        table.add_row(
            f'{row["age_frames"]}', *(f'{100 * row[k]:.1f} %' for k in ('joints', 'all_joints', 'pelvis')),
            f'{row["radius_mm"]:.0f}', f'{row["error_mm"]:.0f}',
            *(f'{100 * row[k]:.1f} %' for k in ('confidence', 'under_bound')))
    return table
