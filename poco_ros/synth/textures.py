"""Pools of textures, made once for each process: fabrics, skin grain, strands, and a few free photographs."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.errors import ConfigError
from poco_ros.synth.surface import TEXTURE_SIZE
from poco_ros.types import FloatArray

#: Photographs that scikit-image brings along: no people, no text, nothing medical, no two of one scene.
PHOTO_FILES = {
    'brick': 'brick.png', 'cat': 'chelsea.png', 'coffee': 'coffee.png', 'grass': 'grass.png', 'gravel': 'gravel.png',
    'galaxies': 'hubble_deep_field.jpg', 'moon': 'moon.png', 'motorcycle': 'motorcycle_left.png',
    'rocket': 'rocket.jpg',
}
#: Skin tones, sRGB in [0, 255], light to dark.
SKIN_TONES = np.array([[255, 219, 190], [241, 194, 160], [224, 172, 130], [198, 134, 94], [141, 85, 56],
                       [100, 62, 42], [70, 45, 35]], np.float32)
_HAIR_COLOURS = np.array([[28, 24, 22], [48, 34, 26], [86, 56, 36], [120, 84, 52], [176, 140, 92], [150, 144, 138],
                          [110, 50, 30]], np.float32)

Bytes = npt.NDArray[np.uint8]


class Textures:
    """Ready textures to draw from, and how they are coloured anew.

    :param rng: what the pools are made from; the same seed gives the same pools.
    :param fabrics: how many fabrics to make.
    """

    def __init__(self, rng: np.random.Generator, fabrics: int = 96) -> None:
        self.fabrics = tuple(make_fabric(rng) for _ in range(fabrics))
        self.grain = tuple(noise(rng, octaves=6) for _ in range(8))
        self.strands = tuple(_strands(rng) for _ in range(6))
        self.photos = load_photos()

    def fabric(self, rng: np.random.Generator) -> Bytes:
        """Return one fabric of the pool, in other colours."""
        base = self.fabrics[rng.integers(len(self.fabrics))]
        return recolour(rng, base) if rng.random() < 0.5 else base

    def plain(self, rng: np.random.Generator) -> Bytes:
        """Return a fabric of one colour with a little wear, as most clothes are."""
        worn = 0.88 + 0.2 * self.grain[rng.integers(len(self.grain))][..., None]
        return opaque(clothes_colour(rng) * 255 * worn)

    def skin(self, rng: np.random.Generator) -> Bytes:
        """Return the skin of one person: a tone between two of the palette, with grain."""
        k = rng.integers(len(SKIN_TONES) - 1)
        tone = SKIN_TONES[k] + rng.random() * (SKIN_TONES[k + 1] - SKIN_TONES[k])
        return opaque(tone * (0.91 + 0.16 * self.grain[rng.integers(len(self.grain))][..., None]))

    def hair(self, rng: np.random.Generator, texture: Bytes | None = None) -> Bytes:
        """Return hair of a natural colour (one in twelve is dyed).

        :param texture: (S, S, 4) strands with their holes, to be coloured; None: a dense pool texture.
        """
        colour = _HAIR_COLOURS[rng.integers(len(_HAIR_COLOURS))] * rng.uniform(0.7, 1.3) * rng.uniform(0.95, 1.05, 3)
        if rng.random() < 1 / 12:
            colour = rng.random(3) * 200
        if texture is None:
            return opaque(colour * (0.75 + 0.4 * self.strands[rng.integers(len(self.strands))][..., None]))
        grey = texture[..., :3].mean(-1, keepdims=True, dtype=np.float32)
        solid = texture[..., 3] > 110
        mean = float(grey[solid].mean()) if solid.any() else 128.0
        coloured = texture.copy()
        coloured[..., :3] = np.clip(colour * (0.4 + 0.6 * grey / max(mean, 30.0)), 0, 255)
        return coloured


def noise(rng: np.random.Generator, octaves: int = 5, persistence: float = 0.55) -> FloatArray:
    """Return (256, 256) float32 cloudy noise in [0, 1] that repeats without a seam."""
    size = TEXTURE_SIZE
    total = np.zeros((size, size), np.float32)
    amplitude = 1.0
    for k in range(1, octaves + 1):
        side = 2**k
        grid = np.pad(rng.random((side, side), np.float32), 2, mode='wrap')
        scale = size // side
        fine = cv2.resize(grid, None, fx=scale, fy=scale, interpolation=cv2.INTER_CUBIC)
        total += amplitude * fine[2 * scale:2 * scale + size, 2 * scale:2 * scale + size]
        amplitude *= persistence
    return np.asarray((total - total.min()) / (np.ptp(total) + 1e-6), np.float32)


def opaque(rgb: npt.NDArray[Any]) -> Bytes:
    """Return (S, S, 4) uint8 of (S, S, 3) values in [0, 255] (clipped), without holes."""
    texture = np.full((*rgb.shape[:2], 4), 255, np.uint8)
    texture[..., :3] = np.clip(rgb, 0, 255)
    return texture


def clothes_colour(rng: np.random.Generator) -> FloatArray:
    """Return (3,) RGB in [0, 1]: often grey, dark or muted, sometimes loud."""
    hue, kind = rng.random(), rng.random()
    low, high = (0, 0.12) if kind < 0.3 else (0.15, 0.5) if kind < 0.75 else (0.5, 0.95)
    saturation = rng.uniform(low, high)
    value = rng.uniform(0.06, 0.95)
    hsv = np.array([[[hue * 360, saturation, value]]], np.float32)
    return np.asarray(cv2.cvtColor(hsv, cv2.COLOR_HSV2RGB)[0, 0], np.float32)


def make_fabric(rng: np.random.Generator) -> Bytes:
    """Return a seamless (256, 256, 4) fabric: plain, stripes, checks, plaid, dots, blotches or clouds."""
    size = TEXTURE_SIZE
    v, u = np.mgrid[:size, :size].astype(np.float32) / size
    mask: npt.NDArray[Any]
    colours = [clothes_colour(rng) for _ in range(3)]
    kind = rng.integers(7)
    count = int(rng.integers(3, 24))
    wave_u, wave_v = np.sin(2 * np.pi * count * u), np.sin(2 * np.pi * count * v)
    if kind == 0:
        mask = np.zeros((size, size), np.float32)
    elif kind == 1:
        mask = np.asarray((wave_u if rng.random() < 0.5 else wave_v) > rng.uniform(-0.7, 0.7))
    elif kind == 2:
        mask = (wave_u > 0) * 0.5 + (wave_v > 0) * 0.5
    elif kind == 3:
        width = rng.uniform(0.3, 0.9)
        mask = np.maximum(wave_u > width, wave_v > width) * 0.8
    elif kind == 4:
        mask = np.asarray(wave_u * wave_v > rng.uniform(0.3, 0.7))
    elif kind == 5:
        mask = np.asarray(noise(rng, 6) > rng.uniform(0.4, 0.6))
    else:
        mask = noise(rng, 5)
    blend = np.asarray(mask, np.float32)[..., None]
    rgb = colours[0] * (1 - blend) + colours[1] * blend
    rgb *= 0.86 + 0.24 * noise(rng, 7, 0.8)[..., None]
    return opaque(rgb * 255)


def recolour(rng: np.random.Generator, texture: Bytes) -> Bytes:
    """Return a texture with another hue, saturation, brightness and tint, its pattern kept."""
    hsv = cv2.cvtColor(np.ascontiguousarray(texture[..., :3]), cv2.COLOR_RGB2HSV).astype(np.float32)
    hsv[..., 0] = (hsv[..., 0] + rng.uniform(0, 180)) % 180
    hsv[..., 1] = np.clip(hsv[..., 1] * rng.uniform(0.2, 1.4), 0, 255)
    hsv[..., 2] = np.clip(hsv[..., 2] * rng.uniform(0.6, 1.4) + rng.uniform(0, 30), 0, 255)
    rgb = cv2.cvtColor(hsv.astype(np.uint8), cv2.COLOR_HSV2RGB) * rng.uniform(0.85, 1.15, 3).astype(np.float32)
    coloured = texture.copy()
    coloured[..., :3] = np.clip(rgb, 0, 255)
    return coloured


def load_photos() -> dict[str, Bytes]:
    """Return the photographs of :data:`PHOTO_FILES`, (H, W, 3) RGB, by name.

    :raises ConfigError: scikit-image, or one of its pictures, is not there.
    """
    spec = importlib.util.find_spec('skimage')
    if spec is None or spec.origin is None:
        raise ConfigError("scikit-image brings the background photographs and is missing: 'pip install scikit-image'")
    photos = {}
    for name, file in PHOTO_FILES.items():
        path = Path(spec.origin).parent / 'data' / file
        picture = cv2.imread(str(path), cv2.IMREAD_COLOR)
        if picture is None:
            raise ConfigError(f"cannot read {path}; install scikit-image again: 'pip install --force-reinstall "
                              "scikit-image'")
        photos[name] = np.ascontiguousarray(picture[..., ::-1], np.uint8)
    return photos


def _strands(rng: np.random.Generator) -> FloatArray:
    """Noise drawn out along v, as hair hangs."""
    fine = np.pad(rng.random((1, TEXTURE_SIZE), np.float32), ((0, TEXTURE_SIZE - 1), (0, 0)), mode='edge')
    return np.asarray(np.clip(0.6 * fine + 0.4 * noise(rng, 6, 0.8), 0, 1), np.float32)
