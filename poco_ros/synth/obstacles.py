"""Things that stand, hang or pass between the camera and a person, and things behind."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import Floats, axis_angle_to_matrix
from poco_ros.synth.surface import Surface, make_box, make_cylinder
from poco_ros.types import FloatArray

_MOVING = 0.3
_SPEED_M = 0.12
#: width, height, depth in metres, and whether it stands on the floor.
_KINDS: tuple[tuple[tuple[float, float], tuple[float, float], tuple[float, float], bool], ...] = (
    ((0.8, 1.8), (0.5, 1.1), (0.4, 0.9), True),  # table, counter, crate
    ((0.1, 0.5), (1.2, 2.4), (0.1, 0.5), True),  # pillar, pole, door frame
    ((0.5, 1.5), (0.9, 1.9), (0.05, 0.4), True),  # shelf, screen
    ((0.1, 0.45), (0.1, 0.45), (0.05, 0.3), False),  # something hand-held or hanging
)
_ROUND = 0.35
#: Of what passes: at which part of the way from camera to person, what it has to pass, how high it hangs, how it turns.
_PASSES_AT = (0.4, 0.7)
_HALF_PERSON_M = 0.5
_HANGS_M = 0.25
_TURNED = 0.3


@dataclass(frozen=True)
class Obstacle:
    """A thing with a way through the world.

    :param vertices: (V, 3) float32 around its own origin, y up, metres.
    :param surface: what it looks like.
    :param position: (3,) metres, of the origin in the first frame.
    :param velocity: (3,) metres a frame.
    :param rotation: (3, 3).
    """

    vertices: FloatArray
    surface: Surface
    position: Floats
    velocity: Floats
    rotation: Floats

    def at(self, frame: int) -> Floats:
        """Return the vertices (V, 3) in the world, metres."""
        return np.asarray(self.vertices @ self.rotation.T + self.position + frame * self.velocity)


def random_obstacle(
    rng: np.random.Generator, texture: npt.NDArray[np.uint8], person: Floats, camera: Floats, before: bool,
) -> Obstacle:
    """Draw a thing near the line from the camera to a person.

    :param rng: draws.
    :param texture: (256, 256, 4) uint8.
    :param person: (3,) middle of the body in the world, metres.
    :param camera: (3,) metres.
    :param before: between camera and person, or behind the person.
    """
    size, stands, vertices, surface = _random_thing(rng, texture)
    line = person - camera
    part = rng.uniform(0.35, 0.9) if before else rng.uniform(1.2, 2.5)
    aside = np.array([line[2], 0.0, -line[0]]) / max(float(np.hypot(line[0], line[2])), 1e-6)
    position = camera + part * line + rng.normal(0, 0.30 * part if before else 1.0) * aside
    if stands:
        position[1] = size[1] / 2
    else:
        position[1] += rng.normal(0, 0.3)
    velocity = aside * rng.normal(0, _SPEED_M) if rng.random() < _MOVING else np.zeros(3)
    rotation = axis_angle_to_matrix(np.array([0, rng.uniform(-np.pi, np.pi), 0]))
    if not stands:
        rotation = axis_angle_to_matrix(rng.normal(0, 0.8, 3)) @ rotation
    return Obstacle(vertices, surface, position, velocity, rotation)


def passing_obstacle(
    rng: np.random.Generator, texture: npt.NDArray[np.uint8], person: Floats, camera: Floats, span: tuple[int, int],
) -> Obstacle:
    """Draw a thing that passes before a person, from one side to the other, at a steady speed.

    :param rng: draws thing, side and nearness.
    :param texture: (256, 256, 4) uint8.
    :param person: (2, 3) middle of the body in the world when the thing arrives and when it has passed, metres.
    :param camera: (3,) metres.
    :param span: the frames of these two moments.
    """
    size, stands, vertices, surface = _random_thing(rng, texture)
    part = rng.uniform(*_PASSES_AT)
    line = person.mean(axis=0) - camera
    aside = np.array([line[2], 0.0, -line[0]]) / max(float(np.hypot(line[0], line[2])), 1e-6)
    reach = part * _HALF_PERSON_M + float(np.hypot(size[0], size[2])) / 2
    side = float(rng.choice((-1.0, 1.0)))
    ends = camera + part * (person - camera) + np.outer([-side * reach, side * reach], aside)
    ends[:, 1] = size[1] / 2 if stands else ends[:, 1].mean() + rng.normal(0, _HANGS_M)
    velocity = (ends[1] - ends[0]) / (span[1] - span[0])
    facing = np.arctan2(line[0], line[2]) + rng.normal(0, _TURNED)
    return Obstacle(vertices, surface, ends[0] - span[0] * velocity, velocity,
                    axis_angle_to_matrix(np.array([0, facing, 0])))


def _random_thing(
    rng: np.random.Generator, texture: npt.NDArray[np.uint8],
) -> tuple[Floats, bool, FloatArray, Surface]:
    """Size (3,) in metres, whether it stands on the floor, vertices and surface."""
    width, height, depth, stands = _KINDS[rng.integers(len(_KINDS))]
    size = np.array([rng.uniform(*width), rng.uniform(*height), rng.uniform(*depth)])
    if rng.random() < _ROUND:
        return size, stands, *make_cylinder(float(size[0] / 2), float(size[1]), texture)
    return size, stands, *make_box(tuple(size), texture)
