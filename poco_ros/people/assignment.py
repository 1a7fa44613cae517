"""One-to-one assignment of the greatest total similarity."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
import numpy.typing as npt
from scipy.optimize import linear_sum_assignment


class Assignment(NamedTuple):
    """Which rows go with which columns.

    :param rows: (K,) matched rows, ascending.
    :param columns: (K,) their columns.
    """

    rows: npt.NDArray[np.intp]
    columns: npt.NDArray[np.intp]


def assign(similarity: npt.NDArray[np.float64], minimum: float) -> Assignment:
    """Match rows to columns so that the sum of similarities is greatest; pairs below the minimum never match.

    :param similarity: (N, M), >= 0.
    :param minimum: > 0.
    """
    allowed = similarity >= minimum
    rows, columns = linear_sum_assignment(np.where(allowed, similarity, 0), maximize=True)
    kept = allowed[rows, columns]
    return Assignment(rows[kept], columns[kept])
