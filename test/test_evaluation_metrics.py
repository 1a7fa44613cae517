"""The published measures against closed forms and scipy."""

from __future__ import annotations

import numpy as np
import pytest
from scipy import special
from scipy.spatial.transform import Rotation

from poco_ros.evaluation import metrics


def people(seed: int, n: int = 5, points: int = 14) -> np.ndarray:
    return np.random.default_rng(seed).normal(0, 0.4, (n, points, 3))


def moved(points: np.ndarray, seed: int) -> np.ndarray:
    """The same points under a similarity of each sample's own."""
    rng = np.random.default_rng(seed)
    n = len(points)
    turned = np.einsum('nij,npj->npi', Rotation.random(n, random_state=seed).as_matrix(), points)
    return rng.uniform(0.3, 3, (n, 1, 1)) * turned + rng.normal(size=(n, 1, 3))


def test_errors_of_a_known_shift() -> None:
    target = people(0)
    shift = np.array([3.0, 0, 4.0]) * np.arange(14)[:, None]
    np.testing.assert_allclose(metrics.point_errors(target + shift, target), np.tile(5.0 * np.arange(14), (5, 1)))
    np.testing.assert_allclose(metrics.mpjpe(target + shift, target), np.full(5, 5 * 6.5))
    np.testing.assert_allclose(metrics.pve(target + shift, target), np.full(5, 5 * 6.5))


def test_a_similarity_is_aligned_away() -> None:
    target = people(1)
    aligned = metrics.similarity_align(moved(target, 2), target)
    np.testing.assert_allclose(aligned, target, atol=1e-12)
    assert metrics.pa_mpjpe(moved(target, 2), target).max() < 1e-12 < metrics.mpjpe(moved(target, 2), target).min()


def test_alignment_equals_scipys() -> None:
    points, target = people(3), people(4)
    for aligned, a, b in zip(metrics.similarity_align(points, target), points, target, strict=True):
        a_centred, b_centred = a - a.mean(0), b - b.mean(0)
        rotation, _ = Rotation.align_vectors(b_centred, a_centred)
        turned = rotation.apply(a_centred)
        scale = (turned * b_centred).sum() / (a_centred**2).sum()
        np.testing.assert_allclose(aligned, scale * turned + b.mean(0), atol=1e-7)


def test_a_mirrored_body_is_not_aligned_away() -> None:
    """Left and right confused is an error; only a similarity with a mirror would hide it."""
    target = people(5)
    mirrored = target * np.array([-1, 1, 1])
    assert metrics.pa_mpjpe(mirrored, target).min() > 0.05
    nearby = metrics.similarity_align(mirrored, target)
    squared = ((nearby - target) ** 2).sum((1, 2))
    centre = nearby.mean(1, keepdims=True)
    for turn in Rotation.random(200, random_state=6).as_matrix():
        other = (nearby - centre) @ turn.T + centre
        assert (((other - target) ** 2).sum((1, 2)) >= squared - 1e-12).all()


def test_points_in_one_place_go_to_the_centre() -> None:
    target = people(7, n=1)
    aligned = metrics.similarity_align(np.ones((1, 14, 3)), target)
    np.testing.assert_allclose(aligned, np.broadcast_to(target.mean(1, keepdims=True), target.shape), atol=1e-15)


def test_an_unknown_sample_stays_unknown_alone() -> None:
    points, target = people(8), people(9)
    points[2, 3, 1], target[4, 0, 0] = np.nan, np.inf
    known = [0, 1, 3]
    aligned = metrics.similarity_align(points, target)
    assert np.isnan(aligned[[2, 4]]).all()
    np.testing.assert_array_equal(aligned[known], metrics.similarity_align(points[known], target[known]))
    assert np.isfinite(metrics.mpjpe(points, target)[known]).all() and np.isnan(metrics.mpjpe(points, target)[2])
    unknown_joint = metrics.point_errors(points, target)[2]
    assert np.flatnonzero(np.isnan(unknown_joint)).tolist() == [3]


def test_vertices_that_are_missing_count_as_unknown_not_as_perfect() -> None:
    vertices = people(10, n=2, points=100)
    target = vertices.copy()
    target[1] = np.nan
    np.testing.assert_array_equal(metrics.pve(vertices, target), [0, np.nan])


def test_types_and_nobody() -> None:
    single = people(11).astype(np.float32)
    for measure in (metrics.mpjpe, metrics.pa_mpjpe, metrics.pve, metrics.point_errors, metrics.pa_point_errors):
        assert measure(single, single[::-1]).dtype == np.float32
        assert measure(single, people(11)).dtype == np.float64
        assert len(measure(np.zeros((0, 14, 3)), np.zeros((0, 14, 3)))) == 0


@pytest.mark.parametrize('shapes', [((2, 14, 3), (2, 13, 3)), ((14, 3), (14, 3)), ((2, 14, 2), (2, 14, 2))])
def test_shapes_that_do_not_fit_are_told(shapes: tuple[tuple[int, ...], ...]) -> None:
    for measure in (metrics.mpjpe, metrics.pa_mpjpe, metrics.pve):
        with pytest.raises(ValueError, match=r'\(N, P, 3\)'):
            measure(np.zeros(shapes[0]), np.zeros(shapes[1]))


def test_rotation_errors_of_a_known_angle() -> None:
    """|R - I|^2 of a turn by t is 4 (1 - cos t): over nine entries, and at most 8/9."""
    angles = np.linspace(0, np.pi, 24)
    turned = Rotation.from_rotvec(angles[:, None] * np.array([0.6, 0, -0.8])).as_matrix()
    errors = metrics.rotation_errors(turned, np.eye(3))
    np.testing.assert_allclose(errors, 4 * (1 - np.cos(angles)) / 9, atol=1e-15)


def test_pcc_equals_its_formula() -> None:
    rng = np.random.default_rng(12)
    errors = rng.gamma(1.0, 1.0, (30, 24))
    uncertainty = 0.3 * errors + rng.gamma(1.0, 1.0, (30, 24))
    r, p = metrics.pcc(uncertainty, errors)
    np.testing.assert_allclose(r, np.corrcoef(uncertainty.ravel(), errors.ravel())[0, 1], rtol=1e-12)
    few = metrics.pcc(uncertainty[0], errors[0])
    # the p-value by the incomplete beta function: of t = r sqrt((n - 2) / (1 - r^2)) with n - 2 degrees of freedom
    np.testing.assert_allclose(few[1], special.betainc(11, 0.5, 1 - few[0] ** 2), rtol=1e-9)
    assert p < few[1]


def test_pcc_pools_joints_and_leaves_unknown_pairs_out() -> None:
    rng = np.random.default_rng(13)
    uncertainty, errors = rng.random((6, 24)), rng.random((6, 24))
    whole = metrics.pcc(uncertainty, errors)
    np.testing.assert_allclose(metrics.pcc(uncertainty.T, errors.T), whole)
    holes = uncertainty.copy()
    holes[0, 3], holes[5, 23] = np.nan, np.inf
    keep = np.isfinite(holes)
    assert metrics.pcc(holes, errors) == metrics.pcc(uncertainty[keep], errors[keep])


def test_pcc_without_spread_is_unknown() -> None:
    spread = np.arange(4.0)
    for x, y in ((spread, np.ones(4)), (np.ones(4), spread), (spread[:1], spread[:1]), (spread * np.nan, spread)):
        assert np.isnan(metrics.pcc(x, y)).all()
    with pytest.raises(ValueError, match='one shape'):
        metrics.pcc(spread, spread[:3])
