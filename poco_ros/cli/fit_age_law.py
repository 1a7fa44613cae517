"""``poco fit-age-law``: fits how the errors of unseen joints grow with age, and measures whether the radii hold."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console
from rich.table import Table

from poco_ros.errors import ConfigError, PocoError

if TYPE_CHECKING:
    from poco_ros.evaluation.infill.motion_file import Motion
    from poco_ros.temporal.dynamics import Dynamics

_AGES = (1, 5, 10, 15, 30)
_LAG = 5


def fit_age_law(
    data: Annotated[Path, typer.Option(help='motion file (.npz)')],
    out: Annotated[Path, typer.Option(help='file to write (.json)')],
    licence: Annotated[str, typer.Option(help='fit to clips whose licence begins so; empty: all')] = 'CMU',
    count: Annotated[int, typer.Option(min=20, help='windows per length of the gap')] = 512,
    gap: Annotated[list[int], typer.Option(min=1, help='frames of the occlusion; repeatable')] = [5, 10, 15, 30],  # noqa: B006
    seed: Annotated[int, typer.Option(help='of windows and noise; the coverage is measured with others')] = 201,
    dynamics: Annotated[list[Path], typer.Option(
        help='predictors made by "poco fit-body-dynamics" or "poco fit-learned-dynamics" with "--without 1/2" and '
             '"--without 2/2", in this order: each part of the '
             'people is then predicted by what was not fitted to them')] = [],  # noqa: B006
) -> None:
    """Fit the age law of the temporal stage, and measure its coverage on other windows and on the other clips."""
    from poco_ros.evaluation.infill.age_law_fit import Samples, fit_law, measure, no_law, run
    from poco_ros.evaluation.infill.age_law_groups import for_everybody
    from poco_ros.evaluation.infill.motion_file import load_motion
    from poco_ros.temporal.age_law import from_plain, to_plain

    whole = load_motion(data)
    chosen = whole.clips(licence)
    motion = whole.only(chosen)
    parts = _parts(motion, dynamics)
    live, *infilled = (
        Samples.of_others([run(part, lag=lag, law=no_law(), gaps=gap, count=count, seed=seed, dynamics=predictor)
                           for part, predictor in parts]) for lag in (0, _LAG, 3 * _LAG))
    between = Samples.joined(infilled)
    law = from_plain(to_plain(for_everybody(fit_law(live, between), live, between)))
    others = np.setdiff1d(np.arange(len(whole.names)), chosen)
    coverage = 0.9
    measured: dict[str, Any] = {}
    groups: dict[str, Any] = {'the same clips, other windows': parts,
              'the other clips': [(whole.only(others), None)] if len(others) else []}
    for name, group in groups.items():
        for lag in (0, _LAG) if group else ():
            measured[f'{name}, lag {lag}'] = measure(Samples.of_others(
                [run(part, lag=lag, law=law, gaps=gap, count=count, seed=seed + 1, dynamics=predictor)
                 for part, predictor in group]), coverage, _AGES)
    plain = {
        'law': to_plain(law),
        'fitted': {
            'command': f'poco fit-age-law --data {data.name} --licence {licence!r} --count {count} --seed {seed}'
                       + ''.join(f' --dynamics {path.name}' for path in dynamics),
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


def _parts(motion: Motion, dynamics: list[Path]) -> list[tuple[Motion, Dynamics | None]]:
    """Return the clips in parts, each with the predictor to be used for it."""
    from poco_ros.temporal.predictors import load_predictor

    if not dynamics:
        return [(motion, None)]
    if len(dynamics) != 2:
        raise ConfigError(f'give --dynamics twice, without the first and without the second half; not {len(dynamics)}')
    folds = motion.folds(2)
    return [(motion.only(np.flatnonzero(folds == k)), load_predictor(path)) for k, path in enumerate(dynamics)]


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
