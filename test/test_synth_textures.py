"""Textures repeat without a seam, and the same seed gives the same pools."""

import numpy as np
from synth_scenes import textures

from poco_ros.synth.surface import MIP_LEVELS, pyramid
from poco_ros.synth.textures import PHOTO_FILES, Textures, make_fabric, noise, recolour


def test_noise_has_no_seam():
    picture = noise(np.random.default_rng(0), octaves=5)
    inner = np.abs(np.diff(picture, axis=0)).mean(), np.abs(np.diff(picture, axis=1)).mean()
    seam = np.abs(picture[0] - picture[-1]).mean(), np.abs(picture[:, 0] - picture[:, -1]).mean()
    assert seam[0] < 1.5 * inner[0] and seam[1] < 1.5 * inner[1]
    assert picture.min() == 0 and picture.max() <= 1


def test_pools_repeat_by_their_seed():
    one, two, other = (Textures(np.random.default_rng(seed), fabrics=3) for seed in (1, 1, 2))
    np.testing.assert_array_equal(np.stack(one.fabrics), np.stack(two.fabrics))
    assert not np.array_equal(np.stack(one.fabrics), np.stack(other.fabrics))
    drawn = [pool.hair(np.random.default_rng(5)) for pool in (one, two)]
    np.testing.assert_array_equal(*drawn)


def test_colouring_keeps_the_holes():
    fabric = make_fabric(np.random.default_rng(4))
    fabric[:100, :, 3] = 0
    for coloured in (recolour(np.random.default_rng(1), fabric), textures().hair(np.random.default_rng(1), fabric)):
        np.testing.assert_array_equal(coloured[..., 3], fabric[..., 3])
        assert not np.array_equal(coloured[..., :3], fabric[..., :3])


def test_all_photographs_are_there():
    assert set(textures().photos) == set(PHOTO_FILES)
    assert all(photo.ndim == 3 and photo.shape[2] == 3 and min(photo.shape[:2]) >= 200 for photo in
               textures().photos.values())


def test_pyramid_halves_the_texture_down_to_its_mean():
    fabric = make_fabric(np.random.default_rng(9))
    levels = pyramid(fabric)
    assert len(levels) == sum((256 >> k) ** 2 for k in range(MIP_LEVELS))
    last = levels[-(256 >> (MIP_LEVELS - 1)) ** 2:]
    np.testing.assert_allclose(last.mean(0), fabric.reshape(-1, 4).mean(0), atol=2)
