"""A person moving before a camera at the camera's rate, and something that passes between the two.

Every moment is shown twice, with the thing and without it, and nothing else differs, down to the noise: what an
estimator does worse in the first than in the second it does because something was covered. The pictures are whole ones,
for people finders to work on.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.model import BodyModel
from poco_ros.camera import Camera
from poco_ros.errors import ConfigError, DatasetError
from poco_ros.evaluation.infill.motion_file import FPS, Motion, load_motion
from poco_ros.synth.backgrounds import Backgrounds
from poco_ros.synth.light import Light
from poco_ros.synth.obstacles import Obstacle, passing_obstacle
from poco_ros.synth.poses import Move, captured
from poco_ros.synth.scene import SUBJECT, Actor, Picture, Scene, Window
from poco_ros.synth.sensor import Sensor
from poco_ros.synth.sequence import pool, random_actor
from poco_ros.synth.shards import SPLITS
from poco_ros.synth.splits import split_names, split_people
from poco_ros.synth.viewpoint import View, ViewConfig, random_view
from poco_ros.synth.visibility import COVERED, joint_visibility
from poco_ros.synth.wardrobe import Wardrobe
from poco_ros.types import FloatArray, Frame

Array = npt.NDArray[Any]

#: When the thing arrives beside the person and when it has passed, as parts of the sequence.
_PASSES = (0.3, 0.7)
#: Movements that are tried, and places of person and camera for each: who walks far is not to be passed over quickly.
_MOVES, _VIEWS = 20, 60
#: Of the joints in all frames, so many lie in the picture: what is covered is to be covered by the thing alone.
_LEAST_INSIDE = 0.97
_NEAREST_M = 0.4
_MOST_ROWS = 480


@dataclass(frozen=True)
class CrossingConfig:
    """What is drawn from.

    :param mocap: the motion file (see :mod:`poco_ros.evaluation.infill.motion_file`).
    :param licence: only clips whose licence begins with this; '' takes all.
    :param wardrobe: a file of clothes; None: those that come with the package.
    :param split: whose people, clothes and backgrounds.
    :param frames: of every sequence, at 30 a second, 30 to 3000.
    :param view: where cameras stand.
    :raises ConfigError: when a value is out of range.
    """

    mocap: Path
    licence: str = ''
    wardrobe: Path | None = None
    split: str = 'test'
    frames: int = 150
    view: ViewConfig = field(default_factory=lambda: ViewConfig(distance_min=2.0, distance_max=5.0))

    def __post_init__(self) -> None:
        if not 30 <= self.frames <= 3000:
            raise ConfigError(f'frames must be between 30 and 3000, not {self.frames}')
        if self.split not in SPLITS:
            raise ConfigError(f'split must be one of {", ".join(SPLITS)}, not {self.split!r}')


@dataclass(frozen=True)
class Shot:
    """One moment, with the thing and without.

    :param clear: the frame without it; whole picture, its camera and its stamp.
    :param blocked: the frame with it.
    :param joints: (24, 3) float32 metres, optical frame: the truth.
    :param covered: (24,) bool, which of them the thing covers.
    """

    clear: Frame
    blocked: Frame
    joints: FloatArray
    covered: npt.NDArray[np.bool_]


@dataclass(frozen=True)
class Crossing:
    """One sequence.

    :param scene: with the thing as its only obstacle.
    :param frames: how many.
    :param sensor: the camera's faults.
    :param seed: of the noise.
    :param backgrounds: make the background.
    """

    scene: Scene
    frames: int
    sensor: Sensor
    seed: int
    backgrounds: Backgrounds = field(repr=False)

    @property
    def camera(self) -> Camera:
        """Of all frames."""
        view = self.scene.view
        return Camera(view.width, view.height, *view.intrinsics.tolist())

    def shots(self) -> Iterator[Shot]:
        """Render the moments, one after the other."""
        for index in range(self.frames):
            yield self.shot(index)

    def shot(self, index: int) -> Shot:
        """Render one moment; it depends on its number alone.

        :param index: from 0.
        :raises DatasetError: when the person stands in the camera.
        """
        view = self.scene.view
        blocked, clear = (self._render(scene, index) for scene in (self.scene, self._without))
        pixels = view.project(blocked.joints.astype(np.float64))
        visibility = joint_visibility(pixels, blocked.joints[:, 2], blocked.label, blocked.depth, SUBJECT,
                                      view.shows(pixels))
        return Shot(self._expose(clear, index), self._expose(blocked, index), blocked.joints, visibility == COVERED)

    def _expose(self, picture: Picture, index: int) -> Frame:
        image = self.sensor.expose(picture.image, np.random.default_rng([self.seed, index]))
        return Frame(image, self.camera, round(index / FPS * 1e9))

    def _render(self, scene: Scene, index: int) -> Picture:
        picture = scene.frame(index, self.backgrounds, Window.whole(scene.view))
        if picture is None:
            raise DatasetError(f'frame {index}: the person stands in the camera')
        return picture

    @cached_property
    def _without(self) -> Scene:
        return replace(self.scene, obstacles=())


class CrossingMaker:
    """Draws sequences; each depends on the configuration and its seed alone.

    :param config: what to draw from.
    :param body: the open body.
    :raises DatasetError: when nobody of the motion file is in the split, or no clip is long enough.
    :raises PocoError: when the motion file or the wardrobe cannot be read.
    """

    def __init__(self, config: CrossingConfig, body: BodyModel) -> None:
        self.config = config
        motion = load_motion(config.mocap)
        self._motion = motion.only(motion.clips(config.licence)) if config.licence else motion
        self._clips = _long_clips(self._motion, config)
        self._textures = pool()
        self._backgrounds = Backgrounds(self._textures)
        self._wardrobe = Wardrobe.load(config.wardrobe, self._textures)
        self._outfits = split_names(self._wardrobe.outfits)[config.split]
        self._places = split_names(self._backgrounds.names)[config.split]

    def make(self, seed: int) -> Crossing:
        """Draw a sequence.

        :param seed: another one gives another person, movement, place, camera and thing.
        :raises DatasetError: when nobody stays in the picture for so long.
        """
        for attempt in range(_MOVES):
            move = self._move(np.random.default_rng([seed, attempt]))
            for view in range(_VIEWS):
                rng = np.random.default_rng([seed, attempt, view])
                scene = self._scene(rng, move)
                if scene is not None:
                    return Crossing(scene, self.config.frames, Sensor.random(rng), seed, self._backgrounds)
        raise DatasetError(f'nobody stayed in the picture for {self.config.frames} frames in {_MOVES * _VIEWS} tries; '
                           'ask for fewer frames, or let cameras stand farther away')

    def _scene(self, rng: np.random.Generator, move: Move) -> Scene | None:
        """A scene; None where the person leaves the picture or the thing hits the camera."""
        person = random_actor(rng, self._wardrobe, self._outfits, move, np.zeros(2))
        middle = np.array([0.0, float((move.pelvis[:, 1] + person.offset[1]).mean()), 0.0])
        view = _smaller(random_view(rng, self.config.view, middle[1]))
        thing = self._thing(rng, person, view)
        place = self._places[rng.integers(len(self._places))]
        scene = Scene(person, (), (thing,), view, Light.random(rng), place, int(rng.integers(2**31)))
        frames = range(self.config.frames)
        return scene if _stays_in_picture(person, view, frames) and _clear_of_camera(thing, view, frames) else None

    def _move(self, rng: np.random.Generator) -> Move:
        starts, frames = self._motion.clip_start, self.config.frames
        clip = int(rng.choice(self._clips))
        first = int(rng.integers(starts[clip], starts[clip + 1] - frames + 1))
        return captured(self._motion, clip, first + np.arange(frames), mirrored=bool(rng.random() < 0.5))

    def _thing(self, rng: np.random.Generator, person: Actor, view: View) -> Obstacle:
        span = tuple(round(part * (self.config.frames - 1)) for part in _PASSES)
        places = np.stack([person.turn @ person.move.pelvis[frame] + person.offset for frame in span])
        return passing_obstacle(rng, self._textures.fabric(rng), places, view.position, (span[0], span[1]))


def _long_clips(motion: Motion, config: CrossingConfig) -> Array:
    lengths = np.diff(motion.clip_start)
    frames: dict[str, int] = {}
    for subject, length in zip(motion.subjects, lengths.tolist(), strict=True):
        frames[subject] = frames.get(subject, 0) + length
    people = split_people(frames)[config.split]
    if not people:
        raise DatasetError(f'nobody of {config.mocap} is in the split {config.split!r}')
    clips = np.flatnonzero(np.isin(motion.subjects, people) & (lengths >= config.frames))
    if not len(clips):
        raise DatasetError(f'{config.mocap} has no clip of {config.frames} frames of the people of the split '
                           f'{config.split!r}; ask for fewer frames')
    return clips


def _smaller(view: View) -> View:
    """The same camera with at most so many rows: larger pictures tell the people finder nothing more."""
    scale = min(1.0, _MOST_ROWS / view.height)
    return replace(view, width=round(view.width * scale), height=round(view.height * scale), focal=view.focal * scale)


def _stays_in_picture(person: Actor, view: View, frames: range) -> bool:
    joints = np.stack([person.joints(frame, view) for frame in frames])
    inside = view.shows(view.project(joints)).mean()
    return bool(joints[..., 2].min() > _NEAREST_M and inside >= _LEAST_INSIDE)


def _clear_of_camera(thing: Obstacle, view: View, frames: range) -> bool:
    return min(float(view.to_optical(thing.at(frame))[:, 2].min()) for frame in frames) > _NEAREST_M
