"""The fixed facts of SMPL's skeleton: the names, the parents and the mirror pairs of its 24 joints."""

from __future__ import annotations

import numpy as np

JOINT_NAMES: tuple[str, ...] = (
    'pelvis', 'left_hip', 'right_hip', 'spine1', 'left_knee', 'right_knee', 'spine2', 'left_ankle', 'right_ankle',
    'spine3', 'left_foot', 'right_foot', 'neck', 'left_collar', 'right_collar', 'head', 'left_shoulder',
    'right_shoulder', 'left_elbow', 'right_elbow', 'left_wrist', 'right_wrist', 'left_hand', 'right_hand',
)  # fmt: skip
"""The joints in SMPL order (SPEC section 12). ``left`` is the person's own left."""

JOINT_INDEX: dict[str, int] = {name: index for index, name in enumerate(JOINT_NAMES)}
"""From a joint's name to its index."""

PARENTS = np.array([-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21], np.int32)
"""(24,) int32, the index of each joint's parent, -1 for the root. A parent always comes before its children."""

MIRROR = np.array(
    [
        JOINT_INDEX[{'left': 'right', 'right': 'left'}.get(side, side) + rest]
        for side, rest in ((name.split('_')[0], name[len(name.split('_')[0]) :]) for name in JOINT_NAMES)
    ],
    np.int32,
)
"""(24,) int32, the joint on the other side of the body; joints on the middle are their own mirror."""

PARENTS.setflags(write=False)
MIRROR.setflags(write=False)
