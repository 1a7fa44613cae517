"""Movements for the sequences: stretches of motion capture, and made-up ones between two poses."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.pose_transforms import flip_pose
from poco_ros.body.rotations import Floats, axis_angle_to_matrix, matrix_to_axis_angle
from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.errors import DatasetError
from poco_ros.evaluation.infill.motion_file import Motion
from poco_ros.synth.pose_prior import arms_free, random_pose
from poco_ros.synth.splits import split_people

PRIOR = 'prior'
MOCAP = 'mocap'
MADE_UP = 'Apache-2.0 (made up)'
"""Licence of poses that nobody took."""

_MIRRORED = 0.5
_STEPS = (4, 10)
_MIXED = 0.6
_TRIES = 20
_WOBBLE_DEG = 6.0
_UPPER = [index for name, index in JOINT_INDEX.items() if index and not name.endswith(('hip', 'knee', 'ankle', 'foot'))]
_MOST_TURN_DEG = 60.0


@dataclass(frozen=True)
class Move:
    """A person moving for T frames, in a world with y up.

    :param rotmats: (T, 24, 3, 3) local; joint 0 relative to the world.
    :param pelvis: (T, 3) metres.
    :param subject: who moved; 'prior' when nobody did.
    :param clip: the motion clip; '' of none.
    :param source: 'mocap' or 'prior'.
    :param licence: of the movement.
    """

    rotmats: Floats
    pelvis: Floats
    subject: str
    clip: str
    source: str
    licence: str


class Moves:
    """Draws movements of each split from a motion file.

    :param motion: the file; its people are divided by :func:`poco_ros.synth.splits.split_people`.
    :param rest_joints: (24, 3) metres, of the mean body: to keep arms out of trunks.
    :param frames: T.
    :param prior_share: how many of the movements are made up, in [0, 1].
    """

    def __init__(self, motion: Motion, rest_joints: Floats, frames: int, prior_share: float) -> None:
        lengths = np.diff(motion.clip_start)
        seconds: dict[str, int] = {}
        for subject, length in zip(motion.subjects, lengths.tolist(), strict=True):
            seconds[subject] = seconds.get(subject, 0) + length
        self.people = split_people(seconds)
        self._motion, self._rest, self._frames, self._prior_share = motion, rest_joints, frames, prior_share
        long_enough = lengths >= _STEPS[0] * (frames - 1) + 1
        self._clips = {
            split: np.flatnonzero(long_enough & np.isin(motion.subjects, members))
            for split, members in self.people.items()
        }  # fmt: skip
        self._weights = {split: lengths[clips] / max(1, lengths[clips].sum()) for split, clips in self._clips.items()}
        if not any(len(clips) for clips in self._clips.values()):
            raise DatasetError(f'no clip of the motion file is as long as {_STEPS[0] * (frames - 1) + 1} frames, the '
                               'shortest movement of a sequence')

    @property
    def splits(self) -> tuple[str, ...]:
        """The splits that somebody moves in."""
        return tuple(split for split, clips in self._clips.items() if len(clips))

    def draw(self, rng: np.random.Generator, split: str) -> Move:
        """Draw a movement of a split that :attr:`splits` names."""
        for _ in range(_TRIES):
            move = self._made_up(rng, split) if rng.random() < self._prior_share else self._captured(rng, split)
            joints, _ = forward_kinematics(move.rotmats, np.broadcast_to(self._rest, (len(move.rotmats), 24, 3)))
            # captured people are real: only made-up arms can be inside a body
            if move.source == MOCAP or arms_free(joints).all():
                break
        return move

    def _captured(self, rng: np.random.Generator, split: str) -> Move:
        motion = self._motion
        clip = int(rng.choice(self._clips[split], p=self._weights[split]))
        first, last = int(motion.clip_start[clip]), int(motion.clip_start[clip + 1])
        step = int(rng.integers(_STEPS[0], min(_STEPS[1], (last - first - 1) // (self._frames - 1)) + 1))
        start = int(rng.integers(first, last - step * (self._frames - 1)))
        frames = start + step * np.arange(self._frames)
        return captured(motion, clip, frames, mirrored=rng.random() < _MIRRORED)

    def _made_up(self, rng: np.random.Generator, split: str) -> Move:
        """Go from one pose to another; half of them mix captured legs and arms of different moments."""
        if rng.random() < _MIXED:
            first, second = self._captured(rng, split), self._captured(rng, split)
            rotmats = first.rotmats.copy()
            rotmats[:, _UPPER] = second.rotmats[:, _UPPER]
            wobble = np.radians(rng.normal(0, _WOBBLE_DEG, (24, 3))) * (np.arange(24) > 0)[:, None]
            rotmats = rotmats @ axis_angle_to_matrix(wobble)
            pelvis, licence = first.pelvis, first.licence
        else:
            rotmats = _between(axis_angle_to_matrix(random_pose(rng)), axis_angle_to_matrix(random_pose(rng)),
                               self._frames, rng)
            pelvis, licence = np.tile([0.0, 0.9, 0.0], (self._frames, 1)), MADE_UP
        return Move(rotmats, pelvis, PRIOR, '', PRIOR, licence)


def captured(motion: Motion, clip: int, frames: npt.NDArray[np.int64], *, mirrored: bool) -> Move:
    """Return frames of a clip as a movement about the world's vertical axis.

    :param motion: the file.
    :param clip: the clip.
    :param frames: (T,) frames of it, counted from the file's first.
    :param mirrored: whether left and right change places.
    """
    pose, pelvis = motion.poses[frames], motion.trans[frames].copy()
    pelvis -= pelvis.mean(axis=0) * np.array([1, 0, 1])
    if mirrored:
        pose = np.asarray(flip_pose(pose), np.float64)
        pelvis *= np.array([-1, 1, 1])
    return Move(axis_angle_to_matrix(pose), pelvis, motion.subjects[clip], motion.names[clip], MOCAP,
                motion.licences[clip])


def _between(first: Floats, second: Floats, frames: int, rng: np.random.Generator) -> Floats:
    """(T, 24, 3, 3) on the shortest way from one pose toward another, no joint by more than a good part of a turn."""
    turn = matrix_to_axis_angle(np.swapaxes(first, -1, -2) @ second)
    angle = np.linalg.norm(turn, axis=-1, keepdims=True)
    turn = turn * np.minimum(1, np.radians(_MOST_TURN_DEG) / np.maximum(angle, 1e-9))
    part = np.linspace(0, rng.uniform(0.3, 1.0), frames)
    return np.asarray(first @ axis_angle_to_matrix(part[:, None, None] * turn))


def subjects_of(moves: Moves) -> tuple[str, ...]:
    """Return the names that the column ``subject`` of a data set can have."""
    return (*sorted(name for members in moves.people.values() for name in members), PRIOR)
