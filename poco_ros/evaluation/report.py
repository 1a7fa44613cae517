"""What is told of a model on a data set: its errors, what its uncertainty is worth, and both by group.

Everything is over the samples that every model compared gave a body for, so that nobody gains by giving up on what is
hard; how many each gave up on stands beside it, with its errors over all that it answered.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.model import BodyModel
from poco_ros.body.smpl import JOINT_NAMES
from poco_ros.calibration.model import Calibration
from poco_ros.calibration.outcomes import Outcomes
from poco_ros.calibration.scores import POSITION
from poco_ros.evaluation.body_errors import errors_of
from poco_ros.evaluation.metrics import pcc
from poco_ros.evaluation.predictions import Predictions, Progress
from poco_ros.evaluation.sparsification import sparsify
from poco_ros.evaluation.uncertainty import Errors, constant_per_joint, mean_known, scores, spearman, within_joints
from poco_ros.types import FloatArray

OWN, CALIBRATED, VISIBILITY, CONSTANT = 'own', 'calibrated', 'landmark visibility', 'constant per joint'
DEFINITIONS = {
    'pve_mm': 'mean distance of the vertices, root turned in its place at rest, no alignment',
    'mpjpe_mm': 'mean distance of the 24 joints, pelvises together',
    'pa_mpjpe_mm': 'mean distance of the 24 joints after the best similarity',
    'camera_mpjpe_mm': "mean distance of the 24 joints in the camera's frame, no alignment",
    'picture_mm': "how far a visible joint is off in the picture, mm at the person's distance: median of a body, mean "
                  'of the bodies',
    'pooled_pcc': 'Pearson over all (sample, joint): sigma against the mean squared error of the rotation matrix',
    'pooled_pcc_variance': 'the same with the variance that sigma means: its square, but of gauss itself',
    'pooled_pcc_mm': 'as pooled_pcc, against the distance of the joint, pelvises together',
    'within_joint': 'mean over the joints of the correlation within each',
    'ause': 'area between the sparsification curve and the best possible, over the mean error; 0 is perfect',
    'aurg': 'area between the curve of a random order and the sparsification curve, over the mean error; 0 is chance',
    'error_at_80': 'mean error, mm, of the 80 % of the bodies that are least uncertain',
    CALIBRATED: "the calibration's expected errors of joints and body, mm",
    CONSTANT: "each joint's mean error over the other sequences: knows nothing of the picture",
    VISIBILITY: '1 - how far the landmark network itself saw what defines the joint; of the body their mean',
}  # fmt: skip

Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[Any]


@dataclass(frozen=True)
class Judged:
    """A model's predictions and what they got wrong.

    :param predictions: S of them.
    :param errors: S rows.
    :param camera_mm: (S,) mean distance of the joints in the camera's frame.
    :param picture_mm: (S,) median over the visible joints of how far off they are in the picture.
    """

    predictions: Predictions
    errors: Errors
    camera_mm: npt.NDArray[np.floating]
    picture_mm: npt.NDArray[np.floating]

    @classmethod
    def of(cls, predictions: Predictions, body: BodyModel, progress: Progress | None = None) -> Judged:
        """Measure predictions of bodies of a model; progress is told how many are done, and of how many."""
        camera_mm = predictions.camera_errors_mm().mean(axis=1)
        with warnings.catch_warnings():
            warnings.simplefilter('ignore', RuntimeWarning)  # of nobody with nothing to be seen there is a median
            picture_mm = np.nanmedian(predictions.picture_errors_mm(), axis=1)
        return cls(predictions, errors_of(predictions, body, progress), camera_mm, picture_mm)


def body_summary(judged: Judged, rows: Rows) -> dict[str, float | int]:
    """Return the mean errors over some samples (a mask or numbers), those that are not known left out."""
    means = {name: mean_known(values[rows]) for name, values in judged.errors.of_bodies.items()}
    known = int(np.isfinite(judged.errors.mpjpe_mm[rows]).sum())
    return {'samples': known, **means, 'camera_mpjpe_mm': mean_known(judged.camera_mm[rows]),
            'picture_mm': mean_known(judged.picture_mm[rows])}


def evaluation_report(
    name: str, models: Mapping[str, Judged], visibility: FloatArray, groups: Mapping[str, npt.NDArray[np.str_]],
    calibration: Calibration | None = None,
) -> dict[str, Any]:
    """Return everything that is told, as JSON can hold it but for NaN.

    :param name: the model that is judged; every other is a baseline, and its uncertainty is also held against the
        errors of this one.
    :param models: by name, all of the same S samples.
    :param visibility: (S, 24) from :func:`~poco_ros.evaluation.predictions.landmark_visibility`.
    :param groups: (S,) texts by the name of the grouping, such as the source.
    :param calibration: of the model that is judged: what it says in millimetres is held against the errors too.
    """
    judged = models[name]
    common = ~np.any([model.predictions.lost for model in models.values()], axis=0)
    told = {key: _of_model(model, common) for key, model in models.items()}
    candidates = {OWN: (judged.predictions.sigma, judged.predictions.uncertainty),
                  VISIBILITY: (1 - visibility, 1 - visibility.mean(axis=1))}  # fmt: skip
    if calibration is not None:
        candidates[CALIBRATED] = _expected_errors(calibration, judged.predictions)
    candidates |= {f'{key} (its uncertainty)': (model.predictions.sigma, model.predictions.uncertainty)
                   for key, model in models.items() if key != name}
    return {
        'definitions': DEFINITIONS, 'samples': len(common), 'common': int(common.sum()),
        'sequences': len(np.unique(judged.predictions.sequence)), 'models': told,
        'uncertainties': uncertainty_rows(judged, candidates, common),
        'per_joint': per_joint(judged, common),
        'groups': {grouping: by_group(judged, labels, common) for grouping, labels in groups.items()},
        'per_sequence': by_group(judged, judged.predictions.sequence.astype(str), common),
        'sparsification': {key: sparsify(scalar[common], judged.errors.mpjpe_mm[common]).at_fractions()
                           for key, (_, scalar) in candidates.items()},
    }  # fmt: skip


def _of_model(model: Judged, common: Mask) -> dict[str, Any]:
    known = ~model.predictions.lost
    return {'lost': int((~known).sum()), 'errors': body_summary(model, common), 'errors_of_all_known':
            body_summary(model, known)}  # fmt: skip


def _expected_errors(calibration: Calibration, predictions: Predictions) -> tuple[FloatArray, FloatArray]:
    """Of the joints (S, 24) and of the bodies (S,), mm, as :class:`~poco_ros.calibration.calibrator.Calibrator`."""
    error = calibration.expected_errors(Outcomes.of(predictions))[:, :POSITION].astype(np.float32)
    return error, error.mean(axis=1)


def uncertainty_rows(
    judged: Judged, candidates: Mapping[str, tuple[npt.ArrayLike, npt.ArrayLike]], rows: Mask,
) -> dict[str, Any]:
    """Return what several uncertainties are worth for one model's errors, the constant per joint among them.

    :param judged: whose errors.
    :param candidates: by name: (S, 24) of the joints and (S,) of the bodies.
    :param rows: the samples that count.
    """
    errors, sequence = judged.errors.take(rows), judged.predictions.sequence[rows]
    found = {key: scores(np.asarray(sigma)[rows], np.asarray(scalar)[rows], errors)
             for key, (sigma, scalar) in candidates.items() if np.isfinite(np.asarray(scalar)[rows]).any()}
    constants = constant_per_joint(errors.rotation, sequence), constant_per_joint(errors.joint_mm, sequence)
    found[CONSTANT] = {'pooled_pcc': pcc(constants[0], errors.rotation)[0],
                       'pooled_pcc_mm': pcc(constants[1], errors.joint_mm)[0]}
    return found


def per_joint(judged: Judged, rows: Mask) -> list[dict[str, Any]]:
    """Return a row a joint: its errors, and how sigma goes with them within it."""
    errors, sigma = judged.errors.take(rows), judged.predictions.sigma[rows]
    rotation, place = within_joints(sigma, errors.rotation), within_joints(sigma, errors.joint_mm)
    return [
        {'joint': joint, 'error_mm': mean_known(errors.joint_mm[:, j]), 'rotation': mean_known(errors.rotation[:, j]),
         'sigma': mean_known(sigma[:, j]), 'pcc': rotation['pcc'][j], 'spearman': rotation['spearman'][j],
         'pcc_mm': place['pcc'][j], 'spearman_mm': place['spearman'][j]}
        for j, joint in enumerate(JOINT_NAMES)
    ]  # fmt: skip


def by_group(judged: Judged, labels: npt.NDArray[np.str_], rows: Mask) -> list[dict[str, Any]]:
    """Return a row a group: its errors, and how the body's uncertainty goes with them within it."""
    found = []
    scalar, pve, lost = judged.predictions.uncertainty, judged.errors.pve_mm, judged.predictions.lost
    names, group = np.unique(labels, return_inverse=True)
    order = np.argsort(group, kind='stable')
    parts = np.split(order, np.cumsum(np.bincount(group, minlength=len(names)))[:-1]) if len(names) else []
    for name, members in zip(names, parts, strict=True):
        part = members[rows[members]]
        row = {'name': str(name), 'lost': int(lost[members].sum()), **body_summary(judged, part)}
        found.append({**row, 'pcc_pve': pcc(scalar[part], pve[part])[0],
                      'spearman_pve': spearman(scalar[part], pve[part])})
    return found


def without_nan(value: Any) -> Any:
    """Return the same with None for what is NaN or infinite: JSON has no word for them."""
    if isinstance(value, dict):
        return {key: without_nan(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [without_nan(item) for item in value]
    if isinstance(value, (float, np.floating)):
        return float(value) if math.isfinite(value) else None
    return value
