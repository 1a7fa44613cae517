"""How a joint moves when nobody looks: a rate that dies away, driven by noise. One covariance per joint.

The state of a joint is its rotation (of the pelvis position: the place) and its rate per frame, in body axes; a frame
is 1/30 s. Noise is the same about every axis, so that one 2 x 2 covariance serves all three axes, and rotation and
place use the same formulas. They are those of the continuous process ``d rate = -k rate dt + noise``, integrated
exactly: two steps of half a frame are one step of a frame, and any frame rate gives the same filter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

REFERENCE_FPS = 30.0
"""Frame rate that the constants are stated at."""


#: Signs of the elements in the adjugate of a 2 x 2 matrix.
_ADJUGATE = np.array([[1.0, -1.0], [-1.0, 1.0]])[:, :, None, None]


@dataclass(frozen=True)
class Transition:
    """One step of the process, elementwise over people and columns.

    :param rate: (2, ...) by what the rate is multiplied to give the displacement, and the next rate.
    :param noise: (2, 2, ...) covariance added to displacement and rate.
    """

    rate: Array
    noise: Array

    @property
    def reach(self) -> Array:
        """By what the rate is multiplied to give the displacement."""
        return np.asarray(self.rate[0])

    @property
    def decay(self) -> Array:
        """By what the rate is multiplied to give the next rate."""
        return np.asarray(self.rate[1])

    def take(self, use_second: npt.NDArray[np.bool_], second: Transition) -> Transition:
        """Return this transition, and the second one where the mask says so."""
        return Transition(np.where(use_second, second.rate, self.rate), np.where(use_second, second.noise, self.noise))


def transition(decay: Array, noise: Array, frames: float) -> Transition:
    """Return the step over a time.

    :param decay: (1, C) what is left of a rate after 1/30 s, in (0, 1).
    :param noise: (1, C) standard deviation that a rate gains in 1/30 s.
    :param frames: the time, in units of 1/30 s, above 0.
    """
    k = -np.log(decay)
    left, left_twice = decay ** frames, decay ** (2 * frames)
    variance = noise ** 2 * 2 * k / (1 - decay ** 2)
    gain = k / (1 - decay)
    q00 = gain ** 2 * variance / k ** 2 * (frames - 2 * (1 - left) / k + (1 - left_twice) / (2 * k))
    q01 = gain * variance / (2 * k ** 2) * (1 - left) ** 2
    q11 = variance * (1 - left_twice) / (2 * k)
    return Transition(np.array([(1 - left) / (1 - decay), left]), np.array([[q00, q01], [q01, q11]]))


def predicted(covariance: Array, step: Transition) -> tuple[Array, Array]:
    """Step covariances, and say what a later correction does to the moment before.

    :param covariance: (2, 2, S, C) of displacement and rate.
    :param step: of shape (1 or S, C).
    :returns: the covariances after it, and the gains of Rauch, Tung and Striebel, both (2, 2, S, C).
    """
    across = np.empty_like(covariance)  # of the state before with the state after
    np.multiply(step.rate[0], covariance[:, 1], out=across[:, 0])
    across[:, 0] += covariance[:, 0]
    np.multiply(step.rate[1], covariance[:, 1], out=across[:, 1])
    after = step.rate[:, None] * across[1]
    after[0] += across[0]
    after += step.noise
    determinant = after[0, 0] * after[1, 1] - after[0, 1] * after[0, 1]
    inverse = after[::-1, ::-1] * (_ADJUGATE / determinant)
    return after, across[:, :1] * inverse[0] + across[:, 1:] * inverse[1]


def updated(covariance: Array, gain: Array) -> Array:
    """Return covariances (2, 2, S, C) after a measurement of the displacement with gains (2, S, C)."""
    return covariance - gain[:, None] * covariance[0]
