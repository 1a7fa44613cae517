"""Whose left and right the landmark network took for each other: the mistake that costs a lift most."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.pinhole import pinhole
from poco_ros.regressors.lift.rig import LANDMARK_INDEX
from poco_ros.synth.shards import Samples

_LIMBS = ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle')
_LEFT, _RIGHT = ([JOINT_INDEX[f'{side}_{name}'] for name in _LIMBS] for side in ('left', 'right'))
_LEFT_SEEN, _RIGHT_SEEN = ([LANDMARK_INDEX[f'{side}_{name}'] for name in _LIMBS] for side in ('left', 'right'))
_JOINTS = _LEFT + _RIGHT
_IN_PICTURE = 2


def exchanged(samples: Samples) -> npt.NDArray[np.bool_]:
    """Return of whom left and right are exchanged.

    Those are meant whose landmarks of the limbs lie, all visible joints together, nearer to the joints of the other
    side than to their own.

    :param samples: S people.
    :returns: (S,) bool; of somebody without a visible joint, or without landmarks, False.
    """
    pixels = pinhole(samples.joints[:, _JOINTS], samples.intrinsics[:, :2], samples.intrinsics[:, 2:])
    visible = samples.joint_visibility[:, _JOINTS] >= _IN_PICTURE
    own, other = (
        np.where(visible, np.linalg.norm(samples.landmarks.image_px[:, seen] - pixels, axis=-1), 0).sum(axis=1)
        for seen in (_LEFT_SEEN + _RIGHT_SEEN, _RIGHT_SEEN + _LEFT_SEEN)
    )
    return np.asarray(other < own, np.bool_)
