"""How far each measured joint is believed: which count, which are good, and by how much their noise grows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.temporal.config import TrustConfig
from poco_ros.types import Bodies, FloatArray

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Taken for a regressor that states no uncertainty: nothing speaks against its measurements.
_NEUTRAL = 0.3
#: Axis-angle beyond this and positions beyond this are no measurements.
_LONGEST_RAD, _FARTHEST_M = 1e3, 1e4


@dataclass(frozen=True)
class Trust:
    """Belief in N measured bodies.

    :param trusted: (N, 24) joints that are surely good.
    :param usable: (N, 24) joints that are not surely bad.
    :param variance_factor: (N, 24) by what the variance of the measurement is multiplied.
    :param doubt: (N, 24) which part of that factor comes from the fear that the joint is wrong altogether.
    :param sane: (N, 24) as by :func:`is_sane`.
    """

    trusted: Mask
    usable: Mask
    variance_factor: Array
    doubt: Array
    sane: Mask

    def take(self, index: npt.NDArray[np.intp]) -> Trust:
        """Return the belief in some of the bodies."""
        return Trust(*(values[index] for values in vars(self).values()))


def assess(bodies: Bodies, config: TrustConfig) -> Trust:
    """Judge measured bodies.

    What is NaN, infinite or absurdly large is not used. A joint without a number of its own takes that of its body;
    where there is none either, it is believed.

    :param bodies: N.
    """
    u = _uncertainty(bodies, config)
    sane = is_sane(bodies)
    doubt = np.exp(np.minimum((u - config.knee) / config.knee_width, 50))
    doubt += 1
    doubt *= doubt
    factor = 0.8 * u
    factor += 0.6
    factor *= factor
    factor *= doubt
    return Trust(sane & (u <= config.u_lo), sane & (u <= config.u_hi), factor, doubt, sane)


def is_sane(bodies: Bodies) -> Mask:
    """Return (N, 24), whether the numbers of a joint can be a rotation, on a body that is somewhere."""
    # whatever is not known makes the maximum unknown
    if np.abs(bodies.pose).max(initial=0) < _LONGEST_RAD and max(
            np.abs(bodies.joints[:, 0]).max(initial=0), np.abs(bodies.transl).max(initial=0)) < _FARTHEST_M:
        return np.ones(bodies.pose.shape[:2], bool)
    with np.errstate(invalid='ignore', over='ignore'):
        rotation = np.abs(bodies.pose).max(axis=2) < _LONGEST_RAD
        somewhere = np.abs(bodies.joints[:, 0]).max(axis=1) < _FARTHEST_M
        somewhere &= np.abs(bodies.transl).max(axis=1) < _FARTHEST_M
    return np.asarray(rotation & somewhere[:, None])


def _uncertainty(bodies: Bodies, config: TrustConfig) -> Array:
    """Return (N, 24) on the scale of the model's uncertainty, clipped to [0, 1]."""
    u = _per_joint(bodies.uncertainty, bodies.joint_uncertainty, config)
    if config.measure == 'error_mm':
        mm = _per_joint(bodies.body_error_mm, bodies.joint_error_mm, config)
        scaled = np.interp(mm, [0, config.error_lo_mm, config.error_hi_mm, 2 * config.error_hi_mm],
                           [0, config.u_lo, config.u_hi, 1])
        # exactly at a threshold the comparison must not hang on the rounding of the interpolation
        scaled = np.where(mm == config.error_lo_mm, config.u_lo, scaled)
        scaled = np.where(mm == config.error_hi_mm, config.u_hi, scaled)
        u = np.where(np.isnan(mm), u, scaled)
    if np.isnan(u).any():
        u = np.where(np.isnan(u), _NEUTRAL, u)
    return np.minimum(np.maximum(u, 0), 1)


def _per_joint(of_body: FloatArray, of_joint: FloatArray, config: TrustConfig) -> Array:
    """Return (N, 24) numbers of the joints, those of the body where they are wanted or a joint has none."""
    joints, body = of_joint.astype(np.float64), of_body[:, None]
    if config.scope == 'body':
        joints[:] = body
    elif (unknown := np.isnan(joints)).any():
        joints = np.where(unknown, body, joints)
    return joints
