"""A network's body, fitted to the landmarks as far as the network itself is unsure."""

from __future__ import annotations

import math

import numpy as np

from poco_ros.body.rotations import Floats
from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.regressors.lift.fit import Fit, Observation, Prior, refine
from poco_ros.types import NUM_JOINTS

# Sigma scales the error of each of a rotation matrix's nine entries. A turn by a small angle a changes the matrix by
# a sqrt(2) in all, sqrt(2) / 3 a per entry, and has 1 / sqrt(3) of a about each axis.
_RADIANS_PER_SIGMA = 3 / math.sqrt(2) / math.sqrt(3)
# Landmarks of a person are off together, not each by itself, so that all of them say less than they seem to: poses are
# held tighter than sigma says, the trunk tighter than limbs, whose two landmarks tell less of anything else. Chosen on
# people of the validation split, and so that elbows and knees lie on the limbs in real videos.
_HELD = np.full(NUM_JOINTS, 0.2)
_LIMBS = [JOINT_INDEX[f'{side}_{name}'] for side in ('left', 'right') for name in ('hip', 'knee', 'shoulder', 'elbow')]
_HELD[_LIMBS] = 0.4
_LEAST_SPREAD = math.radians(2)
_NOT_STATED = math.radians(15)


def refine_pose(fit: Fit, seen: Observation, sigma: Floats, steps: int) -> Fit:
    """Take Gauss-Newton steps from a network's body, held to its pose by its own uncertainty.

    Only where landmarks are seen counts: what they say of depth the network has seen, and knows better.

    :param fit: the network's bodies, in front of the camera.
    :param seen: the observation.
    :param sigma: (N, 24), the network's scale of error of each joint's rotation matrix; NaN where it states none.
    :param steps: how many.
    """
    stated = np.where(np.isfinite(sigma), sigma * _RADIANS_PER_SIGMA, _NOT_STATED)
    spread = np.maximum(_HELD * stated, _LEAST_SPREAD)
    prior = Prior(np.zeros((NUM_JOINTS, 3)), np.repeat(spread[..., None], 3, axis=-1), fit.rotmats)
    return refine(fit, seen, steps, prior, by_depth=False)
