"""Linear blend skinning: every vertex follows the joints by its weights."""

from __future__ import annotations

import numpy as np

from poco_ros.body.rotations import Floats


def linear_blend_skinning(
    rest_planes: Floats, weights: Floats, rest_joints: Floats, joints: Floats, global_rotmats: Floats
) -> Floats:
    """Move N meshes from rest to their poses.

    A joint k takes a point x of the rest mesh to G_k (x - rest_k) + posed_k; a vertex goes to the mean of where
    its joints take it, by its weights.

    The coordinates come as planes (x of all vertices, then y, then z), which makes each step one run over
    contiguous memory.

    :param rest_planes: (N or 1, 3, V) vertices at rest, metres.
    :param weights: (24, V), each column sums to 1.
    :param rest_joints: (N or 1, 24, 3).
    :param joints: (N, 24, 3) posed.
    :param global_rotmats: (N, 24, 3, 3).
    :returns: (N, V, 3) posed vertices.
    """
    n, num_vertices = len(joints), weights.shape[1]
    moved = joints - (global_rotmats @ rest_joints[..., None])[..., 0]
    transforms = np.concatenate([global_rotmats, moved[..., None]], axis=-1)
    vertices = np.empty((n, num_vertices, 3), rest_planes.dtype)
    rest = np.broadcast_to(rest_planes, (n, 3, num_vertices))
    # One body at a time: its blended transforms (12 numbers a vertex) stay in the cache, a batch of them would not.
    for body in range(n):
        blended = (transforms[body].reshape(24, 12).T @ weights).reshape(3, 4, num_vertices)
        x, y, z = rest[body]
        for axis in range(3):
            row = blended[axis]
            row[0] *= x
            row[1] *= y
            row[2] *= z
            vertices[body, :, axis] = row[0] + row[1] + row[2] + row[3]
    return vertices
