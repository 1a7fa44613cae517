"""The shape space of a population whose directions are known."""

import numpy as np
import pytest

from poco_ros.body.open_body.population import Population, shape_space


@pytest.fixture(scope='module')
def known():
    """120 bodies of 50 vertices: stature along the first direction, fatness along the second, eight more."""
    rng = np.random.default_rng(0)
    scores = rng.normal(size=(120, 10))
    scores -= scores.mean(0)
    scores = np.linalg.qr(scores)[0] * np.sqrt(120)
    heights = np.linspace(-1, 1, 50)
    across = rng.normal(size=(9, 50, 3))
    across[:, :, 1] = 0  # so that only the first changes the stature
    across = np.linalg.qr(across.reshape(9, -1).T)[0].T * 2.0 ** -np.arange(1, 10)[:, None]
    directions = np.concatenate([[np.outer(heights, [0, 3, 0])], across.reshape(9, 50, 3)])
    template = rng.normal(size=(50, 3))
    template[:, 1] = 100 * heights
    vertices = template + np.einsum('sk,kvc->svc', scores, directions)
    zeros = np.zeros((120, 3))
    return Population(vertices.astype(np.float32), zeros[:, None], zeros, zeros, scores[:, 1]), template, directions


def test_directions_and_mean_are_found(known):
    population, template, directions = known
    mean, found, explained = shape_space(population)
    np.testing.assert_allclose(mean, template, atol=1e-4)
    for k in range(10):
        error = min(abs(found[:, :, k] - sign * directions[k]).max() for sign in (1, -1))
        assert error < 1e-3 * abs(directions[0]).max()
    assert explained.sum() == pytest.approx(1) and (np.diff(explained) < 0).all()


def test_more_is_taller_and_fatter(known):
    population, _, directions = known
    _, found, _ = shape_space(population)
    np.testing.assert_allclose(found[:, :, 0], directions[0], atol=1e-3)
    np.testing.assert_allclose(found[:, :, 1], directions[1], atol=1e-3)


def test_coefficients_have_unit_variance(known):
    population, _, _ = known
    mean, found, _ = shape_space(population)
    deviations = (population.vertices - mean).reshape(120, -1)
    scores = np.linalg.lstsq(found.reshape(-1, 10), deviations.T, rcond=None)[0]
    np.testing.assert_allclose((scores**2).mean(1), 1, rtol=1e-2)
    np.testing.assert_allclose(scores.mean(1), 0, atol=1e-2)
