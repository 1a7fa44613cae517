"""What a confidence is worth: how an uncertainty goes with the errors, asked in every way that has been asked.

The published PCC (:func:`poco_ros.evaluation.metrics.pcc`) pools all joints of all samples, and so mostly tells that
hands are worse than hips: an uncertainty that knows nothing of the picture, a constant for each joint, does well by it.
Beside it therefore stand that constant, what remains within each joint, and how the one number of a body ranks bodies.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from poco_ros.evaluation.metrics import pcc
from poco_ros.evaluation.sparsification import sparsify

Array = npt.NDArray[np.float64]
COVERAGE = 0.8
"""Share of the bodies whose mean error is told beside that of all."""


@dataclass(frozen=True)
class Errors:
    """What S bodies got wrong; NaN where it is not known.

    :param rotation: (S, J) mean squared error of the entries of each joint's rotation matrix, as the published PCC
        takes it.
    :param joint_mm: (S, J) distance of the joints, pelvis-aligned.
    :param pve_mm: (S,) mean distance of the vertices.
    :param mpjpe_mm: (S,) mean distance of the joints, pelvis-aligned.
    :param pa_mpjpe_mm: (S,) the same after the best similarity.
    """

    rotation: Array
    joint_mm: Array
    pve_mm: Array
    mpjpe_mm: Array
    pa_mpjpe_mm: Array

    def take(self, rows: npt.NDArray[Any]) -> Errors:
        """Return the errors of some bodies."""
        return Errors(*(getattr(self, name)[rows] for name in self.__dataclass_fields__))

    @property
    def of_bodies(self) -> dict[str, Array]:
        """The (S,) errors by name."""
        return {'pve_mm': self.pve_mm, 'mpjpe_mm': self.mpjpe_mm, 'pa_mpjpe_mm': self.pa_mpjpe_mm}


def spearman(a: npt.ArrayLike, b: npt.ArrayLike) -> float:
    """Return Spearman's rank correlation of the pairs that are known; ties share their mean rank.

    :param a: any shape.
    :param b: the same shape.
    :returns: in [-1, 1]; NaN when fewer than two pairs are known or one side is constant.
    """
    x, y = np.ravel(np.asarray(a, np.float64)), np.ravel(np.asarray(b, np.float64))
    known = np.isfinite(x) & np.isfinite(y)
    if known.sum() < 2:
        return math.nan
    return pcc(stats.rankdata(x[known]), stats.rankdata(y[known]))[0]


def within_joints(uncertainty: npt.ArrayLike, errors: npt.ArrayLike) -> dict[str, list[float]]:
    """Return PCC and Spearman's correlation of each joint by itself: what the picture told.

    :param uncertainty: (S, J).
    :param errors: (S, J).
    :returns: 'pcc' and 'spearman', J numbers each; NaN of a joint where one side is constant.
    """
    x, y = np.asarray(uncertainty, np.float64), np.asarray(errors, np.float64)
    joints = range(x.shape[1])
    return {'pcc': [pcc(x[:, j], y[:, j])[0] for j in joints], 'spearman': [spearman(x[:, j], y[:, j]) for j in joints]}


def constant_per_joint(errors: npt.ArrayLike, groups: npt.ArrayLike) -> Array:
    """Return what an uncertainty that knows only the joint says: its mean error over the other groups of samples.

    :param errors: (S, J); NaN is left out.
    :param groups: (S,) what belongs together, such as the sequence: a group's own errors never count for it.
    :returns: (S, J); NaN where no other group knows the joint's error.
    """
    values = np.asarray(errors, np.float64)
    _, group = np.unique(np.asarray(groups), return_inverse=True)
    known = np.isfinite(values)
    sums = np.stack([np.bincount(group, column) for column in np.where(known, values, 0).T], axis=1)
    counts = np.stack([np.bincount(group, column) for column in known.T.astype(float)], axis=1)
    rest, number = sums.sum(axis=0) - sums, counts.sum(axis=0) - counts
    means = np.where(number > 0, rest / np.maximum(number, 1), np.nan)
    return np.asarray(means[group])


def body_scores(scalar: npt.ArrayLike, errors: Errors) -> dict[str, dict[str, float]]:
    """Return how one number a body goes with each of its errors.

    :param scalar: (S,) larger is less certain.
    :param errors: of the same bodies.
    :returns: by error: 'pcc', 'spearman', 'ause', 'aurg' and 'error_at_80', see
        :mod:`poco_ros.evaluation.sparsification`; the last in mm.
    """
    values, found = np.asarray(scalar, np.float64), {}
    for name, error in errors.of_bodies.items():
        curve = sparsify(values, error)
        found[name] = {
            'pcc': pcc(values, error)[0], 'spearman': spearman(values, error), 'ause': curve.ause, 'aurg': curve.aurg,
            'error_at_80': curve.error_at(COVERAGE),
        }  # fmt: skip
    return found


def scores(sigma: npt.ArrayLike, scalar: npt.ArrayLike, errors: Errors) -> dict[str, Any]:
    """Return everything that is told of an uncertainty.

    :param sigma: (S, J) of the joints.
    :param scalar: (S,) of the bodies.
    :param errors: of the same bodies.
    :returns: 'pooled_pcc' against the rotations (the published number) and 'pooled_pcc_mm' against the joints'
        distances; 'within_joint_pcc', 'within_joint_spearman' and the same with '_mm': means over the joints of which
        there is one; 'bodies' from :func:`body_scores`; 'bodies_known', how many had a number.
    """
    found: dict[str, Any] = {}
    for suffix, error in (('', errors.rotation), ('_mm', errors.joint_mm)):
        found[f'pooled_pcc{suffix}'] = pcc(sigma, error)[0]
        for name, values in within_joints(sigma, error).items():
            found[f'within_joint_{name}{suffix}'] = mean_known(values)
    known = np.isfinite(np.asarray(scalar, np.float64)) & np.isfinite(errors.mpjpe_mm)
    return {**found, 'bodies': body_scores(scalar, errors), 'bodies_known': int(known.sum())}


def mean_known(values: npt.ArrayLike) -> float:
    """Return the mean of what is not NaN; NaN where nothing is."""
    array = np.asarray(values, np.float64)
    known = array[np.isfinite(array)]
    return float(known.mean()) if len(known) else math.nan
