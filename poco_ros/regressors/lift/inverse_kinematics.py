"""The analytic part of the lift: from 33 points to the rotations of 24 joints, in closed form.

Trunk and head are taken from frames that two lines span; limbs from the directions of their bones and from the
hinge axis of elbow or knee. Rest directions always come from the body model's own landmarks at rest, never from
the coordinate axes. Every choice between two sources of a direction is a smooth blend, so that a small change of
the points gives a small change of the pose.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poco_ros.body.kinematics import global_to_local
from poco_ros.body.rotations import Floats, axis_angle_to_matrix, matrix_to_axis_angle, rotation_between
from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.regressors.lift.prior import RELAXED
from poco_ros.regressors.lift.rig import LANDMARK_INDEX
from poco_ros.regressors.lift.vectors import cross, dot, frame, rotate, smoothstep, unit
from poco_ros.types import NUM_JOINTS

_LIMBS = (('left', 'arm'), ('right', 'arm'), ('left', 'leg'), ('right', 'leg'))
_ARMS, _LEGS = slice(0, 2), slice(2, 4)


def _limb(arm: str, leg: str, index: dict[str, int]) -> list[int]:
    return [index[f'{side}_{arm if kind == "arm" else leg}'] for side, kind in _LIMBS]


_UPPER_JOINT = _limb('shoulder', 'hip', JOINT_INDEX)
_MIDDLE_JOINT = _limb('elbow', 'knee', JOINT_INDEX)
_END_JOINT = _limb('wrist', 'ankle', JOINT_INDEX)
_TIP_JOINT = _limb('hand', 'foot', JOINT_INDEX)
_COLLARS = [JOINT_INDEX['left_collar'], JOINT_INDEX['right_collar']]

_TOP = _limb('shoulder', 'hip', LANDMARK_INDEX)
_HINGE = _limb('elbow', 'knee', LANDMARK_INDEX)
_END = _limb('wrist', 'ankle', LANDMARK_INDEX)
_HEEL = _limb('wrist', 'heel', LANDMARK_INDEX)
_TIP_INNER = _limb('index', 'toe', LANDMARK_INDEX)
_TIP_OUTER = _limb('pinky', 'toe', LANDMARK_INDEX)

_SHOULDERS = [LANDMARK_INDEX['left_shoulder'], LANDMARK_INDEX['right_shoulder']]
_HIPS = [LANDMARK_INDEX['left_hip'], LANDMARK_INDEX['right_hip']]
_EARS = [LANDMARK_INDEX['left_ear'], LANDMARK_INDEX['right_ear']]
_FACE = [LANDMARK_INDEX[name] for name in ('nose', 'left_eye', 'right_eye', 'left_mouth', 'right_mouth')]

# At rest elbows flex about the vertical (forearm to the front) and knees about the left axis (shank to the back).
_HINGE_AXIS = np.array([[0.0, -1, 0], [0, 1, 0], [1, 0, 0], [1, 0, 0]])

# Below this sine of its flexion, a limb says little about its hinge axis; more where the axis seen is far from
# the one expected, for then the joint is likelier straight than bent the wrong way.
_STRAIGHT, _STRAIGHT_WHEN_ODD = 0.15, 0.45
# Weight at which a direction seen counts as much as the direction of a relaxed body.
_HALF_BELIEVED = 0.03
_MAX_PRONATION = np.radians(110)


def _blend(seen: Floats, direction: Floats, otherwise: Floats) -> Floats:
    """Direction as seen where ``seen`` is 1 and another where it is 0; also another where there is none to see."""
    return unit(seen * direction + (1 + 1e-4 - seen) * otherwise)


@dataclass(frozen=True)
class _Lines:
    """The directions that a pose is read from, of N sets of landmarks.

    :param trunk_up: (N, 3), hips to shoulders.
    :param hips: (N, 3), right to left.
    :param shoulders: (N, 3), right to left.
    :param ears: (N, 3), right to left.
    :param face: (N, 3), from between the ears to the face.
    :param upper: (N, 4, 3), upper arms and thighs; left arm, right arm, left leg, right leg.
    :param lower: (N, 4, 3), forearms and shanks.
    :param tip: (N, 4, 3), hands and feet.
    :param palm: (N, 2, 3), from little finger to index finger.
    """

    trunk_up: Floats
    hips: Floats
    shoulders: Floats
    ears: Floats
    face: Floats
    upper: Floats
    lower: Floats
    tip: Floats
    palm: Floats

    @classmethod
    def of(cls, points: Floats) -> _Lines:
        """Read the directions off (N, 33, 3) landmarks."""
        shoulders, hips, ears = points[:, _SHOULDERS], points[:, _HIPS], points[:, _EARS]
        inner, outer, middle = points[:, _TIP_INNER], points[:, _TIP_OUTER], points[:, _HINGE]
        return cls(
            trunk_up=unit(shoulders.mean(axis=1) - hips.mean(axis=1)),
            hips=unit(hips[:, 0] - hips[:, 1]),
            shoulders=unit(shoulders[:, 0] - shoulders[:, 1]),
            ears=unit(ears[:, 0] - ears[:, 1]),
            face=unit(points[:, _FACE].mean(axis=1) - ears.mean(axis=1)),
            upper=unit(middle - points[:, _TOP]),
            lower=unit(points[:, _END] - middle),
            tip=unit(0.5 * (inner + outer) - points[:, _HEEL]),
            palm=unit(inner[:, _ARMS] - outer[:, _ARMS]),
        )


class InverseKinematics:
    """Closed-form pose of a body whose landmarks at rest are known.

    :param rest_landmarks: (33, 3), the landmarks of the body at rest, in the model's frame.
    """

    def __init__(self, rest_landmarks: Floats) -> None:
        rest = _Lines.of(np.asarray(rest_landmarks, np.float64)[None])
        self._rest = rest
        self._pelvis = np.swapaxes(frame(rest.trunk_up, rest.hips), -1, -2)
        self._chest = np.swapaxes(frame(rest.trunk_up, rest.shoulders), -1, -2)
        self._head = np.swapaxes(frame(rest.ears, rest.face), -1, -2)
        self._hinge = frame(rest.upper, _HINGE_AXIS[None])[..., 1]
        self._upper = np.swapaxes(frame(rest.upper, self._hinge), -1, -2)
        # What the foot says about the knee's axis, brought to that axis.
        foot = frame(rest.lower[:, _LEGS], cross(rest.tip[:, _LEGS], rest.lower[:, _LEGS]))
        self._foot_to_hinge = rotate(np.swapaxes(foot, -1, -2), self._hinge[:, _LEGS])
        # Where limbs hang when nothing is seen of them, in the frame of chest and pelvis.
        self._hanging = rotate(axis_angle_to_matrix(RELAXED[_UPPER_JOINT]), rest.upper[0])

    def __call__(self, points: Floats, weights: Floats) -> Floats:
        """Return the pose of every set of landmarks.

        :param points: (N, 33, 3), any position and scale; every value finite.
        :param weights: (N, 33) in [0, 1], how far each landmark is to be believed.
        :returns: (N, 24, 3, 3) local rotations; joint 0 is the global orientation in the frame of ``points``.
        """
        lines = _Lines.of(points)
        weights = weights / (weights + _HALF_BELIEVED) * (1 + _HALF_BELIEVED)
        pelvis, chest, head = self._trunk(lines, weights)
        upper, middle, end = self._limbs(lines, weights, pelvis, chest)
        globals_ = np.empty((len(points), NUM_JOINTS, 3, 3))
        bend = matrix_to_axis_angle(np.swapaxes(pelvis, -1, -2) @ chest)
        nod = matrix_to_axis_angle(np.swapaxes(chest, -1, -2) @ head)
        globals_[:, 0] = pelvis
        globals_[:, JOINT_INDEX['spine1']] = pelvis @ axis_angle_to_matrix(bend / 3)
        globals_[:, JOINT_INDEX['spine2']] = pelvis @ axis_angle_to_matrix(bend * (2 / 3))
        globals_[:, JOINT_INDEX['spine3']] = chest
        globals_[:, _COLLARS] = chest[:, None]
        globals_[:, JOINT_INDEX['neck']] = chest @ axis_angle_to_matrix(nod / 2)
        globals_[:, JOINT_INDEX['head']] = head
        globals_[:, _UPPER_JOINT] = upper
        globals_[:, _MIDDLE_JOINT] = middle
        globals_[:, _END_JOINT] = end
        globals_[:, _TIP_JOINT] = end
        return global_to_local(globals_)

    def _trunk(self, lines: _Lines, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Global rotations of pelvis, chest and head, each (N, 3, 3)."""
        seen_hips = weights[:, _HIPS].mean(axis=1)[:, None]
        seen_trunk = seen_hips * weights[:, _SHOULDERS].mean(axis=1)[:, None]
        # Where hips or shoulders are not seen, the trunk stands upright in the picture.
        up = _blend(seen_trunk, lines.trunk_up, np.array([0.0, -1, 0]))
        across = (0.2 + 0.6 * seen_hips) * lines.hips + (0.8 - 0.6 * seen_hips) * lines.shoulders
        pelvis = frame(up, across) @ self._pelvis
        chest = frame(up, lines.shoulders + 0.15 * lines.hips) @ self._chest
        seen_head = 0.5 * (weights[:, _EARS].max(axis=1) + weights[:, _FACE].max(axis=1))[:, None]
        ears = _blend(seen_head, lines.ears, rotate(chest, self._rest.ears))
        face = _blend(seen_head, lines.face, rotate(chest, self._rest.face))
        return pelvis, chest, frame(ears, face) @ self._head

    def _limbs(self, lines: _Lines, weights: Floats, pelvis: Floats, chest: Floats) -> tuple[Floats, Floats, Floats]:
        """Global rotations of shoulders and hips, elbows and knees, wrists and ankles, each (N, 4, 3, 3)."""
        root = np.stack([chest, chest, pelvis, pelvis], axis=1)
        seen_upper = (weights[:, _TOP] * weights[:, _HINGE])[..., None]
        seen_lower = (weights[:, _HINGE] * weights[:, _END])[..., None]
        seen_tip = (weights[:, _END] * weights[:, _TIP_INNER])[..., None]

        d1 = _blend(seen_upper, lines.upper, rotate(root, self._hanging))
        d2 = _blend(seen_lower, lines.lower, d1)
        swung = rotation_between(rotate(root, self._rest.upper), d1) @ root
        axis = self._hinge_axis(d1, d2, lines.tip, rotate(swung, self._hinge), seen_upper * seen_lower, seen_tip)
        upper = frame(d1, axis) @ self._upper

        middle = rotation_between(rotate(upper, self._rest.lower), d2) @ upper
        pronation = self._pronation(lines.palm, middle[:, _ARMS], d2[:, _ARMS], seen_tip[:, _ARMS])
        middle[:, _ARMS] = axis_angle_to_matrix(pronation * d2[:, _ARMS]) @ middle[:, _ARMS]

        straight = rotate(middle, self._rest.tip)
        tip = _blend(seen_tip, lines.tip, straight)
        return upper, middle, rotation_between(straight, tip) @ middle

    def _hinge_axis(
        self, d1: Floats, d2: Floats, tip: Floats, expected: Floats, seen: Floats, seen_tip: Floats
    ) -> Floats:
        """Axis that elbow or knee flexes about, (N, 4, 3): where bent from the bend, where straight from the rest."""
        bend = cross(d1, d2)
        sine2 = dot(bend, bend)
        bend = unit(bend)
        odd = 0.5 * (1 - dot(bend, expected))
        by_bend = seen * sine2 / (sine2 + _STRAIGHT**2 + _STRAIGHT_WHEN_ODD**2 * odd)

        shank, side = d2[:, _LEGS], cross(tip[:, _LEGS], d2[:, _LEGS])
        by_foot = dot(side, side)
        side = rotate(frame(shank, side), self._foot_to_hinge)
        agrees = 0.5 * (1 + dot(side, expected[:, _LEGS]))
        by_foot = 0.6 * seen_tip[:, _LEGS] * by_foot * agrees
        expected = expected.copy()
        expected[:, _LEGS] = by_foot * side + (1 - by_foot) * expected[:, _LEGS]
        axis: Floats = by_bend * bend + (1 - by_bend) * expected
        return axis

    def _pronation(self, palm: Floats, forearm: Floats, along: Floats, seen: Floats) -> Floats:
        """Turn of the forearm about itself, (N, 2, 1) radians, that brings the knuckles to where they are seen."""
        expected = rotate(forearm, self._rest.palm)
        sine = dot(cross(expected, palm), along)
        cosine = dot(expected, palm) - dot(expected, along) * dot(palm, along)
        angle = np.arctan2(seen * sine, seen * cosine + (1 - seen))
        # Nobody's hand turns half round: such an angle is noise, and fades out instead of jumping between the ends.
        fade = smoothstep((np.pi - np.abs(angle)) / (np.pi - _MAX_PRONATION))
        turn: Floats = np.clip(angle, -_MAX_PRONATION, _MAX_PRONATION) * fade
        return turn
