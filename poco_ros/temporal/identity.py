"""Suspects that a track shows somebody else: a jump that no person makes."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

from poco_ros.temporal.config import IdentityConfig
from poco_ros.temporal.quaternions import squared

Array = npt.NDArray[np.float64]


#: Part of the bounds that is left for a person whose betas have changed.
_HALF = 0.5


def may_be_suspect(innovation: Array, config: IdentityConfig) -> bool:
    """Return False where :func:`suspect` cannot find anybody, whatever else it is told: nothing has moved so far.

    :param innovation: as there.
    """
    square = squared(innovation)
    turn, jump = square[:, :24].max(initial=0), square[:, 24].max(initial=0)
    return bool(turn > (_HALF * math.radians(config.turn_deg)) ** 2 or jump > (_HALF * config.jump_m) ** 2)


def suspect(
    innovation: Array, sigma_pelvis: Array, seen: npt.NDArray[np.bool_], betas_change: Array, config: IdentityConfig,
) -> npt.NDArray[np.bool_]:
    """Return which of S bodies differ too much from where their track was expected.

    :param innovation: (S, 25, 3) of the filter: 24 rotations in rad, pelvis in m.
    :param sigma_pelvis: (S,) standard deviation of the pelvis innovation per axis, m.
    :param seen: (S, 24) joints to judge by; a body whose pelvis is not among them is never suspected.
    :param betas_change: (S,) largest change in the first three betas from the mean of the track; NaN: not known.
    :returns: (S,).
    """
    length = np.sqrt(squared(innovation))
    # the lower median of those seen: sorted, the others come last
    angles = np.sort(np.where(seen, length[:, :24], np.inf), axis=1)
    middle = np.maximum(0, seen.sum(axis=1) - 1) // 2
    turn = angles[np.arange(len(angles)), middle]
    bound = np.where(betas_change > config.betas_jump, _HALF, 1.0)
    far = length[:, 24] > bound * np.maximum(config.jump_m, config.jump_sigmas * sigma_pelvis)
    return np.asarray(seen[:, 0] & (far | (turn > bound * math.radians(config.turn_deg))))
