"""Learned expected errors: a small network that reads all joints of a person at once.

A joint's own score (:mod:`poco_ros.calibration.scores`) knows nothing of the others. That the elbow is hidden, the knee
doubtful and the pose one that pictures are often wrong about says more of the wrist together than each by itself. The
network learns it from people of whom the truth is known and whom the regressor has never seen in these scenes
(:mod:`poco_ros.training.error_learning`); what it gives is a score like any other, and radii come from further people.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from poco_ros.calibration.scores import COLUMNS
from poco_ros.errors import CalibrationError
from poco_ros.types import NUM_JOINTS

Array = npt.NDArray[np.float64]

NUM_CLUES = COLUMNS + 5 * NUM_JOINTS
"""25 scores, and of every joint sigma, how far it was seen, and its three coordinates."""

#: Clues farther from their mean than so many standard deviations tell no more: nothing is extrapolated.
_FARTHEST = 4.0
#: Logarithms are taken of at least this.
_LEAST_SCORE = 1e-3


def clues_of(scores: npt.ArrayLike, sigma: npt.ArrayLike, seen: npt.ArrayLike, joints: npt.ArrayLike) -> Array:
    """Return what the network reads.

    :param scores: (N, 25) of :func:`~poco_ros.calibration.scores.column_scores`.
    :param sigma: (N, 24), not negative.
    :param seen: (N, 24) in [0, 1].
    :param joints: (N, 24, 3), metres, optical frame.
    :returns: (N, 145): logarithms of scores and sigma, ``seen``, and the joints about the pelvis; NaN where not known.
    """
    points = np.asarray(joints, np.float64)
    about = points - points[:, :1]
    positive = np.concatenate([np.asarray(scores, np.float64), np.asarray(sigma, np.float64)], axis=1)
    return np.concatenate([np.log(np.maximum(positive, _LEAST_SCORE)), np.asarray(seen, np.float64),
                           about.reshape(len(about), -1)], axis=1)


@dataclass(frozen=True, eq=False)
class ErrorNetwork:
    """A network with one hidden layer, from clues to the logarithms of errors.

    :param mean: (145,) of the clues.
    :param scale: (145,) positive; clues are standardised by both.
    :param hidden_weight: (145, H).
    :param hidden_bias: (H,); the activation is SiLU.
    :param weight: (H, 25).
    :param bias: (25,).
    :raises CalibrationError: when the arrays do not fit together.
    """

    mean: Array
    scale: Array
    hidden_weight: Array
    hidden_bias: Array
    weight: Array
    bias: Array

    def __post_init__(self) -> None:
        hidden = self.hidden_bias.shape[0] if self.hidden_bias.ndim == 1 else -1
        for name, shape in shapes_of(hidden).items():
            found = getattr(self, name).shape
            if found != shape:
                raise CalibrationError(f'{name} of the error network is an array {found}, not {shape}')

    @cached_property
    def _per_scale(self) -> Array:
        return 1 / self.scale

    def standardised(self, clues: Array) -> Array:
        """Return (N, 145) clues as the layers take them; what is not known counts as usual."""
        given = (clues - self.mean) * self._per_scale
        np.minimum(np.maximum(given, -_FARTHEST, out=given), _FARTHEST, out=given)
        unknown = np.isnan(given)
        if unknown.any():
            given[unknown] = 0
        return given

    def at(self, clues: Array) -> Array:
        """Return (N, 25) errors to be expected, mm, not yet calibrated; NaN where the score of the column is NaN.

        :param clues: (N, 145) of :func:`clues_of`.
        """
        hidden = self.standardised(clues) @ self.hidden_weight
        hidden += self.hidden_bias
        hidden /= 1 + np.exp(-hidden)
        out = np.exp(hidden @ self.weight + self.bias)
        unknown = np.isnan(clues[:, :COLUMNS])
        if unknown.any():
            out[unknown] = np.nan
        return np.asarray(out)


def shapes_of(hidden: int) -> dict[str, tuple[int, ...]]:
    """Return the shapes of an :class:`ErrorNetwork`'s arrays, by name, with so many hidden units."""
    return {'mean': (NUM_CLUES,), 'scale': (NUM_CLUES,), 'hidden_weight': (NUM_CLUES, hidden),
            'hidden_bias': (hidden,), 'weight': (hidden, COLUMNS), 'bias': (COLUMNS,)}  # fmt: skip
