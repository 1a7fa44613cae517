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


@dataclass(frozen=True)
class Transition:
    """One step of the process, elementwise over any shape.

    :param reach: by what the rate is multiplied to give the displacement.
    :param decay: by what the rate is multiplied to give the next rate.
    :param q00: variance added to the displacement.
    :param q01: covariance added.
    :param q11: variance added to the rate.
    """

    reach: Array
    decay: Array
    q00: Array
    q01: Array
    q11: Array

    def take(self, use_second: npt.NDArray[np.bool_], second: Transition) -> Transition:
        """Return this transition, and the second one where the mask says so."""
        pairs = ((getattr(self, n), getattr(second, n)) for n in ('reach', 'decay', 'q00', 'q01', 'q11'))
        return Transition(*(np.where(use_second, b, a) for a, b in pairs))


def transition(decay: Array, noise: Array, frames: float) -> Transition:
    """Return the step over a time.

    :param decay: what is left of a rate after 1/30 s, in (0, 1).
    :param noise: standard deviation that a rate gains in 1/30 s.
    :param frames: the time, in units of 1/30 s, above 0.
    """
    k = -np.log(decay)
    left, left_twice = decay ** frames, decay ** (2 * frames)
    variance = noise ** 2 * 2 * k / (1 - decay ** 2)
    gain = k / (1 - decay)
    return Transition(
        reach=(1 - left) / (1 - decay), decay=left,
        q00=gain ** 2 * variance / k ** 2 * (frames - 2 * (1 - left) / k + (1 - left_twice) / (2 * k)),
        q01=gain * variance / (2 * k ** 2) * (1 - left) ** 2,
        q11=variance * (1 - left_twice) / (2 * k),
    )


@dataclass
class Covariance:
    """Symmetric 2 x 2 covariances of (displacement, rate), elementwise over any shape."""

    p00: Array
    p01: Array
    p11: Array

    def predicted(self, step: Transition) -> Covariance:
        """Return the covariances after a step."""
        across = self.p01 + step.reach * self.p11
        return Covariance(
            self.p00 + step.reach * (self.p01 + across) + step.q00,
            step.decay * across + step.q01,
            step.decay ** 2 * self.p11 + step.q11,
        )

    def smoother_gain(self, step: Transition, predicted: Covariance) -> tuple[Array, Array, Array, Array]:
        """Return c00, c01, c10, c11 of Rauch, Tung and Striebel: what a later correction does to this moment."""
        a00, a10 = self.p00 + step.reach * self.p01, self.p01 + step.reach * self.p11
        a01, a11 = step.decay * self.p01, step.decay * self.p11
        scale = 1 / (predicted.p00 * predicted.p11 - predicted.p01 ** 2)
        i00, i01, i11 = predicted.p11 * scale, -predicted.p01 * scale, predicted.p00 * scale
        return a00 * i00 + a01 * i01, a00 * i01 + a01 * i11, a10 * i00 + a11 * i01, a10 * i01 + a11 * i11

    def updated(self, k0: Array, k1: Array) -> Covariance:
        """Return the covariances after a measurement of the displacement with these gains."""
        return Covariance(self.p00 - k0 * self.p00, self.p01 - k0 * self.p01, self.p11 - k1 * self.p01)
