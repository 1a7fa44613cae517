"""How the whole body moves on while joints are not seen: what every predictor of it has in common.

The state of a body is the rate of 22 joint rotations and of the pelvis position, and, for each, by how much its mean
over the recent past differs from where it is now, for several lengths of the past: where a swinging limb is in its
swing. All in the axes of the joint itself, so that a prediction does not know which way is up or north. A predictor
says what the rates will be after 1/30 s; from that, one step after the other, follows where the joints go.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.temporal import quaternions as quat

Array = npt.NDArray[np.float64]

COLUMNS = np.r_[0:22, 24]
"""The columns of the filter that are predicted: all rotations but those of the hands, and the position."""
_ROTATIONS = len(COLUMNS) - 1


class Dynamics(ABC):
    """Predicts the columns :data:`COLUMNS`.

    :param forgetting: (K,) lengths of the past, as time constants in units of 1/30 s, above 1.
    :param provenance: command, data, licence and settings of the fit.
    """

    def __init__(self, forgetting: Array, provenance: dict[str, Any]) -> None:
        self.forgetting = forgetting
        self.provenance = provenance

    @property
    def memory(self) -> int:
        """K, how many means over the past the state has."""
        return len(self.forgetting)

    @abstractmethod
    def next_rate(self, state: Array, rotations: Array) -> Array:
        """Return the rates after 1/30 s.

        :param state: (N, 1 + K, 23, 3) rates per 1/30 s and means over the past, relative to now, in body axes; rad,
            and m in the last column.
        :param rotations: (N, 24, 4) local rotations of the joints now; the first is the pelvis in the camera.
        :returns: (N, 23, 3).
        """

    def predict(self, rate: Array, past: Array, rotations: Array, frames: float) -> tuple[Array, Array]:
        """Step over a time in which nothing is seen.

        :param rate: (N, 25, 3) rates in body axes per 1/30 s.
        :param past: (N, K, 25, 3) means over the past, relative to now, in body axes.
        :param rotations: (N, 24, 4) local rotations now.
        :param frames: the time, in units of 1/30 s.
        :returns: displacement and next rate of the columns :data:`COLUMNS`, each (N, 23, 3).
        """
        steps = max(1, round(frames))
        size = frames / steps
        state = np.concatenate([rate[:, None], past], 1)[:, :, COLUMNS]
        moved = np.zeros_like(state[:, 0])
        for step in range(steps):
            target = self.next_rate(state, rotations)
            state[:, 0] += size * (target - state[:, 0])
            move = size * state[:, 0]
            state[:, 1:] = self.forget(state[:, 1:], move, size)
            moved += move
            if step + 1 < steps:
                rotations = rotations.copy()
                rotations[:, :_ROTATIONS] = quat.multiply(rotations[:, :_ROTATIONS], quat.exp(move[:, :_ROTATIONS]))
        return moved, state[:, 0]

    def forget(self, past: Array, move: Array, frames: float) -> Array:
        """Return the means over the past after a displacement, and after some of the past has faded.

        :param past: (N, K, C, 3), of any columns C.
        :param move: (N, C, 3).
        :param frames: the time, in units of 1/30 s.
        """
        kept = (1 - 1 / self.forgetting) ** frames
        return np.asarray(kept[:, None, None] * (past - move[:, None]))
