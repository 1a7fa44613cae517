"""What predicted bodies got wrong: the measures of the field, on the joints and vertices of the body model in use.

Of the open body there is no regressor for Human3.6M's joints, so MPJPE and PA-MPJPE are means over the 24 joints of
SMPL (the pelvis, 0 by alignment in MPJPE, among them); published numbers are over 14 others and not comparable.
PVE is the mean distance of all vertices without any alignment, of bodies whose root turns about its place at rest and
that are not moved, as the published evaluation has it.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from poco_ros.body.model import BodyModel
from poco_ros.evaluation import metrics
from poco_ros.evaluation.predictions import Predictions
from poco_ros.evaluation.uncertainty import Errors

_MM = 1e3
_ROWS_AT_ONCE = 128


def errors_of(predictions: Predictions, body: BodyModel, progress: Callable[[int, int], None] | None = None) -> Errors:
    """Measure predictions.

    :param predictions: S of them.
    :param body: the model that betas, true ones too, belong to.
    :param progress: told how many are done, and of how many.
    :returns: S errors; NaN of those who were lost.
    """
    count = len(predictions)
    pve = np.full(count, np.nan)
    for start in range(0, count, _ROWS_AT_ONCE):
        part = predictions.take(np.arange(start, min(start + _ROWS_AT_ONCE, count)))
        pve[start:start + len(part)] = metrics.pve(
            body.vertices(part.rotmat, part.betas), body.vertices(part.true_rotmat, part.true_betas))
        if progress:
            progress(start + len(part), count)
    joint_mm = predictions.joint_errors_mm().astype(np.float64)
    return Errors(
        rotation=metrics.rotation_errors(predictions.rotmat, predictions.true_rotmat).astype(np.float64),
        joint_mm=joint_mm, pve_mm=_MM * pve, mpjpe_mm=joint_mm.mean(axis=1),
        pa_mpjpe_mm=_MM * metrics.pa_mpjpe(predictions.joints_m, predictions.true_joints_m).astype(np.float64),
    )
