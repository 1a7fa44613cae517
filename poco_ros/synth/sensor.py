"""What a camera and its driver do to a picture: defocus, motion blur, exposure, noise, JPEG."""

from __future__ import annotations

import functools
from dataclasses import dataclass

import cv2
import numpy as np
import numpy.typing as npt

_POOL_SEED = 11
_GRAINS = 1 << 21
_BLURRED, _MOVED, _COMPRESSED, _GREY = 0.5, 0.2, 0.5, 0.04


@dataclass(frozen=True)
class Sensor:
    """One camera's faults, the same for all frames of a sequence but for the noise itself.

    :param blur: sigma of the defocus, pixels of the rendered window; 0 none.
    :param motion: (2,) length of the motion blur, pixels; 0 none.
    :param gamma: exponent on brightness.
    :param gain: factor on brightness.
    :param noise: standard deviation of the noise, of full brightness.
    :param quality: of the JPEG, 0 for none.
    :param grey: whether the picture has no colour.
    """

    blur: float
    motion: tuple[float, float]
    gamma: float
    gain: float
    noise: float
    quality: int
    grey: bool

    @classmethod
    def random(cls, rng: np.random.Generator) -> Sensor:
        """Draw a camera."""
        length, way = rng.uniform(2, 7), rng.uniform(0, 2 * np.pi)
        moved = rng.random() < _MOVED
        return cls(
            blur=float(rng.uniform(0.3, 1.4)) if rng.random() < _BLURRED else 0.0,
            motion=(float(length * np.cos(way)), float(length * np.sin(way))) if moved else (0.0, 0.0),
            gamma=float(rng.uniform(0.75, 1.3)), gain=float(rng.uniform(0.6, 1.25)),
            noise=float(rng.uniform(0, 0.04)),
            quality=int(rng.integers(30, 96)) if rng.random() < _COMPRESSED else 0,
            grey=bool(rng.random() < _GREY),
        )

    def expose(self, image: npt.NDArray[np.float32], rng: np.random.Generator) -> npt.NDArray[np.uint8]:
        """Take a picture of a rendered scene.

        :param image: (H, W, 3) float32 RGB in [0, 1].
        :param rng: draws the noise.
        :returns: (H, W, 3) uint8 RGB.
        """
        if self.blur:
            image = np.asarray(cv2.GaussianBlur(image, (0, 0), self.blur), np.float32)
        if any(self.motion):
            image = np.asarray(cv2.filter2D(image, -1, _streak(self.motion)), np.float32)
        # a table in place of a power per pixel
        levels = np.clip(self.gain * np.linspace(0, 1, 256) ** self.gamma, 0, 1) * 255
        exposed = np.clip(image * 255, 0, 255).astype(np.uint8)
        noisy = levels.astype(np.float32)[exposed]
        if self.noise:
            noisy += _grain(rng, noisy.size).reshape(noisy.shape) * np.float32(255 * self.noise)
        picture = np.clip(noisy, 0, 255).astype(np.uint8)
        if self.grey:
            picture = np.repeat(cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None], 3, axis=2)
        if self.quality:
            code = cv2.imencode('.jpg', picture, [cv2.IMWRITE_JPEG_QUALITY, self.quality])[1]
            picture = np.asarray(cv2.imdecode(code, cv2.IMREAD_COLOR), np.uint8)
        return np.ascontiguousarray(picture)


def _grain(rng: np.random.Generator, count: int) -> npt.NDArray[np.float32]:
    """Standard normal numbers, read from a random place of a fixed sequence: drawn anew they take ten times longer."""
    pool = _pool(-(-count // _GRAINS) * _GRAINS + _GRAINS)
    start = int(rng.integers(len(pool) - count + 1))
    return pool[start : start + count]


@functools.lru_cache(maxsize=4)
def _pool(count: int) -> npt.NDArray[np.float32]:
    return np.random.default_rng(_POOL_SEED).standard_normal(count, dtype=np.float32)


def _streak(motion: tuple[float, float]) -> npt.NDArray[np.float32]:
    """Kernel of a straight movement by (x, y) pixels."""
    half = int(np.ceil(np.hypot(*motion) / 2))
    kernel = np.zeros((2 * half + 1, 2 * half + 1), np.float32)
    for t in np.linspace(-0.5, 0.5, 8 * half + 1):
        kernel[round(half + t * motion[1]), round(half + t * motion[0])] += 1
    return kernel / kernel.sum()
