"""The smoothing that the published demo offers for videos, to compare with (SPEC section 11).

It filters every entry of the rotation matrices by itself, so what comes out is no longer quite a rotation: the mesh
shrinks where joints move fast. The temporal stage of this package smooths on the rotations instead and does not use it.
"""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import Floats
from poco_ros.errors import ConfigError


class OneEuroFilter:
    """The 1 euro filter (Casiez et al., CHI 2012), of every number of an array by itself; time counts in frames.

    :param min_cutoff: cutoff frequency for what stands still, per frame; > 0. The demo: 0.004.
    :param beta: how much the cutoff grows with the filtered speed; >= 0. The demo: 1.5.
    :param derivative_cutoff: cutoff frequency of the speed, per frame; > 0.
    :raises ConfigError: when a value is out of range.
    """

    def __init__(self, min_cutoff: float = 0.004, beta: float = 1.5, derivative_cutoff: float = 1.0) -> None:
        if not (0 < min_cutoff < math.inf and 0 <= beta < math.inf and 0 < derivative_cutoff < math.inf):
            raise ConfigError(
                'a one-euro filter needs min_cutoff > 0, beta >= 0 and derivative_cutoff > 0, got '
                f'{min_cutoff}, {beta} and {derivative_cutoff}'
            )
        self._min_cutoff = min_cutoff
        self._beta = beta
        self._derivative_smoothing = _smoothing(np.float64(derivative_cutoff))
        self._last: npt.NDArray[np.float64] | None = None
        self._speed: npt.NDArray[np.float64] = np.zeros(())

    def __call__(self, values: npt.ArrayLike) -> Floats:
        """Filter the next frame.

        :param values: of any shape, every frame the same.
        :returns: the same shape; float32 as it came, else float64. The first frame passes through.
        :raises ValueError: when the shape is not that of the first frame.
        """
        given = np.asarray(values)
        x = given.astype(np.float64)
        if self._last is None:
            self._speed, self._last = np.zeros_like(x), x
        elif x.shape != self._last.shape:
            raise ValueError(f'frames must be of shape {self._last.shape} as the first, not {x.shape}')
        else:
            a = self._derivative_smoothing
            self._speed = a * (x - self._last) + (1 - a) * self._speed
            a = _smoothing(self._min_cutoff + self._beta * np.abs(self._speed))
            self._last = a * x + (1 - a) * self._last
        return self._last.astype(np.float32 if given.dtype == np.float32 else np.float64)


def _smoothing(cutoff: npt.NDArray[np.float64] | np.float64) -> npt.NDArray[np.float64] | np.float64:
    """Weight of the new value for a cutoff frequency, one frame after the last."""
    ratio = 2 * math.pi * cutoff
    return ratio / (ratio + 1)
