"""Pictures of meshes before a background, with the label and the depth of every pixel: one thread, no GPU."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.errors import ConfigError
from poco_ros.synth.compiled import kernel
from poco_ros.synth.light import Light
from poco_ros.synth.raster import NEAR_M, Ints, project, rasterise, shadow_depth, vertex_normals
from poco_ros.synth.shading import composite, shade
from poco_ros.synth.surface import TEXTURE_SIZE, Placed
from poco_ros.types import FloatArray

#: Side of the shadow map in texels.
SHADOW_SIZE = 160
MAX_SUPERSAMPLE = 4
_FAR = np.float32(1e9)


@dataclass(frozen=True, eq=False)
class Floor:
    """The level ground under a camera.

    :param camera_height: how high the camera stands, metres, > 0.
    :param pitch: how far it looks down, radians (0: level; negative: up). The camera does not roll.
    """

    camera_height: float
    pitch: float

    def plane(self) -> FloatArray:
        """(4,) float32: the upward unit normal in the optical frame, and n . p of the floor's points."""
        up = (0.0, -np.cos(self.pitch), -np.sin(self.pitch))
        return np.array([*up, -self.camera_height], np.float32)


@dataclass(frozen=True, eq=False)
class Rendered:
    """A picture and what is seen in it; pixel centres are integers.

    :param image: (h, w, 3) float32 in [0, 1], RGB, gamma-coded.
    :param label: (h, w) int32 label of what covers most of the pixel; 0: background.
    :param depth: (h, w) float32 metres along z, mean over what ``label`` names; inf: background.
    """

    image: FloatArray
    label: npt.NDArray[np.int32]
    depth: FloatArray


def render(
    placed: Sequence[Placed], intrinsics: npt.ArrayLike, size: tuple[int, int], light: Light, background: FloatArray,
    supersample: int = 2, *, floor: Floor | None = None,
) -> Rendered:
    """Draw meshes before a background.

    The sun throws shadows of all meshes on all of them, and on the floor where there is one. Triangles with a corner
    nearer than 0.1 m are left out.

    :param placed: the meshes; several may share a label.
    :param intrinsics: (4,) fx, fy, cx, cy in pixels; integers are pixel centres.
    :param size: width and height in pixels.
    :param light: ambient light and sun.
    :param background: (h, w, 3) float32 in [0, 1], RGB, gamma-coded.
    :param supersample: sub-pixels a pixel along each axis, 1 to 4.
    :param floor: the ground that the background shows, for the shadows on it; None: there is none.
    :returns: picture, labels and depth.
    :raises ConfigError: the sizes do not fit, or ``supersample`` is out of range.
    """
    width, height = size
    samples = int(supersample)
    if samples != supersample or not 1 <= samples <= MAX_SUPERSAMPLE:
        raise ConfigError(f'supersample must be a whole number from 1 to {MAX_SUPERSAMPLE}, not {supersample}')
    if background.shape != (height, width, 3):
        raise ConfigError(f'the background is {background.shape}, the picture ({height}, {width}, 3)')
    camera = np.asarray(intrinsics, np.float32)
    fx, fy, cx, cy = (float(value) for value in camera)
    background = np.ascontiguousarray(background, np.float32)
    face = np.full((height * samples, width * samples), -1, np.int32)
    inverse_depth = np.zeros(face.shape, np.float32)
    screens, first_faces = [], [0]
    for mesh in placed:
        surface = mesh.surface
        screen = project(mesh.vertices, fx, fy, cx, cy, samples)
        rasterise(screen, surface.triangles, surface.two_sided, surface.uv, surface.texture, surface.cut_out,
                  surface.pyramids, TEXTURE_SIZE, first_faces[-1], inverse_depth, face)
        screens.append(screen)
        first_faces.append(first_faces[-1] + len(surface.triangles))
    shadows, frame = _shadow_map(placed, light)
    image = np.empty((height, width, 3), np.float32)
    plane = np.zeros(4, np.float32) if floor is None else floor.plane()
    composite(samples, face, background, plane, camera, shadows, frame, _darkening(light, plane), image)
    half = light.sun - np.array([0, 0, 1], np.float32)
    half /= np.linalg.norm(half) + np.float32(1e-6)
    for mesh, screen, first_face in zip(placed, screens, first_faces, strict=False):
        window = _window(screen, samples, width, height)
        if window[0] >= window[2] or window[1] >= window[3]:
            continue
        surface = mesh.surface
        normals = vertex_normals(mesh.vertices, surface.triangles)
        shade(samples, first_face, face, inverse_depth, window, screen, mesh.vertices, normals, surface.triangles,
              surface.uv, surface.texture, surface.texels, surface.colour, surface.pyramids, surface.shine,
              light.ambient, light.sun, light.sun_colour, half, shadows, frame, image)
    labels = np.array([mesh.label for mesh in placed], np.int32)
    label, nearness = _resolve(samples, face, inverse_depth, np.array(first_faces, np.int64), labels, height, width)
    depth = np.full(label.shape, np.inf, np.float32)
    np.divide(1, nearness, out=depth, where=label > 0)
    return Rendered(image, label, depth)


@kernel
def _window(screen: FloatArray, samples: int, width: int, height: int) -> Ints:
    """Pixels (left, top, right, bottom; the last two excluded) where a mesh can be."""
    left, top, right, bottom = 1e9, 1e9, -1e9, -1e9
    for i in range(screen.shape[0]):
        if screen[i, 2] > 0.0:
            left = min(left, screen[i, 0])
            top = min(top, screen[i, 1])
            right = max(right, screen[i, 0])
            bottom = max(bottom, screen[i, 1])
    window = np.zeros(4, np.int32)
    window[0] = int(max(0.0, min(left / samples, width)))
    window[1] = int(max(0.0, min(top / samples, height)))
    window[2] = int(np.ceil(max(0.0, min(right / samples, width))))
    window[3] = int(np.ceil(max(0.0, min(bottom / samples, height))))
    return window


def _shadow_map(placed: Sequence[Placed], light: Light) -> tuple[FloatArray, FloatArray]:
    """Map of distances along the sun's rays, and the (4, 4) frame that :func:`~poco_ros.synth.shading.lit` reads."""
    shadows = np.full((SHADOW_SIZE, SHADOW_SIZE), _FAR, np.float32)
    frame = np.zeros((4, 4), np.float32)
    meshes = [mesh for mesh in placed if len(mesh.vertices)]
    if not meshes:
        frame[0, 3] = -1
        return shadows, frame
    sun = light.sun.astype(np.float64)
    aside = np.cross(sun, [1.0, 0, 0] if abs(sun[0]) < 0.9 else [0, 1.0, 0])
    aside /= np.linalg.norm(aside)
    axes = np.stack([aside, np.cross(-sun, aside), -sun]).astype(np.float32)
    bounds = np.array([[1e9, 1e9], [-1e9, -1e9]], np.float32)
    points = [_along_axes(mesh.vertices, axes, bounds) for mesh in meshes]
    low = bounds[0]
    extent = float((bounds[1] - low).max()) + 1e-3
    scale = (SHADOW_SIZE - 4) / extent
    frame[:3, :3] = axes
    frame[:2] *= scale
    frame[:2, 3] = 2 - low * scale
    frame[3, 0] = 0.012 + 1.5 / scale  # steep surfaces cover this much distance within a texel
    for p, mesh in zip(points, meshes, strict=True):
        shadow_depth(p, mesh.surface.triangles, mesh.surface.two_sided, scale, frame[:2, 3], shadows)
    return shadows, frame


@kernel
def _along_axes(vertices: FloatArray, axes: FloatArray, bounds: FloatArray) -> FloatArray:
    """(V, 3) coordinates along three axes; ``bounds`` (2, 2), low and high of the first two, grows to hold them."""
    points = np.empty_like(vertices)
    for i in range(vertices.shape[0]):
        for a in range(3):
            points[i, a] = (axes[a, 0] * vertices[i, 0] + axes[a, 1] * vertices[i, 1] + axes[a, 2] * vertices[i, 2])
        for a in range(2):
            bounds[0, a] = min(bounds[0, a], points[i, a])
            bounds[1, a] = max(bounds[1, a], points[i, a])
    return points


def _darkening(light: Light, plane: FloatArray) -> FloatArray:
    """(3,) what a floor without the sun has of its brightness in it, gamma-coded."""
    sky = np.maximum(light.ambient[0] + light.ambient[1], 0.03)
    sun = light.sun_colour * max(0.0, float(plane[:3] @ light.sun))
    return ((sky / (sky + sun)) ** np.float32(1 / 2.2)).astype(np.float32)


@kernel
def _resolve(
    samples: int, face: Ints, inverse_depth: FloatArray, first_faces: npt.NDArray[np.int64], labels: Ints, height: int,
    width: int,
) -> tuple[Ints, FloatArray]:
    """Label of most sub-pixels (the nearest of equals), and the mean inverse depth over them."""
    count = samples * samples
    label = np.zeros((height, width), np.int32)
    nearness = np.zeros((height, width), np.float32)
    found = np.zeros(count, np.int32)
    near = np.zeros(count, np.float32)
    for y in range(height):
        for x in range(width):
            first = -2
            same = True
            for j in range(samples):
                for i in range(samples):
                    f = face[y * samples + j, x * samples + i]
                    mesh = -1
                    if f >= 0:
                        mesh = 0
                        while f >= first_faces[mesh + 1]:
                            mesh += 1
                    s = j * samples + i
                    found[s] = labels[mesh] if mesh >= 0 else 0
                    near[s] = inverse_depth[y * samples + j, x * samples + i]
                    if first == -2:
                        first = found[s]
                    elif found[s] != first:
                        same = False
            if same:
                if first > 0:
                    label[y, x] = first
                    nearness[y, x] = near.mean()
                continue
            best = 0.0
            for s in range(count):
                votes = 0
                total = 0.0
                for other in range(count):
                    if found[other] == found[s]:
                        votes += 1
                        total += near[other]
                nearer = 1e-3 * min(1.0, near[s] * NEAR_M)
                if votes + nearer > best:
                    best = votes + nearer
                    label[y, x] = found[s]
                    nearness[y, x] = total / votes
    return label, nearness
