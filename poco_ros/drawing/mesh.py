"""Body meshes on a picture: shaded by a lamp beside the camera, blended over the people."""

from __future__ import annotations

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
from scipy import sparse

from poco_ros.camera import Camera
from poco_ros.drawing.colors import Image
from poco_ros.drawing.raster import NEAR_M, rasterize

#: The lamp: to the left of and above the camera, relative to the line of sight (unit length).
_LAMP = (-0.35, -0.55)
_AMBIENT = 0.48
_DIFFUSE = 0.62
_GLOSS = 0.22
_GLOSS_EXPONENT = 28
#: Surfaces seen edge-on are darkened down to this, which draws the outline of limbs before the trunk.
_EDGE = 0.45
_EDGE_WIDTH = 0.45

#: Meshes are drawn at 2x2 samples per pixel, at one, or at one sample for 2x2 pixels, so that about this many samples
#: are not exceeded: a picture then costs about the same, however near people are.
_SAMPLE_BUDGET = 400_000
#: Share of its bounding box that a body covers, roughly.
_FILL = 0.4

Floats = npt.NDArray[np.float32]


class MeshPainter:
    """Draws bodies that share one mesh.

    :param faces: (T, 3) integers, counter-clockwise seen from outside.
    :param num_vertices: V.
    """

    def __init__(self, faces: npt.NDArray[np.integer[Any]], num_vertices: int) -> None:
        self._faces = np.asarray(faces, np.int64)
        corner = self._faces.ravel()
        face = np.repeat(np.arange(len(self._faces)), 3)
        ones = np.ones(len(corner), np.float32)
        self._faces_of_vertex = sparse.csr_array((ones, (corner, face)), shape=(num_vertices, len(self._faces)))

    def normals(self, vertices: npt.NDArray[Any]) -> Floats:
        """Return the outward unit normals of the vertices.

        :param vertices: (V, 3).
        :returns: (V, 3) float32; NaN where a neighbouring vertex is NaN.
        """
        a, b, c = (vertices[self._faces[:, i]].astype(np.float32) for i in range(3))
        normals = self._faces_of_vertex @ np.cross(b - a, c - a)
        length = np.linalg.norm(normals, axis=1, keepdims=True)
        return np.asarray(normals / np.maximum(length, 1e-12), np.float32)

    def draw(
        self, image: Image, vertices: npt.NDArray[Any], colors: Image, camera: Camera, opacity: float = 0.85,
        hidden: npt.NDArray[np.bool_] | None = None,
    ) -> None:
        """Draw bodies into a picture, the nearer hiding the farther, whatever their order.

        Bodies, or parts of them, that are NaN or behind the camera are left out.

        :param image: (H, W, 3) uint8 RGB, changed in place.
        :param vertices: (N, V, 3) in the optical frame, metres.
        :param colors: (N, V, 3) uint8 RGB.
        :param camera: of this image.
        :param opacity: of the bodies, in [0, 1].
        :param hidden: (N, V) vertices that are not drawn, nor what is between them and others; None: none.
        """
        pixels = np.array(camera.project(vertices))
        if hidden is not None:
            pixels[hidden] = np.nan
        box, area = _bounds(pixels, vertices[..., 2], image.shape)
        if area == 0:
            return
        shaded = np.stack([self._shaded(v, c) for v, c in zip(vertices, colors, strict=True)])
        count, size = len(vertices), vertices.shape[1]
        faces = (self._faces + size * np.arange(count)[:, None, None]).reshape(-1, 3)
        scale = _samples_per_pixel(area)
        x0, y0, x1, y1 = box
        layer_size = (max(round((x1 - x0) * scale), 1), max(round((y1 - y0) * scale), 1))
        # Pixel centres have integer coordinates, so an image is half a pixel larger on every side.
        at = (pixels.reshape(-1, 2) - (x0, y0) + 0.5) * scale - 0.5
        fragments = rasterize(at, vertices[..., 2].ravel(), faces, shaded.reshape(-1, 3), layer_size)
        layer = np.zeros((layer_size[1] * layer_size[0], 4), np.uint8)
        layer[fragments.pixel, :3] = np.clip(fragments.values, 0, 255)
        layer[fragments.pixel, 3] = 255
        _blend(image[y0:y1, x0:x1], layer.reshape(layer_size[1], layer_size[0], 4), opacity)

    def _shaded(self, vertices: npt.NDArray[Any], colors: Image) -> Floats:
        """Return (V, 3) colours of one lit body, 0 to 255 (a highlight may exceed it)."""
        normals = self.normals(vertices)
        to_camera = -vertices / np.maximum(np.linalg.norm(vertices, axis=1, keepdims=True), NEAR_M)
        to_lamp = to_camera + np.asarray([*_LAMP, 0.0])
        to_lamp /= np.linalg.norm(to_lamp, axis=1, keepdims=True)
        halfway = to_lamp + to_camera
        halfway /= np.linalg.norm(halfway, axis=1, keepdims=True)
        facing = np.clip((normals * to_camera).sum(axis=1), 0, 1)
        diffuse = np.clip((normals * to_lamp).sum(axis=1), 0, 1)
        gloss = _GLOSS * np.clip((normals * halfway).sum(axis=1), 0, 1) ** _GLOSS_EXPONENT
        light = (_AMBIENT + _DIFFUSE * diffuse) * (_EDGE + (1 - _EDGE) * np.clip(facing / _EDGE_WIDTH, 0, 1))
        return np.asarray(colors * light[:, None] + 255 * gloss[:, None], np.float32)


def _bounds(
    pixels: npt.NDArray[Any], depth: npt.NDArray[Any], shape: tuple[int, ...],
) -> tuple[tuple[int, int, int, int], float]:
    """Return the part of the picture that bodies (N, V) reach, x0, y0, x1, y1, and the sum of their boxes' areas."""
    boxes = []
    for xy, z in zip(pixels, depth, strict=True):
        seen = xy[np.isfinite(xy).all(axis=1) & (z >= NEAR_M)]
        if len(seen) == 0:
            continue
        low = np.clip(np.floor(seen.min(axis=0)), 0, (shape[1], shape[0]))
        high = np.clip(np.ceil(seen.max(axis=0)) + 1, 0, (shape[1], shape[0]))
        if (high > low).all():
            boxes.append((*low, *high))
    if not boxes:
        return (0, 0, 0, 0), 0.0
    b = np.asarray(boxes)
    area = float(((b[:, 2] - b[:, 0]) * (b[:, 3] - b[:, 1])).sum())
    x0, y0 = b[:, :2].min(axis=0).astype(int).tolist()
    x1, y1 = b[:, 2:].max(axis=0).astype(int).tolist()
    return (x0, y0, x1, y1), area


def _samples_per_pixel(area: float) -> float:
    """Return 2, 1 or 0.5 samples along x and y for bodies whose boxes have this area in all."""
    samples = _FILL * area
    if 4 * samples <= _SAMPLE_BUDGET:
        return 2.0
    return 1.0 if samples <= _SAMPLE_BUDGET else 0.5


def _blend(image: Image, layer: Image, opacity: float) -> None:
    """Lay RGBA samples (premultiplied: 0 where nothing was drawn) over an image of any other size, in place."""
    height, width = image.shape[:2]
    if layer.shape[:2] != (height, width):
        shrinking = layer.shape[0] > height
        method = cv2.INTER_AREA if shrinking else cv2.INTER_LINEAR
        layer = np.asarray(cv2.resize(layer, (width, height), interpolation=method), np.uint8)
    keep = 1.0 - (opacity / 255) * layer[..., 3:].astype(np.float32)
    image[:] = np.rint(image * keep + opacity * layer[..., :3].astype(np.float32)).astype(np.uint8)
