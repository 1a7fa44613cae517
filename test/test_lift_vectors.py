from __future__ import annotations

import numpy as np

from poco_ros.regressors.lift.vectors import cross, dot, frame, rotate, smoothstep, unit


def test_products_agree_with_numpy() -> None:
    a, b = np.random.default_rng(0).normal(size=(2, 4, 5, 3))
    np.testing.assert_allclose(cross(a, b), np.cross(a, b), atol=1e-14)
    np.testing.assert_allclose(dot(a, b)[..., 0], np.einsum('...i,...i->...', a, b), atol=1e-14)


def test_frame_is_a_rotation_with_its_first_axis_on_the_primary() -> None:
    a, b = np.random.default_rng(1).normal(size=(2, 50, 3))
    f = frame(a, b)
    np.testing.assert_allclose(f @ f.swapaxes(-1, -2), np.broadcast_to(np.eye(3), f.shape), atol=1e-12)
    np.testing.assert_allclose(np.linalg.det(f), 1)
    np.testing.assert_allclose(f[..., 0], unit(a), atol=1e-12)
    assert (dot(f[..., 1], b) > 0).all()
    np.testing.assert_allclose(dot(f[..., 2], b), 0, atol=1e-5)


def test_frame_stays_a_rotation_where_the_secondary_axis_says_nothing() -> None:
    a = np.array([[0.0, 2, 0], [1, 0, 0], [0, 0, -3]])
    for b in (np.zeros(3), a, -2 * a):
        f = frame(a, b)
        np.testing.assert_allclose(f @ f.swapaxes(-1, -2), np.broadcast_to(np.eye(3), f.shape), atol=1e-9)


def test_unit_of_nothing_is_nothing() -> None:
    np.testing.assert_array_equal(unit(np.zeros((2, 3))), np.zeros((2, 3)))


def test_rotate_applies_the_matrix_to_the_column() -> None:
    quarter = np.array([[0.0, -1, 0], [1, 0, 0], [0, 0, 1]])
    np.testing.assert_allclose(rotate(quarter, np.array([1.0, 0, 0])), [0, 1, 0])


def test_smoothstep_rises_from_0_to_1() -> None:
    x = np.linspace(-1, 2, 301)
    y = smoothstep(x)
    assert (np.diff(y) >= 0).all()
    assert y[0] == 0 and y[-1] == 1
    assert abs(y[150] - 0.5) < 1e-12
