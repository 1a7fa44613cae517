"""How far each measured joint is believed: which count, which are good, and by how much their noise grows."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.body.smpl import PARENTS
from poco_ros.temporal.config import TrustConfig
from poco_ros.types import Bodies, FloatArray

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Taken for a regressor that states no uncertainty: nothing speaks against its measurements.
_NEUTRAL = 0.3
#: Distance of the joints from the pelvis at rest, over its mean over the joints, but at least 0.3 (of the open body,
#: from which others hardly differ): a turn by the same angle moves joints in proportion.
_REACH = np.array([0.3, 0.3, 0.3, 0.3, 0.85, 0.85, 0.41, 1.56, 1.56, 0.5, 1.67, 1.67, 0.91, 0.76, 0.76, 1.01, 0.86,
                   0.86, 1.09, 1.09, 1.43, 1.43, 1.56, 1.56], np.float32)
#: Axis-angle beyond this and positions beyond this are no measurements.
_LONGEST_RAD, _FARTHEST_M = 1e3, 1e4


def _moved() -> FloatArray:
    """(24, 24): the joints that each joint's rotation moves first, by equal parts; of hands and feet themselves."""
    moved = np.zeros((len(PARENTS), len(PARENTS)), np.float32)
    moved[PARENTS[1:], np.arange(1, len(PARENTS))] = 1
    moved[~moved.any(axis=1)] = np.eye(len(PARENTS))[~moved.any(axis=1)]
    return np.asarray(moved / moved.sum(axis=1, keepdims=True), np.float32)


_MOVED = _moved()


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
        mm = _per_joint(bodies.body_error_mm, _error_of_turns(bodies), config)
        scaled = np.interp(mm, [0, config.error_lo_mm, config.error_hi_mm, 2 * config.error_hi_mm],
                           [0, config.u_lo, config.u_hi, 1])
        # exactly at a threshold the comparison must not hang on the rounding of the interpolation
        scaled = np.where(mm == config.error_lo_mm, config.u_lo, scaled)
        scaled = np.where(mm == config.error_hi_mm, config.u_hi, scaled)
        u = np.where(np.isnan(mm), u, scaled)
    if np.isnan(u).any():
        u = np.where(np.isnan(u), _NEUTRAL, u)
    return np.minimum(np.maximum(u, 0), 1)


def _error_of_turns(bodies: Bodies) -> FloatArray:
    """Return (N, 24) how far off what each joint's rotation moves is expected to be, in mm of a joint at mean reach.

    A wrong turn of a hip is to be seen at the knee, not at the hip; one of the pelvis all over the body.
    """
    error = bodies.joint_error_mm / _REACH
    known = np.isfinite(error)
    if known.all():
        error = error @ _MOVED.T
    else:  # a number that is missing takes away nothing but itself
        told = known.astype(np.float32) @ _MOVED.T
        error = np.where(told > 0, np.where(known, error, 0) @ _MOVED.T / np.maximum(told, 1e-6), np.nan)
    error[:, 0] = bodies.body_error_mm
    return np.asarray(error, np.float32)


def _per_joint(of_body: FloatArray, of_joint: FloatArray, config: TrustConfig) -> Array:
    """Return (N, 24) numbers of the joints, those of the body where they are wanted or a joint has none."""
    joints, body = of_joint.astype(np.float64), of_body[:, None]
    if config.scope == 'body':
        joints[:] = body
    elif (unknown := np.isnan(joints)).any():
        joints = np.where(unknown, body, joints)
    return joints
