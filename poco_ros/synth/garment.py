"""Garments cut out of shells over the body: where a shirt ends is a number, so no two are alike."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.synth.person import Shaped
from poco_ros.synth.raster import vertex_normals
from poco_ros.types import FloatArray

#: Signed distance-like function over points (N, 3) of the T-pose, metres: positive where the cloth is.
Field = Callable[[npt.NDArray[Any]], npt.NDArray[Any]]

#: How much of a fabric's texture is on a metre of cloth.
_REPEATS_PER_M = 2.2


@dataclass(frozen=True, eq=False)
class Garment:
    """One piece of clothing over the mean body in the T-pose.

    :param layer: vertices, and how they follow shape and pose.
    :param triangles: (T, 3) int32, counter-clockwise from outside.
    :param uv: (T, 3, 2) float32.
    :param hidden: (B,) indices of the body's vertices that it covers.
    """

    layer: Shaped
    triangles: npt.NDArray[np.int32]
    uv: FloatArray
    hidden: npt.NDArray[np.intp]


def clip(layer: Shaped, triangles: npt.NDArray[np.int32], field: Field) -> tuple[Shaped, npt.NDArray[np.int32]]:
    """Cut a shell where a field changes its sign, along a clean line.

    :returns: what lies where the field is positive: the vertices that are left and new ones on the cut.
    """
    value = np.asarray(field(layer.vertices), np.float64)
    inside = value > 0
    count = inside[triangles].sum(1)
    kept = [triangles[count == 3]]
    columns = np.concatenate(
        [layer.vertices, layer.shapedirs.reshape(len(value), -1), layer.weights], axis=1, dtype=np.float32)
    cuts: dict[tuple[int, int], int] = {}
    ends: list[tuple[int, int]] = []

    def cut(a: int, b: int) -> int:
        key = (a, b) if a < b else (b, a)
        if key not in cuts:
            cuts[key] = len(value) + len(ends)
            ends.append(key)
        return cuts[key]

    new = []
    for triangle in triangles[(count == 1) | (count == 2)].tolist():
        lone = 1 if sum(bool(inside[v]) for v in triangle) == 1 else 0
        turn = next(k for k in range(3) if inside[triangle[k]] == bool(lone))
        a, b, c = triangle[turn:] + triangle[:turn]
        ab, ac = cut(a, b), cut(a, c)
        new += [[a, ab, ac]] if lone else [[ab, b, c], [ab, c, ac]]
    if new:
        kept.append(np.array(new, np.int32))
        pairs = np.array(ends)
        share = (value[pairs[:, 0]] / (value[pairs[:, 0]] - value[pairs[:, 1]]))[:, None].astype(np.float32)
        columns = np.concatenate([columns, columns[pairs[:, 0]] * (1 - share) + columns[pairs[:, 1]] * share])
    left = np.concatenate(kept)
    used, renumbered = np.unique(left, return_inverse=True)
    columns = columns[used]
    shaped = Shaped(columns[:, :3].copy(), columns[:, 3:33].reshape(-1, 3, 10).copy(), columns[:, 33:].copy())
    return shaped, renumbered.reshape(left.shape).astype(np.int32)


def wrinkles(rng: np.random.Generator, points: FloatArray, amplitude: float) -> FloatArray:
    """Return (N,) float32 smooth random offsets: a few waves 7 to 40 cm long.

    :param points: (N, 3) metres.
    :param amplitude: standard deviation, metres.
    """
    directions = rng.normal(0, 1, (8, 3))
    directions /= np.linalg.norm(directions, axis=1, keepdims=True)
    waves = directions * (2 * np.pi / rng.uniform(0.07, 0.4, (8, 1)))
    return np.asarray(np.sin(points @ waves.T + rng.uniform(0, 2 * np.pi, 8)).sum(1) * (amplitude / 2), np.float32)


def tailor(
    rng: np.random.Generator, layer: Shaped, triangles: npt.NDArray[np.int32], field: Field, body: FloatArray,
    *, looseness: float, flare: Callable[[FloatArray], FloatArray] | None = None, cover: Field | None = None,
) -> Garment:
    """Cut a garment out of a shell and let it out.

    :param layer: the shell, as ``triangles``.
    :param field: where the cloth is.
    :param body: (B, 3) the body's vertices in the T-pose.
    :param looseness: how far the cloth stands off the shell, metres.
    :param flare: (N, 3) points to (N,) further metres, e.g. for the hem of a wide trouser leg.
    :param cover: where the body is hidden under the cloth; None: wherever ``field`` is well inside.
    """
    shaped, faces = clip(layer, triangles, field)
    normals = vertex_normals(np.ascontiguousarray(shaped.vertices), faces)
    offset = looseness + wrinkles(rng, shaped.vertices, min(0.006, 0.35 * looseness))
    if flare is not None:
        offset = offset + flare(shaped.vertices)
    vertices = shaped.vertices + normals * np.maximum(offset, 0.001).astype(np.float32)[:, None]
    hidden = np.flatnonzero((cover or field)(body) > 0.02)
    return Garment(Shaped(vertices, shaped.shapedirs, shaped.weights), faces, _box_uv(shaped.vertices, faces), hidden)


def _box_uv(vertices: FloatArray, triangles: npt.NDArray[np.int32]) -> FloatArray:
    """Texture coordinates by looking at each triangle along the axis it faces most; seams as a tailor's."""
    corners = vertices[triangles]
    normal = np.abs(np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]))
    axis = normal.argmax(1)
    u_axis = np.array([2, 0, 0])[axis]
    v_axis = np.array([1, 2, 1])[axis]
    uv = np.stack([np.take_along_axis(corners, u_axis[:, None, None], 2)[..., 0],
                   np.take_along_axis(corners, v_axis[:, None, None], 2)[..., 0]], -1)
    return np.asarray(uv * _REPEATS_PER_M, np.float32)
