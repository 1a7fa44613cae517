"""The joints that the networks are trained with.

The published data sets have 49: 25 of OpenPose, then 24 of their own (SPEC section 12), some of them picked from SMPL's
mesh or regressed by ``J_regressor_extra``. A body without that regressor, as the open one, has its 24 SMPL joints.
"""

from __future__ import annotations

from dataclasses import dataclass

from poco_ros.errors import ConfigError

SMPL_VERTICES = 6890

PICKED_VERTICES: tuple[int, ...] = (
    332, 6260, 2800, 4071, 583,  # nose, right eye, left eye, right ear, left ear
    3216, 3226, 3387, 6617, 6624, 6787,  # left big toe, small toe, heel, then the right ones
    2746, 2319, 2445, 2556, 2673, 6191, 5782, 5905, 6016, 6133,  # tips of the left, then the right fingers
)  # fmt: skip
"""Vertices of the SMPL mesh that count as joints 24 to 44 of the 54 there are."""

EXTRA_JOINTS = 9
"""Rows of ``J_regressor_extra``: joints 45 to 53."""

JOINTS_49: tuple[int, ...] = (
    24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34,
    8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48, 49, 50, 51, 52, 53, 24, 26, 25, 28, 27,
)  # fmt: skip
"""For each of the 49, which of the 54 it is."""


@dataclass(frozen=True)
class JointSet:
    """Joints in the order that targets hold them; the losses judge the last 24.

    :param count: how many there are.
    :param first: the first that is judged; those before it count as 0 in means.
    :param hips: right and left hip among the judged: 3D joints are compared relative to their middle.
    """

    count: int
    first: int
    hips: tuple[int, int]


TRAINING_JOINTS = JointSet(49, 25, (2, 3))
"""Of the published data sets; the first 25 are OpenPose's BODY_25."""

SMPL_JOINTS = JointSet(24, 0, (2, 1))
"""Of the body model itself."""


def joint_set(count: int) -> JointSet:
    """Return the joints of which there are so many.

    :raises ConfigError: when no set has that number.
    """
    for joints in (TRAINING_JOINTS, SMPL_JOINTS):
        if joints.count == count:
            return joints
    raise ConfigError(f'there are 49 training joints or 24 SMPL joints, not {count}')
