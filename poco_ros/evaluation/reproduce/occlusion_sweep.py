"""The occlusion sweep (Fig. S.6): whether the uncertainty rises where something covers a person."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from poco_ros.body.smpl import JOINT_NAMES
from poco_ros.evaluation.uncertainty import mean_known

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sweep:
    """One person in T frames while an occluder passes.

    :param name: what is shown, for the title.
    :param position: (T,) of the occluder, in the unit below.
    :param unit: of the position, e.g. 'pixels' or 's'.
    :param covered: (T, 24) bool, which joints it covers.
    :param sigma: (T, 24) uncertainty; NaN where there was no body.
    :param error_mm: (T, 24) pelvis-aligned; None where no truth is known, as on real videos.
    """

    name: str
    position: Array
    unit: str
    covered: npt.NDArray[np.bool_]
    sigma: Array
    error_mm: Array | None = None

    def __post_init__(self) -> None:
        frames = len(self.position)
        shapes = {self.covered.shape, self.sigma.shape, (frames, len(JOINT_NAMES))}
        if self.error_mm is not None:
            shapes.add(self.error_mm.shape)
        if len(shapes) != 1:
            raise ValueError(f'a sweep of {frames} frames has arrays of several shapes: {sorted(shapes)}')


def sweep_summary(sweep: Sweep) -> dict[str, Any]:
    """Return how sigma under the occluder differs from sigma beside it.

    :returns: 'joints': for each joint that is covered in some frames and not in others, its mean 'sigma_covered' and
        'sigma_clear', their 'ratio', and 'auroc', the probability that sigma is larger in a covered frame than in a
        clear one (0.5: it notices nothing); with errors also 'error_covered_mm' and 'error_clear_mm'. 'rises': of how
        many of these joints the mean rises. 'auroc': mean over them. 'lost': frames without a body.
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
        rows.append(row)
    return {
        'name': sweep.name, 'frames': len(sweep.position), 'lost': int((~np.isfinite(sweep.sigma)).all(axis=1).sum()),
        'joints': rows, 'rises': sum(row['sigma_covered'] > row['sigma_clear'] for row in rows),
        'auroc': mean_known([row['auroc'] for row in rows]),
    }  # fmt: skip


def auroc(larger: npt.ArrayLike, smaller: npt.ArrayLike) -> float:
    """Return the probability that one of ``larger`` is above one of ``smaller``; ties count half."""
    a, b = np.asarray(larger, np.float64), np.asarray(smaller, np.float64)
    ranks = stats.rankdata(np.concatenate([a, b]))[:len(a)]
    return float((ranks.sum() - len(a) * (len(a) + 1) / 2) / (len(a) * len(b)))
