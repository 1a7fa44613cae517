"""The occlusion sweep (Fig. S.6): whether the uncertainty rises where something covers a person."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from poco_ros.body.smpl import JOINT_NAMES
from poco_ros.evaluation.uncertainty import mean_known

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Sweep:
    """One person in T frames while an occluder passes.

    :param name: what is shown, for the title.
    :param position: (T,) of the occluder, in the unit below.
    :param unit: of the position, e.g. 'pixels' or 's'.
    :param covered: (T, 24) bool, which joints it covers.
    :param sigma: (T, 24) uncertainty; NaN where there was no body.
    :param error_mm: (T, 24) pelvis-aligned; None where no truth is known, as on real videos.
    :param sigma_without: (T, 24) uncertainty in the same frames without the occluder; None where they are not known.
    """

    name: str
    position: Array
    unit: str
    covered: npt.NDArray[np.bool_]
    sigma: Array
    error_mm: Array | None = None
    sigma_without: Array | None = None

    def __post_init__(self) -> None:
        frames = len(self.position)
        shapes = {self.covered.shape, self.sigma.shape, (frames, len(JOINT_NAMES))}
        shapes |= {array.shape for array in (self.error_mm, self.sigma_without) if array is not None}
        if len(shapes) != 1:
            raise ValueError(f'a sweep of {frames} frames has arrays of several shapes: {sorted(shapes)}')


def sweep_summary(sweep: Sweep) -> dict[str, Any]:
    """Return how sigma under the occluder differs from sigma beside it.

    :returns: 'joints': for each joint that is covered in some frames and not in others, its mean 'sigma_covered' and
        'sigma_clear', their 'ratio', and 'auroc', the probability that sigma is larger in a covered frame than in a
        clear one (0.5: it notices nothing); with errors also 'error_covered_mm' and 'error_clear_mm'; with the same
        frames without the occluder also 'sigma_without', the mean there over the covered frames, 'rise_covered' and
        'rise_clear', how much larger sigma is with the occluder, and 'auroc_rise', of that in place of sigma. 'rises':
        of how many of these joints the mean rises. 'auroc' and 'auroc_rise': means over them. 'lost': frames without a
        body.
    """
    rows = []
    for joint, name in enumerate(JOINT_NAMES):
        known, covered = np.isfinite(sweep.sigma[:, joint]), sweep.covered[:, joint]
        under, beside = known & covered, known & ~covered
        if not (under.any() and beside.any()):
            continue
        sigma = sweep.sigma[:, joint]
        row: dict[str, Any] = {
            'joint': name, 'frames_covered': int(under.sum()), 'sigma_covered': float(sigma[under].mean()),
            'sigma_clear': float(sigma[beside].mean()), 'auroc': auroc(sigma[under], sigma[beside]),
        }  # fmt: skip
        row['ratio'] = row['sigma_covered'] / row['sigma_clear'] if row['sigma_clear'] > 0 else math.nan
        if sweep.error_mm is not None:
            row['error_covered_mm'] = mean_known(sweep.error_mm[under, joint])
            row['error_clear_mm'] = mean_known(sweep.error_mm[beside, joint])
        if sweep.sigma_without is not None:
            row |= _rise(sigma, sweep.sigma_without[:, joint], under, beside)
        rows.append(row)
    return {
        'name': sweep.name, 'frames': len(sweep.position), 'lost': int((~np.isfinite(sweep.sigma)).all(axis=1).sum()),
        'joints': rows, 'rises': sum(row['sigma_covered'] > row['sigma_clear'] for row in rows),
        'auroc': mean_known([row['auroc'] for row in rows]),
        'auroc_rise': mean_known([row.get('auroc_rise', math.nan) for row in rows]),
    }  # fmt: skip


def joined_sweeps(name: str, sweeps: Sequence[Sweep]) -> Sweep:
    """Return several sweeps as one, one behind the other; all with errors and so on, or none.

    :raises ValueError: when there are none.
    """
    def all_of(field: str) -> Array | None:
        arrays = [getattr(sweep, field) for sweep in sweeps]
        return None if arrays[0] is None else np.concatenate(arrays)

    if not sweeps:
        raise ValueError(f'{name}: there are no sweeps to be joined')
    return Sweep(name, np.concatenate([s.position for s in sweeps]), sweeps[0].unit,
                 np.concatenate([s.covered for s in sweeps]), np.concatenate([s.sigma for s in sweeps]),
                 all_of('error_mm'), all_of('sigma_without'))


def _rise(sigma: Array, without: Array, under: Mask, beside: Mask) -> dict[str, float]:
    """How sigma of one joint in (T,) frames differs from sigma in the same frames without the occluder."""
    rise = sigma - without
    known = np.isfinite(rise)
    under, beside = under & known, beside & known
    both = bool(under.any() and beside.any())
    return {
        'sigma_without': mean_known(without[under]), 'rise_covered': mean_known(rise[under]),
        'rise_clear': mean_known(rise[beside]), 'auroc_rise': auroc(rise[under], rise[beside]) if both else math.nan,
    }  # fmt: skip


def auroc(larger: npt.ArrayLike, smaller: npt.ArrayLike) -> float:
    """Return the probability that one of ``larger`` is above one of ``smaller``; ties count half."""
    a, b = np.asarray(larger, np.float64), np.asarray(smaller, np.float64)
    ranks = stats.rankdata(np.concatenate([a, b]))[:len(a)]
    return float((ranks.sum() - len(a) * (len(a) + 1) / 2) / (len(a) * len(b)))
