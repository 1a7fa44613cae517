"""What turning or mirroring the picture does to a pose and to joint positions.

The camera's optical frame is x right, y down, z forward. A turn of the picture by ``degrees`` follows SPEC
section 9: it turns the person by the rotation about the optical axis by minus that angle.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import Floats, axis_angle_to_matrix, matrix_to_axis_angle
from poco_ros.body.smpl import MIRROR


def flip_pose(pose: Floats) -> Floats:
    """Return the pose of the same person in the picture mirrored left to right.

    :param pose: (..., 24, 3) axis-angle, joint 0 in the optical frame.
    :returns: (..., 24, 3); left and right have changed places.
    """
    return pose[..., MIRROR, :] * np.array([1, -1, -1], pose.dtype)


def flip_points(points: Floats, mirror: npt.NDArray[np.integer]) -> Floats:
    """Mirror 3D points left to right, giving each left point the number of its right partner.

    :param points: (..., J, 3), x to the side.
    :param mirror: (J,) the partner of each point, e.g. :data:`poco_ros.body.smpl.MIRROR`.
    :returns: (..., J, 3).
    """
    return points[..., mirror, :] * np.array([-1, 1, 1], points.dtype)


def rotate_global_orient(global_orient: Floats, degrees: npt.ArrayLike) -> Floats:
    """Return the global orientation after the picture was turned.

    :param global_orient: (..., 3) axis-angle in the optical frame.
    :param degrees: (...) or scalar, the turn of the picture.
    :returns: (..., 3) axis-angle of length in [0, pi].
    """
    turn = _about_optical_axis(degrees, global_orient.dtype)
    return matrix_to_axis_angle(turn @ axis_angle_to_matrix(global_orient))


def rotate_points(points: Floats, degrees: npt.ArrayLike) -> Floats:
    """Return 3D points after the picture was turned.

    :param points: (..., J, 3) in the optical frame.
    :param degrees: (...) or scalar, the turn of the picture.
    :returns: (..., J, 3).
    """
    return points @ np.swapaxes(_about_optical_axis(degrees, points.dtype), -1, -2)


def _about_optical_axis(degrees: npt.ArrayLike, dtype: np.dtype[np.floating]) -> Floats:
    angle = -np.radians(np.asarray(degrees, dtype))
    return axis_angle_to_matrix(angle[..., None] * np.array([0, 0, 1], dtype))
