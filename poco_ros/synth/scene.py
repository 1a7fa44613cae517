"""A scene: one person moving, maybe others and things around, before one camera."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.rotations import Floats, axis_angle_to_matrix
from poco_ros.synth.backgrounds import Backgrounds
from poco_ros.synth.light import Light
from poco_ros.synth.obstacles import Obstacle
from poco_ros.synth.person import Person
from poco_ros.synth.poses import Move
from poco_ros.synth.raster import project as to_screen
from poco_ros.synth.raster import rasterise
from poco_ros.synth.render import Floor, render
from poco_ros.synth.surface import TEXTURE_SIZE, Placed
from poco_ros.synth.viewpoint import View, project
from poco_ros.types import FloatArray

SUBJECT, OTHER, THING = 1, 2, 3
"""Labels: the person whose pose is the truth, another person, a thing."""

#: The rendered person is at most so many pixels long: what the landmark network sees of it.
_PERSON_PX = 205
_WINDOW = 1.6
_SMALLEST_PX = 24
_NEAREST_M = 0.25
#: Joints of the feet lie this far above the soles.
_SOLE_M = 0.03


@dataclass(frozen=True)
class Actor:
    """A person with a movement, placed in the world.

    :param person: dressed.
    :param move: the movement.
    :param turn: (3, 3) about the vertical, turns the movement.
    :param offset: (3,) metres, added to the turned path.
    """

    person: Person
    move: Move
    turn: Floats
    offset: Floats

    def joints(self, frame: int, view: View) -> Floats:
        """Return the joints alone, (24, 3) metres, optical frame."""
        rotmats, transl = self._placed(frame, view)
        joints, _ = forward_kinematics(rotmats[None], self.person.rest_joints[None].astype(np.float64))
        return np.asarray(joints[0] + transl)

    def _placed(self, frame: int, view: View) -> tuple[Floats, Floats]:
        """Rotations (24, 3, 3) and transl (3,) in the optical frame."""
        rotmats = self.move.rotmats[frame].copy()
        rotmats[0] = view.rotation @ self.turn @ rotmats[0]
        pelvis = view.to_optical(self.turn @ self.move.pelvis[frame] + self.offset)
        return rotmats, np.asarray(pelvis - self.person.rest_joints[0])

    def pose(self, frame: int, view: View) -> tuple[FloatArray, Floats, FloatArray, FloatArray, FloatArray]:
        """Return vertices, rotations (24, 3, 3) and joints in the optical frame, transl (3,) and body vertices."""
        rotmats, transl = self._placed(frame, view)
        vertices, body, joints = self.person.pose(rotmats, transl)
        return vertices, rotmats, joints, transl.astype(np.float32), body


def stand(person: Person, move: Move, turn: float, place: Floats) -> Actor:
    """Put a moving person on the floor.

    :param person: dressed.
    :param move: the movement; its own heights count relative to the lowest of them.
    :param turn: radians about the vertical.
    :param place: (2,) x and z of the middle of the path, metres.
    """
    rotation = axis_angle_to_matrix(np.array([0.0, turn, 0.0]))
    rest = np.broadcast_to(person.rest_joints, (len(move.pelvis), 24, 3)).astype(np.float64)
    joints, _ = forward_kinematics(move.rotmats, rest)
    lowest = (joints[:, :, 1] - joints[:, :1, 1] + move.pelvis[:, 1:2]).min()
    middle = rotation @ (move.pelvis.mean(axis=0) * np.array([1, 0, 1]))
    offset = np.array([place[0] - middle[0], _SOLE_M - lowest, place[1] - middle[2]])
    return Actor(person, move, rotation, offset)


@dataclass(frozen=True)
class Window:
    """The part of a camera's picture about a person, at the size in which it is rendered.

    :param x0: left border in the camera's pixels.
    :param y0: upper border.
    :param scale: rendered pixels per pixel of the camera, at most 1.
    :param width: of the rendered window, pixels.
    :param height: pixels.
    """

    x0: float
    y0: float
    scale: float
    width: int
    height: int

    @classmethod
    def about(cls, points: Floats, view: View) -> Window | None:
        """Return the window about projected points (P, 2), None where hardly anything of them is in the picture."""
        low, high = points.min(axis=0), points.max(axis=0)
        side = float((high - low).max())
        middle, half = (low + high) / 2, _WINDOW * side / 2
        x0, y0 = (int(np.floor(max(0.0, value))) for value in middle - half)
        x1, y1 = (int(np.ceil(min(limit, value)))
                  for limit, value in zip((view.width, view.height), middle + half, strict=True))
        scale = min(1.0, _PERSON_PX / max(side, 1.0))
        width, height = round((x1 - x0) * scale), round((y1 - y0) * scale)
        if width < _SMALLEST_PX or height < _SMALLEST_PX:
            return None
        return cls(x0, y0, scale, width, height)

    @classmethod
    def whole(cls, view: View) -> Window:
        """Return the whole picture of a camera, in its own pixels."""
        return cls(0, 0, 1.0, view.width, view.height)

    def intrinsics(self, view: View) -> Floats:
        """Return (4,) fx, fy, cx, cy of the rendered window."""
        fx, fy, cx, cy = view.intrinsics
        shift = self.to_window(np.array([cx, cy]))
        return np.array([fx * self.scale, fy * self.scale, shift[0], shift[1]])

    def to_window(self, pixels: Floats) -> Floats:
        """Map (..., 2) pixels of the camera to pixels of the window."""
        return np.asarray((pixels - np.array([self.x0, self.y0]) + 0.5) * self.scale - 0.5)

    def to_camera(self, pixels: Floats) -> Floats:
        """Map (..., 2) pixels of the window to pixels of the camera."""
        return np.asarray((pixels + 0.5) / self.scale - 0.5 + np.array([self.x0, self.y0]))

    def mirrored(self, view: View) -> Window:
        """Return the window that shows the same in the camera's picture mirrored left to right."""
        return replace(self, x0=view.width - self.x0 - self.width / self.scale)


@dataclass(frozen=True)
class Picture:
    """A rendered frame and the truth about it.

    :param image: (h, w, 3) float32 RGB in [0, 1], the window alone.
    :param label: (h, w) int32, see :data:`SUBJECT`.
    :param depth: (h, w) float32 metres.
    :param alone: (h, w) bool, where the person would be seen if nothing were before it.
    :param window: which part of the camera's picture this is.
    :param rotmats: (24, 3, 3), of the person.
    :param joints: (24, 3) metres, optical frame.
    :param transl: (3,) metres.
    :param box_px: (4,) of the body's part in the camera's picture.
    """

    image: FloatArray
    label: npt.NDArray[np.int32]
    depth: FloatArray
    alone: npt.NDArray[np.bool_]
    window: Window
    rotmats: Floats
    joints: FloatArray
    transl: FloatArray
    box_px: Floats


@dataclass(frozen=True)
class Scene:
    """Everything before a camera, for the frames of a sequence.

    :param subject: whose pose is the truth.
    :param others: further people.
    :param obstacles: things.
    :param view: the camera.
    :param light: the light.
    :param background: its name.
    :param background_seed: draws what the name leaves open.
    """

    subject: Actor
    others: Sequence[Actor]
    obstacles: Sequence[Obstacle]
    view: View
    light: Light
    background: str
    background_seed: int

    @property
    def free_m(self) -> float:
        """How far from the camera nothing of the background stands, metres."""
        return float(np.hypot(*self.view.position[[0, 2]])) + 1.0

    def frame(self, index: int, backgrounds: Backgrounds, window: Window | None = None) -> Picture | None:
        """Render a frame; None where the person is too near the camera or hardly in the picture.

        :param index: of the frame.
        :param backgrounds: make the background.
        :param window: what is rendered; None: the part about the person, at the size that the landmark network sees.
        """
        vertices, rotmats, joints, transl, body = self.subject.pose(index, self.view)
        if body[:, 2].min() < _NEAREST_M:
            return None
        points = project(body.astype(np.float64), self.view.intrinsics)
        window = window or Window.about(points, self.view)
        if window is None:
            return None
        placed = [Placed(vertices, self.subject.person.surface, SUBJECT)]
        for actor in self.others:
            placed.append(Placed(actor.pose(index, self.view)[0], actor.person.surface, OTHER))
        for thing in self.obstacles:
            there = self.view.to_optical(thing.at(index)).astype(np.float32)
            placed.append(Placed(there, thing.surface, THING))
        intrinsics, size = window.intrinsics(self.view), (window.width, window.height)
        height, pitch = float(self.view.position[1]), self.view.pitch
        on_floor = not self.background.startswith('photo:')
        rng = np.random.default_rng(self.background_seed)
        backdrop = backgrounds.make(rng, self.background, intrinsics, size, height, pitch,
                                    self.free_m)
        drawn = render(placed, intrinsics, size, self.light, backdrop,
                       floor=Floor(height, pitch) if on_floor else None)
        mask = drawn.label == SUBJECT if len(placed) == 1 else silhouette(placed[0], intrinsics, size)
        inside = np.clip(points, -0.5, np.array([self.view.width, self.view.height]) - 0.5)
        box = np.concatenate([inside.min(axis=0), inside.max(axis=0)])
        return Picture(drawn.image, drawn.label, drawn.depth, mask, window, rotmats, joints, transl, box)


def silhouette(mesh: Placed, intrinsics: Floats, size: tuple[int, int]) -> npt.NDArray[np.bool_]:
    """Return the pixels (h, w) that a mesh covers if nothing else is there.

    :param mesh: the mesh.
    :param intrinsics: (4,) fx, fy, cx, cy in pixels.
    :param size: width and height in pixels.
    """
    face = np.full((size[1], size[0]), -1, np.int32)
    surface = mesh.surface
    fx, fy, cx, cy = (float(value) for value in intrinsics)
    screen = to_screen(mesh.vertices, fx, fy, cx, cy, 1)
    rasterise(screen, surface.triangles, surface.two_sided, surface.uv, surface.texture, surface.cut_out,
              surface.pyramids, TEXTURE_SIZE, 0, np.zeros(face.shape, np.float32), face)
    return np.asarray(face >= 0)
