"""What a regressor said of many persons, and how wrong it was: what a calibration is fitted to and judged by."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from poco_ros.calibration.error_network import ErrorNetwork, clues_of
from poco_ros.calibration.scores import POSITION, column_groups, column_scores
from poco_ros.errors import CalibrationError
from poco_ros.types import NUM_JOINTS

if TYPE_CHECKING:
    from poco_ros.evaluation.predictions import Predictions

Array = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Outcomes:
    """S persons.

    :param scores: (S, 25) of :func:`~poco_ros.calibration.scores.column_scores`; NaN where not known.
    :param clues: (S, 145) of :func:`~poco_ros.calibration.error_network.clues_of`; NaN where not known.
    :param groups: (S, 25) of :func:`~poco_ros.calibration.scores.column_groups`.
    :param error_mm: (S, 25): joints about the pelvis, then the position of the pelvis; NaN without a true value.
    :param sequence: (S,) which sequence.
    :param subject: (S,) whose.
    :param features: (S, F), or None.
    """

    scores: Array
    clues: Array
    groups: npt.NDArray[np.int64]
    error_mm: Array
    sequence: npt.NDArray[np.integer]
    subject: npt.NDArray[Any]
    features: Array | None = None

    def __len__(self) -> int:
        return len(self.sequence)

    @property
    def known(self) -> npt.NDArray[np.bool_]:
        """(S, 25), where there are a score and an error."""
        return np.isfinite(self.scores) & np.isfinite(self.error_mm)

    def take(self, index: npt.NDArray[np.generic]) -> Outcomes:
        """Return some of the persons."""
        values: dict[str, Any] = {f.name: getattr(self, f.name) for f in fields(self)}
        taken: dict[str, Any] = {name: None if value is None else value[index] for name, value in values.items()}
        return Outcomes(**taken)

    def rated(self, network: ErrorNetwork | None) -> Outcomes:
        """Return the same with the scores that an error network gives; None: with those that there are."""
        return self if network is None else replace(self, scores=network.at(self.clues))

    @classmethod
    def of(cls, predictions: Predictions) -> Outcomes:
        """Read predictions.

        :raises CalibrationError: when an error is negative, or arrays do not fit together.
        """
        joint = np.asarray(predictions.joint_errors_mm(), np.float64)
        pelvis = np.asarray(predictions.camera_errors_mm(), np.float64)[:, :1]
        return cls.of_arrays(
            joints_m=predictions.joints_m, sigma=predictions.sigma, seen=predictions.seen,
            joint_error_mm=joint, position_error_mm=pelvis[:, 0], sequence=predictions.sequence,
            subject=predictions.subject, features=predictions.features)

    @classmethod
    def of_arrays(
        cls, *, joints_m: npt.ArrayLike, sigma: npt.ArrayLike, seen: npt.ArrayLike, joint_error_mm: npt.ArrayLike,
        position_error_mm: npt.ArrayLike, sequence: npt.ArrayLike, subject: npt.ArrayLike | None = None,
        features: npt.ArrayLike | None = None,
    ) -> Outcomes:
        """Return the outcomes of S persons.

        :param joints_m: (S, 24, 3) as estimated, metres, optical frame; NaN where nothing was said of a person.
        :param sigma: (S, 24).
        :param seen: (S, 24) in [0, 1]; NaN where not known.
        :param joint_error_mm: (S, 24), pelvises aligned.
        :param position_error_mm: (S,) of the pelvis in the optical frame.
        :param sequence: (S,).
        :param subject: (S,); None: everybody is somebody else in each sequence.
        :param features: (S, F) or None.
        :raises CalibrationError: when an error is negative, or arrays do not fit together.
        """
        names = np.asarray(sequence)
        count = len(names)
        error = np.column_stack([np.asarray(joint_error_mm, np.float64), np.asarray(position_error_mm, np.float64)])
        shapes = {
            'joints_m': (np.shape(joints_m), (count, NUM_JOINTS, 3)), 'sigma': (np.shape(sigma), (count, NUM_JOINTS)),
            'seen': (np.shape(seen), (count, NUM_JOINTS)), 'errors': (error.shape, (count, POSITION + 1)),
        }
        for name, (found, wanted) in shapes.items():
            if found != wanted:
                raise CalibrationError(f'{name} must be an array {wanted} for {count} persons, not {found}')
        if (error < 0).any():
            raise CalibrationError('an error is negative: errors are distances in millimetres')
        scores = column_scores(sigma, joints_m)
        return cls(scores, clues_of(scores, sigma, seen, joints_m), column_groups(seen), error, names,
                   names if subject is None else np.asarray(subject),
                   None if features is None else np.asarray(features, np.float64))
