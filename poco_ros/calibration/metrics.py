"""Measures of a calibration: coverage by sequence, reliability, calibration errors, telling domains apart.

Frames weigh so that every sequence counts the same, however long it is.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.stats import rankdata

from poco_ros.calibration.bins import equal_weight_bins
from poco_ros.calibration.conformal import rows_by_sequence, sequence_weights

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.integer]

NUM_BINS = 10


def sequence_coverage(within: npt.NDArray[np.bool_], sequence: Ints) -> Array:
    """Return for each sequence the part of its frames that lie within, in the order of the sequences' numbers."""
    index, n = rows_by_sequence(sequence)
    return np.asarray(np.bincount(index, within, n) / np.bincount(index, minlength=n))


@dataclass(frozen=True)
class Coverage:
    """How well radii of one level held.

    :param level: promised.
    :param frames: part of the frames within, every sequence weighing the same.
    :param sequences: part of the sequences that have at least the part ``level`` of their frames within.
    :param worst_sequence: least part within of any sequence.
    :param radius_mm: median radius.
    :param radius_90_mm: radius that 90 % of the frames stay under.
    :param num_sequences: how many there are.
    """

    level: float
    frames: float
    sequences: float
    worst_sequence: float
    radius_mm: float
    radius_90_mm: float
    num_sequences: int


def coverage(error: Array, radius: Array, sequence: Ints, level: float) -> Coverage | None:
    """Measure radii; frames whose error or radius is not known are left out; None where that leaves nothing.

    :param error: (S,) millimetres.
    :param radius: (S,) millimetres.
    :param sequence: (S,).
    :param level: promised.
    """
    known = np.isfinite(error) & np.isfinite(radius)
    if not known.any():
        return None
    part = sequence_coverage(error[known] <= radius[known], sequence[known])
    middle, large = np.quantile(radius[known], [0.5, 0.9])
    return Coverage(level, float(part.mean()), float((part >= level - 1e-9).mean()), float(part.min()), float(middle),
                    float(large), len(part))


@dataclass(frozen=True)
class Reliability:
    """Promised against found, in bins of equal weight by what was promised.

    :param promised: (B,) mean of the bin.
    :param found: (B,) mean of the bin.
    :param weight: (B,) parts, of sum 1.
    """

    promised: Array
    found: Array
    weight: Array

    @property
    def calibration_error(self) -> float:
        """Mean over the bins of how far found is from promised (of a probability: ECE)."""
        return float(self.weight @ np.abs(self.found - self.promised))

    @property
    def normalised_error(self) -> float:
        """The same as parts of what was promised (ENCE of Levi et al. 2019, of expected errors, not variances)."""
        return float(self.weight @ (np.abs(self.found - self.promised) / np.maximum(self.promised, 1e-9)))


def reliability(promised: Array, found: Array, sequence: Ints, num_bins: int = NUM_BINS) -> Reliability | None:
    """Compare what was promised of frames with what was found; None where nothing is known.

    :param promised: (S,) expected errors or probabilities; NaN is left out.
    :param found: (S,) errors, or 0 and 1; NaN is left out.
    :param sequence: (S,).
    :param num_bins: at most; equal promises are never parted.
    """
    known = np.isfinite(promised) & np.isfinite(found)
    if not known.any():
        return None
    promised, found, weight = promised[known], found[known], sequence_weights(sequence[known])
    bins = equal_weight_bins(promised, weight, num_bins)
    total = np.bincount(bins, weight)
    return Reliability(np.bincount(bins, weight * promised) / total, np.bincount(bins, weight * found) / total,
                       total / total.sum())


def auroc(familiar: Array, unfamiliar: Array) -> float:
    """Return the probability that an unfamiliar sample has the larger score of two (a tie counts half).

    :param familiar: scores of familiar samples; NaN is left out.
    :param unfamiliar: of the others.
    :returns: NaN where one of them is empty.
    """
    a, b = familiar[~np.isnan(familiar)], unfamiliar[~np.isnan(unfamiliar)]
    if not len(a) or not len(b):
        return float('nan')
    ranks = rankdata(np.concatenate([a, b]))[len(a):]
    return float((ranks.sum() - len(b) * (len(b) + 1) / 2) / (len(a) * len(b)))
