"""Makes a calibration: expected errors from some sequences, radii, confidence and the domain's threshold from others.

The split keeps the promise of the radii exact: the curves that they are factors on have never seen their sequences.
Where an error network has learned from a data set of its own, all that is expected (the curves, the confidence) comes
from its many people, and all that is promised (the radii) from the sequences that are given.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.calibration.conformal import conformal_bound, rows_by_sequence, sequence_weights, sequences_needed
from poco_ros.calibration.domain import DomainDetector, fit_domain
from poco_ros.calibration.error_network import ErrorNetwork
from poco_ros.calibration.expected_error import ExpectedError, cells
from poco_ros.calibration.isotonic import NUM_KNOTS, Curve, fit_curve
from poco_ros.calibration.model import LEAST_ERROR_MM, Calibration, CalibrationData, MadeFor
from poco_ros.calibration.outcomes import Outcomes
from poco_ros.calibration.scores import ANY, COLUMNS, EXTREMITIES, GROUPS, POSITION
from poco_ros.calibration.statement import coverage_statement
from poco_ros.errors import CalibrationError

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

LEVELS = (0.5, 0.9, 0.95)
CONFIDENCE_BOUND_MM = 100.0

#: Of the promise for new sequences, over the draw of the calibration sequences, where there are enough of them.
_CERTAINTY = 0.95
#: A group of visibility with fewer sequences has no curve and no factor of its own.
_LEAST_SEQUENCES = 30
#: Part of the sequences that the expected errors are fitted to.
_FITTED = 1 / 3
_SEED = 4
#: Bodies so much nearer or farther than any of calibration are unfamiliar.
_DISTANCE_MARGIN = 1.2


@dataclass(frozen=True)
class Source:
    """Where outcomes come from, for the record.

    :param made_for: what gave them.
    :param name: of the data set.
    :param sha256: of its ``dataset.json``.
    :param split: the part of it.
    :param date: of today, YYYY-MM-DD.
    """

    made_for: MadeFor
    name: str
    sha256: str
    split: str
    date: str


@dataclass(frozen=True)
class Learned:
    """An error network, and what it learned from.

    :param network: gives the scores that expected errors are curves of.
    :param outcomes: of its lessons; the curves are fitted to them.
    :param name: of the data set.
    :param sha256: of its ``dataset.json``.
    :param split: the part of it.
    """

    network: ErrorNetwork
    outcomes: Outcomes
    name: str
    sha256: str
    split: str

    @property
    def record(self) -> dict[str, Any]:
        """What :class:`~poco_ros.calibration.model.CalibrationData` tells of it."""
        used = self.outcomes.sequence[self.outcomes.known.any(axis=1)]
        return {'learned_name': self.name, 'learned_sha256': self.sha256, 'learned_split': self.split,
                'num_learned_sequences': rows_by_sequence(used)[1]}


def fit_calibration(
    outcomes: Outcomes, source: Source, *, learned: Learned | None = None, levels: tuple[float, ...] = LEVELS,
    confidence_bound_mm: float = CONFIDENCE_BOUND_MM,
) -> Calibration:
    """Fit a calibration.

    :param outcomes: of the calibration split. Persons without a body, and errors without a true value, are left out.
    :param source: where they come from.
    :param learned: from none of these sequences; None: expected errors are curves of the scores of single joints.
    :param levels: coverages of the radii, in (0, 1), increasing.
    :param confidence_bound_mm: in the definition of confidence.
    :raises CalibrationError: when the model states no uncertainty, there are no true values, a joint has none and no
        other stands in, or there are too few sequences; says how many are needed.
    """
    if list(levels) != sorted(set(levels)) or not levels or not 0 < levels[0] <= levels[-1] < 1:
        raise CalibrationError(f'levels must increase between 0 and 1, not {", ".join(map(str, levels))}')
    lost = ~np.isfinite(outcomes.scores[:, POSITION])
    _check_stated(outcomes, lost)
    used = outcomes.take(np.asarray(outcomes.known.any(axis=1)))
    held_out = _held_out(used.sequence, max(levels))
    if learned:
        fitted, tested = learned.outcomes.rated(learned.network), used.rated(learned.network)
    else:
        fitted, tested = used.take(~held_out), used.take(held_out)
    expected = _expected_error(fitted)
    mu = expected.at(tested.scores, cells(tested.groups))
    confidence = _confidence(fitted if learned else tested, expected, confidence_bound_mm)
    sequences = rows_by_sequence(tested.sequence)[1]
    certainty = _CERTAINTY if sequences >= sequences_needed(max(levels), _CERTAINTY) else None
    distance = used.scores[:, POSITION]
    data = CalibrationData(
        source.name, source.sha256, source.split, rows_by_sequence(used.sequence)[1], sequences,
        certainty or 0.0, len(np.unique(used.subject)), len(used), int(lost.sum()), source.date,
        **(learned.record if learned else {}))
    return Calibration(
        made_for=source.made_for, data=data, levels=tuple(float(level) for level in levels),
        confidence_bound_mm=float(confidence_bound_mm), error_network=learned.network if learned else None,
        expected=expected, factor=_factors(tested, expected, mu, levels, certainty),
        body_factor=_body_factors(tested, mu, levels, certainty), confidence=confidence,
        distance_m=(float(distance.min() / _DISTANCE_MARGIN), float(distance.max() * _DISTANCE_MARGIN)),
        domain=_domain(used, held_out), coverage_statement=coverage_statement(data, levels))


def _check_stated(outcomes: Outcomes, lost: Mask) -> None:
    """Refuse outcomes that cannot be calibrated at all."""
    if len(outcomes) == 0 or lost.all():
        raise CalibrationError('the regressor gave no body for any of the calibration data: nothing to calibrate')
    if not np.isfinite(outcomes.scores[~lost, 1:POSITION]).any():
        raise CalibrationError('the model states no uncertainty (every sigma is NaN), so there is nothing to turn into '
                               'millimetres; calibrate a model with a sigma')
    if not np.isfinite(outcomes.error_mm).any():
        raise CalibrationError('there is not one true joint among the labels (all are NaN); calibrate on data with '
                               'SMPL labels')


def _held_out(sequence: npt.NDArray[np.integer], finest: float) -> Mask:
    """Return (S,), the frames of the sequences that radii are calibrated on."""
    index, n = rows_by_sequence(sequence)
    fitted = max(1, round(n * _FITTED))
    needed = sequences_needed(finest)
    if n - fitted < needed:
        total = needed
        while total - max(1, round(total * _FITTED)) < needed:
            total += 1
        raise CalibrationError(
            f'{n} sequences are too few: {fitted} of them give the expected errors, and radii of coverage {finest:g} '
            f'need {needed} others; use at least {total} sequences, or coarser levels')
    first = np.random.default_rng(_SEED).permutation(n)[:fitted]
    return ~np.isin(index, first)


def _class_of(column: int) -> list[int]:
    """Return the columns that may stand in for one: hands and feet for each other, the other joints for each other."""
    if column == POSITION:
        return [POSITION]
    return [c for c in range(POSITION) if (c in EXTREMITIES) == (column in EXTREMITIES)]


def _expected_error(fitted: Outcomes) -> ExpectedError:
    """Fit 25 x 4 curves; a group with few sequences takes the curve of its joint, a joint without labels its kind's."""
    known = fitted.known
    curves = []
    for column in range(COLUMNS):
        whole = _curve(fitted, known, [column]) or _curve(fitted, known, _class_of(column))
        if whole is None:
            what = 'the position' if column == POSITION else f'joint {column}'
            raise CalibrationError(f'{what} has no true value in any sequence that expected errors are fitted to')
        row = []
        for group in range(ANY):
            mask = known & (fitted.groups == group)
            enough = rows_by_sequence(fitted.sequence[mask[:, column]])[1] >= _LEAST_SEQUENCES
            row.append((_curve(fitted, mask, [column]) if enough else None) or whole)
        curves.append([*row, whole])
    return ExpectedError.of_curves(curves, NUM_KNOTS)


def _curve(fitted: Outcomes, mask: Mask, columns: list[int]) -> Curve | None:
    """Fit one curve to all the samples of some columns; None where there are none."""
    where = mask[:, columns]
    if not where.any():
        return None
    sequence = np.broadcast_to(fitted.sequence[:, None], where.shape)[where]
    return fit_curve(fitted.scores[:, columns][where], fitted.error_mm[:, columns][where], sequence_weights(sequence))


def _factors(
    tested: Outcomes, expected: ExpectedError, mu: Array, levels: tuple[float, ...], certainty: float | None,
) -> Array:
    """Return (25, 4, Q): for each joint a factor that holds over all its frames, and not a smaller one in any group.

    Like this both promises hold: for the joint whatever was seen of it, and for each group by itself.
    """
    known = tested.known
    ratio = tested.error_mm / np.maximum(mu, LEAST_ERROR_MM)
    blind = expected.at(tested.scores, cells(np.full_like(tested.groups, ANY)))
    blind_ratio = tested.error_mm / np.maximum(blind, LEAST_ERROR_MM)
    out = np.empty((COLUMNS, len(GROUPS), len(levels)))
    for column in range(COLUMNS):
        own = _sequences(tested, known, [column]) >= sequences_needed(levels[-1], certainty)
        kin = [column] if own else _class_of(column)
        for q, level in enumerate(levels):
            whole = _bound(tested, ratio, known, kin, level, certainty)
            out[column, ANY, q] = _bound(tested, blind_ratio, known, kin, level, certainty)
            for group in range(ANY):
                mask = known & (tested.groups == group)
                needed = max(_LEAST_SEQUENCES, sequences_needed(level, certainty))
                if _sequences(tested, mask, [column]) >= needed:
                    out[column, group, q] = max(whole, _bound(tested, ratio, mask, [column], level, certainty))
                else:
                    out[column, group, q] = whole
    return out


def _sequences(outcomes: Outcomes, mask: Mask, columns: list[int]) -> int:
    return rows_by_sequence(outcomes.sequence[mask[:, columns].any(axis=1)])[1]


def _bound(
    outcomes: Outcomes, ratio: Array, mask: Mask, columns: list[int], level: float, certainty: float | None,
) -> float:
    where = mask[:, columns]
    sequence = np.broadcast_to(outcomes.sequence[:, None], where.shape)[where]
    return conformal_bound(ratio[:, columns][where], sequence, level, certainty)


def _body_factors(tested: Outcomes, mu: Array, levels: tuple[float, ...], certainty: float | None) -> Array:
    """Return (Q,) factors on the largest expected error of the joints that hold the largest error of them."""
    whole = tested.known[:, :POSITION].all(axis=1)
    if not whole.any():
        raise CalibrationError('no person has true values of all 24 joints, so no radius can hold all of them')
    largest = np.maximum(mu[whole, :POSITION], LEAST_ERROR_MM).max(axis=1)
    ratio = tested.error_mm[whole, :POSITION].max(axis=1) / largest
    return np.array([conformal_bound(ratio, tested.sequence[whole], level, certainty) for level in levels])


def _confidence(outcomes: Outcomes, expected: ExpectedError, bound_mm: float) -> Curve:
    """Fit the probability that the mean error of the joints is under a bound, given what it is expected to be.

    No frame is certain: probabilities stay one in (n + 2) from 0 and 1, for n sequences.
    """
    whole = outcomes.take(np.asarray(outcomes.known[:, :POSITION].all(axis=1)))
    if not len(whole):
        raise CalibrationError('no person has true values of all 24 joints, so no body error is known')
    sequence = whole.sequence
    under = (whole.error_mm[:, :POSITION].mean(axis=1) < bound_mm).astype(float)
    mu = expected.at(whole.scores, cells(whole.groups))[:, :POSITION].mean(axis=1)
    curve = fit_curve(mu, under, sequence_weights(sequence), increasing=False)
    least = 1 / (rows_by_sequence(sequence)[1] + 2)
    return Curve(curve.x, curve.y.clip(least, 1 - least))


def _domain(used: Outcomes, held_out: Mask) -> DomainDetector | None:
    """Fit the detector of unfamiliar input; None without features."""
    if used.features is None or used.features.shape[1] < 2:
        return None
    finite = np.isfinite(used.features).all(axis=1)
    if not (finite & held_out).any() or (finite & ~held_out).sum() < 2:
        return None
    return fit_domain(used.features[finite], used.sequence[finite], held_out[finite])
