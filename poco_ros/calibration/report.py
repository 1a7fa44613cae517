"""Measures a calibration on people it was not made from: what was promised, and what was found."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.smpl import JOINT_NAMES
from poco_ros.calibration.expected_error import cells
from poco_ros.calibration.metrics import Reliability, auroc, coverage, reliability, sequence_coverage
from poco_ros.calibration.model import LEAST_ERROR_MM, Calibration
from poco_ros.calibration.outcomes import Outcomes
from poco_ros.calibration.scores import GROUPS, POSITION

Array = npt.NDArray[np.float64]

COLUMN_NAMES = (*JOINT_NAMES, 'position')
BODY = 'body'


def measure(calibration: Calibration, outcomes: Outcomes) -> dict[str, Any]:
    """Hold a calibration against outcomes.

    :param outcomes: of people, clothes and backgrounds that it was not made from.
    :returns: plain data for JSON. ``coverage``: per level, per joint, ``position`` and ``body``; ``summary`` of it over
        the 23 joints that can be wrong about the pelvis; ``by_group``; ``subjects``: the least part of frames within of
        any subject; ``expected_error`` and ``confidence``: reliability; ``domain``: part of the frames inside.
    """
    mu = calibration.expected_errors(outcomes)
    per_level = []
    for q, level in enumerate(calibration.levels):
        radius = np.maximum(mu, LEAST_ERROR_MM) * calibration.factor[..., q].reshape(-1)[cells(outcomes.groups)]
        per_level.append(_level(calibration, outcomes, mu, radius, q, level))
    return {
        'frames': len(outcomes), 'lost': int((~np.isfinite(outcomes.scores[:, POSITION])).sum()),
        'sequences': len(np.unique(outcomes.sequence)), 'subjects': len(np.unique(outcomes.subject)),
        'coverage': per_level, 'expected_error': _expected(outcomes, mu),
        'confidence': _confidence(calibration, outcomes, mu), 'domain': _domain(calibration, outcomes),
    }  # fmt: skip


def measure_shift(calibration: Calibration, familiar: Outcomes, shifted: Outcomes) -> dict[str, Any]:
    """Measure on data that differ on purpose, and how well the domain detector tells them.

    :param familiar: outcomes of data like those of calibration.
    :param shifted: of the others.
    """
    result = measure(calibration, shifted)
    detector = calibration.domain
    if detector is not None and familiar.features is not None and shifted.features is not None:
        result['domain']['auroc'] = _number(auroc(
            detector.distance(familiar.features), detector.distance(shifted.features)))
    return result


def _level(
    calibration: Calibration, outcomes: Outcomes, mu: Array, radius: Array, q: int, level: float,
) -> dict[str, Any]:
    error, sequence = outcomes.error_mm, outcomes.sequence
    found = {name: coverage(error[:, c], radius[:, c], sequence, level) for c, name in enumerate(COLUMN_NAMES)}
    body_radius = calibration.body_factor[q] * np.maximum(mu[:, :POSITION], LEAST_ERROR_MM).max(axis=1)
    found[BODY] = coverage(error[:, :POSITION].max(axis=1), body_radius, sequence, level)
    joints = [one for name, one in found.items() if one is not None and name in JOINT_NAMES[1:]]
    by_group = {}
    for group, name in enumerate(GROUPS):
        where = outcomes.known & (outcomes.groups == group)
        where[:, [0, POSITION]] = False
        rows = np.nonzero(where)[0]
        one = coverage(error[where], radius[where], sequence[rows], level) if where.any() else None
        by_group[name] = {**_plain(one), 'samples': int(where.sum())}
    return {
        'level': level, 'columns': {name: _plain(one) for name, one in found.items()}, 'by_group': by_group,
        'summary': {
            'mean_frames': _number(np.mean([j.frames for j in joints])) if joints else None,
            'mean_sequences': _number(np.mean([j.sequences for j in joints])) if joints else None,
            'least_frames': min((j.frames for j in joints), default=None),
            'least_sequences': min((j.sequences for j in joints), default=None),
            'mean_radius_mm': _number(np.mean([j.radius_mm for j in joints])) if joints else None,
            'worst_subject': _worst_subject(outcomes, radius),
        },
    }  # fmt: skip


def _worst_subject(outcomes: Outcomes, radius: Array) -> dict[str, Any] | None:
    """Return the subject with the least part of joints within, over all joints and frames."""
    known = outcomes.known[:, 1:POSITION]
    within = (outcomes.error_mm <= radius)[:, 1:POSITION] & known
    names, index = np.unique(outcomes.subject, return_inverse=True)
    of_subject, total = np.bincount(index, within.sum(axis=1)), np.bincount(index, known.sum(axis=1))
    if not total.any():
        return None
    part = np.where(total > 0, of_subject / np.maximum(total, 1), np.inf)
    worst = int(part.argmin())
    return {'subject': str(names[worst]), 'within': float(part[worst]), 'samples': int(total[worst])}


def _expected(outcomes: Outcomes, mu: Array) -> dict[str, Any]:
    """Reliability of the expected errors: all joints together, each, and the body's mean."""
    error, sequence = outcomes.error_mm, outcomes.sequence
    joints = np.broadcast_to(sequence[:, None], mu[:, 1:POSITION].shape)
    each = {name: reliability(mu[:, c], error[:, c], sequence) for c, name in enumerate(COLUMN_NAMES) if c}
    return {
        'joints': _bins(reliability(mu[:, 1:POSITION].ravel(), error[:, 1:POSITION].ravel(), joints.ravel())),
        'body': _bins(reliability(mu[:, :POSITION].mean(axis=1), error[:, :POSITION].mean(axis=1), sequence)),
        'ence': {name: None if r is None else r.normalised_error for name, r in each.items()},
    }


def _confidence(calibration: Calibration, outcomes: Outcomes, mu: Array) -> dict[str, Any]:
    """Reliability of the confidence, and its Brier score."""
    error = outcomes.error_mm[:, :POSITION].mean(axis=1)
    sure = calibration.confidence(mu[:, :POSITION].mean(axis=1))
    under = np.where(np.isnan(error), np.nan, error < calibration.confidence_bound_mm)
    known = np.isfinite(sure) & np.isfinite(under)
    found = reliability(sure, under, outcomes.sequence)
    return {
        'bound_mm': calibration.confidence_bound_mm, **_bins(found),
        'ece': None if found is None else found.calibration_error,
        'brier': _number(((sure - under)[known] ** 2).mean()) if known.any() else None,
        'part_under_bound': _number(under[known].mean()) if known.any() else None,
    }


def _domain(calibration: Calibration, outcomes: Outcomes) -> dict[str, Any]:
    near, far = calibration.distance_m
    distance = outcomes.scores[:, POSITION]
    body = np.isfinite(distance)
    at_distance = body & (distance >= near) & (distance <= far)
    out: dict[str, Any] = {'at_familiar_distance': _number(at_distance.sum() / max(1, body.sum()))}
    if calibration.domain is not None and outcomes.features is not None and body.any():
        inside = calibration.domain.familiar(outcomes.features) & at_distance
        by_sequence = sequence_coverage(inside[body], outcomes.sequence[body])
        out |= {'inside': float(by_sequence.mean()), 'promised': calibration.domain.share_inside,
                'flagged': float(1 - by_sequence.mean())}
    return out


def _bins(found: Reliability | None) -> dict[str, Any]:
    if found is None:
        return {'promised': [], 'found': [], 'weight': [], 'normalised_error': None}
    return {'promised': found.promised.tolist(), 'found': found.found.tolist(), 'weight': found.weight.tolist(),
            'normalised_error': found.normalised_error}


def _plain(record: Any) -> dict[str, Any]:
    return {} if record is None else dataclasses.asdict(record)


def _number(value: Any) -> float | None:
    number = float(value)
    return number if np.isfinite(number) else None
