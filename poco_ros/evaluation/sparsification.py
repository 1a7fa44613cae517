"""How well an uncertainty ranks errors: sparsification curves, AUSE, AURG, and the error at a coverage.

The samples with the largest uncertainty are left out one after the other, and the mean error of the rest is watched
(Ilg et al., Uncertainty Estimates and Multi-Hypotheses Networks for Optical Flow, ECCV 2018). With S samples the curve
has a point for every k = 0 ... S - 1 samples left out, at the fraction k / S, and is divided by the mean error of all,
so that it begins at 1. Areas are those of the trapezoid rule over these fractions:

- the *oracle* leaves out the largest errors first: no uncertainty does better;
- AUSE is the area between the uncertainty's curve and the oracle's: 0 is a perfect ranking;
- AURG is the area between the curve of a random order, which stays at 1 on average, and the uncertainty's: 0 is no
  better than chance, negative is worse;
- the error at a coverage c is the mean error of the share c of the samples that are least uncertain.

Samples of equal uncertainty have no order, and each stands for the mean of them all: what a random order of them gives
on average. A constant uncertainty therefore has an AURG of exactly 0.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sparsification:
    """The outcome for S samples; NaN and empty where no sample is known or no error is larger than 0.

    :param fraction: (S,) share left out, from 0 to (S - 1) / S.
    :param curve: (S,) mean error of the rest, over the mean error of all.
    :param oracle: (S,) the same when the largest errors are left out first.
    :param mean_error: of all samples, in the unit of the errors.
    """

    fraction: Array
    curve: Array
    oracle: Array
    mean_error: float

    @property
    def ause(self) -> float:
        """Area between curve and oracle, as a share of the mean error; 0 is perfect."""
        return self._area(self.curve - self.oracle)

    @property
    def aurg(self) -> float:
        """Area between chance and curve, as a share of the mean error; 0 is chance, larger is better."""
        return self._area(1 - self.curve)

    def error_at(self, coverage: float) -> float:
        """Return the mean error of the least uncertain samples, in the unit of the errors.

        :param coverage: share of the samples that is kept, in (0, 1]; at least one sample is.
        """
        samples = len(self.curve)
        if not samples:
            return math.nan
        # A hair is added so that 0.8 of 10 samples are 8 although 0.2 is not exact.
        left_out = min(math.floor((1 - coverage) * samples + 1e-9), samples - 1)
        return float(self.curve[left_out] * self.mean_error)

    def at_fractions(self, count: int = 101) -> dict[str, list[float]]:
        """Return curve and oracle at evenly spaced fractions up to the last, for a plot."""
        if not len(self.fraction):
            return {'fraction': [], 'curve': [], 'oracle': []}
        where = np.linspace(0, self.fraction[-1], count)
        lines = {'fraction': where, 'curve': np.interp(where, self.fraction, self.curve),
                 'oracle': np.interp(where, self.fraction, self.oracle)}
        return {name: [float(value) for value in values] for name, values in lines.items()}

    def _area(self, height: Array) -> float:
        if not len(height):
            return math.nan
        return float(((height[1:] + height[:-1]) / 2 * np.diff(self.fraction)).sum())


def sparsify(uncertainty: npt.ArrayLike, errors: npt.ArrayLike) -> Sparsification:
    """Leave out samples from the most uncertain to the least.

    :param uncertainty: (S,) larger is less certain, in any unit: only the order counts. Samples with a NaN here or in
        the errors are left out.
    :param errors: (S,) not negative.
    :raises ValueError: when the shapes differ or are not (S,), or an error is negative.
    """
    scores, values = np.asarray(uncertainty, np.float64), np.asarray(errors, np.float64)
    if scores.shape != values.shape or scores.ndim != 1:
        raise ValueError(f'uncertainty and errors must be two arrays (S,), not {scores.shape} and {values.shape}')
    known = ~np.isnan(scores) & np.isfinite(values)
    scores, values = scores[known], values[known]
    if (values < 0).any():
        raise ValueError('errors must not be negative')
    mean = float(values.mean()) if len(values) else math.nan
    if not mean > 0:
        nothing = np.zeros(0)
        return Sparsification(nothing, nothing, nothing, mean)
    fraction = np.arange(len(values)) / len(values)
    return Sparsification(fraction, _rest(scores, values) / mean, _rest(values, values) / mean, mean)


def _rest(scores: Array, errors: Array) -> Array:
    """Return (S,) the mean error of what remains when the k largest scores are gone, k = 0 ... S - 1."""
    _, group, size = np.unique(scores, return_inverse=True, return_counts=True)
    fair = (np.bincount(group, errors) / size)[group]
    kept = np.cumsum(fair[np.argsort(scores, kind='stable')]) / np.arange(1, len(errors) + 1)
    return np.asarray(kept[::-1])
