"""Cameras like a robot's: low, level or a little tilted, of any common picture size and field of view."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import Floats
from poco_ros.errors import ConfigError
from poco_ros.settings import check_settings, setting

_PICTURES = ((640, 480), (848, 480), (640, 360), (1280, 720), (1280, 960), (1920, 1080))
_FIELD_OF_VIEW_DEG = (45.0, 95.0)
_TILT_DEG, _ROLL_DEG = 9.0, 1.5
#: Where the body's middle comes to lie: up to this part of the half picture from its middle, sideways and upright.
_OFF_MIDDLE = (0.85, 0.7)


@dataclass(frozen=True)
class ViewConfig:
    """Where cameras stand.

    :raises ConfigError: when a value is out of range or a lower end is above its upper end.
    """

    camera_height_min: float = setting(0.5, 'lowest camera above the floor, m', 0.05, 10.0)
    camera_height_max: float = setting(1.8, 'highest camera above the floor, m', 0.05, 10.0)
    distance_min: float = setting(1.0, 'nearest person, m', 0.3, 50.0)
    distance_max: float = setting(8.0, 'farthest person, m', 0.3, 50.0)

    def __post_init__(self) -> None:
        check_settings(self)
        for low, high in (('camera_height_min', 'camera_height_max'), ('distance_min', 'distance_max')):
            if getattr(self, low) > getattr(self, high):
                raise ConfigError(f'{low} = {getattr(self, low)} is above {high} = {getattr(self, high)}')


@dataclass(frozen=True)
class View:
    """A camera in a world with y up and the floor at y = 0.

    :param width: of the picture, pixels.
    :param height: pixels.
    :param focal: pixels.
    :param rotation: (3, 3), from the world to the optical frame (x right, y down, z forward).
    :param position: (3,) metres, in the world.
    """

    width: int
    height: int
    focal: float
    rotation: Floats
    position: Floats

    @property
    def intrinsics(self) -> Floats:
        """(4,) fx, fy, cx, cy; integers are pixel centres."""
        return np.array([self.focal, self.focal, (self.width - 1) / 2, (self.height - 1) / 2])

    @property
    def pitch(self) -> float:
        """Radians that the camera looks down."""
        return float(np.arcsin(np.clip(-self.rotation[2, 1], -1, 1)))

    def to_optical(self, points: Floats) -> Floats:
        """Return (..., 3) world points in the optical frame."""
        return np.asarray((points - self.position) @ self.rotation.T)

    def project(self, optical: Floats) -> Floats:
        """Return the pixels (..., 2) of (..., 3) points of the optical frame, which lie in front of the camera."""
        return project(optical, self.intrinsics)

    def shows(self, pixels: Floats) -> npt.NDArray[np.bool_]:
        """Return which of (..., 2) pixels lie in the picture, (...,)."""
        limit = np.array([self.width, self.height]) - 0.5
        return np.asarray(((pixels >= -0.5) & (pixels < limit)).all(axis=-1))


def project(optical: Floats, intrinsics: Floats) -> Floats:
    """Return the pixels (..., 2) of (..., 3) points in front of a camera (4,) fx, fy, cx, cy."""
    depth = np.maximum(optical[..., 2:], 1e-3)
    return np.asarray(optical[..., :2] / depth * intrinsics[:2] + intrinsics[2:])


def random_view(rng: np.random.Generator, config: ViewConfig, middle_height: float) -> View:
    """Draw a camera that sees a person who stands somewhere in front of it.

    The world's origin is under the person; the camera is placed around it and aimed so that the body's middle lies in
    the picture, often far from its middle, as it happens to a robot that does not aim.

    :param rng: draws.
    :param config: where cameras stand.
    :param middle_height: metres of the body's middle above the floor.
    """
    width, height = _PICTURES[rng.integers(len(_PICTURES))]
    half = np.tan(np.radians(rng.uniform(*_FIELD_OF_VIEW_DEG)) / 2)
    focal = width / 2 / half
    # nearer people are commoner: uniform in the logarithm
    distance = np.exp(rng.uniform(np.log(config.distance_min), np.log(config.distance_max)))
    camera_height = rng.uniform(config.camera_height_min, config.camera_height_max)
    bearing = rng.uniform(-np.pi, np.pi)
    position = np.array([distance * np.sin(bearing), camera_height, distance * np.cos(bearing)])
    # aim: level or a little tilted; where the body would be out of the picture, look at it
    side = rng.uniform(-1, 1) * _OFF_MIDDLE[0] * np.arctan(half)
    elevation = np.arctan2(middle_height - camera_height, distance)
    reach = _OFF_MIDDLE[1] * np.arctan(half * height / width)
    tilt = np.clip(np.radians(rng.normal(0, _TILT_DEG)), elevation - reach, elevation + reach)
    rotation = _look(bearing + np.pi + side, tilt, np.radians(rng.normal(0, _ROLL_DEG)))
    return View(width, height, float(focal), rotation, position)


def _look(heading: float, tilt: float, roll: float) -> Floats:
    """Rotation from the world to a camera that looks along ``heading`` (0: +z, then to +x), ``tilt`` upwards."""
    forward = np.array([np.sin(heading) * np.cos(tilt), np.sin(tilt), np.cos(heading) * np.cos(tilt)])
    right = np.cross(forward, [0.0, 1.0, 0.0])
    right /= np.linalg.norm(right)
    down = np.cross(forward, right)
    cos, sin = np.cos(roll), np.sin(roll)
    return np.stack([cos * right + sin * down, cos * down - sin * right, forward])
