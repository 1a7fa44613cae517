"""The light of a scene: a smooth ambient light as spherical harmonics, and a coloured sun."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from poco_ros.types import FloatArray


@dataclass(frozen=True, eq=False)
class Light:
    """Light in linear intensities; directions in the optical frame (y down, so up is -y).

    :param ambient: (9, 3) float32, RGB factors of 1, -ny, -nz, nx, -nx ny, ny nz, 3 nz^2 - 1, -nx nz, nx^2 - ny^2
        for a surface with the normal n (that is, harmonics over x right, y up, z towards the camera).
    :param sun: (3,) float32 unit vector towards the sun.
    :param sun_colour: (3,) float32.
    """

    ambient: FloatArray
    sun: FloatArray
    sun_colour: FloatArray

    @staticmethod
    def random(rng: np.random.Generator) -> Light:
        """Return a plausible light: brighter from above, the sun rather in front of the people than behind them."""
        direction = rng.normal(0, 1, 3)
        up, towards = abs(direction[1]) + 0.35, direction[2] * 0.7 + 0.45
        sun = np.array([direction[0], -up, -towards])
        ambient = np.zeros((9, 3))
        ambient[0] = rng.uniform(0.22, 0.65) * rng.uniform(0.88, 1.12, 3)
        ambient[1:4] = rng.normal(0, 0.03, (3, 3)) + rng.normal(0, 0.07, (3, 1))
        ambient[1] += 0.1
        ambient[4:] = rng.normal(0, 0.03, (5, 1)) + rng.normal(0, 0.012, (5, 3))
        colour = rng.uniform(0.1, 1.1) * rng.uniform(0.88, 1.12, 3)
        return Light(
            ambient.astype(np.float32), (sun / np.linalg.norm(sun)).astype(np.float32), colour.astype(np.float32)
        )
