from __future__ import annotations

import numpy as np
import pytest
from lift_scenes import random_poses, scene

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.regressors.lift.shape import MAX_BETA, ShapeFromLengths


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


def points_of(body: BodyModel, betas: np.ndarray) -> np.ndarray:
    return scene(body, random_poses(len(betas), 3), betas=betas).points


def test_mean_body_gives_zero_betas_and_unit_scale(body: BodyModel) -> None:
    betas, scale = ShapeFromLengths(body)(points_of(body, np.zeros((5, 10))), np.ones((5, 33)))
    assert np.abs(betas).max() < 0.15  # shoulder to hip is no rigid length: the spine bends between them
    np.testing.assert_allclose(scale, 1, atol=0.04)


def test_lengths_come_nearer_the_truth_than_the_mean_body(body: BodyModel) -> None:
    truth = np.random.default_rng(0).normal(size=(200, 10))
    betas, _ = ShapeFromLengths(body)(points_of(body, truth), np.ones((200, 33)))
    for k in (0, 1):  # stature, and legs against trunk; the others hardly touch the lengths
        assert np.corrcoef(truth[:, k], betas[:, k])[0, 1] > 0.5
        assert np.abs(betas[:, k] - truth[:, k]).mean() < np.abs(truth[:, k]).mean()


def test_common_scale_is_blamed_on_the_network_rather_than_on_the_person(body: BodyModel) -> None:
    """BlazePose's metres say little of stature: a scale of 1.1 must not make a giant."""
    points = points_of(body, np.zeros((1, 10)))
    betas, scale = ShapeFromLengths(body)(1.1 * points, np.ones((1, 33)))
    assert scale[0] > 1.05
    assert np.abs(betas).max() < 1


def test_nothing_seen_is_the_mean_body(body: BodyModel) -> None:
    betas, scale = ShapeFromLengths(body)(np.random.default_rng(0).normal(size=(2, 33, 3)), np.zeros((2, 33)))
    np.testing.assert_array_equal(betas, np.zeros((2, 10)))
    np.testing.assert_array_equal(scale, [1, 1])


@pytest.mark.parametrize('factor', [0.0, 1e-6, 5.0, 1e9])
def test_absurd_lengths_stay_within_bounds(body: BodyModel, factor: float) -> None:
    betas, scale = ShapeFromLengths(body)(factor * points_of(body, np.zeros((1, 10))), np.ones((1, 33)))
    assert np.abs(betas).max() <= MAX_BETA
    assert 0.5 <= scale[0] <= 2


def test_a_wrong_limb_counts_less_the_less_it_is_seen(body: BodyModel) -> None:
    points = points_of(body, np.zeros((1, 10)))
    points[:, [27, 28]] += 0.5 * (points[:, [27, 28]] - points[:, [25, 26]])  # both shanks half as long again
    shifts = []
    for visibility in (1.0, 0.3, 0.05, 0.0):
        weights = np.ones((1, 33))
        weights[:, [27, 28]] = visibility
        shifts.append(np.linalg.norm(ShapeFromLengths(body)(points, weights)[0]))
    assert shifts == sorted(shifts, reverse=True)
    assert shifts[0] > shifts[-1] + 0.2
