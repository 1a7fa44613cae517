"""Rotations in the forms SMPL uses: axis-angle, matrices and the networks' 6D layout.

Every function takes any leading batch shape and keeps float32 and float64 as they come (other input becomes
float64). Matrices act on column vectors. What is not known (NaN) stays unknown.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.floating[Any]]
"""float32 or float64."""


def axis_angle_to_matrix(axis_angle: npt.ArrayLike) -> Floats:
    """Rodrigues' formula, exact at every angle down to zero.

    :param axis_angle: (..., 3), radians; the direction is the axis, the length the angle (also beyond pi).
    :returns: (..., 3, 3).
    """
    a = _floating(axis_angle)
    angle = np.sqrt(np.einsum('...i,...i->...', a, a))
    x, y, z = a[..., 0], a[..., 1], a[..., 2]
    # sin(t)/t and (1 - cos(t))/t^2, both by sinc so that nothing is divided by a vanishing angle
    s = _sinc(angle)
    c = 0.5 * _sinc(0.5 * angle) ** 2
    cos = np.cos(angle)
    matrix = np.empty((*a.shape, 3), a.dtype)
    matrix[...] = (c[..., None] * a)[..., :, None] * a[..., None, :]
    matrix[..., 0, 0] += cos
    matrix[..., 1, 1] += cos
    matrix[..., 2, 2] += cos
    sx, sy, sz = s * x, s * y, s * z
    matrix[..., 0, 1] -= sz
    matrix[..., 1, 0] += sz
    matrix[..., 0, 2] += sy
    matrix[..., 2, 0] -= sy
    matrix[..., 1, 2] -= sx
    matrix[..., 2, 1] += sx
    return matrix


def matrix_to_axis_angle(matrix: npt.ArrayLike) -> Floats:
    """Logarithm of a rotation, by way of the unit quaternion so that it is accurate near 0 and near pi.

    At exactly pi, where both signs of the axis mean the same rotation, the largest component is positive.

    :param matrix: (..., 3, 3) rotations.
    :returns: (..., 3), radians, of length in [0, pi].
    """
    m = _floating(matrix)
    m00, m11, m22 = m[..., 0, 0], m[..., 1, 1], m[..., 2, 2]
    wx, wy, wz = m[..., 2, 1] - m[..., 1, 2], m[..., 0, 2] - m[..., 2, 0], m[..., 1, 0] - m[..., 0, 1]
    xy, xz, yz = m[..., 1, 0] + m[..., 0, 1], m[..., 0, 2] + m[..., 2, 0], m[..., 2, 1] + m[..., 1, 2]
    # 4 q q^T for the quaternion q = (w, x, y, z); the row of the largest component has no cancellation (Shepperd)
    rows = np.empty((*m.shape[:-2], 4, 4), m.dtype)
    diagonal = (1 + m00 + m11 + m22, 1 + m00 - m11 - m22, 1 - m00 + m11 - m22, 1 - m00 - m11 + m22)
    for i, value in enumerate(diagonal):
        rows[..., i, i] = value
    for i, j, value in ((0, 1, wx), (0, 2, wy), (0, 3, wz), (1, 2, xy), (1, 3, xz), (2, 3, yz)):
        rows[..., i, j] = rows[..., j, i] = value
    best = np.argmax(np.stack(diagonal, axis=-1), axis=-1)
    q = np.take_along_axis(rows, best[..., None, None], axis=-2)[..., 0, :]
    q = np.where(q[..., :1] < 0, -q, q)
    w, xyz = q[..., 0], q[..., 1:]
    sine = np.sqrt(np.einsum('...i,...i->...', xyz, xyz))
    half_angle = np.arctan2(sine, w)
    with np.errstate(invalid='ignore', divide='ignore'):
        scale = np.where(sine == 0, 2 / w, 2 * half_angle / sine)
    return xyz * scale[..., None]


def rot6d_to_matrix(rot6d: npt.ArrayLike) -> Floats:
    """Gram-Schmidt on the 6D form of the networks (SPEC section 5).

    The six numbers are a row-major 3x2 matrix: its columns, (x0, x2, x4) and (x1, x3, x5), become the first two
    columns of the rotation. Two parallel columns define no rotation: as in the original, the last two columns are
    then zero (the determinant tells).

    :param rot6d: (..., 6).
    :returns: (..., 3, 3).
    """
    x = _floating(rot6d)
    b1 = _clamped_normalise(x[..., 0::2])
    a2 = x[..., 1::2]
    b2 = _clamped_normalise(a2 - np.einsum('...i,...i->...', b1, a2)[..., None] * b1)
    return np.stack([b1, b2, np.cross(b1, b2)], axis=-1)


def rotation_between(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Return the smallest rotation that turns the direction ``a`` into the direction ``b``.

    For opposite directions every half turn about a perpendicular axis is as small; one is taken, always the same
    for the same ``a``.

    :param a: (..., 3), of any length but zero (zero gives NaN).
    :param b: (..., 3), of any length but zero (zero gives NaN); broadcasts with ``a``.
    :returns: (..., 3, 3) with ``R @ a`` along ``b``.
    """
    a, b = np.broadcast_arrays(_normalise(_floating(a)), _normalise(_floating(b)))
    dtype = np.result_type(a, b)
    total, difference = a + b, a - b
    # The rotation is the reflection in a followed by the reflection in the direction half way to b. Where a and b
    # are nearly opposite, half way is made perpendicular to a - b, and where they are opposite, any such direction.
    across = _normalise(difference)
    half = total - np.einsum('...i,...i->...', across, total)[..., None] * across
    fallback = np.take(np.eye(3, dtype=dtype), np.argmin(np.abs(across), axis=-1), axis=0)
    fallback = fallback - np.einsum('...i,...i->...', across, fallback)[..., None] * across
    half = np.where(np.linalg.norm(half, axis=-1, keepdims=True) <= 8 * np.finfo(dtype).eps, fallback, half)
    obtuse = np.einsum('...i,...i->...', a, b)[..., None] < 0
    half = _normalise(np.where(obtuse, half, total))
    cosine = np.einsum('...i,...i->...', half, a)[..., None, None]
    ha = half[..., :, None] * a[..., None, :]
    aa = a[..., :, None] * a[..., None, :]
    hh = half[..., :, None] * half[..., None, :]
    rotation: Floats = np.eye(3, dtype=dtype) - 2 * (hh + aa) + 4 * cosine * ha
    return rotation


def geodesic_angle(a: npt.ArrayLike, b: npt.ArrayLike) -> Floats:
    """Angle of the rotation between two rotations, accurate over the whole range.

    :param a: (..., 3, 3) rotations.
    :param b: (..., 3, 3) rotations; broadcasts with ``a``.
    :returns: (...), radians, in [0, pi].
    """
    r = np.swapaxes(_floating(a), -1, -2) @ _floating(b)
    vee = np.stack([r[..., 2, 1] - r[..., 1, 2], r[..., 0, 2] - r[..., 2, 0], r[..., 1, 0] - r[..., 0, 1]], axis=-1)
    twice_cosine = r[..., 0, 0] + r[..., 1, 1] + r[..., 2, 2] - 1
    return np.asarray(np.arctan2(np.linalg.norm(vee, axis=-1), twice_cosine))


def project_to_so3(matrix: npt.ArrayLike) -> Floats:
    """Return the rotation nearest to a matrix in the Frobenius norm.

    :param matrix: (..., 3, 3); a matrix with a NaN or an infinity gives NaN.
    :returns: (..., 3, 3), orthogonal with determinant +1.
    """
    m = _floating(matrix)
    known = np.isfinite(m).all(axis=(-1, -2), keepdims=True)
    u, _, vt = np.linalg.svd(np.where(known, m, np.eye(3, dtype=m.dtype)))
    u[..., :, 2] *= np.sign(np.linalg.det(u) * np.linalg.det(vt))[..., None]
    return np.where(known, u @ vt, np.array(np.nan, m.dtype))


def _floating(x: npt.ArrayLike) -> Floats:
    array = np.asarray(x)
    return array if array.dtype in (np.float32, np.float64) else array.astype(np.float64)


def _normalise(x: Floats) -> Floats:
    """(..., 3) vectors to unit length; vectors of zero length become NaN."""
    length = np.sqrt(np.einsum('...i,...i->...', x, x))[..., None]
    unit: Floats = x / np.where(length > 0, length, np.array(np.nan, x.dtype))
    return unit


def _clamped_normalise(x: Floats) -> Floats:
    """(..., 3) vectors to unit length, with the length clamped at 1e-12 as in the networks."""
    unit: Floats = x / np.maximum(np.linalg.norm(x, axis=-1, keepdims=True), np.array(1e-12, x.dtype))
    return unit


def _sinc(x: Floats) -> Floats:
    """sin(x) / x with its limit at zero."""
    safe = np.where(x == 0, np.array(1, x.dtype), x)
    return np.where(x == 0, np.array(1, x.dtype), np.sin(safe) / safe)
