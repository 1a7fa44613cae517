"""The baseline's uncertainty: how much of what defines a joint was seen, and whether it fits a body. No millimetres."""

from __future__ import annotations

import numpy as np

from poco_ros.body.rotations import Floats
from poco_ros.body.smpl import JOINT_INDEX, JOINT_NAMES
from poco_ros.regressors.lift.rig import LANDMARK_INDEX

# Disagreement between landmarks and fitted body at which the landmarks count half. In two videos without mistakes
# 95 % of the bodies stay under 0.014; in one where the network also saw people in a table's foot and upside down, the
# worst 5 % lie between 0.09 and 0.3.
_HALF_DISAGREEMENT = 0.03

DEFINITION = (
    'joint_uncertainty in [0, 1]: 1 - s * a * m. s is the probability that the region shows a person. '
    'a = 1 / (1 + (d / 0.03)^4) says whether the landmarks fit any body: d is their mean distance in the image from '
    'the landmarks of the fitted body, as a fraction of the larger side of the box about them. m is the smallest, '
    'over the groups of BlazePose landmarks that define the rotation of the joint (such as shoulder and elbow for the '
    "upper arm), of the mean over the group of each landmark's visibility (or presence in the picture, if that is "
    'smaller). uncertainty in [0, 1]: mean of the 24. Both are uncalibrated: they rank, they are no probabilities '
    'and no millimetres.'
)

_TRUNK = (('left_hip', 'right_hip'), ('left_shoulder', 'right_shoulder'))
_HEAD = (('left_ear', 'right_ear'), ('nose', 'left_eye', 'right_eye', 'left_mouth', 'right_mouth'))
_CENTRAL = {
    'pelvis': _TRUNK, 'spine1': _TRUNK, 'spine2': _TRUNK, 'spine3': _TRUNK, 'neck': (_TRUNK[1], *_HEAD), 'head': _HEAD,
}  # fmt: skip
_OF_A_SIDE = {
    'hip': (('hip',), ('knee',)),
    'knee': (('knee',), ('ankle',)),
    'ankle': (('ankle',), ('heel', 'toe')),
    'foot': (('ankle',), ('toe',)),
    'collar': (('shoulder',),),
    'shoulder': (('shoulder',), ('elbow',)),
    'elbow': (('elbow',), ('wrist',)),
    'wrist': (('wrist',), ('index', 'pinky')),
    'hand': (('wrist',), ('index', 'pinky', 'thumb')),
}


def _groups() -> list[tuple[int, list[int]]]:
    groups = []
    for name in JOINT_NAMES:
        side, _, part = name.rpartition('_')
        wanted = _CENTRAL[name] if not side else [[f'{side}_{p}' for p in group] for group in _OF_A_SIDE[part]]
        groups += [(JOINT_INDEX[name], [LANDMARK_INDEX[landmark] for landmark in group]) for group in wanted]
    return groups


_GROUPS = _groups()
_STARTS = np.flatnonzero(np.diff([joint for joint, _ in _GROUPS], prepend=-1))
_MEANS = np.zeros((len(_GROUPS), len(LANDMARK_INDEX)))
for _row, (_, _landmarks) in enumerate(_GROUPS):
    _MEANS[_row, _landmarks] = 1 / len(_landmarks)


def agreement(disagreement: Floats, half: float = _HALF_DISAGREEMENT) -> Floats:
    """Return ``a`` of :data:`DEFINITION`.

    :param disagreement: (N,), not negative, from :func:`poco_ros.regressors.lift.fit.disagreement`.
    :param half: disagreement at which it is a half; larger for bodies that were not fitted to the landmarks.
    :returns: (N,) in [0, 1].
    """
    ratio = np.minimum(disagreement / half, 1e6)
    return np.asarray(1 / (1 + ratio**4))


def joint_seen(visibility: Floats) -> Floats:
    """Return ``m`` of :data:`DEFINITION`: how far what defines each joint was seen.

    :param visibility: (N, 33) in [0, 1]; 0 where a landmark is not known.
    :returns: (N, 24) in [0, 1].
    """
    return np.asarray(np.minimum.reduceat(visibility @ _MEANS.T, _STARTS, axis=1))


def joint_uncertainty(visibility: Floats, trust: Floats) -> Floats:
    """Return the uncertainty of every joint, as :data:`DEFINITION` says.

    :param visibility: (N, 33) in [0, 1]; 0 where a landmark is not known.
    :param trust: (N,) in [0, 1], ``s * a``.
    :returns: (N, 24) in [0, 1].
    """
    return np.asarray(1 - np.clip(joint_seen(visibility) * trust[:, None], 0, 1))
