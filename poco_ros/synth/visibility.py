"""The truth about what can be seen of a body: for every joint, and of all its pixels."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import Floats
from poco_ros.body.smpl import JOINT_INDEX

OUTSIDE, COVERED, TURNED_AWAY, VISIBLE = 0, 1, 2, 3
"""A joint lies out of the picture; behind something or somebody else; behind the own body; in plain sight."""

#: How far a joint lies under its own skin, metres: deeper, and another part of the body is in front of it.
_UNDER_SKIN_M = {'pelvis': 0.17, 'spine1': 0.17, 'spine2': 0.17, 'spine3': 0.17, 'hip': 0.17, 'collar': 0.14,
                 'shoulder': 0.12, 'neck': 0.12, 'head': 0.16, 'knee': 0.11, 'elbow': 0.09, 'ankle': 0.10,
                 'foot': 0.09, 'wrist': 0.07, 'hand': 0.07}  # fmt: skip
_SKIN_M = np.array([_UNDER_SKIN_M[name.rpartition('_')[2]] for name in JOINT_INDEX])


def joint_visibility(
    pixels: Floats, depth: Floats, label_picture: npt.NDArray[np.int32], depth_picture: npt.NDArray[np.float32],
    label: int, in_picture: npt.NDArray[np.bool_],
) -> npt.NDArray[np.uint8]:
    """Say for every joint whether it can be seen.

    :param pixels: (24, 2) of the joints, in pixels of the rendered window.
    :param depth: (24,) metres along the optical axis.
    :param label_picture: (h, w) what is seen where.
    :param depth_picture: (h, w) metres.
    :param label: of the person with these joints.
    :param in_picture: (24,) whether a joint lies in the camera's picture (of which the window is a part).
    :returns: (24,) uint8.
    """
    height, width = label_picture.shape
    x = np.clip(np.rint(pixels[:, 0]), 0, width - 1).astype(int)
    y = np.clip(np.rint(pixels[:, 1]), 0, height - 1).astype(int)
    front, what = depth_picture[y, x], label_picture[y, x]
    covered = (what != label) & (what > 0) & (front < depth)
    turned_away = (what == label) & (depth - front > _SKIN_M)
    seen = np.where(covered, COVERED, np.where(turned_away, TURNED_AWAY, VISIBLE))
    return np.where(in_picture, seen, OUTSIDE).astype(np.uint8)


def hidden_share(alone: npt.NDArray[np.bool_], label_picture: npt.NDArray[np.int32], label: int) -> float:
    """Return which share of a person's pixels others hide.

    :param alone: (h, w) the pixels of the person if nothing else were there.
    :param label_picture: (h, w) what is seen where.
    :param label: of the person.
    :returns: in [0, 1]; 0 where the person has no pixels.
    """
    total = int(np.count_nonzero(alone))
    return float(np.count_nonzero(alone & (label_picture != label)) / total) if total else 0.0
