"""Results of cells as tables: mean and standard deviation over the seeds."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from poco_ros.evaluation.reproduce.cells import FORMULATIONS, Result

Path = tuple[str, ...]

COLUMNS: Mapping[str, tuple[Path, int]] = {
    'PVE mm': (('errors', 'pve_mm'), 1),
    'MPJPE mm': (('errors', 'mpjpe_mm'), 1),
    'PA-MPJPE mm': (('errors', 'pa_mpjpe_mm'), 1),
    'PCC pooled': (('uncertainties', 'own', 'pooled_pcc'), 3),
    'PCC of variances': (('uncertainties', 'own', 'pooled_pcc_variance'), 3),
    'PCC image, PVE': (('uncertainties', 'own', 'bodies', 'pve_mm', 'pcc'), 3),
    'PCC image, MPJPE': (('uncertainties', 'own', 'bodies', 'mpjpe_mm', 'pcc'), 3),
    'rank image, MPJPE': (('uncertainties', 'own', 'bodies', 'mpjpe_mm', 'spearman'), 3),
    'PCC in joint': (('uncertainties', 'own', 'within_joint_pcc'), 3),
    'rank in joint': (('uncertainties', 'own', 'within_joint_spearman'), 3),
    'AUSE': (('uncertainties', 'own', 'bodies', 'mpjpe_mm', 'ause'), 3),
    'AURG': (('uncertainties', 'own', 'bodies', 'mpjpe_mm', 'aurg'), 3),
    'at 80 % mm': (('uncertainties', 'own', 'bodies', 'mpjpe_mm', 'error_at_80'), 1),
}
"""Heading, where the number lies in a result, and digits after the point."""

PAPER = ('PVE mm', 'MPJPE mm', 'PA-MPJPE mm', 'PCC pooled', 'PCC of variances')
HONEST = ('PCC image, PVE', 'PCC image, MPJPE', 'rank image, MPJPE', 'PCC in joint', 'rank in joint', 'AUSE', 'AURG',
          'at 80 % mm')


@dataclass(frozen=True)
class Spread:
    """A number over the seeds.

    :param mean: None when no seed knows it.
    :param deviation: of the sample (n - 1); None of fewer than two.
    :param count: seeds that know it.
    """

    mean: float | None
    deviation: float | None
    count: int

    @classmethod
    def of(cls, values: Iterable[float | None]) -> Spread:
        """Return the spread of what is known."""
        known = [value for value in values if value is not None]
        mean = statistics.fmean(known) if known else None
        return cls(mean, statistics.stdev(known) if len(known) > 1 else None, len(known))

    def text(self, digits: int) -> str:
        """Return 'mean +- deviation'; '-' where nothing is known."""
        if self.mean is None:
            return '-'
        deviation = '' if self.deviation is None else f' ± {self.deviation:.{digits}f}'
        return f'{self.mean:.{digits}f}{deviation}'


def pick(result: Result, path: Path) -> float | None:
    """Return a number of a result; None where there is none."""
    value: Any = result
    for name in path:
        value = value.get(name) if isinstance(value, Mapping) else None
    return None if value is None else float(value)


def by_formulation(results: Sequence[Result]) -> dict[str, dict[str, Spread]]:
    """Return the spread of every column for each formulation that there is, in the paper's order."""
    found: dict[str, list[Result]] = {}
    for result in results:
        found.setdefault(result['cell']['formulation'], []).append(result)
    return {name: spreads_of(found[name]) for name in FORMULATIONS if name in found}


def spreads_of(results: Sequence[Result]) -> dict[str, Spread]:
    """Return the spread of every column over results."""
    return {column: Spread.of(pick(result, path) for result in results) for column, (path, _) in COLUMNS.items()}


def table(spreads: Mapping[str, Mapping[str, Spread]], columns: Sequence[str], first: str = 'formulation') -> list[str]:
    """Return a table in Markdown: a row a name, mean and deviation over the seeds."""
    rows = [[name, *(row[column].text(COLUMNS[column][1]) for column in columns)] for name, row in spreads.items()]
    return markdown([first, *columns], rows)


def markdown(headings: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Return the lines of a table; all columns but the first to the right."""
    lines = [list(headings), ['---', *['---:'] * (len(headings) - 1)], *map(list, rows)]
    return ['| ' + ' | '.join(cells) + ' |' for cells in lines]


def baselines(results: Sequence[Result]) -> dict[str, dict[str, Spread]]:
    """Return the spread of the uncertainties that were not learnt, held against the errors of the same networks."""
    names = {name for result in results for name in result['uncertainties'] if name != 'own'}
    found = {}
    for name in sorted(names):
        found[name] = {
            column: Spread.of(pick(result, tuple(name if part == 'own' else part for part in path))
                              for result in results)
            for column, (path, _) in COLUMNS.items()
        }  # fmt: skip
    return found


def joints(results: Sequence[Result]) -> list[dict[str, Any]]:
    """Return a row a joint: the spread over the seeds of its error, sigma and correlations."""
    columns = ('error_mm', 'sigma', 'pcc', 'pcc_mm', 'spearman_mm')
    rows = []
    for same in zip(*(result['per_joint'] for result in results), strict=True):
        rows.append({'joint': same[0]['joint'], **{name: Spread.of(row[name] for row in same) for name in columns}})
    return rows


def order_of_paper(spreads: Mapping[str, Mapping[str, Spread]]) -> list[str]:
    """Return what does not come out as in the paper: sentences; none where everything does.

    The paper has PCC: Gauss < NFlow < one condition < POCO; and POCO's PVE below that of no uncertainty. The order of
    PCC is looked for twice, since sigma is a variance with Gauss and a scale with the others.
    """
    told = []
    steps = (('gauss', 'nflow'), ('nflow', 'cond_scale'), ('nflow', 'cond_bdf'), ('cond_scale', 'poco'),
             ('cond_bdf', 'poco'))  # fmt: skip
    for column, pairs in (('PCC pooled', steps), ('PCC of variances', steps), ('PVE mm', (('poco', 'none'),))):
        for low, high in pairs:
            a, b = (spreads.get(name, {}).get(column) for name in (low, high))
            if a is None or b is None or a.mean is None or b.mean is None or a.mean < b.mean:
                continue
            digits = COLUMNS[column][1]
            told.append(f'{column}: {low} ({a.text(digits)}) is not below {high} ({b.text(digits)}).')
    return told
