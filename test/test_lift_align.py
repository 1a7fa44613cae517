"""Where a body of known pose stands: moved by a known amount it is found again, and broken sights move nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lift_scenes import Scene, random_poses, scene, seen_by

from poco_ros.body.model_file import load_body_model
from poco_ros.regressors.lift.align import align_translation
from poco_ros.regressors.lift.fit import Observation

N = 60


@pytest.fixture(scope='module')
def truth() -> Scene:
    return scene(load_body_model(), random_poses(N, 5), 5)


@pytest.fixture(scope='module')
def seen(truth: Scene) -> Observation:
    return seen_by(truth.landmarks, truth.camera).observation


def test_a_body_moved_by_a_known_amount_is_found_again(truth: Scene, seen: Observation) -> None:
    moved = np.random.default_rng(0).uniform([-0.3, -0.3, -0.8], [0.3, 0.3, 3.0], (N, 3))
    for steps in (1, 4):
        shift = align_translation(truth.points + moved[:, None], seen, steps)
        np.testing.assert_allclose(shift, -moved, atol=2e-3)


def test_it_is_the_weighted_least_squares_solution(truth: Scene, seen: Observation) -> None:
    rng = np.random.default_rng(1)
    points = truth.points + rng.normal(0, 0.02, truth.points.shape)
    weighted = replace(seen, weights=rng.uniform(0.1, 1, (N, 33)))
    shift = align_translation(points, weighted, 1)
    for row in range(N):
        root = np.sqrt(weighted.weights[row])[:, None]
        matrix = np.zeros((33, 2, 3))
        matrix[:, 0, 0] = matrix[:, 1, 1] = 1
        matrix[:, :, 2] = -seen.rays[row]
        target = seen.rays[row] * points[row, :, 2:] - points[row, :, :2]
        expected, *_ = np.linalg.lstsq((matrix * root[..., None]).reshape(-1, 3), (target * root).ravel(), rcond=None)
        np.testing.assert_allclose(shift[row], expected, atol=1e-4)


def test_a_hand_somewhere_else_hardly_moves_the_body(truth: Scene, seen: Observation) -> None:
    wild = seen.rays.copy()
    wild[:, [15, 17, 19, 21]] += 0.2
    errors = [np.linalg.norm(align_translation(truth.points, replace(seen, rays=wild), n), axis=1) for n in (1, 4)]
    assert np.median(errors[1]) < 0.1 * np.median(errors[0])
    assert np.median(errors[1]) < 0.05


def test_where_nothing_was_seen_nothing_moves(truth: Scene, seen: Observation) -> None:
    blind = replace(seen, weights=np.zeros((N, 33)))
    np.testing.assert_array_equal(align_translation(truth.points, blind), 0)
    alone = np.zeros((N, 33))
    alone[:, 3] = 1
    np.testing.assert_array_equal(align_translation(truth.points, replace(seen, weights=alone)), 0)


def test_nobody_is_put_behind_the_camera(truth: Scene, seen: Observation) -> None:
    """Rays as if the person were turned inside out: least squares would stand him behind the lens."""
    shift = align_translation(truth.points, replace(seen, rays=-seen.rays))
    assert ((truth.points + shift[:, None])[..., 2] > 0.2).all()
    assert (shift == 0).all(axis=1).any()


def test_nobody_is_no_error() -> None:
    none = Observation(np.zeros((0, 33, 2)), np.zeros((0, 33)), np.zeros((0, 3)), np.zeros((0, 33)))
    assert align_translation(np.zeros((0, 33, 3)), none).shape == (0, 3)
