"""Monotone maps from a score to an expected value, learned from data: isotonic regression, kept as a few knots."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.calibration.bins import equal_weight_bins

Array = npt.NDArray[np.float64]

NUM_KNOTS = 9


def isotonic_regression(values: npt.ArrayLike, weights: npt.ArrayLike) -> Array:
    """Return the non-decreasing sequence nearest to ``values`` in weighted least squares.

    Pool adjacent violators: neighbours in the wrong order become one block with their mean (Barlow et al. 1972).
    (``scipy.optimize.isotonic_regression`` does the same from SciPy 1.12 on; this package runs from 1.10.)

    :param values: (S,), in the order of the score.
    :param weights: (S,), positive.
    :returns: (S,).
    """
    means: list[float] = []
    totals: list[float] = []
    counts: list[int] = []
    for value, weight in zip(np.asarray(values, float).tolist(), np.asarray(weights, float).tolist(), strict=True):
        count = 1
        while means and means[-1] >= value:
            total = totals[-1] + weight
            value = (means.pop() * totals.pop() + value * weight) / total
            weight, count = total, count + counts.pop()
        means.append(value)
        totals.append(weight)
        counts.append(count)
    return np.repeat(np.array(means, float), counts)


@dataclass(frozen=True)
class Curve:
    """A monotone, piecewise linear map, constant beyond its ends.

    :param x: (K,) scores, not decreasing.
    :param y: (K,) values there.
    """

    x: Array
    y: Array

    def __call__(self, score: npt.ArrayLike) -> Array:
        """Return the values at scores of any shape; NaN where the score is NaN."""
        at = np.asarray(score, np.float64)
        # of a single knot, numpy gives its value for NaN too
        return np.where(np.isnan(at), np.nan, np.interp(at, self.x, self.y))


def fit_curve(
    score: Array, value: Array, weight: Array, *, increasing: bool = True, num_knots: int = NUM_KNOTS,
) -> Curve:
    """Fit the expected value given the score.

    The samples are put into ``num_knots`` bins of equal weight by their score (equal scores into the same one); the
    means of the bins, made monotone, are the knots.

    :param score: (S,), S > 0, finite.
    :param value: (S,), finite.
    :param weight: (S,), positive.
    :param increasing: whether a larger score means a larger value; else a smaller one.
    """
    bins = equal_weight_bins(score, weight, num_knots)
    total = np.bincount(bins, weight)
    x, y = np.bincount(bins, weight * score) / total, np.bincount(bins, weight * value) / total
    sign = 1 if increasing else -1
    return Curve(x, sign * isotonic_regression(sign * y, total))
