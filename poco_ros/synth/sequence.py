"""One sequence: who moves how in what clothes before which camera is drawn, rendered, and shown to BlazePose."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Mapping
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros import crops
from poco_ros.body.model import BodyModel
from poco_ros.body.rotations import matrix_to_axis_angle
from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.errors import DatasetError
from poco_ros.evaluation.infill.motion_file import Motion
from poco_ros.synth.backgrounds import Backgrounds
from poco_ros.synth.config import SynthConfig
from poco_ros.synth.light import Light
from poco_ros.synth.mirror import mirrored
from poco_ros.synth.obstacles import random_obstacle
from poco_ros.synth.poses import MADE_UP, MOCAP, PRIOR, Move, Moves, subjects_of
from poco_ros.synth.scene import SUBJECT, Actor, Picture, Scene, stand
from poco_ros.synth.sensor import Sensor
from poco_ros.synth.shards import SPLITS
from poco_ros.synth.sightings import Follower, Observer, Seen
from poco_ros.synth.splits import SHARES, split_names
from poco_ros.synth.textures import Textures
from poco_ros.synth.viewpoint import View, random_view
from poco_ros.synth.visibility import hidden_share, joint_visibility
from poco_ros.synth.wardrobe import Wardrobe

Array = npt.NDArray[Any]

_POOL_SEED = 7
_TRIES = 200
_COVERED, _COMPANY = 0.45, 0.25
#: Nothing is learned from people who are not to be seen.
_MOST_HIDDEN = 0.7
_MOST_OBSTACLES, _MOST_BEHIND = 2, 3
_OTHER_WITHIN_M = (0.35, 1.4)
_THINNEST, _WIDEST_BETA = -1.5, 2.5
_TRUNK = [JOINT_INDEX['pelvis'], JOINT_INDEX['spine3'], JOINT_INDEX['neck']]
_PADDING = (1.05, 1.3)
_SHIFT = 0.06
_QUALITY = 92


class SequenceMaker:
    """Makes sequences; each depends on the configuration and its own number alone.

    :param config: what to make.
    :param motion: the motion file, with the clips that may be used.
    :param body: the open body.
    """

    def __init__(self, config: SynthConfig, motion: Motion, body: BodyModel) -> None:
        self.config = config
        rest = body.rest_joints().astype(np.float64)[0]
        self._moves = Moves(motion, rest, config.frames, config.prior_share)
        self._textures = pool()
        self._backgrounds = Backgrounds(self._textures)
        self._wardrobe = Wardrobe.load(config.wardrobe, self._textures)
        self._outfits = split_names(self._wardrobe.outfits)
        self._places = split_names(self._backgrounds.names)
        self._splits = self._moves.splits if config.split == 'all' else (config.split,)
        if config.split not in ('all', *self._moves.splits):
            raise DatasetError(f'nobody of the motion file is in the split {config.split!r}: it has people for '
                               f'{", ".join(self._moves.splits)} alone')
        self.tables: Mapping[str, list[str]] = {
            'subject': list(subjects_of(self._moves)), 'clip': ['', *motion.names],
            'outfit': sorted(self._wardrobe.outfits), 'background': sorted(self._backgrounds.names),
            'source': [MOCAP, PRIOR], 'licence': sorted({*motion.licences, MADE_UP}),
        }  # fmt: skip
        self._numbers = {name: {text: i for i, text in enumerate(texts)} for name, texts in self.tables.items()}
        self._observer: Observer | None = None

    def split_of(self, sequence: int) -> str:
        """Return the split that a sequence belongs to."""
        shares = np.array([SHARES[split] for split in self._splits])
        rng = np.random.default_rng([self.config.seed, sequence, 1])
        return str(rng.choice(self._splits, p=shares / shares.sum()))

    def make(self, sequence: int) -> dict[str, Array]:
        """Make a sequence.

        :param sequence: its number.
        :returns: the arrays of :func:`poco_ros.synth.shards.layout` for its T samples; with crops also ``crop_jpeg``
            (bytes of one frame after the other), ``crop_end`` (T,) and ``crop_square`` (T, 3).
        """
        split = self.split_of(sequence)
        for attempt in range(_TRIES):
            rng = np.random.default_rng([self.config.seed, sequence, 2, attempt])
            scene = self.draw(rng, split)
            pictures = self.pictures(scene)
            if pictures is not None:
                return self._arrays(sequence, split, scene, pictures, rng)
        raise DatasetError(f'sequence {sequence}: nobody came into the picture in {_TRIES} tries; let cameras stand '
                           'farther away')

    def draw(self, rng: np.random.Generator, split: str) -> Scene:
        """Draw a scene of a split."""
        move = self._moves.draw(rng, split)
        person = self._actor(rng, split, move, np.zeros(2))
        middle = np.array([0.0, float((person.move.pelvis[:, 1] + person.offset[1]).mean()), 0.0])
        view = random_view(rng, self.config.view, middle[1])
        others = []
        if rng.random() < _COMPANY:
            angle, away = rng.uniform(-np.pi, np.pi), rng.uniform(*_OTHER_WITHIN_M)
            place = np.array([np.cos(angle), np.sin(angle)]) * away
            others.append(self._actor(rng, split, self._moves.draw(rng, split), place))
        things = rng.integers(1, _MOST_OBSTACLES + 1) if rng.random() < _COVERED else 0
        before = [True] * int(things) + [False] * int(rng.integers(0, _MOST_BEHIND + 1))
        obstacles = [
            random_obstacle(rng, self._textures.fabric(rng), middle, view.position, flag) for flag in before
        ]  # fmt: skip
        places = self._places[split]
        return Scene(person, others, obstacles, view, Light.random(rng), places[rng.integers(len(places))],
                     int(rng.integers(2**31)))

    def _actor(self, rng: np.random.Generator, split: str, move: Move, place: Array) -> Actor:
        return random_actor(rng, self._wardrobe, self._outfits[split], move, place, self.config.shape_spread)

    def pictures(self, scene: Scene) -> list[Picture] | None:
        """Render all frames; None where the person is not properly in every one of them."""
        pictures = []
        for frame in range(self.config.frames):
            joints = scene.subject.joints(frame, scene.view)
            pixels = scene.view.project(joints)
            inside = scene.view.shows(pixels)
            if joints[:, 2].min() < 0.3 or inside[_TRUNK].sum() < 2:
                return None
        for frame in range(self.config.frames):
            picture = scene.frame(frame, self._backgrounds)
            if picture is None:
                return None
            pictures.append(picture)
        hidden = [hidden_share(picture.alone, picture.label, SUBJECT) for picture in pictures]
        return None if np.mean(hidden) > _MOST_HIDDEN else pictures

    def _arrays(
        self, sequence: int, split: str, scene: Scene, pictures: list[Picture], rng: np.random.Generator
    ) -> dict[str, Array]:
        sensor = Sensor.random(rng)
        self._observer = self._observer or Observer()
        rows: list[dict[str, Any]] = []
        codes: list[Array] = []
        shown = [pictures]
        if self.config.mirrored:
            rest = scene.subject.person.rest_joints
            shown.append([mirrored(picture, scene.view, rest) for picture in pictures])
        for run in shown:
            follower = Follower(self._observer, rng)
            for picture in run:
                image, view = sensor.expose(picture.image, rng), scene.view
                pixels = view.project(picture.joints.astype(np.float64))
                row = _truth(picture, view, pixels) | _seen(follower.look(image, picture.window, pixels))
                row |= {'sequence': sequence, 'frame': len(rows), 'split': SPLITS.index(split),
                        'betas': scene.subject.person.betas}  # fmt: skip
                if self.config.crops:
                    square, code = _crop(image, picture, rng)
                    row['crop_square'] = square
                    codes.append(code)
                rows.append(row)
        arrays = {name: np.array([row[name] for row in rows]) for name in rows[0]}
        arrays |= self._texts(scene, len(rows))
        if codes:
            arrays['crop_jpeg'] = np.concatenate(codes)
            arrays['crop_end'] = np.cumsum([len(code) for code in codes])
        return arrays

    def _texts(self, scene: Scene, count: int) -> dict[str, Array]:
        move = scene.subject.move
        texts = {'subject': move.subject, 'clip': move.clip, 'outfit': scene.subject.person.outfit,
                 'background': scene.background, 'source': move.source, 'licence': move.licence}  # fmt: skip
        return {name: np.full(count, self._numbers[name][text]) for name, text in texts.items()}


def random_actor(
    rng: np.random.Generator, wardrobe: Wardrobe, outfits: tuple[str, ...], move: Move, place: Array,
    shape_spread: float = 1.0,
) -> Actor:
    """Draw somebody who makes a movement: shape, clothes, and the direction of the movement.

    :param rng: draws.
    :param wardrobe: gives the clothes.
    :param outfits: names of those that may be worn.
    :param move: the movement.
    :param place: (2,) x and z of the middle of the path, metres.
    :param shape_spread: standard deviation of the betas.
    """
    betas = np.clip(rng.normal(0, shape_spread, 10), -_WIDEST_BETA, _WIDEST_BETA)
    betas[2] = max(betas[2], _THINNEST)
    person = wardrobe.dress(rng, wardrobe.draw(rng, outfits), betas.astype(np.float32))
    return stand(person, move, rng.uniform(-np.pi, np.pi), place)


@functools.cache
def pool() -> Textures:
    """The process's textures; making them takes longer than a sequence."""
    return Textures(np.random.default_rng(_POOL_SEED))


def _truth(picture: Picture, view: View, pixels: Array) -> dict[str, Any]:
    inside = view.shows(pixels)
    visibility = joint_visibility(
        picture.window.to_window(pixels), picture.joints[:, 2], picture.label, picture.depth, SUBJECT, inside)
    return {
        'pose': matrix_to_axis_angle(picture.rotmats), 'transl': picture.transl, 'joints': picture.joints,
        'joint_visibility': visibility, 'intrinsics': view.intrinsics, 'image_size': (view.width, view.height),
        'box_px': picture.box_px, 'occlusion': hidden_share(picture.alone, picture.label, SUBJECT),
    }  # fmt: skip


def _seen(seen: Seen) -> dict[str, Any]:
    region = seen.region
    rows = {f'landmarks_{f.name}': getattr(seen.landmarks, f.name)[0] for f in dataclasses.fields(seen.landmarks)}
    return {
        **rows, 'region': (region.x, region.y, region.side, region.angle), 'region_source': seen.region_source,
        'features': seen.features, 'local_features': seen.local_features,
    }  # fmt: skip


def _crop(image: npt.NDArray[np.uint8], picture: Picture, rng: np.random.Generator) -> tuple[Array, Array]:
    """A picture for image networks, and the square (3,) it was cut from, in the camera's pixels."""
    square = crops.square_boxes(picture.box_px[None], rng.uniform(*_PADDING))[0]
    square[:2] += rng.normal(0, _SHIFT, 2) * square[2]
    window = picture.window
    inside = np.append(window.to_window(square[:2]), square[2] * window.scale)
    crop = crops.crop_people(image, inside[None])[0]
    code = cv2.imencode('.jpg', crop[..., ::-1], [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])[1]
    return square, np.asarray(code, np.uint8).ravel()
