"""Suspects that a track shows somebody else: a jump that no person makes."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.temporal.config import IdentityConfig

Array = npt.NDArray[np.float64]


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
    # the lower median of those seen: sorted, the others come last
    angles = np.sort(np.where(seen, np.linalg.norm(innovation[:, :24], axis=2), np.inf), axis=1)
    judged = seen[:, 0]
    middle = np.maximum(0, seen.sum(axis=1) - 1) // 2
    turn = np.take_along_axis(angles, middle[:, None], axis=1)[:, 0]
    jump = np.linalg.norm(innovation[:, 24], axis=1)
    bound = np.where(betas_change > config.betas_jump, 0.5, 1.0)
    far = jump > bound * np.maximum(config.jump_m, config.jump_sigmas * sigma_pelvis)
    return np.asarray(judged & (far | (turn > bound * np.radians(config.turn_deg))))
