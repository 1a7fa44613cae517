"""What a calibration is: what it was made for and from, its curves and factors, and what it promises in words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from poco_ros.calibration.domain import DomainDetector
from poco_ros.calibration.error_network import ErrorNetwork
from poco_ros.calibration.expected_error import ExpectedError, cells
from poco_ros.calibration.isotonic import Curve
from poco_ros.errors import CalibrationError

if TYPE_CHECKING:
    from poco_ros.body.model import BodyModel
    from poco_ros.calibration.outcomes import Outcomes
    from poco_ros.regressors.base import RegressorInfo

Array = npt.NDArray[np.float64]

LEAST_ERROR_MM = 1e-3
"""Radii are factors on expected errors of at least this: the pelvis about itself has none."""


@dataclass(frozen=True)
class MadeFor:
    """The regressor and the body model that a calibration holds for; hashes as in ``BodyModelInfo``.

    :param model: name of the regressor.
    :param model_version: of its code or weights.
    :param weights_hash: of its weights; empty where it has none.
    :param graph_hash: of the graph that ran, which also tells its precision; empty where there is none.
    :param body_model: name.
    :param body_model_hash: of its file.
    """

    model: str
    model_version: str
    weights_hash: str
    graph_hash: str
    body_model: str
    body_model_hash: str

    @classmethod
    def of(cls, info: RegressorInfo, body: BodyModel) -> MadeFor:
        """Return what runs."""
        return cls(info.model, info.model_version, info.weights_hash, info.graph_hash, body.name, body.sha256)


@dataclass(frozen=True)
class CalibrationData:
    """What a calibration was made from.

    :param name: of the data set.
    :param sha256: of its ``dataset.json``; empty where there is none.
    :param split: the part of it that was used.
    :param num_sequences: sequences with at least one body.
    :param num_radius_sequences: those of them that the radii were calibrated on; the others, or those that an error
        network learned from, gave the expected errors.
    :param certainty: of the promise for new sequences, over the draw of these; 0: it holds on average over the draw,
        because there are too few for more.
    :param num_subjects: people in them.
    :param num_frames: bodies in them.
    :param num_lost: persons of whom the regressor said nothing: they are not in the calibration.
    :param date: of the calibration, YYYY-MM-DD.
    :param learned_name: of the data set that the error network learned from; empty where there is no such network.
    :param learned_sha256: of its ``dataset.json``.
    :param learned_split: the part of it.
    :param num_learned_sequences: in that part, with at least one body.
    """

    name: str
    sha256: str
    split: str
    num_sequences: int
    num_radius_sequences: int
    certainty: float
    num_subjects: int
    num_frames: int
    num_lost: int
    date: str
    learned_name: str = ''
    learned_sha256: str = ''
    learned_split: str = ''
    num_learned_sequences: int = 0


@dataclass(frozen=True, eq=False)
class Calibration:
    """From a model's uncertainty to millimetres.

    :param made_for: what it holds for.
    :param data: what it was made from.
    :param levels: Q coverages of the radii, increasing.
    :param confidence_bound_mm: in the definition of confidence.
    :param error_network: gives the scores that ``expected`` takes; None: they are those of single joints,
        :func:`~poco_ros.calibration.scores.column_scores`.
    :param expected: expected errors, millimetres.
    :param factor: (25, 4, Q) from expected error to radius, by column and group of visibility.
    :param body_factor: (Q,) from the largest expected error of the 24 joints to the radius that holds all of them.
    :param confidence: from the expected mean error of the joints, in mm, to the probability that it is under the bound.
    :param distance_m: nearest and farthest pelvis that count as familiar, metres.
    :param domain: tells unfamiliar features; None where the regressor has none.
    :param coverage_statement: what is promised, in words.
    :param measured: coverage on other people, as ``poco calibrate`` measured it; empty where it was not.
    :param calibration_id: sha256 of all of the above; empty until it is written or read.
    """

    made_for: MadeFor
    data: CalibrationData
    levels: tuple[float, ...]
    confidence_bound_mm: float
    error_network: ErrorNetwork | None
    expected: ExpectedError
    factor: Array
    body_factor: Array
    confidence: Curve
    distance_m: tuple[float, float]
    domain: DomainDetector | None
    coverage_statement: str
    measured: Mapping[str, Any] = field(default_factory=dict)
    calibration_id: str = ''

    @property
    def status(self) -> str:
        """Who, on what, when: for the model-info message."""
        d = self.data
        return (f'{self.made_for.model} on {d.num_sequences} sequences of {d.num_subjects} subjects of {d.name} '
                f'({d.split}), {d.date}')

    def expected_errors(self, outcomes: Outcomes) -> Array:
        """Return (S, 25) expected errors in millimetres; NaN where the score is NaN."""
        return self.expected.at(outcomes.rated(self.error_network).scores, cells(outcomes.groups))

    def level_index(self, coverage: float) -> int:
        """Return which of the levels a coverage is.

        :raises CalibrationError: when it is none of them; names those there are.
        """
        for index, level in enumerate(self.levels):
            if abs(level - coverage) < 1e-9:
                return index
        raise CalibrationError(f'the calibration has radii of coverage {", ".join(f"{v:g}" for v in self.levels)}, not '
                               f'{coverage:g}; set coverage to one of them, or make one with "poco calibrate --level"')


def check_made_for(calibration: Calibration, running: MadeFor, source: str) -> None:
    """Refuse a calibration that was made for something else than what runs.

    :param source: the file, for the message.
    :raises CalibrationError: says in what they differ, and how to make a new one.
    """
    given = calibration.made_for
    differences = [
        f'{what} {_short(a)}, but {_short(b)} runs' for what, a, b in (
            ('model', given.model, running.model), ('model version', given.model_version, running.model_version),
            ('weights', given.weights_hash, running.weights_hash), ('graph', given.graph_hash, running.graph_hash),
            ('body model', f'{given.body_model} {_short(given.body_model_hash)}',
             f'{running.body_model} {_short(running.body_model_hash)}')) if a != b]
    if differences:
        raise CalibrationError(
            f'{source} was made for {"; ".join(differences)}. Millimetres hold for one network and body model '
            'only: make a new one with "poco calibrate --data DIR --out FILE", --model and --body-model as of the node')


def _short(text: str) -> str:
    is_hash = len(text) == 64 and not set(text) - set('0123456789abcdef')
    return f'{text[:12]}...' if is_hash else text or '(none)'
