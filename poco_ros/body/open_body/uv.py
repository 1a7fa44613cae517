"""Texture coordinates of the decimated faces, in MakeHuman's own layout."""

from __future__ import annotations

import itertools

import numpy as np
from scipy.sparse import coo_matrix
from scipy.sparse.csgraph import connected_components

from poco_ros.body.open_body.source import Floats, Ints


def uv_choices(quads: Ints, quads_uv: Ints) -> dict[int, set[int]]:
    """Return the texture coordinates of each vertex: one inside a chart, several on a seam."""
    choices: dict[int, set[int]] = {}
    for quad, uv in zip(quads, quads_uv, strict=True):
        for vertex, index in zip(quad, uv, strict=True):
            choices.setdefault(int(vertex), set()).add(int(index))
    return choices


def face_uvs(faces: Ints, quads: Ints, quads_uv: Ints, uv: Floats) -> Ints:
    """Find the texture coordinate of each corner of faces whose vertices are some of the quads'.

    The corners of a face all lie in one chart; a seam vertex gets the coordinate it has in that chart, and where it
    has several there, the one that keeps the face smallest.

    :param faces: (F, 3) in terms of the quads' vertices.
    :param quads: (Q, 4) vertex indices.
    :param quads_uv: (Q, 4) texture-coordinate indices.
    :param uv: (U, 2).
    :returns: (F, 3) indices into ``uv``.
    """
    choices = uv_choices(quads, quads_uv)
    starts, ends = quads_uv.ravel(), np.roll(quads_uv, -1, axis=1).ravel()
    edges = coo_matrix((np.ones(len(starts)), (starts, ends)), shape=(len(uv), len(uv)))
    chart = connected_components(edges)[1]
    chosen = np.zeros(faces.shape, int)
    for row, face in enumerate(faces):
        options = [sorted(choices[int(vertex)]) for vertex in face]
        common = set.intersection(*({int(chart[o]) for o in option} for option in options))
        here = min(common) if common else int(chart[options[0][0]])
        in_chart = [[o for o in option if chart[o] == here] or option[:1] for option in options]
        chosen[row] = min(itertools.product(*in_chart), key=lambda corners: np.ptp(uv[list(corners)], axis=0).sum())
    return chosen
