"""The measures of the field for one-picture body estimates: MPJPE, PA-MPJPE, PVE and the PCC of the uncertainty.

Definitions as the published evaluation has them (SPEC section 14), in the unit of the points given: metres in, metres
out (papers print millimetres). What is not known (NaN) stays unknown in its own sample and touches no other.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from scipy import stats

from poco_ros.body.rotations import Floats


def point_errors(predicted: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Return the distance of every point (joint or vertex) from where it should be, without any alignment.

    Joints are given relative to the pelvis, as the published evaluation does; nothing is subtracted here.

    :param predicted: (N, P, 3).
    :param target: (N, P, 3).
    :returns: (N, P), same unit.
    :raises ValueError: when the shapes differ or are not (N, P, 3).
    """
    a, b = _points(predicted, target)
    return np.asarray(np.linalg.norm(a - b, axis=-1))


def mpjpe(predicted: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Return the mean per-joint position error of each sample: the mean of :func:`point_errors`.

    :param predicted: (N, J, 3) relative to the pelvis; the published numbers are over 14 joints.
    :param target: (N, J, 3) relative to the pelvis.
    :returns: (N,), same unit.
    :raises ValueError: when the shapes differ or are not (N, J, 3).
    """
    return np.asarray(point_errors(predicted, target).mean(axis=-1))


def pve(predicted: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Return the per-vertex error of each sample: the mean distance of the vertices, without any alignment.

    :param predicted: (N, V, 3), vertices of the body placed as the regressor's root says, without translation.
    :param target: (N, V, 3); NaN where a sample has no true vertices (the published code then counts 0).
    :returns: (N,), same unit.
    :raises ValueError: when the shapes differ or are not (N, V, 3).
    """
    return np.asarray(point_errors(predicted, target).mean(axis=-1))


def similarity_align(points: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Move each sample by the rotation (no mirror), scale and shift that bring it closest to its target.

    Closest in the sum of squared distances: Procrustes analysis as Umeyama (1991) solves it. Points that all lie in one
    place have no scale and go to the target's centre.

    :param points: (N, P, 3).
    :param target: (N, P, 3).
    :returns: (N, P, 3); NaN where anything of a sample is not finite.
    :raises ValueError: when the shapes differ or are not (N, P, 3).
    """
    a, b = _points(points, target)
    known = np.isfinite(a + b).all(axis=(1, 2), keepdims=True)
    a, b = np.where(known, a, 0), np.where(known, b, 0)
    centre = b.mean(axis=1, keepdims=True)
    a, b = a - a.mean(axis=1, keepdims=True), b - centre
    u, spread, vt = np.linalg.svd(np.swapaxes(b, 1, 2) @ a)
    # The last axis counts backwards where the best orthogonal map would mirror.
    sign = np.ones_like(spread)
    sign[:, 2] = np.sign(np.linalg.det(u) * np.linalg.det(vt))
    rotation = (u * sign[:, None]) @ vt
    size = np.einsum('npc,npc->n', a, a)
    scale = np.where(size > 0, (spread * sign).sum(axis=1) / np.where(size > 0, size, 1), 0)
    aligned = scale[:, None, None] * (a @ np.swapaxes(rotation, 1, 2)) + centre
    return np.where(known, aligned, np.nan).astype(np.result_type(a, b))


def pa_point_errors(predicted: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Return the distance of every point from where it should be, after :func:`similarity_align`.

    :param predicted: (N, P, 3).
    :param target: (N, P, 3).
    :returns: (N, P), same unit; NaN where anything of a sample is not finite.
    :raises ValueError: when the shapes differ or are not (N, P, 3).
    """
    return point_errors(similarity_align(predicted, target), target)


def pa_mpjpe(predicted: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Return the mean per-joint position error of each sample after :func:`similarity_align`.

    :param predicted: (N, J, 3); the published numbers are over 14 joints.
    :param target: (N, J, 3).
    :returns: (N,), same unit; NaN where anything of a sample is not finite.
    :raises ValueError: when the shapes differ or are not (N, J, 3).
    """
    return np.asarray(pa_point_errors(predicted, target).mean(axis=-1))


def rotation_errors(predicted: npt.ArrayLike, target: npt.ArrayLike) -> Floats:
    """Return the mean squared error of the nine entries of each joint's rotation matrix.

    This is the error that the published PCC holds the uncertainty against.

    :param predicted: (..., 3, 3), relative to the parents.
    :param target: (..., 3, 3).
    :returns: (...), in [0, 8/9] for rotations.
    """
    difference = np.asarray(predicted) - np.asarray(target)
    return np.asarray((difference * difference).mean(axis=(-1, -2)))


def pcc(uncertainty: npt.ArrayLike, errors: npt.ArrayLike) -> tuple[float, float]:
    """Return how well the uncertainty ranks the errors: Pearson's correlation over all (sample, joint) pairs.

    The published number is of the per-joint sigma and :func:`rotation_errors`, all joints pooled; it says nothing of
    the scalar, nor of MPJPE or PVE.

    :param uncertainty: any shape; pairs with a NaN in either array are left out.
    :param errors: the same shape.
    :returns: the coefficient in [-1, 1] and the two-sided p-value of no correlation; NaN both when fewer than two pairs
        are known or one side is constant.
    :raises ValueError: when the shapes differ.
    """
    x, y = np.asarray(uncertainty, np.float64), np.asarray(errors, np.float64)
    if x.shape != y.shape:
        raise ValueError(f'uncertainty and errors must be of one shape, not {x.shape} and {y.shape}')
    known = np.isfinite(x) & np.isfinite(y)
    x, y = x[known], y[known]
    if len(x) < 2 or np.ptp(x) == 0 or np.ptp(y) == 0:
        return float('nan'), float('nan')
    r, p = stats.pearsonr(x, y)
    return float(r), float(p)


def _points(a: npt.ArrayLike, b: npt.ArrayLike) -> tuple[Floats, Floats]:
    """As two (N, P, 3) arrays of one floating type."""
    first, second = np.asarray(a), np.asarray(b)
    if first.shape != second.shape or first.ndim != 3 or first.shape[2] != 3:
        raise ValueError(f'points must be two arrays (N, P, 3) of one shape, not {first.shape} and {second.shape}')
    dtype = np.float32 if first.dtype == second.dtype == np.float32 else np.float64
    return first.astype(dtype), second.astype(dtype)
