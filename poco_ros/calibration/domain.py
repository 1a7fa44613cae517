"""Tells input unlike the calibration data: how far a network's features lie from those of calibration."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import numpy.typing as npt

from poco_ros.calibration.conformal import conformal_bound, finest_level, rows_by_sequence, sequence_weights
from poco_ros.errors import CalibrationError

Array = npt.NDArray[np.float64]

NUM_COMPONENTS = 24
SHARE_INSIDE = 0.95
"""Part of the sequences, and of the frames of each, that the threshold lets pass."""
#: How far the variances are drawn to their mean, against those that few samples make too small.
_SHRINKAGE = 0.1
#: A feature that never changes in calibration has this scale, as a part of the mean scale.
_LEAST_SCALE = 1e-3


@dataclass(frozen=True, eq=False)
class DomainDetector:
    """Mahalanobis distance of features under a covariance of a few principal components and one variance for the rest.

    The covariance is that of probabilistic principal component analysis, its variances drawn a tenth of the way to
    their mean: everything that a feature vector can do counts, also what calibration never did.

    :param mean: (F,) of the features.
    :param scale: (F,) of the features; components are of ``(features - mean) / scale``.
    :param components: (F, C) orthonormal columns.
    :param variance: (C,) along the components.
    :param rest_variance: of all other directions.
    :param threshold: squared distance per feature up to which input is familiar.
    :param share_inside: the level of the threshold, see :func:`~poco_ros.calibration.conformal.conformal_bound`.
    """

    mean: Array
    scale: Array
    components: Array
    variance: Array
    rest_variance: float
    threshold: float
    share_inside: float

    @cached_property
    def _per_scale(self) -> Array:
        return 1 / self.scale

    @cached_property
    def _per_rest(self) -> float:
        return 1 / (self.rest_variance * len(self.mean))

    @cached_property
    def _more_per_variance(self) -> Array:
        return 1 / (self.variance * len(self.mean)) - self._per_rest

    def distance(self, features: npt.ArrayLike) -> Array:
        """Return (N,) squared distances per feature, about 1 for familiar input; NaN for a row with NaN.

        :param features: (N, F).
        :raises CalibrationError: when F is another than in calibration.
        """
        given = np.asarray(features, np.float64)
        if given.ndim != 2 or given.shape[1] != len(self.mean):
            raise CalibrationError(f'the calibration judges input by {len(self.mean)} features, the network gives an '
                                   f'array {given.shape}; make a new one with "poco calibrate"')
        whitened = given - self.mean
        whitened *= self._per_scale
        along = whitened @ self.components
        along *= along
        # what does not lie along the components lies along the rest: |z|^2 less what they have of it
        return np.asarray(along @ self._more_per_variance + np.einsum('nf,nf->n', whitened, whitened) * self._per_rest)

    def familiar(self, features: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        """Return (N,), whether features resemble those of calibration; False for a row with NaN."""
        return self.distance(features) <= self.threshold


def fit_domain(
    features: Array, sequence: npt.NDArray[np.integer], held_out: npt.NDArray[np.bool_],
) -> DomainDetector:
    """Fit the distance on some sequences and its threshold on others.

    :param features: (S, F), finite; F > 1.
    :param sequence: (S,).
    :param held_out: (S,), the frames that the threshold is set on; all frames of a sequence are, or none.
    """
    known, weight = features[~held_out], sequence_weights(sequence[~held_out])
    weight = weight / weight.sum()
    mean = weight @ known
    scale = np.sqrt(weight @ (known - mean) ** 2)
    scale = np.maximum(scale, _LEAST_SCALE * scale.mean()) if scale.any() else np.ones_like(scale)
    whitened = (known - mean) / scale
    variance, directions = np.linalg.eigh((whitened * weight[:, None]).T @ whitened)
    count = min(NUM_COMPONENTS, features.shape[1] - 1, len(known) - 1)
    variance, directions = variance[::-1].clip(min=0), directions[:, ::-1]
    middle = variance.mean() if variance.any() else 1.0
    shrunk = (1 - _SHRINKAGE) * variance + _SHRINKAGE * middle
    detector = DomainDetector(
        mean, scale, directions[:, :count].copy(), shrunk[:count], float(shrunk[count:].mean()), np.inf, 0.0)
    tested = sequence[held_out]
    share = min(SHARE_INSIDE, finest_level(rows_by_sequence(tested)[1]))
    threshold = conformal_bound(detector.distance(features[held_out]), tested, share)
    return replace(detector, threshold=threshold, share_inside=share)
