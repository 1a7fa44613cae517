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
    from poco_ros.evaluation.infill.age_law_fit import Samples
    from poco_ros.evaluation.infill.motion_file import Motion
    from poco_ros.temporal.age_law import AgeLaw
    from poco_ros.temporal.dynamics import Dynamics

_AGES = (1, 5, 10, 15, 30)
_LAG, _COVERAGE = 5, 0.9


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
    from poco_ros.evaluation.infill.age_law_fit import Samples, measure, run
    from poco_ros.evaluation.infill.age_law_groups import with_radii
    from poco_ros.evaluation.infill.motion_file import load_motion
    from poco_ros.temporal.age_law import from_plain, to_plain

    whole = load_motion(data)
    chosen = whole.clips(licence)
    motion = whole.only(chosen)
    parts = _parts(motion, dynamics)
    samples = [_sampled(part, predictor, gap, count, seed) for part, predictor in parts]
    law = from_plain(to_plain(_fitted(samples)))
    measured: dict[str, Any] = {}
    new_windows = {lag: [run(part, lag=lag, law=law, gaps=gap, count=count, seed=seed + 1, dynamics=predictor)
                         for part, predictor in parts] for lag in (0, _LAG)}
    for lag, found in new_windows.items():
        measured[f'the same clips, other windows, lag {lag}'] = measure(Samples.of_others(found), _COVERAGE, _AGES)
    if len(parts) == 2:
        of_half = [_fitted([samples[k]]) for k in range(2)]
        for lag, found in new_windows.items():
            crossed = [with_radii(found[k], of_half[1 - k], _COVERAGE) for k in range(2)]
            measured[f'each half of the people by the law of the other half, lag {lag}'] = measure(
                Samples.of_others(crossed), _COVERAGE, _AGES)
    others = np.setdiff1d(np.arange(len(whole.names)), chosen)
    for lag in (0, _LAG) if len(others) else ():
        found_there = run(whole.only(others), lag=lag, law=law, gaps=gap, count=count, seed=seed + 1)
        measured[f'the other clips, lag {lag}'] = measure(found_there, _COVERAGE, _AGES)
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


_Sampled = tuple['Samples', 'Samples', 'Samples', 'Samples']


def _sampled(motion: Motion, dynamics: Dynamics | None, gap: list[int], count: int, seed: int) -> _Sampled:
    """Return samples of the live and of the infilled stream: of windows as they come, and as many of each person."""
    from poco_ros.evaluation.infill.age_law_fit import Samples, no_law, run
    from poco_ros.evaluation.infill.motion_file import AFTER, BEFORE

    def streams(some: Motion, gaps: list[int], windows: int, draw: int) -> tuple[Samples, Samples]:
        live, *infilled = (run(some, lag=lag, law=no_law(), gaps=gaps, count=windows, seed=draw, dynamics=dynamics)
                           for lag in (0, _LAG, 3 * _LAG))
        return live, Samples.joined(infilled)

    people = []
    for who in sorted(set(motion.subjects)):
        own = motion.only(np.flatnonzero(np.array(motion.subjects) == who))
        longest = int(np.diff(own.clip_start).max()) - BEFORE - AFTER
        fitting = [length for length in gap if length <= longest]
        if fitting:
            people.append(streams(own, fitting, max(20, count // 4), seed + 2))
    live, infilled = zip(*people, strict=True) if people else ([], [])
    return *streams(motion, gap, count, seed), Samples.of_others(live), Samples.of_others(infilled)


def _fitted(samples: list[_Sampled]) -> AgeLaw:
    """Return the law that holds for new people, from samples of several parts of the people."""
    from poco_ros.evaluation.infill.age_law_fit import Samples, fit_law
    from poco_ros.evaluation.infill.age_law_groups import for_everybody

    live, infilled, *of_people = (Samples.of_others(part) for part in zip(*samples, strict=True))
    return for_everybody(fit_law(live, infilled), *of_people)


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
