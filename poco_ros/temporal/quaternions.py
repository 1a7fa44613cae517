"""Unit quaternions (w, x, y, z) for the filters: products, and the exponential and logarithm of rotations.

Filters compose hundreds of small rotations in a frame; quaternions do that with a third of the arithmetic of
matrices and never leave the rotations. Products are one multiplication by a constant matrix: for one person, what
counts is how few operations there are. Every function takes any leading batch shape, in float64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]

#: Added to squared lengths of which the root divides: below it, sine and angle are the same number.
_TINY = 1e-60
_ONES = np.ones(3)


def _constants() -> tuple[Array, Array]:
    """Return what the pairs of elements of two quaternions are summed by: (16, 4) to their product, and, where both
    are the same quaternion, (16, 9) to its rotation matrix.
    """
    product, square = np.zeros((4, 4, 4)), np.zeros((4, 4, 3, 3))
    product[0, 0, 0] = 1
    square[range(4), range(4)] = -np.eye(3)
    square[0, 0] = np.eye(3)
    for i, j, k in ((0, 1, 2), (1, 2, 0), (2, 0, 1)):
        product[0, i + 1, i + 1] = product[i + 1, 0, i + 1] = product[i + 1, j + 1, k + 1] = 1
        product[i + 1, i + 1, 0] = product[j + 1, i + 1, k + 1] = -1
        square[i + 1, i + 1, i, i] = 1
        square[i + 1, j + 1, [i, j], [j, i]] = 2
        square[0, k + 1, [i, j], [j, i]] = -2, 2
    return product.reshape(16, 4), square.reshape(16, 9)


_PRODUCT, _MATRIX = _constants()


def identity(*shape: int) -> Array:
    """Return (*shape, 4) quaternions of no rotation."""
    q = np.zeros((*shape, 4))
    q[..., 0] = 1
    return q


def multiply(a: Array, b: Array) -> Array:
    """Return the quaternions of the rotations ``b`` first, then ``a``.

    :param a: (..., 4).
    :param b: (..., 4); broadcasts with ``a``.
    :returns: (..., 4).
    """
    return _pairs(a, b) @ _PRODUCT


def _pairs(a: Array, b: Array) -> Array:
    """Return (..., 16), each element of ``a`` times each of ``b``: what products and matrices are sums of."""
    pairs = a[..., None] * b[..., None, :]
    return pairs.reshape(*pairs.shape[:-2], 16)


def conjugate(q: Array) -> Array:
    """Return the inverse rotations."""
    out = -q
    out[..., 0] = q[..., 0]
    return out


def squared(vector: Array) -> Array:
    """Return the squared lengths (...,) of vectors (..., 3)."""
    return np.asarray((vector * vector) @ _ONES)  # for a few vectors the fastest way


def exp(vector: Array) -> Array:
    """Return the quaternions of axis-angle vectors.

    :param vector: (..., 3), radians.
    :returns: (..., 4).
    """
    halved = 0.5 * vector
    half = np.sqrt(squared(halved) + _TINY)
    out = np.empty((*vector.shape[:-1], 4))
    np.cos(half, out=out[..., 0])
    np.multiply((np.sin(half) / half)[..., None], halved, out=out[..., 1:])
    return out


def log(q: Array) -> Array:
    """Return the shortest axis-angle vectors of unit quaternions.

    :param q: (..., 4).
    :returns: (..., 3), radians, of length in [0, pi].
    """
    xyz = q[..., 1:]
    sine = np.sqrt(squared(xyz) + _TINY)
    w = q[..., 0]
    return np.asarray((np.copysign(2.0, w) * np.arctan2(sine, np.abs(w)) / sine)[..., None] * xyz)


def rotate(q: Array, vector: Array) -> Array:
    """Turn vectors.

    :param q: (..., 4).
    :param vector: (..., 3); broadcasts with ``q``.
    :returns: (..., 3).
    """
    return np.asarray((to_matrix(q) @ vector[..., None])[..., 0])


def to_matrix(q: Array) -> Array:
    """Return rotation matrices.

    :param q: (..., 4), unit.
    :returns: (..., 3, 3).
    """
    matrices = _pairs(q, q) @ _MATRIX
    return np.asarray(matrices.reshape(*matrices.shape[:-1], 3, 3))


def normalised(q: Array) -> Array:
    """Return quaternions scaled back to unit length, against the rounding of long products."""
    return np.asarray(q / np.sqrt(np.einsum('...i,...i->...', q, q))[..., None])
