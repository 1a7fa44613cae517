"""Rotations against scipy and closed forms; test_parity_files.py holds them against the golden arrays."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from poco_ros.body.rotations import (
    axis_angle_to_matrix,
    geodesic_angle,
    matrix_to_axis_angle,
    project_to_so3,
    rot6d_to_matrix,
    rotation_between,
)

DTYPES = (np.float32, np.float64)


def unit(rng, *shape):
    v = rng.normal(size=(*shape, 3))
    return v / np.linalg.norm(v, axis=-1, keepdims=True)


def vectors_of_angles(rng, angles):
    return unit(rng, len(angles)) * np.asarray(angles)[:, None]


@pytest.mark.parametrize('dtype', DTYPES)
def test_axis_angle_to_matrix_equals_scipy_at_all_scales(dtype):
    rng = np.random.default_rng(0)
    angles = np.concatenate([[0], np.logspace(-30, -1, 60), rng.uniform(0.1, 20, 200), [np.pi, 2 * np.pi]])
    a = vectors_of_angles(rng, angles).astype(dtype)
    m = axis_angle_to_matrix(a)
    assert m.dtype == dtype
    expected = Rotation.from_rotvec(a.astype(float)).as_matrix()
    # relative to the angle's own rounding, which grows with the angle
    tolerance = 8 * np.finfo(dtype).eps * np.maximum(1, angles)[:, None, None]
    assert (abs(m - expected) < tolerance).all()


@pytest.mark.parametrize('dtype', DTYPES)
def test_small_axis_angles_lose_nothing(dtype):
    """A first-order rotation is I + [a]x; its off-diagonal must hold a to full relative precision."""
    a = vectors_of_angles(np.random.default_rng(1), np.logspace(-30, -5, 60)).astype(dtype)
    m = axis_angle_to_matrix(a)
    np.testing.assert_allclose((m[:, 2, 1] - m[:, 1, 2]) / 2, a[:, 0], rtol=2e-6)
    np.testing.assert_allclose(matrix_to_axis_angle(m), a, rtol=2e-6)


@pytest.mark.parametrize('dtype', DTYPES)
def test_matrix_to_axis_angle_equals_scipy_up_to_pi(dtype):
    rng = np.random.default_rng(2)
    angles = np.concatenate([rng.uniform(0, np.pi, 300), np.pi - np.logspace(-7, -1, 40)])
    m = Rotation.from_rotvec(vectors_of_angles(rng, angles)).as_matrix().astype(dtype)
    a = matrix_to_axis_angle(m)
    assert a.dtype == dtype
    assert np.linalg.norm(a, axis=1).max() <= np.pi + 1e-6
    # beyond a rounding error of pi the axis may come out negated: compare what the vectors do
    back = Rotation.from_rotvec(a.astype(float)).as_matrix()
    assert abs(back - m).max() < 8 * np.finfo(dtype).eps
    inside = angles < np.pi - 1e-3
    assert abs(a - Rotation.from_matrix(m.astype(float)).as_rotvec())[inside].max() < 2e3 * np.finfo(dtype).eps


@pytest.mark.parametrize('axis', [(1, 0, 0), (0, 1, 0), (0, 0, 1), (0.6, 0, -0.8), (-0.6, 0.48, 0.64)])
def test_half_turns_come_back_as_half_turns(axis):
    axis = np.array(axis)
    a = matrix_to_axis_angle(2 * np.outer(axis, axis) - np.eye(3))
    np.testing.assert_allclose(np.linalg.norm(a), np.pi, atol=1e-12)
    np.testing.assert_allclose(abs(a @ axis), np.pi, atol=1e-12)
    assert a[np.argmax(abs(a))] > 0


def test_identity_is_the_zero_vector_and_back():
    np.testing.assert_array_equal(matrix_to_axis_angle(np.eye(3)), np.zeros(3))
    np.testing.assert_array_equal(axis_angle_to_matrix(np.zeros((2, 3))), np.tile(np.eye(3), (2, 1, 1)))


def test_rot6d_reads_interleaved_columns():
    """(x0, x2, x4) and (x1, x3, x5), any scale and any lean of the second, give the first two columns."""
    r = Rotation.random(50, random_state=3).as_matrix()
    columns = np.stack([2 * r[:, :, 0], 3 * r[:, :, 1] + 0.7 * r[:, :, 0]], axis=2)
    np.testing.assert_allclose(rot6d_to_matrix(columns.reshape(50, 6)), r, atol=1e-12)


def test_rot6d_of_three_rows_uses_the_right_axis():
    """A cross product that guesses its axis goes wrong for a batch of exactly three."""
    x = np.random.default_rng(4).normal(size=(3, 6))
    np.testing.assert_allclose(rot6d_to_matrix(x), np.stack([rot6d_to_matrix(row) for row in x]), atol=1e-15)


@pytest.mark.parametrize('dtype', DTYPES)
@pytest.mark.parametrize('gap', [np.pi, 1e-9, 1e-7, 1e-6, 1e-4, 1e-2, 0.5, 2])
def test_rotation_between_any_directions(dtype, gap):
    """gap: how far from opposite the two directions are, in radians (pi: the same direction)."""
    rng = np.random.default_rng(5)
    a = unit(rng, 200).astype(dtype)
    axis = np.cross(a, unit(rng, 200))
    axis /= np.linalg.norm(axis, axis=1, keepdims=True)
    b = Rotation.from_rotvec((np.pi - gap) * axis).apply(a).astype(dtype)
    r = rotation_between(a, b)
    assert r.dtype == dtype
    eps = np.finfo(dtype).eps
    assert abs(r @ np.swapaxes(r, 1, 2) - np.eye(3)).max() < 30 * eps
    np.testing.assert_allclose(np.linalg.det(r), 1, atol=30 * eps)
    assert abs((r @ a[..., None])[..., 0] - b).max() < 30 * eps
    np.testing.assert_allclose(geodesic_angle(r, np.eye(3, dtype=dtype)), np.pi - gap, atol=30 * eps)


@pytest.mark.parametrize('a', [(0, 0, 1), (0, -1, 0), (1, 0, 0), (1, 1, 1), (3, -4, 0)])
def test_rotation_between_exactly_opposite_or_same_or_scaled(a):
    a = np.array(a, float)
    half_turn = rotation_between(a, -2 * a)
    np.testing.assert_allclose(half_turn @ a, -a, atol=1e-14)
    np.testing.assert_allclose(half_turn @ half_turn, np.eye(3), atol=1e-14)
    np.testing.assert_allclose(np.linalg.det(half_turn), 1)
    np.testing.assert_allclose(rotation_between(a, 5 * a), np.eye(3), atol=1e-14)


def test_rotation_between_broadcasts_and_leaves_zero_unknown():
    b = unit(np.random.default_rng(6), 4, 2)
    r = rotation_between([0.0, 1.0, 0.0], b)
    assert r.shape == (4, 2, 3, 3)
    np.testing.assert_allclose(r[..., 1], b, atol=1e-14)
    assert np.isnan(rotation_between(np.zeros(3), [0.0, 1.0, 0.0])).all()


@pytest.mark.parametrize('dtype', DTYPES)
def test_geodesic_angle_is_accurate_from_nothing_to_half_a_turn(dtype):
    rng = np.random.default_rng(7)
    angles = np.concatenate([[0], np.logspace(-6, -1, 30), np.linspace(0.2, np.pi, 30)])
    a = Rotation.random(len(angles), random_state=8)
    b = a * Rotation.from_rotvec(vectors_of_angles(rng, angles))
    got = geodesic_angle(a.as_matrix().astype(dtype), b.as_matrix().astype(dtype))
    assert got.dtype == dtype
    assert abs(got - angles).max() < 10 * np.finfo(dtype).eps


def test_project_to_so3_is_the_nearest_rotation():
    rng = np.random.default_rng(9)
    m = rng.normal(size=(60, 3, 3))
    r = project_to_so3(m)
    np.testing.assert_allclose(r @ np.swapaxes(r, 1, 2), np.broadcast_to(np.eye(3), m.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(r), 1)
    distance = np.linalg.norm(m - r, axis=(1, 2))
    for other in Rotation.random(500, random_state=10).as_matrix():
        assert (np.linalg.norm(m - other, axis=(1, 2)) >= distance - 1e-12).all()
    nearby = r @ axis_angle_to_matrix(1e-3 * rng.normal(size=(60, 3)))
    assert (np.linalg.norm(m - nearby, axis=(1, 2)) >= distance - 1e-12).all()


def test_project_to_so3_keeps_rotations_and_unknowns():
    r = Rotation.random(5, random_state=11).as_matrix().astype(np.float32)
    r[2, 0, 1] = np.nan
    projected = project_to_so3(r)
    assert projected.dtype == np.float32
    assert np.isnan(projected[2]).all()
    np.testing.assert_allclose(np.delete(projected, 2, 0), np.delete(r, 2, 0), atol=5e-7)


@pytest.mark.parametrize('batch', [(), (0,), (1,), (3,), (2, 0, 4), (2, 3)])
def test_any_batch_shape(batch):
    a = np.zeros((*batch, 3), np.float32)
    m = axis_angle_to_matrix(a)
    assert m.shape == (*batch, 3, 3)
    assert matrix_to_axis_angle(m).shape == a.shape
    assert rot6d_to_matrix(np.ones((*batch, 6), np.float32)).shape == m.shape
    assert rotation_between(a, a).shape == m.shape
    assert geodesic_angle(m, m).shape == batch
    assert project_to_so3(m).shape == m.shape


def test_unknown_stays_unknown():
    a = np.zeros((2, 3))
    a[1, 2] = np.nan
    m = axis_angle_to_matrix(a)
    assert np.isfinite(m[0]).all() and np.isnan(m[1]).all()
    for i in range(3):
        for j in range(3):
            m = np.tile(np.eye(3), (2, 1, 1))
            m[1, i, j] = np.nan
            v = matrix_to_axis_angle(m)
            assert np.isfinite(v[0]).all() and np.isnan(v[1]).all()
