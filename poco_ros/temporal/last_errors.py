"""Remembers what each joint said about its error when it was last trusted, for when it is not seen any more."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.types import NUM_JOINTS, Bodies

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

WIDTH = 2 * NUM_JOINTS + 3
"""How many numbers are remembered of a person."""
#: The joint that each column hangs on: two numbers a joint, and two of the position, which goes with the pelvis. The
#: last column, the radius of the whole body, hangs on all joints.
_JOINT = np.r_[0:NUM_JOINTS, 0:NUM_JOINTS, 0, 0]


class LastErrors:
    """Errors and radii of S slots, mm; NaN where never stated."""

    def __init__(self) -> None:
        self._values: Array = np.full((0, WIDTH), np.nan)

    def grow(self, slots: int) -> None:
        """Make room for more people; those there keep their slots."""
        more = np.full((slots - len(self._values), WIDTH), np.nan)
        self._values = np.concatenate([self._values, more])

    def forget(self, rows: Rows) -> None:
        """Empty slots."""
        self._values[rows] = np.nan

    def remember(self, rows: Rows, bodies: Bodies, confident: Mask) -> None:
        """Take in what trusted joints state.

        :param rows: the slots of the bodies.
        :param bodies: N.
        :param confident: (N, 24) joints that are trusted.
        """
        if not confident.any():
            return
        came = packed(bodies.joint_error_mm, bodies.joint_radius_mm, bodies.transl_error_mm, bodies.transl_radius_mm,
                      bodies.body_radius_mm)
        stated = ~np.isnan(came)
        if stated.any():
            trusted = np.concatenate([confident[:, _JOINT], confident.all(axis=1, keepdims=True)], axis=1)
            self._values[rows] = np.where(stated & trusted, came, self._values[rows])

    def of(self, rows: Rows | slice) -> Array:
        """Return a copy for some slots, (N, 51); :func:`split` tells what is what."""
        return np.array(self._values[rows])


def packed(
    joint_error: npt.NDArray[Any], joint_radius: npt.NDArray[Any], transl_error: npt.NDArray[Any],
    transl_radius: npt.NDArray[Any], body_radius: npt.NDArray[Any],
) -> npt.NDArray[Any]:
    """Return the errors of N bodies as :class:`LastErrors` has them, (N, 51)."""
    return np.concatenate([joint_error, joint_radius, transl_error[:, None], transl_radius[:, None],
                           body_radius[:, None]], axis=1)


def split(errors: Array) -> dict[str, Array]:
    """Return the errors of N bodies by the names of their fields in :class:`~poco_ros.types.Bodies`."""
    joint_error, joint_radius = errors[:, :NUM_JOINTS], errors[:, NUM_JOINTS:2 * NUM_JOINTS]
    return {'joint_error_mm': joint_error, 'joint_radius_mm': joint_radius,
            'transl_error_mm': errors[:, -3], 'transl_radius_mm': errors[:, -2], 'body_radius_mm': errors[:, -1]}
