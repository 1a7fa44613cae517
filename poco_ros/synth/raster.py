"""Which triangle is nearest in each sub-pixel: a z-buffer on the processor.

Picture coordinates of a sub-pixel (column i, row j) are its centre at (i + 0.5, j + 0.5) in sub-pixels. The buffers
hold the inverse depth (0: nothing) and the number of the face; what lies there is worked out again from the face
when it is shaded, so that a hidden triangle costs nothing but its edge functions.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.synth.compiled import kernel
from poco_ros.types import FloatArray

#: Triangles with a corner nearer than this (metres) are left out.
NEAR_M = 0.1
#: Texels of less alpha are holes.
HOLE_ALPHA = 110

Ints = npt.NDArray[np.int32]


@kernel
def project(vertices: FloatArray, fx: float, fy: float, cx: float, cy: float, samples: int) -> FloatArray:
    """Return where vertices are in sub-pixels.

    :param vertices: (V, 3) optical frame, metres.
    :param fx: focal length in pixels, as fy; cx, cy: principal point, integers at pixel centres.
    :param samples: sub-pixels a pixel, along each axis.
    :returns: (V, 3) float32 column, row, inverse depth (0 where nearer than :data:`NEAR_M`).
    """
    screen = np.zeros((vertices.shape[0], 3), np.float32)
    for i in range(vertices.shape[0]):
        z = vertices[i, 2]
        if z > NEAR_M:
            inverse = 1.0 / z
            screen[i, 0] = (fx * vertices[i, 0] * inverse + cx + 0.5) * samples
            screen[i, 1] = (fy * vertices[i, 1] * inverse + cy + 0.5) * samples
            screen[i, 2] = inverse
    return screen


@kernel
def rasterise(
    screen: FloatArray, triangles: Ints, two_sided: npt.NDArray[np.int8], uv: FloatArray, texture: Ints,
    cut_out: npt.NDArray[np.int8], pyramids: npt.NDArray[np.uint8], size: int, first_face: int,
    inverse_depth: FloatArray, face: Ints,
) -> None:
    """Draw one mesh into shared buffers.

    :param screen: (V, 3) of :func:`project`.
    :param size: side of the full-size textures.
    :param first_face: number of the mesh's face 0 in ``face``.
    :param inverse_depth: (H, W) float32, changed in place.
    :param face: (H, W) int32, changed in place.
    """
    rows, columns = face.shape
    for t in range(triangles.shape[0]):
        i0 = triangles[t, 0]
        i1 = triangles[t, 1]
        i2 = triangles[t, 2]
        x0 = screen[i0, 0]
        y0 = screen[i0, 1]
        x1 = screen[i1, 0]
        y1 = screen[i1, 1]
        x2 = screen[i2, 0]
        y2 = screen[i2, 1]
        area = (x1 - x0) * (y2 - y0) - (x2 - x0) * (y1 - y0)
        if area >= 0.0 and two_sided[t] == 0:  # rows grow downwards: the outside turns the other way round
            continue
        w0 = screen[i0, 2]
        w1 = screen[i1, 2]
        w2 = screen[i2, 2]
        if w0 == 0.0 or w1 == 0.0 or w2 == 0.0 or (-1e-9 < area < 1e-9):
            continue
        left = max(0, int(np.ceil(min(x0, x1, x2) - 0.5)))
        right = min(columns - 1, int(np.floor(max(x0, x1, x2) - 0.5)))
        top = max(0, int(np.ceil(min(y0, y1, y2) - 0.5)))
        bottom = min(rows - 1, int(np.floor(max(y0, y1, y2) - 0.5)))
        if left > right or top > bottom:
            continue
        scale = 1.0 / area
        b1_dx = (y2 - y0) * scale
        b1_dy = -(x2 - x0) * scale
        b2_dx = -(y1 - y0) * scale
        b2_dy = (x1 - x0) * scale
        px = left + 0.5 - x0
        py = top + 0.5 - y0
        b1_row = px * b1_dx + py * b1_dy
        b2_row = px * b2_dx + py * b2_dy
        w_row = w0 + b1_row * (w1 - w0) + b2_row * (w2 - w0)
        w_dx = b1_dx * (w1 - w0) + b2_dx * (w2 - w0)
        w_dy = b1_dy * (w1 - w0) + b2_dy * (w2 - w0)
        holes = cut_out[texture[t]] == 1
        for y in range(top, bottom + 1):
            b1 = b1_row
            b2 = b2_row
            w = w_row
            for x in range(left, right + 1):
                if b1 >= 0.0 and b2 >= 0.0 and b1 + b2 <= 1.0 and w > inverse_depth[y, x]:
                    keep = True
                    if holes:
                        c1 = b1 * w1 / w
                        c2 = b2 * w2 / w
                        c0 = 1.0 - c1 - c2
                        u = c0 * uv[t, 0, 0] + c1 * uv[t, 1, 0] + c2 * uv[t, 2, 0]
                        v = c0 * uv[t, 0, 1] + c1 * uv[t, 1, 1] + c2 * uv[t, 2, 1]
                        row = int(np.floor((1.0 - v) * size)) & (size - 1)
                        column = int(np.floor(u * size)) & (size - 1)
                        keep = pyramids[texture[t], row * size + column, 3] >= HOLE_ALPHA
                    if keep:
                        inverse_depth[y, x] = w
                        face[y, x] = first_face + t
                b1 += b1_dx
                b2 += b2_dx
                w += w_dx
            b1_row += b1_dy
            b2_row += b2_dy
            w_row += w_dy


@kernel
def shadow_depth(
    points: FloatArray, triangles: Ints, two_sided: npt.NDArray[np.int8], scale: float, origin: FloatArray,
    depth: FloatArray,
) -> None:
    """Draw how near to the sun one mesh comes, orthographically.

    :param points: (V, 3) right, down and away from the sun, metres.
    :param scale: texels a metre; ``origin`` (2,): the texel of right = down = 0.
    :param depth: (H, W) float32 smallest distance so far, changed in place.
    """
    rows, columns = depth.shape
    for t in range(triangles.shape[0]):
        i0 = triangles[t, 0]
        i1 = triangles[t, 1]
        i2 = triangles[t, 2]
        x0 = points[i0, 0] * scale + origin[0]
        y0 = points[i0, 1] * scale + origin[1]
        ax = (points[i1, 0] - points[i0, 0]) * scale
        ay = (points[i1, 1] - points[i0, 1]) * scale
        bx = (points[i2, 0] - points[i0, 0]) * scale
        by = (points[i2, 1] - points[i0, 1]) * scale
        area = ax * by - bx * ay
        if (area >= 0.0 and two_sided[t] == 0) or (-1e-9 < area < 1e-9):
            continue
        left = max(0, int(np.ceil(x0 + min(0.0, ax, bx) - 0.5)))
        right = min(columns - 1, int(np.floor(x0 + max(0.0, ax, bx) - 0.5)))
        top = max(0, int(np.ceil(y0 + min(0.0, ay, by) - 0.5)))
        bottom = min(rows - 1, int(np.floor(y0 + max(0.0, ay, by) - 0.5)))
        if left > right or top > bottom:
            continue
        inverse = 1.0 / area
        z0 = points[i0, 2]
        z1 = points[i1, 2] - z0
        z2 = points[i2, 2] - z0
        for y in range(top, bottom + 1):
            for x in range(left, right + 1):
                px = x + 0.5 - x0
                py = y + 0.5 - y0
                b1 = (px * by - py * bx) * inverse
                b2 = (py * ax - px * ay) * inverse
                if b1 >= 0.0 and b2 >= 0.0 and b1 + b2 <= 1.0:
                    z = z0 + b1 * z1 + b2 * z2
                    if z < depth[y, x]:
                        depth[y, x] = z


@kernel
def vertex_normals(vertices: FloatArray, triangles: Ints) -> FloatArray:
    """Return (V, 3) float32 unit normals, outwards: the mean over a vertex's triangles, by their areas."""
    normals = np.zeros_like(vertices)
    for t in range(triangles.shape[0]):
        a = triangles[t, 0]
        b = triangles[t, 1]
        c = triangles[t, 2]
        ux = vertices[b, 0] - vertices[a, 0]
        uy = vertices[b, 1] - vertices[a, 1]
        uz = vertices[b, 2] - vertices[a, 2]
        wx = vertices[c, 0] - vertices[a, 0]
        wy = vertices[c, 1] - vertices[a, 1]
        wz = vertices[c, 2] - vertices[a, 2]
        nx = uy * wz - uz * wy
        ny = uz * wx - ux * wz
        nz = ux * wy - uy * wx
        for k in (a, b, c):
            normals[k, 0] += nx
            normals[k, 1] += ny
            normals[k, 2] += nz
    for i in range(normals.shape[0]):
        length = np.sqrt(normals[i, 0] ** 2 + normals[i, 1] ** 2 + normals[i, 2] ** 2)
        if length > 1e-12:
            for axis in range(3):
                normals[i, axis] /= length
    return normals
