"""Small closed meshes for tests."""

from __future__ import annotations

import numpy as np


def sphere(subdivisions: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """An octahedron, subdivided and rounded: vertices (V, 3), faces (F, 3) outwards, mirror partners (V,) about x."""
    vertices = [(1, 0, 0), (-1, 0, 0), (0, 1, 0), (0, -1, 0), (0, 0, 1), (0, 0, -1)]
    vertices = [np.array(v, float) for v in vertices]
    faces = [(x, y, z) for x in (0, 1) for y in (2, 3) for z in (4, 5)]
    faces = [f if np.linalg.det([vertices[i] for i in f]) > 0 else f[::-1] for f in faces]
    for _ in range(subdivisions):
        middle = {}

        def between(a, b, middle=middle):
            key = (min(a, b), max(a, b))
            if key not in middle:
                middle[key] = len(vertices)
                m = vertices[a] + vertices[b]
                vertices.append(m / np.linalg.norm(m))
            return middle[key]

        faces = [
            g
            for a, b, c in faces
            for ab, bc, ca in [(between(a, b), between(b, c), between(c, a))]
            for g in [(a, ab, ca), (ab, b, bc), (ca, bc, c), (ab, bc, ca)]
        ]
    vertices = np.array(vertices)
    by_place = {tuple(np.round(v, 9) + 0.0): i for i, v in enumerate(vertices)}
    mirror = np.array([by_place[tuple(np.round(v * [-1, 1, 1], 9) + 0.0)] for v in vertices])
    return vertices, np.array(faces), mirror


def edge_counts(faces: np.ndarray) -> np.ndarray:
    """How often each directed edge's undirected edge is used, and each direction: (E, 2) both 1 in a closed mesh."""
    directed = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    forward = directed[:, 0] < directed[:, 1]
    edges, index = np.unique(np.sort(directed, 1), axis=0, return_inverse=True)
    counts = np.zeros((len(edges), 2), int)
    np.add.at(counts, (index.ravel(), forward.astype(int)), 1)
    return counts


def euler_characteristic(faces: np.ndarray) -> int:
    return len(np.unique(faces)) - len(edge_counts(faces)) + len(faces)


def volume(vertices: np.ndarray, faces: np.ndarray) -> float:
    """Positive where faces are counter-clockwise seen from outside."""
    return float(np.linalg.det(vertices[faces]).sum() / 6)


def face_set(faces: np.ndarray) -> set[tuple[int, ...]]:
    """Faces as a set, each starting at its smallest vertex, so that order does not matter but orientation does."""
    return {tuple(np.roll(f, -int(np.argmin(f))).tolist()) for f in faces}
