"""What is shown to regressors for the occlusion sweep: rendered people before whom something passes, and real videos.

On real videos, of which no truth is known, a board is carried over the pictures; who is where, and so what the board
covers, is taken from the same regressor's bodies without it.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from poco_ros.camera import Camera
from poco_ros.errors import DatasetError
from poco_ros.evaluation.occlusion.crossings import watch_crossing
from poco_ros.evaluation.occlusion.watching import Estimator, bodies_of, find_again, find_people, rows
from poco_ros.evaluation.reproduce.occlusion_sweep import Sweep
from poco_ros.types import NUM_JOINTS, Bodies, Frame
from poco_ros.video.board import CarriedBoard
from poco_ros.video.source import ImageArray, VideoSource

if TYPE_CHECKING:
    from poco_ros.synth.crossing import Crossing

Estimators = Mapping[str, Callable[[], Estimator]]
Progress = Callable[[str, int, int], None]

#: Of a longer video the beginning is shown; a short one several times, with the board elsewhere each time.
MOST_FRAMES = 1500
_PASSES = 4
#: The board in heights of a person, and how many of them it moves in a second.
_BOARD = (0.4, 0.5)
_SPEED = 1.0


@dataclass(frozen=True)
class Show:
    """What one regressor made of one kind of pictures.

    :param name: of the pictures.
    :param model: of the regressor.
    :param sweeps: one of each sequence, or of each person in each pass of a video; there may be none.
    """

    name: str
    model: str
    sweeps: tuple[Sweep, ...]


def rendered_shows(name: str, crossings: Sequence[Crossing], models: Estimators, progress: Progress) -> list[Show]:
    """Show rendered people.

    :param name: of the show.
    :param crossings: the sequences.
    :param models: make the regressors, with everything before them, by name.
    :param progress: told of every frame.
    :returns: a show for each model, with the errors to the true joints.
    """
    sweeps: dict[str, list[Sweep]] = {model: [] for model in models}
    total, done = sum(crossing.frames for crossing in crossings), itertools.count(1)
    for crossing in crossings:
        truth, watched = watch_crossing(crossing, models, lambda: progress(name, next(done), total))
        for model, seen in watched.items():
            with_it, without = (find_again(frames, truth.joints, truth.camera) for frames in (seen.blocked, seen.clear))
            off = rows(seen.blocked, 'joints', with_it).astype(np.float64) - truth.joints
            sweeps[model].append(Sweep(
                f'{name}, {model}', truth.stamps_ns.astype(np.float64) / 1e9, 's', truth.covered,
                rows(seen.blocked, 'joint_uncertainty', with_it).astype(np.float64),
                1e3 * np.linalg.norm(off - off[:, :1], axis=-1),
                rows(seen.clear, 'joint_uncertainty', without).astype(np.float64)))
    return [Show(name, model, tuple(found)) for model, found in sweeps.items()]


def video_shows(source: VideoSource, models: Estimators, progress: Progress) -> list[Show]:
    """Show a real video, as it is and with a board carried over it.

    :param source: the video; its first :data:`MOST_FRAMES` pictures are shown.
    :param models: as for :func:`rendered_shows`.
    :param progress: told of every frame.
    :returns: a show for each model, with a sweep of everybody whom the board covers some time, in each pass; times in
        seconds.
    :raises DatasetError: when nobody is found in the video.
    :raises VideoError: when it cannot be read.
    """
    name = Path(source.name).name
    length = min(source.length or MOST_FRAMES, MOST_FRAMES)
    passes = min(_PASSES, max(1, MOST_FRAMES // length))
    done, camera = itertools.count(1), Camera.assumed(source.width, source.height)

    def frames(change: Callable[[ImageArray, int], ImageArray]) -> Iterator[Frame]:
        for index, image in enumerate(itertools.islice(source.one_pass(), MOST_FRAMES)):
            yield Frame(change(image, index), camera, round(index / source.fps * 1e9))
            progress(name, min(next(done), (1 + passes) * length), (1 + passes) * length)

    clear = bodies_of(frames(lambda image, index: image), models)
    board = _board(source, next(iter(clear.values())))
    sweeps: dict[str, list[Sweep]] = {model: [] for model in models}
    for number in range(passes):
        shown = replace(board, begun=number * 2 * board.frames // passes)
        for model, blocked in bodies_of(frames(shown.over), models).items():
            sweeps[model] += _people(f'{name}, {model}', source.fps, camera, shown, clear[model], blocked)
    return [Show(name, model, tuple(found)) for model, found in sweeps.items()]


def _board(source: VideoSource, clear: Sequence[Bodies]) -> CarriedBoard:
    boxes = np.concatenate([bodies.box_px for bodies in clear])
    boxes = np.clip(boxes, 0, [source.width, source.height] * 2)
    if not len(boxes):
        raise DatasetError(f'{source.name}: nobody is found in it; give a video of people')
    top, height = (float(np.median(values)) for values in (boxes[:, 1], boxes[:, 3] - boxes[:, 1]))
    size = (max(round(_BOARD[0] * height), 1), max(round(_BOARD[1] * height), 1))
    seconds = (source.width + size[0]) / max(_SPEED * height, 1.0)
    return CarriedBoard((source.width, source.height), size, (round(top + height - size[1]), round(top)),
                        max(round(seconds * source.fps), 1))


def _people(
    name: str, fps: float, camera: Camera, board: CarriedBoard, clear: Sequence[Bodies], blocked: Sequence[Bodies],
) -> list[Sweep]:
    tracks = sorted({int(i) for bodies in clear for i in bodies.track_id if i > 0})
    own = [np.array([next(iter(np.flatnonzero(bodies.track_id == track)), -1) for bodies in clear]) for track in tracks]
    joints = np.array([rows(clear, 'joints', found) for found in own]).reshape(-1, len(clear), NUM_JOINTS, 3)
    again = find_people(blocked, joints, camera)
    sweeps = []
    for mine, before, after in zip(joints, own, again, strict=True):
        there = np.isfinite(mine).all(axis=(1, 2))
        pixels = camera.project(mine)
        covered = np.array([board.covers(index, row) for index, row in enumerate(pixels)])[there]
        if covered.any():
            sweeps.append(Sweep(
                name, np.flatnonzero(there) / fps, 's', covered,
                rows(blocked, 'joint_uncertainty', after)[there].astype(np.float64),
                sigma_without=rows(clear, 'joint_uncertainty', before)[there].astype(np.float64)))
    return sweeps
