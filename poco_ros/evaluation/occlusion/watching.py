"""Lets estimators watch pictures with an obstacle and the same pictures without it, and finds the person again."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

import numpy as np
import numpy.typing as npt

from poco_ros.camera import Camera
from poco_ros.pipeline import Estimate
from poco_ros.types import NUM_JOINTS, Bodies, FloatArray, Frame

#: Whose pelvis is farther than this part of the person's height from the person's, in the picture, is somebody else.
_SAME_PERSON = 0.5


class Estimator(Protocol):
    """What a :class:`poco_ros.pipeline.Pipeline` does."""

    def process(self, frame: Frame) -> Estimate:
        """Estimate the bodies of a frame; frames of one video in their order."""


@dataclass(frozen=True)
class Look:
    """One moment as an estimator is to see it.

    :param clear: without the obstacle.
    :param blocked: with it; same camera and stamp.
    """

    clear: Frame
    blocked: Frame


@dataclass
class Watched:
    """What an estimator made of T moments.

    :param clear: T frames of bodies, without the obstacle.
    :param blocked: T frames of bodies, with it.
    """

    clear: list[Bodies] = field(default_factory=list)
    blocked: list[Bodies] = field(default_factory=list)


def watch(looks: Iterable[Look], estimators: Mapping[str, Callable[[], Estimator]]) -> dict[str, Watched]:
    """Let estimators see the same moments, which are made only once.

    :param looks: the moments, in order.
    :param estimators: make an estimator that has seen nothing; by name.
    :returns: what each of them made of it.
    """
    pairs = {name: (make(), make()) for name, make in estimators.items()}
    watched = {name: Watched() for name in estimators}
    for look in looks:
        for name, (without, with_it) in pairs.items():
            watched[name].clear.append(without.process(look.clear).bodies)
            watched[name].blocked.append(with_it.process(look.blocked).bodies)
    return watched


def bodies_of(frames: Iterable[Frame], estimators: Mapping[str, Callable[[], Estimator]]) -> dict[str, list[Bodies]]:
    """Let estimators see the same frames; returns the bodies of each frame by name.

    :param frames: in order.
    :param estimators: as for :func:`watch`.
    """
    fresh = {name: make() for name, make in estimators.items()}
    seen: dict[str, list[Bodies]] = {name: [] for name in fresh}
    for frame in frames:
        for name, estimator in fresh.items():
            seen[name].append(estimator.process(frame).bodies)
    return seen


def find_again(frames: Sequence[Bodies], joints: npt.ArrayLike, camera: Camera) -> npt.NDArray[np.intp]:
    """Say which body of each frame is the person with these joints.

    It is the one whose pelvis is nearest in the picture, by at most half of the person's height there. Bodies of which
    nothing is known (NaN) are nobody.

    :param frames: T frames of bodies.
    :param joints: (T, 24, 3) metres, optical frame, of the person; NaN in frames without him.
    :param camera: of the frames.
    :returns: (T,) rows in ``frames``; -1 where there is none.
    """
    return find_people(frames, np.asarray(joints)[None], camera)[0]


def find_people(frames: Sequence[Bodies], joints: npt.ArrayLike, camera: Camera) -> npt.NDArray[np.intp]:
    """Say which body of each frame each of several people is: as :func:`find_again`, but no body is two people.

    A body is taken for the person it is nearest to, or for nobody.

    :param frames: T frames of bodies.
    :param joints: (P, T, 24, 3) metres, optical frame; NaN in frames without the person.
    :param camera: of the frames.
    :returns: (P, T) rows in ``frames``; -1 where there is none.
    """
    pixels = camera.project(joints)
    found = np.full(pixels.shape[:2], -1, np.intp)
    for t, bodies in enumerate(frames):
        if len(bodies) == 0:
            continue
        away = np.linalg.norm(pixels[:, t, None, 0] - camera.project(bodies.joints[:, 0]), axis=-1)
        away = np.where(np.isnan(away), np.inf, away)
        away[np.arange(len(away))[:, None] != away.argmin(axis=0)] = np.inf
        same = away.min(axis=1) <= _SAME_PERSON * np.ptp(pixels[:, t, :, 1], axis=1)
        found[same, t] = away.argmin(axis=1)[same]
    return found


def rows(frames: Sequence[Bodies], name: str, found: npt.NDArray[np.intp]) -> FloatArray:
    """Return a field of one person's bodies, (T, ...) float32; NaN where there is none.

    :param frames: T frames of bodies.
    :param name: of a field over the joints.
    :param found: (T,) rows, -1 for none, as :func:`find_again` returns them.
    """
    shape = getattr(Bodies.unknown(1), name).shape[1:]
    if shape[:1] != (NUM_JOINTS,):
        raise ValueError(f'{name} is no field over the joints')
    values = np.full((len(frames), *shape), np.nan, np.float32)
    for t in np.flatnonzero(found >= 0):
        values[t] = getattr(frames[t], name)[found[t]]
    return values
