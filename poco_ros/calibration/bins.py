"""Bins of equal weight, which curves are fitted over and promises are judged by."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


def equal_weight_bins(score: Array, weight: Array, num_bins: int) -> npt.NDArray[np.intp]:
    """Put samples into bins of about equal weight by their score; equal scores go into the same bin.

    :param score: (S,), S > 0, finite.
    :param weight: (S,), positive.
    :param num_bins: at most.
    :returns: (S,), numbers from 0 without gaps, increasing with the score.
    """
    _, inverse = np.unique(score, return_inverse=True)
    of_level = np.bincount(inverse, weight)
    middle = (np.cumsum(of_level) - of_level / 2) / of_level.sum()
    bins = np.minimum((middle * num_bins).astype(np.intp), num_bins - 1)[inverse]
    return np.asarray(np.unique(bins, return_inverse=True)[1], np.intp)
