"""People, lights and cameras for the tests of the renderer."""

from functools import lru_cache

import numpy as np

from poco_ros.synth.light import Light
from poco_ros.synth.surface import Surface
from poco_ros.synth.textures import Textures
from poco_ros.synth.wardrobe import Wardrobe

UPRIGHT = np.diag([1.0, -1.0, -1.0])  # model frame (y up) to the optical frame (y down), facing the camera


@lru_cache(maxsize=1)
def textures():
    return Textures(np.random.default_rng(3), fabrics=8)


@lru_cache(maxsize=1)
def wardrobe():
    return Wardrobe.load(None, textures())


def white_texture():
    return np.full((256, 256, 4), 255, np.uint8)


def flat_light():
    """Only a constant ambient light of 1: a surface looks as its texture does."""
    ambient = np.zeros((9, 3), np.float32)
    ambient[0] = 1
    return Light(ambient, np.array([0, -1, 0], np.float32), np.zeros(3, np.float32))


def sheet(two_sided=1):
    """Two white triangles over four vertices (0 1 2 3 around)."""
    triangles = np.array([[0, 1, 2], [0, 2, 3]])
    uv = np.array([[[0, 0], [1, 0], [1, 1]], [[0, 0], [1, 1], [0, 1]]])
    return Surface(triangles, uv, np.zeros(2), np.full(2, two_sided), np.ones((4, 3)), white_texture()[None],
                   np.zeros(1), np.zeros(1))


def small_rotations(rng, scale=0.35):
    """(24, 3, 3) rotations by random small angles; the root upright before the camera and turned about."""
    from scipy.spatial.transform import Rotation

    rotations = Rotation.from_rotvec(rng.normal(0, scale, (24, 3))).as_matrix()
    rotations[0] = UPRIGHT @ Rotation.from_euler('y', rng.uniform(-3, 3)).as_matrix()
    return rotations
