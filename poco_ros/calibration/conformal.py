"""Split-conformal bounds where frames of one sequence are alike and only sequences are independent.

A video's frames are not exchangeable: a person whom the network places 10 cm too far to the left is there in all of
them. Bounds that treat frames as independent hold on average and fail on whole sequences. Here the sequence is what is
drawn; a bound promises two things of a new sequence, see :func:`conformal_bound`.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt
from scipy.stats import binom

from poco_ros.errors import CalibrationError

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer]

#: Products such as 0.9 * 10 must not fall beyond the whole number that they are.
_ROUNDING = 1e-9


def sequences_needed(level: float, certainty: float | None = None) -> int:
    """Return the least number of sequences n that supports a level.

    On average over their draw n / (n + 1) must not be below the level; with certainty c, level^n must not be above
    1 - c: the largest of n sequences must lie beyond the level's quantile so often.
    """
    if certainty is not None:
        return max(1, math.ceil(math.log(1 - certainty) / math.log(level) - _ROUNDING))
    return max(1, math.ceil(level / (1 - level) - _ROUNDING))


def finest_level(sequences: int) -> float:
    """Return the finest level that so many sequences support."""
    return sequences / (sequences + 1)


def conformal_bound(score: Array, sequence: Ints, level: float, certainty: float | None = None) -> float:
    """Return the bound on a nonconformity score that holds in new sequences drawn as these were.

    The larger of two bounds, so that both promises hold:

    - with probability >= ``level``, at least the part ``level`` of the frames of a new sequence lie within. Of the n
      quantiles at ``level`` within each sequence it is the k-th smallest. On average over the draw of the calibration
      sequences k = ceil((n + 1) level) is enough. A calibration is drawn once and used for long: with ``certainty`` c,
      k is the least for which P(Binomial(n, level) < k) >= c, and the promise holds for all but 1 - c of the draws
      (Vovk 2012, arXiv:1209.2673);
    - on average over the draw, a frame drawn from a new sequence lies within with probability >= ``level``: the
      quantile over all frames where each sequence weighs 1 / (n + 1), and the last 1 / (n + 1) counts as infinite
      (hierarchical conformal prediction: Lee, Barber and Willett 2023, arXiv:2306.06342).

    With one frame a sequence both are plain split-conformal prediction.

    :param score: (S,), finite or infinite.
    :param sequence: (S,), which sequence each frame belongs to.
    :param level: in (0, 1).
    :param certainty: in (0, 1), of the first promise over the draw; None: on average.
    :raises CalibrationError: when there are too few sequences for the level.
    """
    index, n = rows_by_sequence(sequence)
    needed = sequences_needed(level, certainty)
    if n < needed:
        finest = finest_level(n) if certainty is None else (1 - certainty) ** (1 / max(n, 1))
        raise CalibrationError(f'{n} sequences support radii up to the level {finest:.3f}; {level:g} needs at least '
                               f'{needed}: calibrate on more sequences, or ask for coarser levels')
    rank = int(_rank(level, np.array(n + 1)))
    if certainty is not None:
        rank = max(rank, int(binom.ppf(certainty - _ROUNDING, n, level)) + 1)
    order = np.lexsort((score, index))
    ordered = score[order]
    frames = np.bincount(index)
    last = np.cumsum(frames)
    within = ordered[last - frames + _rank(level, frames) - 1]
    of_sequences = np.sort(within)[rank - 1]
    by_score = np.argsort(score, kind='stable')
    mass = np.cumsum(1 / frames[index[by_score]]) / (n + 1)
    of_frames = score[by_score][np.searchsorted(mass, level - _ROUNDING)]
    return float(max(of_sequences, of_frames))


def rows_by_sequence(sequence: Ints) -> tuple[npt.NDArray[np.intp], int]:
    """Return for each frame the number of its sequence, counted from 0, and how many sequences there are."""
    names, index = np.unique(sequence, return_inverse=True)
    return index.reshape(-1), len(names)


def sequence_weights(sequence: Ints) -> Array:
    """Return (S,) weights that give every sequence the same total, 1."""
    index, _ = rows_by_sequence(sequence)
    return np.asarray(1 / np.bincount(index)[index])


def _rank(level: float, count: npt.NDArray[np.integer]) -> npt.NDArray[np.intp]:
    """Return how many of ``count`` are at least the part ``level`` of them; at least 1."""
    return np.maximum(1, np.ceil(level * count - _ROUNDING)).astype(np.intp)
