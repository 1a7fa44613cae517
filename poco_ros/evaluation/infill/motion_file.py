"""Files of motion capture on the SMPL tree, and the windows that the benchmark cuts from them.

A file is an ``.npz`` with ``poses`` (F, 24, 3), local axis-angle with joint 0 global; ``trans`` (F, 3), the pelvis in
metres; ``clip_start`` (C + 1,), clip c being the frames ``clip_start[c]:clip_start[c + 1]``; ``clip_name`` and
``licence`` (C,); at 30 frames a second. With ``subject`` (C,), who moves, people can be kept apart.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from poco_ros.errors import PocoError
from poco_ros.temporal import quaternions as quat

Array = npt.NDArray[np.float64]
Indices = npt.NDArray[np.int64]

FPS = 30.0
BEFORE, AFTER = 40, 45
"""Frames of a window before its gap and after it."""


@dataclass(frozen=True)
class Motion:
    """The contents of a file.

    :param poses: (F, 24, 3) axis-angle.
    :param trans: (F, 3) metres.
    :param clip_start: (C + 1,) frames.
    :param names: of the C clips.
    :param licences: of the C clips.
    :param subjects: of the C clips; where the file does not tell, each clip is of somebody else.
    """

    poses: Array
    trans: Array
    clip_start: Indices
    names: tuple[str, ...]
    licences: tuple[str, ...]
    subjects: tuple[str, ...]

    def folds(self, count: int) -> Indices:
        """Return in which of ``count`` parts each clip is, (C,): about equally long ones, nobody being in two."""
        frames: dict[str, int] = {}
        for subject, length in zip(self.subjects, np.diff(self.clip_start).tolist(), strict=True):
            frames[subject] = frames.get(subject, 0) + length
        fold, total = {}, np.zeros(count)
        for subject in sorted(frames, key=lambda name: (-frames[name], name)):
            fold[subject] = int(total.argmin())
            total[fold[subject]] += frames[subject]
        return np.array([fold[subject] for subject in self.subjects], np.int64)

    def clips(self, licence: str) -> Indices:
        """Return the clips whose licence begins with a text."""
        return np.flatnonzero([text.startswith(licence) for text in self.licences])

    def only(self, clips: Indices) -> Motion:
        """Return a file of nothing but some clips.

        :raises PocoError: when there are none.
        """
        if not len(clips):
            raise PocoError('no clip of the motion file is left: check the licence asked for')
        spans = [np.arange(self.clip_start[c], self.clip_start[c + 1]) for c in clips]
        frames = np.concatenate(spans)
        start = np.concatenate([[0], np.cumsum([len(span) for span in spans])])
        names, licences, subjects = (
            tuple(values[c] for c in clips) for values in (self.names, self.licences, self.subjects))
        return Motion(self.poses[frames], self.trans[frames], start, names, licences, subjects)


@dataclass(frozen=True)
class Windows:
    """Cuttings of B windows of T frames.

    :param rotations: (B, T, 24, 4) local quaternions.
    :param pelvis: (B, T, 3) metres.
    :param clip: (B,) which clip each is from.
    """

    rotations: Array
    pelvis: Array
    clip: Indices


def load_motion(path: Path) -> Motion:
    """Read a file.

    :raises PocoError: when it is missing or is no such file; names what is wrong.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            poses, trans = file['poses'].astype(np.float64), file['trans'].astype(np.float64)
            start, names = file['clip_start'].astype(np.int64), tuple(map(str, file['clip_name']))
            licences = tuple(map(str, file['licence'])) if 'licence' in file else ('',) * len(names)
            subjects = tuple(map(str, file['subject'])) if 'subject' in file else names
            fps = float(file['fps']) if 'fps' in file else FPS
    except OSError as error:
        raise PocoError(f'cannot read {path}: {error}') from error
    except (ValueError, KeyError) as error:
        where = 'the module poco_ros.evaluation.infill.motion_file'
        raise PocoError(f'{path} is no motion file ({error}); {where} says what one holds') from error
    if poses.shape[1:] != (24, 3) or trans.shape != (len(poses), 3) or len(names) != len(start) - 1:
        raise PocoError(f'{path}: poses {poses.shape}, trans {trans.shape} and {len(names)} clips do not fit together')
    if fps != FPS:
        raise PocoError(f'{path} has {fps:g} frames a second; resample it to {FPS:g}')
    return Motion(poses, trans, start, names, licences, subjects)


def cut(motion: Motion, first: Indices, length: int, clip: Indices) -> Windows:
    """Return windows of given first frames."""
    index = first[:, None] + np.arange(length)
    return Windows(quat.exp(motion.poses[index]), motion.trans[index], clip)


def starts(motion: Motion, length: int, clips: Indices, stride: int = 5) -> tuple[Indices, Indices]:
    """Return the first frames of all windows of a length, one every ``stride`` frames, and their clips."""
    first = [np.arange(motion.clip_start[c], motion.clip_start[c + 1] - length + 1, stride) for c in clips]
    clip = np.repeat(np.asarray(clips), [len(f) for f in first])
    return (np.concatenate(first) if first else np.zeros(0, np.int64)), clip


def sample_windows(motion: Motion, gap: int, count: int, seed: int) -> Windows:
    """Draw the windows of the benchmark: half from CMU clips (by name), half from the others, where both exist.

    :param motion: the file.
    :param gap: frames of the gap.
    :param count: of windows.
    :param seed: of the draw.
    :raises PocoError: when no clip is long enough.
    """
    rng = np.random.default_rng([seed, gap])
    is_cmu = np.array([name.startswith('cmu') for name in motion.names])
    length = BEFORE + gap + AFTER
    first, clip = [], []
    for kind in (True, False):
        candidates, of_clip = starts(motion, length, np.flatnonzero(is_cmu == kind))
        if len(candidates):
            picked = rng.choice(len(candidates), count // 2, replace=len(candidates) < count // 2)
            first.append(candidates[picked])
            clip.append(of_clip[picked])
    if not first:
        raise PocoError(f'no clip is as long as a window of {length} frames')
    return cut(motion, np.concatenate(first), length, np.concatenate(clip))
