"""Which faces of a mesh some outside camera sees."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.body.open_body.source import Floats, Ints

_NUM_DIRECTIONS = 100
_GOLDEN_ANGLE = 2.399963
_PICTURE = 1400
_NEAREST = 0.05
_HEAD_HEIGHT = 0.22
_NECK_BELOW_HEAD = 0.15


def hidden_head_vertices(vertices: Floats, faces: Ints) -> npt.NDArray[np.bool_]:
    """Return the vertices of the head that lie inside mouth, nose and eye sockets.

    :param vertices: (V, 3), metres, y up.
    :param faces: (F, 3), counter-clockwise seen from outside.
    :returns: (V,) bool, true for vertices all of whose faces no camera on a sphere of directions sees.
    """
    head = vertices[vertices[:, 1] > vertices[:, 1].max() - _HEAD_HEIGHT].mean(0)
    seen = np.zeros(len(faces), bool)
    for k in range(_NUM_DIRECTIONS):
        yaw, pitch = k * _GOLDEN_ANGLE, np.arcsin(1 - 2 * (k + 0.5) / _NUM_DIRECTIONS) * 0.95
        for centre, distance, field_degrees in ((vertices.mean(0), 4.0, 30), (head, 1.0, 25)):
            focal = 0.5 * _PICTURE / np.tan(np.radians(field_degrees) / 2)
            seen[visible_faces(projected(vertices, yaw, pitch, centre, distance, focal), faces)] = True
    hidden = np.ones(len(vertices), bool)
    hidden[faces[seen].ravel()] = False
    hidden &= vertices[:, 1] > head[1] - _NECK_BELOW_HEAD
    return hidden


def projected(vertices: Floats, yaw: float, pitch: float, centre: Floats, distance: float, focal: float) -> Floats:
    """Project into the picture of a camera that looks at ``centre`` from ``distance`` metres.

    :param vertices: (V, 3), y up.
    :param yaw: turn of the mesh about the vertical, radians.
    :param pitch: tilt of the mesh towards the camera, radians.
    :param focal: in pixels.
    :returns: (V, 3) x, y in pixels (y down) and depth.
    """
    cy, sy, cp, sp = np.cos(yaw), np.sin(yaw), np.cos(pitch), np.sin(pitch)
    turn = np.array([[1, 0, 0], [0, cp, -sp], [0, sp, cp]]) @ np.array([[cy, 0, sy], [0, 1, 0], [-sy, 0, cy]])
    x, y, z = ((vertices - centre) @ turn.T).T
    depth = distance - z
    return np.stack([_PICTURE / 2 + focal * x / depth, _PICTURE / 2 - focal * y / depth, depth], axis=1)


def visible_faces(points: Floats, faces: Ints) -> Ints:
    """Return the faces that win at least one pixel of a z-buffer.

    :param points: (V, 3) of :func:`projected`.
    :param faces: (F, 3), counter-clockwise seen from outside; others are not drawn.
    :returns: indices into ``faces``.
    """
    corners = points[faces]
    (x0, y0, z0), (x1, y1, z1), (x2, y2, z2) = (corners[:, k].T for k in range(3))
    area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
    low = np.maximum(np.ceil(corners[:, :, :2].min(1) - 0.5), 0).astype(int)
    high = np.minimum(np.floor(corners[:, :, :2].max(1) - 0.5), _PICTURE - 1).astype(int)
    sizes = np.maximum(high - low + 1, 0)
    sizes[(area >= 0) | (corners[:, :, 2].min(1) < _NEAREST)] = 0
    counts = sizes[:, 0] * sizes[:, 1]
    # every pixel of every face's bounding box, in one long row
    face = np.repeat(np.arange(len(faces)), counts)
    within = np.arange(len(face)) - np.repeat(np.cumsum(counts) - counts, counts)
    row, column = np.divmod(within, sizes[face, 0])
    column += low[face, 0]
    row += low[face, 1]
    dx, dy = column + 0.5 - x0[face], row + 0.5 - y0[face]
    b1 = (dx * (y2 - y0)[face] - (x2 - x0)[face] * dy) / area[face]
    b2 = ((x1 - x0)[face] * dy - dx * (y1 - y0)[face]) / area[face]
    b0 = 1 - b1 - b2
    inside = (b0 >= 0) & (b1 >= 0) & (b2 >= 0)
    nearness = (b0 / z0[face] + b1 / z1[face] + b2 / z2[face])[inside]
    pixel, face = (row * _PICTURE + column)[inside], face[inside]
    nearest = np.zeros(_PICTURE * _PICTURE)
    np.maximum.at(nearest, pixel, nearness)
    return np.unique(face[nearness == nearest[pixel]])
