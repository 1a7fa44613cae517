"""Ray casting of empty places: a floor, walls or a sky, and boxes that stand about.

The place's own frame: x right, y up, z forward, metres, the camera above the origin. Half of the pixels along each
axis are cast, the rest is interpolated: behind people a background is rarely sharp.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.synth.compiled import kernel
from poco_ros.synth.raster import Ints
from poco_ros.synth.shading import sample_texture
from poco_ros.synth.surface import TEXTURE_SIZE
from poco_ros.types import FloatArray

#: What a pixel shows: numbers in the surface picture of :func:`cast`; boxes follow from ``BOXES`` on.
SKY, FLOOR, CEILING, WALLS, BOXES = 0, 1, 2, 3, 7


@kernel
def cast(
    rays: FloatArray, turn: FloatArray, eye_height: float, pixel: float, bounds: FloatArray, walled: bool,
    boxes: FloatArray, panels: FloatArray, slots: Ints, repeats: FloatArray, tints: FloatArray,
    pyramids: npt.NDArray[np.uint8], haze: FloatArray,
) -> tuple[FloatArray, Ints]:
    """Look into a place.

    :param rays: (h, w, 2) x/z and y/z of the pixels' rays in the optical frame.
    :param turn: (3, 3) from the optical frame to the place's.
    :param eye_height: of the camera over the floor, metres.
    :param pixel: size of a pixel at a distance of 1 m, metres.
    :param bounds: (6,) x0, x1, 0, ceiling, z0, z1 of the room.
    :param walled: whether there are walls and a ceiling; else the floor goes on to the horizon.
    :param boxes: (B, 6) x0, x1, y0, y1, z0, z1.
    :param panels: (P, 6) wall (0..3 for x0, x1, z0, z1), from, to along it, bottom, top, texture: doors,
        windows, pictures.
    :param slots: (7 + B,) texture of each surface, in the order of the surface numbers.
    :param repeats: (K,) how often each texture is on a metre.
    :param tints: (7 + B, 3) brightness of each surface.
    :param pyramids: (K, P, 4) of the textures.
    :param haze: (4,) RGB in [0, 1] of the sky at the horizon, and how thick the air is, 1/m.
    :returns: picture (h, w, 3) float32 in [0, 1], and surface numbers (h, w) int32.
    """
    height, width = rays.shape[:2]
    image = np.empty((height, width, 3), np.float32)
    surfaces = np.empty((height, width), np.int32)
    tone = np.zeros(3, np.float32)
    eye = np.array([0.0, eye_height, 0.0])
    ray = np.zeros(3)
    for j in range(height):
        for i in range(width):
            length = np.sqrt(rays[j, i, 0] ** 2 + rays[j, i, 1] ** 2 + 1.0)
            for a in range(3):
                ray[a] = (turn[a, 0] * rays[j, i, 0] + turn[a, 1] * rays[j, i, 1] + turn[a, 2]) / length
            nearest = 1e9
            axis = 1
            surface = SKY
            for a in range(3):
                if ray[a] > 1e-9:
                    t = (bounds[2 * a + 1] - eye[a]) / ray[a]
                    hit = CEILING if a == 1 else (WALLS + 1 if a == 0 else WALLS + 3)
                elif ray[a] < -1e-9:
                    t = (bounds[2 * a] - eye[a]) / ray[a]
                    hit = FLOOR if a == 1 else (WALLS if a == 0 else WALLS + 2)
                else:
                    continue
                if t < nearest and (walled or hit == FLOOR):
                    nearest = t
                    axis = a
                    surface = hit
            for b in range(boxes.shape[0]):
                enter = 0.0
                leave = nearest
                side = -1
                for a in range(3):
                    slope = ray[a] if abs(ray[a]) > 1e-9 else 1e-9
                    t0 = (boxes[b, 2 * a] - eye[a]) / slope
                    t1 = (boxes[b, 2 * a + 1] - eye[a]) / slope
                    if t0 > t1:
                        t0, t1 = t1, t0
                    if t0 > enter:
                        enter = t0
                        side = a
                    leave = min(leave, t1)
                if side >= 0 and enter < leave:
                    nearest = enter
                    axis = side
                    surface = BOXES + b
            surfaces[j, i] = surface
            if surface == SKY:
                up = max(0.0, ray[1])
                around = np.arctan2(ray[0], ray[2]) * 0.6
                sample_texture(pyramids[slots[SKY]], around, up * 1.3, 1.0, tone)
                for c in range(3):
                    share = min(1.0, 2.5 * up)
                    image[j, i, c] = haze[c] * (1.0 - share) + share * tone[c] / 255.0 * tints[SKY, c]
                continue
            px = eye[0] + nearest * ray[0]
            py = eye[1] + nearest * ray[1]
            pz = eye[2] + nearest * ray[2]
            u = pz if axis == 0 else px
            v = pz if axis == 1 else py
            slot = slots[surface]
            scale = repeats[slot]
            if WALLS <= surface < BOXES:
                for p in range(panels.shape[0]):
                    inside = panels[p, 1] < u < panels[p, 2] and panels[p, 3] < v < panels[p, 4]
                    if inside and panels[p, 0] == surface - WALLS:
                        slot = int(panels[p, 5])
                        scale = 1.0 / (panels[p, 2] - panels[p, 1])
                        u -= panels[p, 1]
                        v -= panels[p, 3]
                        break
            texel = scale * TEXTURE_SIZE * nearest * pixel
            slant = max(0.02, abs(ray[axis]))
            sample_texture(pyramids[slot], u * scale, v * scale, texel * texel / slant, tone)
            # Corners get less light; boxes darken towards the floor.
            shade = 1.0
            if walled:
                edge = 1e9
                for a in range(3):
                    if a != axis:
                        p = px if a == 0 else (py if a == 1 else pz)
                        edge = min(edge, p - bounds[2 * a], bounds[2 * a + 1] - p)
                shade = 0.7 + 0.3 * min(1.0, max(0.0, edge) * 1.4)
            elif surface >= BOXES:
                shade = 0.75 + 0.25 * min(1.0, py)
            facing = 1.0 if axis == 1 else (0.9 if axis == 2 else 0.78)
            clear = 1.0 / (1.0 + haze[3] * nearest)
            for c in range(3):
                lit = tone[c] / 255.0 * tints[surface, c] * shade * facing
                image[j, i, c] = min(1.0, haze[c] * (1.0 - clear) + lit * clear)
    return image, surfaces
