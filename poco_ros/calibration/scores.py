"""What an uncertainty says of a joint's position: scores that rise with the error, and groups of visibility.

There are 25 columns: the 24 joints about the pelvis, and the position of the pelvis before the camera.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.temporal.age_law import ABOVE
from poco_ros.types import NUM_JOINTS

Array = npt.NDArray[np.float64]

COLUMNS = NUM_JOINTS + 1
POSITION = NUM_JOINTS
"""Column of the pelvis in the camera's optical frame."""
EXTREMITIES = tuple(JOINT_INDEX[name] for name in ('left_foot', 'right_foot', 'left_hand', 'right_hand'))
"""Hands and feet: never put together with other joints."""
GROUPS = ('seen', 'half seen', 'not seen', 'any')
"""How far a joint was seen; 'any' where that is not known."""
ANY = GROUPS.index('any')
SEEN_FROM, HALF_SEEN_FROM = 2 / 3, 1 / 3
"""Least parts of what defines a joint that make it seen, and half seen."""

_BELOW = np.ascontiguousarray(ABOVE.T)
_SEEN_OF_COLUMN = np.r_[0:NUM_JOINTS, JOINT_INDEX['pelvis']]


def column_scores(sigma: npt.ArrayLike, joints: npt.ArrayLike) -> Array:
    """Return a score for every joint and for the position.

    A joint is moved by errors of the rotations above it in the kinematic chain: its score is the root of the sum over
    its proper ancestors of (sigma of the ancestor x distance to it in the estimated pose) squared. It has the
    dimension of a length, not its scale: sigma is no angle. The position's score is its distance from the camera,
    because what is wrong with it is mostly its depth, and that in proportion to the distance.

    :param sigma: (N, 24), not negative; NaN where not known.
    :param joints: (N, 24, 3), metres, optical frame; NaN for a body of which nothing is known.
    :returns: (N, 25); NaN for a body of NaN, and for joints whose own uncertainty or one above is not known.
    """
    uncertainty = np.asarray(sigma, np.float64)
    points = np.asarray(joints, np.float64).transpose(2, 0, 1)
    unknown = np.isnan(uncertainty)
    some_unknown = unknown.any()
    weight = np.where(unknown, 0, uncertainty) if some_unknown else uncertainty
    # |p - q|^2 = |p|^2 - 2 p q + |q|^2, summed over the ancestors q: one product, of 1, q and |q|^2.
    terms = np.empty((5, *uncertainty.shape))
    terms[0] = 1
    about = np.subtract(points, points[..., :1], out=terms[1:4])
    length2 = np.einsum('cnj,cnj->nj', about, about, out=terms[4])
    above = (terms * (weight * weight)) @ _BELOW
    spread = length2 * above[0] + above[4] - 2 * np.einsum('cnj,cnj->nj', about, above[1:4])
    out = np.empty((len(uncertainty), COLUMNS))
    np.sqrt(np.maximum(spread, 0), out=out[:, :NUM_JOINTS])
    pelvis = points[..., 0]
    np.sqrt(np.einsum('cn,cn->n', pelvis, pelvis), out=out[:, POSITION])
    if some_unknown:
        out[:, :NUM_JOINTS][unknown @ _BELOW + unknown > 0] = np.nan
    return out


def column_groups(seen: npt.ArrayLike) -> npt.NDArray[np.int64]:
    """Return the group of every joint, and of the position, which has the pelvis's.

    :param seen: (N, 24) in [0, 1], how far what defines each joint was seen; NaN where not known.
    :returns: (N, 25), indices into :data:`GROUPS`.
    """
    part = np.asarray(seen).take(_SEEN_OF_COLUMN, axis=1)
    group = np.add(part < SEEN_FROM, part < HALF_SEEN_FROM, dtype=np.int64)
    unknown = np.isnan(part)
    if unknown.any():
        group[unknown] = ANY
    return group
