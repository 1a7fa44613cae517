"""Rotations of the networks, in torch: differentiable, for any leading batch shape, and exportable to ONNX.

:mod:`poco_ros.body.rotations` has the numpy side, with the same conventions.
"""

from __future__ import annotations

import torch
from torch import Tensor

_MIN_NORM = 1e-12
_ANGLE_SHIFT = 1e-8


def rot6d_to_matrix(rot6d: Tensor) -> Tensor:
    """Gram-Schmidt on the 6D form of the networks (SPEC section 5).

    The six numbers are a row-major 3x2 matrix: its columns, (x0, x2, x4) and (x1, x3, x5), become the first two columns
    of the rotation. Two parallel columns define no rotation: the last two columns are then zero.

    :param rot6d: (..., 6).
    :returns: (..., 3, 3), of the same dtype.
    """
    first, second = rot6d[..., 0::2], rot6d[..., 1::2]
    b1 = _normalise(first)
    b2 = _normalise(second - (b1 * second).sum(-1, keepdim=True) * b1)
    return torch.stack([b1, b2, _cross(b1, b2)], dim=-1)


def axis_angle_to_matrix(axis_angle: Tensor) -> Tensor:
    """Rotation matrices of ground-truth poses, by way of the unit quaternion (SPEC section 5).

    :param axis_angle: (..., 3), radians; the direction is the axis, the length the angle. Zero gives the identity.
    :returns: (..., 3, 3), of the same dtype.
    """
    angle = _norm(axis_angle + _ANGLE_SHIFT)
    half = 0.5 * angle
    quaternion = torch.cat([half.cos(), half.sin() * axis_angle / angle], dim=-1)
    w, x, y, z = (quaternion / _norm(quaternion)).unbind(-1)
    entries = [
        w * w + x * x - y * y - z * z, 2 * (x * y - w * z), 2 * (x * z + w * y),
        2 * (x * y + w * z), w * w - x * x + y * y - z * z, 2 * (y * z - w * x),
        2 * (x * z - w * y), 2 * (y * z + w * x), w * w - x * x - y * y + z * z,
    ]  # fmt: skip
    return torch.stack(entries, dim=-1).unflatten(-1, (3, 3))


def _norm(vectors: Tensor) -> Tensor:
    """(..., 3) or (..., 4) vectors to their lengths (..., 1)."""
    return torch.linalg.vector_norm(vectors, dim=-1, keepdim=True)


def _normalise(vectors: Tensor) -> Tensor:
    """(..., 3) vectors to unit length, with the length clamped as the released networks clamp it."""
    return vectors / _norm(vectors).clamp_min(_MIN_NORM)


def _cross(a: Tensor, b: Tensor) -> Tensor:
    """Cross product over the last dimension, of products and differences alone: every ONNX runtime has those."""
    (ax, ay, az), (bx, by, bz) = a.unbind(-1), b.unbind(-1)
    return torch.stack([ay * bz - az * by, az * bx - ax * bz, ax * by - ay * bx], dim=-1)
