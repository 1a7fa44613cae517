"""The 49 joints that the networks are trained with: 25 of OpenPose, then 24 of the data sets (SPEC section 12)."""

from __future__ import annotations

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

OPENPOSE_JOINTS = 25
"""The first so many are OpenPose's BODY_25; the losses use the other 24."""

HIPS = (2, 3)
"""Right and left hip among those other 24: 3D joints are compared relative to their middle."""
