"""From persons' boxes to the squares that the networks look at, and to those squares without the lens's distortion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.camera import Camera

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: Less than this of a person is none.
_LEAST_PX = 1.0


def shows_something(xyxy: npt.ArrayLike, width: int, height: int) -> Mask:
    """Tell which boxes have a pixel of the image in them: of the others, the networks would see black and make one up.

    :param xyxy: (N, 4) x_min, y_min, x_max, y_max in pixels.
    :param width: of the image, pixels.
    :param height: of the image, pixels.
    :returns: (N,) False where a box is not finite, is smaller than a pixel, or lies beside the image.
    """
    boxes = np.asarray(xyxy, np.float64).reshape(-1, 4)
    # Pixel centres are at integers: the picture reaches half a pixel beyond the outermost ones.
    last = np.array([width, height]) - 0.5
    seen = np.minimum(boxes[:, 2:], last) - np.maximum(boxes[:, :2], -0.5)
    return np.asarray(np.isfinite(boxes).all(axis=1) & (seen >= _LEAST_PX).all(axis=1))


def without_distortion(squares: npt.ArrayLike, camera: Camera) -> Array:
    """Return where squares of the image lie in the image of the ideal pinhole with the same matrix.

    The networks see the crop as it is, distortion and all, and their camera (s, tx, ty) says where and how large the
    body is in that crop. To place it in metres, the square's centre is moved to where its line of sight meets the ideal
    image, and its side is scaled as the lens scales the middle of the square (the square root of the change of area).

    :param squares: (N, 3) cx, cy, side in pixels of the image.
    :param camera: of the image.
    :returns: (N, 3) float64; the same numbers where the camera has no distortion, NaN where the lens sees nothing.
    """
    given = np.asarray(squares, np.float64).reshape(-1, 3)
    if camera.distortion is None:
        return given
    quarter = given[:, None, 2:] / 4
    around = np.array([[0, 0], [-1, 0], [1, 0], [0, -1], [0, 1]])
    centre, left, right, top, bottom = camera.undistort_points(given[:, None, :2] + around * quarter).swapaxes(0, 1)
    across, down = right - left, bottom - top
    area = np.abs(across[:, 0] * down[:, 1] - across[:, 1] * down[:, 0])
    return np.column_stack([centre, 2 * np.sqrt(area)])
