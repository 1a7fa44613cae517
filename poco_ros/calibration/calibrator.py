"""A calibration at work: fills the calibrated fields of bodies, at one level of coverage."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.calibration.error_network import clues_of
from poco_ros.calibration.expected_error import cells
from poco_ros.calibration.model import LEAST_ERROR_MM, Calibration
from poco_ros.calibration.scores import POSITION, column_groups, column_scores
from poco_ros.types import Bodies, Domain, FloatArray

Array = npt.NDArray[np.float64]

_UNKNOWN, _IN, _OUT = np.array([Domain.UNKNOWN, Domain.IN, Domain.OUT], np.uint8)
_MEAN_OF_JOINTS = np.append(np.full(POSITION, 1 / POSITION), 0.0)


class Calibrator:
    """Turns uncertainties into millimetres. Stateless; safe to use from several threads.

    :param calibration: whose numbers.
    :param coverage: of the radii, one of the calibration's levels.
    :raises CalibrationError: when it is none of them.
    """

    def __init__(self, calibration: Calibration, coverage: float) -> None:
        level = calibration.level_index(coverage)
        self.calibration = calibration
        self.coverage = coverage
        self._expected = calibration.expected
        self._factor = np.ascontiguousarray(calibration.factor[..., level]).reshape(-1)
        self._body_factor = float(calibration.body_factor[level])
        self._nearest, self._farthest = calibration.distance_m

    def apply(
        self, bodies: Bodies, seen: npt.ArrayLike, features: npt.ArrayLike | None = None, *, metric: bool = True,
    ) -> Bodies:
        """Return the bodies with expected errors, radii, confidence and ``in_domain`` filled in.

        What the uncertainty is not known of stays NaN. Radii and errors of joints are about the pelvis, those of
        ``transl`` in the optical frame.

        :param bodies: N bodies as the regressor gave them.
        :param seen: (N, 24) in [0, 1], NaN where not known; of :class:`~poco_ros.regressors.base.Evidence`.
        :param features: (N, F), or None; likewise.
        :param metric: False where the camera's focal length is a guess. Distances from the camera are then
            proportional to the guess: what is said of ``transl`` is NaN, and nobody is surely in the domain, because
            all cameras of calibration were known.
        :raises CalibrationError: when the features are not those of the calibration.
        """
        if len(bodies) == 0:
            return bodies
        scores, cell = column_scores(bodies.joint_uncertainty, bodies.joints), cells(column_groups(seen))
        network = self.calibration.error_network
        error = self._expected.at(scores if network is None else network.at(
            clues_of(scores, bodies.joint_uncertainty, seen, bodies.joints)), cell)
        radius = np.maximum(error, LEAST_ERROR_MM)
        largest = radius[:, :POSITION].max(axis=1)
        radius *= self._factor.take(cell)
        body_error = error @ _MEAN_OF_JOINTS
        error, radius = error.astype(np.float32), radius.astype(np.float32)
        if not metric:
            error[:, POSITION] = radius[:, POSITION] = np.nan
        return Bodies(**{
            **vars(bodies),
            'joint_error_mm': error[:, :POSITION], 'joint_radius_mm': radius[:, :POSITION],
            'body_error_mm': _single(body_error), 'body_radius_mm': _single(self._body_factor * largest),
            'transl_error_mm': error[:, POSITION], 'transl_radius_mm': radius[:, POSITION],
            'confidence': _single(self.calibration.confidence(body_error)),
            'in_domain': self._domain(scores[:, POSITION], features, metric),
        })

    def _domain(self, distance: Array, features: npt.ArrayLike | None, metric: bool) -> npt.NDArray[np.uint8]:
        """Return (N,) of :class:`Domain`: OUT by distance or features, IN only where features and camera say so."""
        detector = self.calibration.domain
        out: npt.NDArray[np.uint8]
        if features is None or detector is None:
            out = np.full(len(distance), _UNKNOWN)
        else:
            apart = detector.distance(features)
            out = np.where(apart <= detector.threshold, _IN if metric else _UNKNOWN, _OUT)
            out[np.isnan(apart + distance)] = _UNKNOWN
        if metric:
            out[(distance < self._nearest) | (distance > self._farthest)] = _OUT
        return out


def _single(values: npt.NDArray[np.floating]) -> FloatArray:
    return values.astype(np.float32)
