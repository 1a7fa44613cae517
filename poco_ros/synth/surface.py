"""What the renderer draws: triangles with textures, and boxes and cylinders to fill a scene with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.types import FloatArray

#: Side of the textures in pixels; four halvings of each are kept for what is far away.
TEXTURE_SIZE = 256
MIP_LEVELS = 5


def pyramid(texture: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """Return a texture and its halvings, one behind the other.

    :param texture: (S, S, 4) RGBA.
    :returns: (P, 4), P = S^2 + (S/2)^2 + ... over :data:`MIP_LEVELS` levels.
    """
    levels: list[npt.NDArray[Any]] = [texture]
    for _ in range(MIP_LEVELS - 1):
        half = levels[-1].shape[0] // 2
        levels.append(cv2.resize(levels[-1], (half, half), interpolation=cv2.INTER_AREA))
    return np.concatenate([level.reshape(-1, 4) for level in levels]).astype(np.uint8, copy=False)


@dataclass(frozen=True, eq=False)
class Surface:
    """Triangles over V vertices, and what they look like; where the vertices are is :class:`Placed`'s.

    :param triangles: (T, 3) int32, counter-clockwise seen from outside.
    :param uv: (T, 3, 2) float32 texture coordinates of the corners, v up, repeating outside [0, 1].
    :param texture: (T,) int32, index into ``textures``.
    :param two_sided: (T,) int8, 1 where the inside can be seen too.
    :param colour: (V, 3) float32, multiplies the texture (in its gamma-coded values).
    :param textures: (K, 256, 256, 4) uint8 RGBA, gamma-coded.
    :param cut_out: (K,) int8, 1 where texels of low alpha are holes.
    :param shine: (K,) float32, strength of the highlight.
    """

    triangles: npt.NDArray[np.int32]
    uv: FloatArray
    texture: npt.NDArray[np.int32]
    two_sided: npt.NDArray[np.int8]
    colour: FloatArray
    textures: npt.NDArray[np.uint8]
    cut_out: npt.NDArray[np.int8]
    shine: FloatArray
    #: (K, P, 4) the textures with their halvings.
    pyramids: npt.NDArray[np.uint8] = field(init=False, repr=False)
    #: (T,) area of the triangles in texels of the full-size texture.
    texels: FloatArray = field(init=False, repr=False)

    def __post_init__(self) -> None:
        if self.textures.shape[1:] != (TEXTURE_SIZE, TEXTURE_SIZE, 4):
            raise ValueError(f'textures must be (K, {TEXTURE_SIZE}, {TEXTURE_SIZE}, 4), not {self.textures.shape}')
        types = {'triangles': np.int32, 'uv': np.float32, 'texture': np.int32, 'two_sided': np.int8,
                 'colour': np.float32, 'textures': np.uint8, 'cut_out': np.int8, 'shine': np.float32}
        for name, dtype in types.items():
            object.__setattr__(self, name, np.ascontiguousarray(getattr(self, name), dtype))
        object.__setattr__(self, 'pyramids', np.stack([pyramid(texture) for texture in self.textures]))
        a, b = self.uv[:, 1] - self.uv[:, 0], self.uv[:, 2] - self.uv[:, 0]
        area = np.abs(a[:, 0] * b[:, 1] - a[:, 1] * b[:, 0]) * (0.5 * TEXTURE_SIZE**2)
        object.__setattr__(self, 'texels', area.astype(np.float32))


@dataclass(frozen=True, eq=False)
class Placed:
    """A surface somewhere in front of the camera.

    :param vertices: (V, 3) float32, optical frame (x right, y down, z forward), metres.
    :param surface: what lies over these vertices.
    :param label: what the label picture says where this is seen, >= 1.
    """

    vertices: FloatArray
    surface: Surface
    label: int

    def __post_init__(self) -> None:
        if self.label < 1:
            raise ValueError(f'label must be 1 or more (0 is the background), not {self.label}')
        if self.vertices.shape != self.surface.colour.shape:
            raise ValueError(f'the surface is over {len(self.surface.colour)} vertices, not {self.vertices.shape}')
        object.__setattr__(self, 'vertices', np.ascontiguousarray(self.vertices, np.float32))


def make_box(
    size: Sequence[float], texture: npt.NDArray[np.uint8], *, texture_m: float = 0.5, shine: float = 0.1
) -> tuple[FloatArray, Surface]:
    """Return a closed box.

    :param size: (3,) extent along x, y, z, metres.
    :param texture: (256, 256, 4) uint8.
    :param texture_m: how many metres the texture covers before it repeats.
    :param shine: strength of the highlight.
    :returns: (24, 3) float32 vertices around the origin (four for each side: sharp edges), and the surface.
    """
    extent = np.asarray(size, np.float64)
    vertices: list[npt.NDArray[Any]] = []
    triangles: list[list[int]] = []
    uv: list[npt.NDArray[Any]] = []
    for axis in range(3):
        u_axis, v_axis = (axis + 1) % 3, (axis + 2) % 3
        for sign in (-1.0, 1.0):
            corners = np.array([[-1, -1], [1, -1], [1, 1], [-1, 1]]) * 0.5
            side = np.zeros((4, 3))
            side[:, axis] = sign * 0.5
            side[:, u_axis], side[:, v_axis] = corners[:, 0] * sign, corners[:, 1]
            first = 4 * len(vertices)
            vertices.append(side * extent)
            flat = (corners + 0.5) * extent[[u_axis, v_axis]] / texture_m
            for corner in ((0, 1, 2), (0, 2, 3)):
                triangles.append([first + c for c in corner])
                uv.append(flat[list(corner)])
    return _solid(np.concatenate(vertices), triangles, uv, texture, shine)


def make_cylinder(
    radius: float, height: float, texture: npt.NDArray[np.uint8], *, sides: int = 24, texture_m: float = 0.5,
    shine: float = 0.1,
) -> tuple[FloatArray, Surface]:
    """Return a closed cylinder along y.

    :param radius: metres.
    :param height: metres.
    :param texture: (256, 256, 4) uint8.
    :param sides: how many flat strips stand for the round.
    :param texture_m: how many metres the texture covers before it repeats.
    :param shine: strength of the highlight.
    :returns: (4 * sides + 6, 3) float32 vertices around the origin, and the surface.
    """
    turn = np.linspace(0, 2 * np.pi, sides + 1)
    ring = np.stack([radius * np.cos(turn), np.zeros(sides + 1), radius * np.sin(turn)], 1)
    half = np.array([0, height / 2, 0])
    caps = [(ring - half)[:-1], (ring + half)[:-1], -half[None], half[None]]
    vertices = np.concatenate([ring - half, ring + half, *caps])
    low, high, cap_low = 0, sides + 1, 2 * (sides + 1)
    cap_high, middle = cap_low + sides, cap_low + 2 * sides
    around = turn * radius / texture_m
    tall = height / texture_m
    flat = ring[:, [0, 2]] / texture_m
    triangles: list[list[int]] = []
    uv: list[npt.NDArray[Any]] = []
    for k in range(sides):
        n = (k + 1) % sides
        triangles += [[low + k, high + k, high + k + 1], [low + k, high + k + 1, low + k + 1],
                      [cap_low + k, cap_low + n, middle], [cap_high + n, cap_high + k, middle + 1]]
        a, b = around[k], around[k + 1]
        uv += [np.array([[a, 0], [a, tall], [b, tall]]), np.array([[a, 0], [b, tall], [b, 0]]),
               np.array([flat[k], flat[n], [0, 0]]), np.array([flat[n], flat[k], [0, 0]])]
    return _solid(vertices, triangles, uv, texture, shine)


def _solid(
    vertices: npt.NDArray[Any], triangles: list[list[int]], uv: list[npt.NDArray[Any]],
    texture: npt.NDArray[np.uint8], shine: float,
) -> tuple[FloatArray, Surface]:
    count = len(triangles)
    surface = Surface(
        np.array(triangles, np.int32), np.stack(uv).astype(np.float32), np.zeros(count, np.int32),
        np.zeros(count, np.int8), np.ones((len(vertices), 3), np.float32), texture[None], np.zeros(1, np.int8),
        np.array([shine], np.float32),
    )
    return vertices.astype(np.float32), surface
