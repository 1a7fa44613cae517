"""Kalman filter of one person's box: the centre moves with constant velocity, the size wanders.

The four coordinates are independent of each other, so each is a filter of its own in closed form. Noise scales with
the size of the box, because a person twice as near moves twice as far in the image. Time is real time: two steps of a
tenth of a second give the same as one of two tenths.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

_MEASUREMENT = 0.05
_FIRST_SPEED = 0.5
_ACCELERATION = 1.0
_GROWTH = 0.25


@dataclass(frozen=True)
class BoxFilter:
    """State of the filter.

    :param mean: (4,) centre x, centre y, width, height, in pixels.
    :param speed: (2,) of the centre, pixels per second.
    :param variance: (4,) of ``mean``, pixels squared.
    :param cross: (2,) covariance of centre and speed.
    :param speed_variance: (2,).
    """

    mean: Array
    speed: Array
    variance: Array
    cross: Array
    speed_variance: Array

    @staticmethod
    def start(xyxy: npt.ArrayLike) -> BoxFilter:
        """Return the state after a first box, at rest with the speeds of people as uncertainty.

        :param xyxy: (4,) x_min, y_min, x_max, y_max in pixels.
        """
        mean = _centre_and_size(xyxy)
        scale = float(mean[2:].max())
        return BoxFilter(
            mean, np.zeros(2), np.full(4, (_MEASUREMENT * scale) ** 2), np.zeros(2),
            np.full(2, (_FIRST_SPEED * scale) ** 2),
        )

    @property
    def xyxy(self) -> Array:
        """(4,) x_min, y_min, x_max, y_max in pixels."""
        half = np.maximum(self.mean[2:], 1e-3) / 2
        return np.concatenate([self.mean[:2] - half, self.mean[:2] + half])

    def predict(self, dt: float) -> BoxFilter:
        """Return the state some seconds later; ``dt`` >= 0."""
        scale = float(self.mean[2:].max())
        push = (_ACCELERATION * scale) ** 2
        centre = self.variance[:2] + 2 * dt * self.cross + dt**2 * self.speed_variance + push * dt**3 / 3
        size = self.variance[2:] + (_GROWTH * scale) ** 2 * dt
        return BoxFilter(
            np.concatenate([self.mean[:2] + dt * self.speed, self.mean[2:]]), self.speed,
            np.concatenate([centre, size]), self.cross + dt * self.speed_variance + push * dt**2 / 2,
            self.speed_variance + push * dt,
        )

    def update(self, xyxy: npt.ArrayLike) -> BoxFilter:
        """Return the state after seeing a box.

        :param xyxy: (4,) x_min, y_min, x_max, y_max in pixels.
        """
        seen = _centre_and_size(xyxy)
        noise = (_MEASUREMENT * float(seen[2:].max())) ** 2
        gain = self.variance / (self.variance + noise)
        speed_gain = self.cross / (self.variance[:2] + noise)
        surprise = seen - self.mean
        return BoxFilter(
            self.mean + gain * surprise, self.speed + speed_gain * surprise[:2], (1 - gain) * self.variance,
            (1 - gain[:2]) * self.cross, self.speed_variance - speed_gain * self.cross,
        )


def _centre_and_size(xyxy: npt.ArrayLike) -> Array:
    box = np.asarray(xyxy, np.float64)
    return np.concatenate([(box[:2] + box[2:]) / 2, box[2:] - box[:2]])
