"""Where many points are seen, each through a pinhole camera of its own: numpy, no distortion."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

MIN_DEPTH = 0.01
"""Metres; points nearer than this, or behind the camera, count as this far."""


def pinhole(joints: npt.NDArray[np.floating], focal: npt.NDArray[np.floating],
            centre: npt.NDArray[np.floating]) -> npt.NDArray[np.float64]:
    """Return where points are seen; those at less than a centimetre's depth as if there.

    :param joints: (S, K, 3) metres, optical frame.
    :param focal: (S, 2) or (S, 1) pixels.
    :param centre: (S, 2) pixels.
    :returns: (S, K, 2) pixels.
    """
    points = joints.astype(np.float64)
    plane = points[..., :2] / np.maximum(points[..., 2:], MIN_DEPTH)
    return np.asarray(focal[:, None] * plane + centre[:, None], np.float64)
