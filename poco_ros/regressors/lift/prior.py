"""What is known of a pose before anything is seen: where joints rest, how far they go, and which way hinges bend."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.smpl import JOINT_INDEX, MIRROR
from poco_ros.types import NUM_JOINTS

_Array = npt.NDArray[np.float64]

# Relaxed pose and spread of the local axis-angle about x, y, z (left side), degrees. Rounded by hand after the
# ranges of motion in physiology and after the spread in motion capture (CMU), wider for the large joints, since
# rare poses must stay possible.
_DEGREES = {
    'left_hip': ((-8, 0, 0), (32, 20, 20)),
    'left_knee': ((12, 0, 0), (50, 6, 6)),
    'left_ankle': ((0, 0, 0), (18, 12, 10)),
    'left_collar': ((0, 0, 0), (4, 7, 7)),
    'left_shoulder': ((0, -12, -60), (40, 45, 45)),
    'left_elbow': ((0, -20, 0), (45, 55, 25)),
    'left_wrist': ((0, 0, 0), (12, 22, 22)),
    'spine1': ((3, 0, 0), (14, 8, 8)),
    'spine2': ((0, 0, 0), (10, 8, 7)),
    'spine3': ((0, 0, 0), (10, 8, 7)),
    'neck': ((0, 0, 0), (14, 16, 10)),
    'head': ((3, 0, 0), (14, 16, 10)),
}

# Hinges (left side): the bone at rest, the axis it turns about, the direction it never bends to.
_HINGES = {
    'left_elbow': ((1, 0, 0), (0, 1, 0), (0, 0, -1)),
    'left_knee': ((0, -1, 0), (1, 0, 0), (0, 0, 1)),
}


def _table() -> tuple[_Array, _Array]:
    relaxed, spread = np.zeros((NUM_JOINTS, 3)), np.full((NUM_JOINTS, 3), np.nan)
    for name, (mean, deviation) in _DEGREES.items():
        joint = JOINT_INDEX[name]
        relaxed[joint], spread[joint] = mean, deviation
        relaxed[MIRROR[joint]], spread[MIRROR[joint]] = np.multiply(mean, (1, -1, -1)), deviation
    return np.radians(relaxed), np.radians(spread)


RELAXED, SPREAD = _table()
"""(24, 3) radians each: axis-angle of the pose of rest, and standard deviations about it (NaN: not estimated)."""

MOVING_JOINTS = np.flatnonzero(np.isfinite(SPREAD[:, 0]) | (np.arange(NUM_JOINTS) == 0))
"""Joints that landmarks say something about; toes and finger blocks stay as they are."""

HINGE_JOINTS = np.array([JOINT_INDEX[name.replace('left', side)] for name in _HINGES for side in ('left', 'right')])
"""Elbows and knees."""

_MIRRORS = np.array([[1.0, 1, 1], [-1, 1, 1]])


def _hinge(part: int) -> _Array:
    return np.concatenate([_MIRRORS * np.array(vectors[part], float) for vectors in _HINGES.values()])


HINGE_BONES = _hinge(0)
"""(4, 3): the bone below each hinge at rest, in the frame of the joint above."""
HINGE_SIDEWAYS = _hinge(1)
"""(4, 3): the direction that a hinge does not let its bone move to, neither way."""
HINGE_BACKWARDS = _hinge(2)
"""(4, 3): the direction that a hinge lets its bone move away from, but not to."""
