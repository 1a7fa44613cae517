"""Unit quaternions (w, x, y, z) for the filters: products, and the exponential and logarithm of rotations.

Filters compose hundreds of small rotations in a frame; quaternions do that with a third of the arithmetic of
matrices and never leave the rotations. Every function takes any leading batch shape, in float64.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[np.float64]


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
    aw, ax, ay, az = a[..., 0], a[..., 1], a[..., 2], a[..., 3]
    bw, bx, by, bz = b[..., 0], b[..., 1], b[..., 2], b[..., 3]
    out = np.empty(np.broadcast_shapes(a.shape, b.shape))
    out[..., 0] = aw * bw - ax * bx - ay * by - az * bz
    out[..., 1] = aw * bx + ax * bw + ay * bz - az * by
    out[..., 2] = aw * by - ax * bz + ay * bw + az * bx
    out[..., 3] = aw * bz + ax * by - ay * bx + az * bw
    return out


def conjugate(q: Array) -> Array:
    """Return the inverse rotations."""
    out = -q
    out[..., 0] = q[..., 0]
    return out


def exp(vector: Array) -> Array:
    """Return the quaternions of axis-angle vectors.

    :param vector: (..., 3), radians.
    :returns: (..., 4).
    """
    half = 0.5 * np.sqrt(np.einsum('...i,...i->...', vector, vector))
    out = np.empty((*vector.shape[:-1], 4))
    out[..., 0] = np.cos(half)
    scale = np.where(half < 1e-9, 0.5, 0.5 * np.sin(half) / np.where(half > 0, half, 1))
    out[..., 1:] = scale[..., None] * vector
    return out


def log(q: Array) -> Array:
    """Return the shortest axis-angle vectors of unit quaternions.

    :param q: (..., 4).
    :returns: (..., 3), radians, of length in [0, pi].
    """
    xyz = q[..., 1:]
    sine = np.sqrt(np.einsum('...i,...i->...', xyz, xyz))
    w = q[..., 0]
    scale = np.where(sine < 1e-9, 2.0, 2 * np.arctan2(sine, np.abs(w)) / np.where(sine > 0, sine, 1))
    return np.asarray(np.copysign(scale, w)[..., None] * xyz)


def rotate(q: Array, vector: Array) -> Array:
    """Turn vectors.

    :param q: (..., 4).
    :param vector: (..., 3); broadcasts with ``q``.
    :returns: (..., 3).
    """
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    a, b, c = vector[..., 0], vector[..., 1], vector[..., 2]
    tx, ty, tz = 2 * (y * c - z * b), 2 * (z * a - x * c), 2 * (x * b - y * a)
    out = np.empty((*np.broadcast_shapes(w.shape, a.shape), 3))
    out[..., 0] = a + w * tx + y * tz - z * ty
    out[..., 1] = b + w * ty + z * tx - x * tz
    out[..., 2] = c + w * tz + x * ty - y * tx
    return out


def to_matrix(q: Array) -> Array:
    """Return rotation matrices.

    :param q: (..., 4), unit.
    :returns: (..., 3, 3).
    """
    w, x, y, z = q[..., 0], q[..., 1], q[..., 2], q[..., 3]
    out = np.empty((*q.shape[:-1], 3, 3))
    xx, yy, zz = 2 * x * x, 2 * y * y, 2 * z * z
    xy, xz, yz, wx, wy, wz = 2 * x * y, 2 * x * z, 2 * y * z, 2 * w * x, 2 * w * y, 2 * w * z
    out[..., 0, 0], out[..., 0, 1], out[..., 0, 2] = 1 - yy - zz, xy - wz, xz + wy
    out[..., 1, 0], out[..., 1, 1], out[..., 1, 2] = xy + wz, 1 - xx - zz, yz - wx
    out[..., 2, 0], out[..., 2, 1], out[..., 2, 2] = xz - wy, yz + wx, 1 - xx - yy
    return out


def normalised(q: Array) -> Array:
    """Return quaternions scaled back to unit length, against the rounding of long products."""
    return np.asarray(q / np.sqrt(np.einsum('...i,...i->...', q, q))[..., None])
