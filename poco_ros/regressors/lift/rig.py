"""Where BlazePose's 33 landmarks sit on a SMPL body: each rides on one joint at a fixed offset.

BlazePose's shoulders, hips and ankles are not SMPL's joints, and its face, finger and foot points are not joints
at all. The offsets were measured: rendered open bodies in motion-captured poses were shown to BlazePose, and the
offset of each landmark in its joint's frame was fitted to where the landmarks came out in the images (robust least
squares over 1242 bodies, left and right averaged, rounded). Small structures (face, fingers, heels, toes), for which
such a fit shrinks towards the joint, were drawn out towards the open body's surface.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import Floats
from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.types import NUM_LANDMARKS

LANDMARK_NAMES: tuple[str, ...] = (
    'nose', 'left_eye_inner', 'left_eye', 'left_eye_outer', 'right_eye_inner', 'right_eye', 'right_eye_outer',
    'left_ear', 'right_ear', 'left_mouth', 'right_mouth', 'left_shoulder', 'right_shoulder', 'left_elbow',
    'right_elbow', 'left_wrist', 'right_wrist', 'left_pinky', 'right_pinky', 'left_index', 'right_index',
    'left_thumb', 'right_thumb', 'left_hip', 'right_hip', 'left_knee', 'right_knee', 'left_ankle', 'right_ankle',
    'left_heel', 'right_heel', 'left_toe', 'right_toe',
)  # fmt: skip
"""BlazePose's landmarks in its order; ``left`` is the person's own left."""

LANDMARK_INDEX: dict[str, int] = {name: index for index, name in enumerate(LANDMARK_NAMES)}
"""From a landmark's name to its index."""

# Joint, and offset in centimetres in that joint's frame at rest (x left, y up, z forward), for the left side.
_LEFT = {
    'nose': ('head', (0.0, 5.7, 12.5)),
    'left_eye_inner': ('head', (1.7, 9.3, 10.6)),
    'left_eye': ('head', (2.9, 9.5, 10.0)),
    'left_eye_outer': ('head', (4.2, 9.3, 9.0)),
    'left_ear': ('head', (7.4, 7.4, 1.0)),
    'left_mouth': ('head', (2.2, 2.5, 10.3)),
    'left_shoulder': ('left_shoulder', (0.2, 0.3, 2.1)),
    'left_elbow': ('left_elbow', (1.3, 0.6, 0.9)),
    'left_wrist': ('left_wrist', (1.6, -0.4, -0.5)),
    'left_pinky': ('left_wrist', (8.2, -1.8, -4.2)),
    'left_index': ('left_wrist', (9.0, -1.8, 0.8)),
    'left_thumb': ('left_wrist', (6.3, -2.2, 2.0)),
    'left_hip': ('left_hip', (2.3, 2.3, 2.4)),
    'left_knee': ('left_knee', (0.3, 1.0, -1.0)),
    'left_ankle': ('left_ankle', (0.2, 2.0, 1.8)),
    'left_heel': ('left_ankle', (-0.6, -4.2, -4.2)),
    'left_toe': ('left_foot', (1.4, -0.4, 5.3)),
}

# Root mean square distance of the open body's rest joints from its pelvis, on which the offsets were measured.
_MEASURED_SIZE_M = 0.6073


def _table() -> tuple[npt.NDArray[np.intp], npt.NDArray[np.float64]]:
    joints, offsets = np.zeros(NUM_LANDMARKS, np.intp), np.zeros((NUM_LANDMARKS, 3))
    for index, name in enumerate(LANDMARK_NAMES):
        side = 1.0 if name in _LEFT else -1.0
        joint, offset = _LEFT[name.replace('right', 'left')]
        joints[index] = JOINT_INDEX[joint if side > 0 else joint.replace('left', 'right')]
        offsets[index] = np.multiply(offset, (side, 1, 1)) / 100
    return joints, offsets


LANDMARK_JOINT, _OFFSETS_M = _table()


def landmark_offsets(rest_joints: Floats) -> Floats:
    """Return where the landmarks sit relative to their joints, for bodies of the given size.

    :param rest_joints: (N, 24, 3), metres.
    :returns: (N, 33, 3), metres, in the frame of the joint ``LANDMARK_JOINT`` names.
    """
    centred = rest_joints - rest_joints[:, :1]
    size = np.sqrt(np.einsum('nji,nji->n', centred, centred) / rest_joints.shape[1])
    scaled: Floats = _OFFSETS_M * (size / _MEASURED_SIZE_M)[:, None, None]
    return scaled


def posed_landmarks(joints: Floats, global_rotmats: Floats, offsets: Floats) -> Floats:
    """Return the landmarks of posed bodies.

    :param joints: (N, 24, 3), metres.
    :param global_rotmats: (N, 24, 3, 3).
    :param offsets: (N, 33, 3) from :func:`landmark_offsets`.
    :returns: (N, 33, 3), in the frame of ``joints``.
    """
    turned = (global_rotmats[:, LANDMARK_JOINT] @ offsets[..., None])[..., 0]
    landmarks: Floats = joints[:, LANDMARK_JOINT] + turned
    return landmarks
