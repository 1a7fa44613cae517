"""From MakeHuman's A-pose to the T-pose in which SMPL's bodies rest.

Each bone is turned to a fixed direction. The mesh is moved by the inverse of linear blend skinning, so that posing
the T-pose body back into the A-pose gives the sculpted mesh again.
"""

from __future__ import annotations

import numpy as np

from poco_ros.body.open_body.source import Floats, MakeHumanAssets
from poco_ros.body.rotations import axis_angle_to_matrix, rotation_between
from poco_ros.body.smpl import JOINT_INDEX, JOINT_NAMES, PARENTS

NUM_BONES = 26
"""The 24 joints and, only while unposing, the far halves of the two forearms (left 24, right 25)."""

# Directions at rest of the left side's bones (x left, y up, z forward).
_TAN = {degrees: np.tan(np.radians(degrees)) for degrees in (1, 2, 3, 5, 6, 18)}
_THIGH = np.array([_TAN[5], -1, -_TAN[1]])
_SHANK = np.array([-_TAN[2], -1, -_TAN[6]])
_COLLAR = np.array([1, _TAN[18], -_TAN[6]])
_UPPER_ARM = np.array([1, -_TAN[3], -_TAN[6]])
_FOREARM = np.array([1, _TAN[2], 0.0])
_HAND = np.array([1, -_TAN[5], -_TAN[6]])
_TOE_OUT = np.radians(10)
# MakeHuman's forearm is twisted against the hand; this much of the twist goes to its near and to its far half.
_NEAR_TWIST, _FAR_TWIST = 0.35, 0.85


def with_forearm_halves(weights: Floats, bone_weights: dict[str, Floats]) -> Floats:
    """Split each elbow's weight between the two halves of the forearm, as MakeHuman's bones divide it.

    :param weights: (V, 24).
    :param bone_weights: (V,) by MakeHuman's bone.
    :returns: (V, 26).
    """
    split = np.concatenate([weights, np.zeros((len(weights), 2))], axis=1)
    for column, side, s in ((24, 'left', 'L'), (25, 'right', 'R')):
        far, near = bone_weights[f'lowerarm02.{s}'], bone_weights[f'lowerarm01.{s}']
        total = near + far
        share = np.divide(far, total, out=np.zeros_like(total), where=total > 1e-9)
        elbow = JOINT_INDEX[f'{side}_elbow']
        split[:, column] = split[:, elbow] * share
        split[:, elbow] *= 1 - share
    return split


def unposing_rotations(assets: MakeHumanAssets, vertices: Floats, joints: Floats) -> Floats:
    """Return the global rotation of each bone from the A-pose to the T-pose.

    Along a limb each is the smallest rotation, after its parent's, that brings the bone to its direction. The foot
    turns about the vertical only, so that the sole stays flat; the hand is laid palm down, its knuckle line forward.
    Trunk, neck and head stay.

    :param vertices: (19158, 3) in the A-pose.
    :param joints: (24, 3) in the A-pose.
    :returns: (26, 3, 3).
    """
    rotations: Floats = np.tile(np.eye(3), (NUM_BONES, 1, 1))
    for far_half, s, side, sign in ((24, 'l', 'left', 1.0), (25, 'r', 'right', -1.0)):
        across = assets.centre(vertices, f'joint-{s}-finger-2-1') - assets.centre(vertices, f'joint-{s}-finger-5-1')
        bones = {name: joints[JOINT_INDEX[f'{side}_{name}']] for name in _LIMB_JOINTS}
        turns = {**_leg_turns(bones, sign), **_arm_turns(bones, across, sign)}
        rotations[far_half] = turns.pop('far_forearm')
        for name, turn in turns.items():
            rotations[JOINT_INDEX[f'{side}_{name}']] = turn
    return rotations


def unposed(vertices: Floats, joints: Floats, weights: Floats, rotations: Floats) -> tuple[Floats, Floats]:
    """Take a body from the A-pose to the T-pose by the inverse of linear blend skinning.

    :param vertices: (V, 3) in the A-pose.
    :param joints: (24, 3) in the A-pose.
    :param weights: (V, 26).
    :param rotations: (26, 3, 3) of :func:`unposing_rotations`.
    :returns: (V, 3) and (24, 3) in the T-pose, pelvis where it was.
    """
    rest: Floats = joints.copy()
    for k in range(1, len(PARENTS)):
        parent = PARENTS[k]
        rest[k] = rest[parent] + rotations[parent] @ (joints[k] - joints[parent])
    elbows = [JOINT_INDEX['left_elbow'], JOINT_INDEX['right_elbow']]
    pivots, rest_pivots = np.concatenate([joints, joints[elbows]]), np.concatenate([rest, rest[elbows]])
    to_source = rotations.transpose(0, 2, 1)
    shifts = pivots - np.einsum('kij,kj->ki', to_source, rest_pivots)
    blended = np.einsum('nk,kij->nij', weights, to_source)
    rest_vertices = np.linalg.solve(blended, (vertices - weights @ shifts)[..., None])[..., 0]
    return rest_vertices, rest


_LIMB_JOINTS = [name.removeprefix('left_') for name in JOINT_NAMES if name.startswith('left_')]


def _leg_turns(at: dict[str, Floats], sign: float) -> dict[str, Floats]:
    side = np.array([sign, 1, 1])
    hip = rotation_between(at['knee'] - at['hip'], _THIGH * side)
    knee = rotation_between(hip @ (at['ankle'] - at['knee']), _SHANK * side) @ hip
    foot = at['foot'] - at['ankle']
    yaw = np.arctan2(foot[0] * sign, foot[2])
    ankle = axis_angle_to_matrix([0, sign * (_TOE_OUT - yaw), 0])
    return {'hip': hip, 'knee': knee, 'ankle': ankle, 'foot': ankle}


def _arm_turns(at: dict[str, Floats], across: Floats, sign: float) -> dict[str, Floats]:
    """:param across: (3,) from the little finger's knuckle to the index finger's."""
    side = np.array([sign, 1, 1])
    collar = rotation_between(at['shoulder'] - at['collar'], _COLLAR * side)
    shoulder = rotation_between(collar @ (at['elbow'] - at['shoulder']), _UPPER_ARM * side) @ collar
    elbow = rotation_between(shoulder @ (at['wrist'] - at['elbow']), _FOREARM * side) @ shoulder
    hand = _frame(at['hand'] - at['wrist'], across)
    wrist = _frame(_HAND * side, np.array([0, 0, 1.0])) @ hand.T
    # how far the hand is twisted against the forearm, about the forearm
    axis = _unit(_FOREARM * side)
    by_hand, by_forearm = (_unit(v - (v @ axis) * axis) for v in (wrist @ hand[:, 1], elbow @ hand[:, 1]))
    twist = np.arctan2(np.cross(by_forearm, by_hand) @ axis, by_forearm @ by_hand)
    return {
        'collar': collar,
        'shoulder': shoulder,
        'elbow': axis_angle_to_matrix(_NEAR_TWIST * twist * axis) @ elbow,
        'far_forearm': axis_angle_to_matrix(_FAR_TWIST * twist * axis) @ elbow,
        'wrist': wrist,
        'hand': wrist,
    }


def _frame(along: Floats, across: Floats) -> Floats:
    """Columns: the first direction, the second made perpendicular to it, and their cross product."""
    x = _unit(along)
    z = _unit(across - (across @ x) * x)
    return np.stack([x, z, np.cross(x, z)], axis=1)


def _unit(v: Floats) -> Floats:
    unit: Floats = v / np.linalg.norm(v)
    return unit
