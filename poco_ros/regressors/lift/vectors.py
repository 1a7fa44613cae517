"""Directions and frames: the few vector operations that the lift is written in, for any leading batch shape."""

from __future__ import annotations

import numpy as np

from poco_ros.body.rotations import Floats

_TINY = 1e-9


def dot(a: Floats, b: Floats) -> Floats:
    """Return the scalar products of (..., 3) vectors: (..., 1)."""
    product: Floats = (a * b).sum(axis=-1, keepdims=True)
    return product


def cross(a: Floats, b: Floats) -> Floats:
    """Return the vector products of (..., 3) vectors; several times quicker than numpy's on small arrays."""
    a0, a1, a2, b0, b1, b2 = a[..., 0], a[..., 1], a[..., 2], b[..., 0], b[..., 1], b[..., 2]
    return np.stack([a1 * b2 - a2 * b1, a2 * b0 - a0 * b2, a0 * b1 - a1 * b0], axis=-1)


def unit(a: Floats) -> Floats:
    """Return (..., 3) vectors at length 1; a vector of length zero stays zero."""
    direction: Floats = a / np.maximum(np.sqrt(dot(a, a)), _TINY)
    return direction


def frame(primary: Floats, secondary: Floats) -> Floats:
    """Return the right-handed frame whose x axis is ``primary`` and whose y axis leans to ``secondary``.

    :param primary: (..., 3), not zero.
    :param secondary: (..., 3); where it vanishes or is parallel to ``primary``, some perpendicular direction is used.
    :returns: (..., 3, 3) rotations with the axes as columns.
    """
    x = unit(primary)
    y: Floats = secondary - dot(x, secondary) * x
    # The axis least along x stands in; far too short to matter where the secondary axis means anything.
    stand_in = np.take(np.eye(3), np.argmin(np.abs(x), axis=-1), axis=0)
    y = unit(y + 1e-6 * (stand_in - dot(x, stand_in) * x))
    return np.stack([x, y, cross(x, y)], axis=-1)


def rotate(rotmats: Floats, vectors: Floats) -> Floats:
    """Return (..., 3) vectors turned by (..., 3, 3) rotations."""
    turned: Floats = (rotmats @ vectors[..., None])[..., 0]
    return turned


def smoothstep(x: Floats) -> Floats:
    """Return 0 below 0, 1 above 1, and a smooth rise between."""
    t = np.clip(x, 0.0, 1.0)
    rise: Floats = t * t * (3 - 2 * t)
    return rise
