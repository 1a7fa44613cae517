"""What colour the nearest triangle has in each pixel: texture, ambient light, sun with shadows, highlight.

A pixel whose sub-pixels all lie on one smooth piece of one mesh is shaded once; only at edges each sub-pixel is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.synth.compiled import kernel
from poco_ros.synth.raster import Ints
from poco_ros.synth.surface import MIP_LEVELS, TEXTURE_SIZE
from poco_ros.types import FloatArray

#: Gamma-coded bytes to linear intensity.
_LINEAR = (np.linspace(0, 1, 256) ** 2.2).astype(np.float32)
#: The square root of a linear intensity, times 1023, to gamma-coded: nearly a straight line, so coarse steps do.
_CODED = (np.linspace(0, 1, 1024) ** (2 / 2.2)).astype(np.float32)
_LEVEL_START = np.concatenate([[0], np.cumsum([(TEXTURE_SIZE >> k) ** 2 for k in range(MIP_LEVELS - 1)])])
#: Sub-pixels of one mesh that differ more in depth are an edge of it (relative).
_EDGE_DEPTH = 0.015

Bytes = npt.NDArray[np.uint8]


@kernel
def lit(shadows: FloatArray, frame: FloatArray, x: float, y: float, z: float) -> float:
    """Return how much of the sun a point sees.

    :param shadows: (H, W) distance of the first thing along the rays.
    :param frame: (4, 4): rows 0..2 take (x, y, z, 1) to column, row and distance; [3, 0] is the tolerance in metres.
    :returns: in [0, 1]; 1 outside the map.
    """
    rows, columns = shadows.shape
    px = frame[0, 0] * x + frame[0, 1] * y + frame[0, 2] * z + frame[0, 3] - 0.5
    py = frame[1, 0] * x + frame[1, 1] * y + frame[1, 2] * z + frame[1, 3] - 0.5
    if not (px > 0.0 and py > 0.0 and px < columns - 1.0 and py < rows - 1.0):
        return 1.0
    pz = frame[2, 0] * x + frame[2, 1] * y + frame[2, 2] * z + frame[2, 3] - frame[3, 0]
    i = int(px)
    j = int(py)
    du = px - i
    dv = py - j
    seen = 0.0
    if shadows[j, i] > pz:
        seen += (1.0 - du) * (1.0 - dv)
    if shadows[j, i + 1] > pz:
        seen += du * (1.0 - dv)
    if shadows[j + 1, i] > pz:
        seen += (1.0 - du) * dv
    if shadows[j + 1, i + 1] > pz:
        seen += du * dv
    return seen


@kernel
def sample_texture(levels: Bytes, u: float, v: float, texels_per_pixel: float, out: FloatArray) -> None:
    """Read a repeating texture bilinearly, at the level whose texels are about a pixel.

    :param levels: (P, 4) of :func:`~poco_ros.synth.surface.pyramid`.
    :param texels_per_pixel: area of a pixel in texels of the full size.
    :param out: (3,) RGB in [0, 255], gamma-coded, changed in place.
    """
    level = 0
    limit = 2.5
    while level < MIP_LEVELS - 1 and texels_per_pixel > limit:
        level += 1
        limit *= 4.0
    side = TEXTURE_SIZE >> level
    start = _LEVEL_START[level]
    fu = u * side - 0.5
    fv = (1.0 - v) * side - 0.5
    iu = int(np.floor(fu))
    iv = int(np.floor(fv))
    du = fu - iu
    dv = fv - iv
    i0 = iu & (side - 1)
    i1 = (iu + 1) & (side - 1)
    j0 = start + (iv & (side - 1)) * side
    j1 = start + ((iv + 1) & (side - 1)) * side
    w00 = (1.0 - du) * (1.0 - dv)
    w01 = du * (1.0 - dv)
    w10 = (1.0 - du) * dv
    w11 = du * dv
    for c in range(3):
        out[c] = (w00 * levels[j0 + i0, c] + w01 * levels[j0 + i1, c]
                  + w10 * levels[j1 + i0, c] + w11 * levels[j1 + i1, c])


@kernel
def _shade_point(
    px: float, py: float, t: int, pixel_area: float, screen: FloatArray, vertices: FloatArray, normals: FloatArray,
    triangles: Ints, uv: FloatArray, texture: Ints, texels: FloatArray, colour: FloatArray, pyramids: Bytes,
    shine: FloatArray, ambient: FloatArray, sun: FloatArray, sun_colour: FloatArray, half: FloatArray,
    shadows: FloatArray, frame: FloatArray, tone: FloatArray, out: FloatArray,
) -> None:
    i = triangles[t, 0]
    j = triangles[t, 1]
    k = triangles[t, 2]
    x0 = screen[i, 0]
    y0 = screen[i, 1]
    ax = screen[j, 0] - x0
    ay = screen[j, 1] - y0
    bx = screen[k, 0] - x0
    by = screen[k, 1] - y0
    area = ax * by - bx * ay
    b1 = ((px - x0) * by - (py - y0) * bx) / area
    b2 = ((py - y0) * ax - (px - x0) * ay) / area
    w1 = b1 * screen[j, 2]
    w2 = b2 * screen[k, 2]
    w0 = (1.0 - b1 - b2) * screen[i, 2]
    total = 1.0 / (w0 + w1 + w2)
    b0 = w0 * total
    b1 = w1 * total
    b2 = w2 * total
    nx = b0 * normals[i, 0] + b1 * normals[j, 0] + b2 * normals[k, 0]
    ny = b0 * normals[i, 1] + b1 * normals[j, 1] + b2 * normals[k, 1]
    nz = b0 * normals[i, 2] + b1 * normals[j, 2] + b2 * normals[k, 2]
    scale = 1.0 / np.sqrt(nx * nx + ny * ny + nz * nz + 1e-12)
    if area > 0.0:  # the inside of a two-sided surface
        scale = -scale
    nx *= scale
    ny *= -scale  # y up and z towards the camera from here on
    nz *= -scale
    x = b0 * vertices[i, 0] + b1 * vertices[j, 0] + b2 * vertices[k, 0]
    y = b0 * vertices[i, 1] + b1 * vertices[j, 1] + b2 * vertices[k, 1]
    z = b0 * vertices[i, 2] + b1 * vertices[j, 2] + b2 * vertices[k, 2]
    diffuse = nx * sun[0] - ny * sun[1] - nz * sun[2]
    highlight = 0.0
    if diffuse > 0.0:
        seen = lit(shadows, frame, x, y, z)
        diffuse *= seen
        h = max(0.0, nx * half[0] - ny * half[1] - nz * half[2])
        h *= h
        h *= h
        h *= h
        highlight = h * h * h * shine[texture[t]] * seen * 0.3
    else:
        diffuse = 0.0
    u = b0 * uv[t, 0, 0] + b1 * uv[t, 1, 0] + b2 * uv[t, 2, 0]
    v = b0 * uv[t, 0, 1] + b1 * uv[t, 1, 1] + b2 * uv[t, 2, 1]
    sample_texture(pyramids[texture[t]], u, v, texels[t] * pixel_area * 2.0 / abs(area), tone)
    s4 = nx * ny
    s5 = ny * nz
    s6 = 3.0 * nz * nz - 1.0
    s7 = nx * nz
    s8 = nx * nx - ny * ny
    for c in range(3):
        sky = (ambient[0, c] + ambient[1, c] * ny + ambient[2, c] * nz + ambient[3, c] * nx + ambient[4, c] * s4
               + ambient[5, c] * s5 + ambient[6, c] * s6 + ambient[7, c] * s7 + ambient[8, c] * s8)
        painted = tone[c] * (b0 * colour[i, c] + b1 * colour[j, c] + b2 * colour[k, c])
        reflected = _LINEAR[max(0, min(255, int(painted + 0.5)))]
        light = reflected * (max(0.03, sky) + sun_colour[c] * diffuse) + highlight * sun_colour[c]
        out[c] += _CODED[int(np.sqrt(min(1.0, light)) * 1023.0 + 0.5)]


@kernel
def shade(
    samples: int, first_face: int, face: Ints, inverse_depth: FloatArray, window: Ints, screen: FloatArray,
    vertices: FloatArray, normals: FloatArray, triangles: Ints, uv: FloatArray, texture: Ints, texels: FloatArray,
    colour: FloatArray, pyramids: Bytes, shine: FloatArray, ambient: FloatArray, sun: FloatArray,
    sun_colour: FloatArray, half: FloatArray, shadows: FloatArray, frame: FloatArray, image: FloatArray,
) -> None:
    """Add one mesh's share to a picture.

    :param samples: sub-pixels a pixel, along each axis.
    :param first_face: number of the mesh's face 0 in ``face``.
    :param face: (H, W) of :func:`~poco_ros.synth.raster.rasterise`, as ``inverse_depth``.
    :param window: (4,) left, top, right, bottom pixel (the last two excluded) that the mesh can lie in.
    :param half: (3,) unit vector halfway between the sun and the camera.
    :param image: (h, w, 3) float32 in [0, 1], gamma-coded, changed in place.
    """
    last_face = first_face + triangles.shape[0]
    count = samples * samples
    share = 1.0 / count
    total = np.zeros(3, np.float32)
    tone = np.zeros(3, np.float32)
    for y in range(window[1], window[3]):
        for x in range(window[0], window[2]):
            inside = 0
            nearest = np.float32(0.0)
            farthest = np.float32(1e9)
            one_texture = True
            first = -1
            for row in range(y * samples, (y + 1) * samples):
                for column in range(x * samples, (x + 1) * samples):
                    f = face[row, column]
                    if f >= first_face and f < last_face:
                        inside += 1
                        nearest = max(nearest, inverse_depth[row, column])
                        farthest = min(farthest, inverse_depth[row, column])
                        if first < 0:
                            first = texture[f - first_face]
                        elif texture[f - first_face] != first:
                            one_texture = False
            if inside == 0:
                continue
            total[:] = 0.0
            if inside == count and one_texture and nearest - farthest < _EDGE_DEPTH * nearest:
                last = ((x + y) & 1) * (samples - 1)  # first or last sub-pixel in turn: no shift on average
                row = y * samples + last
                column = x * samples + last
                _shade_point(
                    column + 0.5, row + 0.5, face[row, column] - first_face, float(count), screen, vertices, normals,
                    triangles, uv, texture, texels, colour, pyramids, shine, ambient, sun, sun_colour, half, shadows,
                    frame, tone, total)
                for c in range(3):
                    image[y, x, c] += total[c]
                continue
            for row in range(y * samples, (y + 1) * samples):
                for column in range(x * samples, (x + 1) * samples):
                    f = face[row, column]
                    if f >= first_face and f < last_face:
                        _shade_point(
                            column + 0.5, row + 0.5, f - first_face, 1.0, screen, vertices, normals, triangles, uv,
                            texture, texels, colour, pyramids, shine, ambient, sun, sun_colour, half, shadows, frame,
                            tone, total)
            for c in range(3):
                image[y, x, c] += total[c] * share


@kernel
def composite(
    samples: int, face: Ints, background: FloatArray, floor: FloatArray, camera: FloatArray, shadows: FloatArray,
    frame: FloatArray, darkening: FloatArray, image: FloatArray,
) -> None:
    """Put the background where sub-pixels are empty, with the shadows that fall on the floor.

    :param background: (h, w, 3) float32 in [0, 1].
    :param floor: (4,) normal (upwards) and offset: n . p = offset; a zero normal means there is no floor.
    :param camera: (4,) fx, fy, cx, cy.
    :param darkening: (3,) what a place without sun has of the light of one in it, gamma-coded.
    :param image: (h, w, 3) float32, overwritten.
    """
    has_floor = floor[0] != 0.0 or floor[1] != 0.0 or floor[2] != 0.0
    share = 1.0 / (samples * samples)
    for y in range(image.shape[0]):
        for x in range(image.shape[1]):
            empty = 0
            for j in range(samples):
                for i in range(samples):
                    if face[y * samples + j, x * samples + i] < 0:
                        empty += 1
            if empty == 0:
                for c in range(3):
                    image[y, x, c] = 0.0
                continue
            seen = 1.0
            if has_floor:
                rx = (x - camera[2]) / camera[0]
                ry = (y - camera[3]) / camera[1]
                along = floor[0] * rx + floor[1] * ry + floor[2]
                if along < -1e-4:
                    distance = floor[3] / along
                    seen = lit(shadows, frame, rx * distance, ry * distance, distance)
            part = empty * share
            for c in range(3):
                image[y, x, c] = background[y, x, c] * part * (darkening[c] + (1.0 - darkening[c]) * seen)
