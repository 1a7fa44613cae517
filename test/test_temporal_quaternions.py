"""Quaternions against scipy's rotations."""

import numpy as np
import pytest
from scipy.spatial.transform import Rotation

from poco_ros.temporal import quaternions as quat


def scipy_of(q):
    return Rotation.from_quat(q[..., [1, 2, 3, 0]])


@pytest.fixture
def vectors():
    rng = np.random.default_rng(0)
    v = rng.normal(size=(200, 3))
    return v / np.linalg.norm(v, axis=1, keepdims=True) * np.geomspace(1e-12, 3.1, 200)[:, None]


def test_exp_and_log_agree_with_scipy_and_with_each_other(vectors):
    q = quat.exp(vectors)
    np.testing.assert_allclose(scipy_of(q).as_rotvec(), vectors, atol=1e-12)
    np.testing.assert_allclose(quat.log(q), vectors, atol=1e-12)
    np.testing.assert_allclose(quat.log(-q), vectors, atol=1e-12)
    assert np.array_equal(quat.exp(np.zeros((2, 3))), quat.identity(2))
    assert np.array_equal(quat.log(quat.identity(2)), np.zeros((2, 3)))


def test_products_rotations_and_matrices_agree_with_scipy(vectors):
    a, b = quat.exp(vectors), quat.exp(vectors[::-1])
    product = scipy_of(a) * scipy_of(b)
    np.testing.assert_allclose(quat.to_matrix(quat.multiply(a, b)), product.as_matrix(), atol=1e-12)
    np.testing.assert_allclose(quat.rotate(a, vectors[::-1]), scipy_of(a).apply(vectors[::-1]), atol=1e-12)
    np.testing.assert_allclose(quat.to_matrix(quat.conjugate(a)), scipy_of(a).inv().as_matrix(), atol=1e-12)
    np.testing.assert_allclose(quat.normalised(3 * a), a, atol=1e-15)


def test_broadcasts_over_leading_axes(vectors):
    a = quat.exp(vectors[:6]).reshape(2, 3, 4)
    np.testing.assert_allclose(quat.multiply(a, quat.identity(1)), a)
    assert quat.rotate(a, vectors[:3]).shape == (2, 3, 3)
    assert quat.exp(vectors[0]).shape == (4,)
