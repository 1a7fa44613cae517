"""Mirror-symmetric decimation of a closed triangle mesh by half-edge collapse.

The vertices that stay are a subset of the given ones, at the same places, so skinning weights, shape directions and
texture coordinates carry over by plain indexing. The cost of a collapse is the quadric error of Garland and Heckbert
(1997), with small terms for long edges and for edges across which the skinning changes.
"""

from __future__ import annotations

import heapq
from collections.abc import Collection

import numpy as np
import numpy.typing as npt

from poco_ros.body.open_body.source import Floats, Ints

_LENGTH_COST = 2e-3
_ATTRIBUTE_COST = 2e-3
_MIN_NORMAL_COSINE = 0.3  # a face may not turn further than this while its corner moves
_MIN_SHAPE = 0.06  # twice the area over the longest edge squared; a needle has 0


def split_quads(quads: Ints, vertices: Floats, mirror: Ints) -> Ints:
    """Cut each quad along its shorter diagonal; of equal ones both sides of the body take the same.

    :param quads: (Q, 4).
    :param vertices: (V, 3), mirror-symmetric.
    :param mirror: (V,) partner of each vertex.
    :returns: (2 Q, 3).
    """
    canonical = np.minimum(np.arange(len(mirror)), mirror)
    triangles = []
    for a, b, c, d in quads:
        ac, bd = np.linalg.norm(vertices[a] - vertices[c]), np.linalg.norm(vertices[b] - vertices[d])
        if abs(ac - bd) < 1e-7:
            along_ac = min(canonical[a], canonical[c]) < min(canonical[b], canonical[d])
        else:
            along_ac = ac < bd
        triangles += [(a, b, c), (a, c, d)] if along_ac else [(a, b, d), (b, c, d)]
    return np.array(triangles)


def decimated(
    vertices: Floats,
    faces: Ints,
    num_kept: int,
    mirror: Ints,
    keep: Collection[int] = (),
    cost_factor: Floats | None = None,
    attributes: Floats | None = None,
) -> tuple[Ints, Ints]:
    """Remove vertices, in mirror pairs, until ``num_kept`` are left.

    :param vertices: (V, 3), mirror-symmetric about x = 0, metres.
    :param faces: (F, 3), closed and mirror-symmetric.
    :param mirror: (V,) partner of each vertex.
    :param keep: vertices never to remove (nor their partners).
    :param cost_factor: (V,) on the cost of removing a vertex; below 1 the shape of its faces does not matter either.
    :param attributes: (V, A) whose change along an edge costs; None for none.
    :returns: indices of the vertices kept, ascending, and the new faces in terms of them. More vertices than asked
        for are kept where no collapse is possible any more.
    """
    mesh = _Collapsing(vertices, faces, mirror, cost_factor, attributes)
    mesh.keep = set(keep) | {int(mirror[k]) for k in keep}
    mesh.reduce(len(vertices) - num_kept)
    kept = np.flatnonzero(mesh.alive)
    renumber = np.full(len(vertices), -1)
    renumber[kept] = np.arange(len(kept))
    return kept, renumber[mesh.faces[mesh.alive_faces]]


class _Collapsing:
    """The mesh while it is being decimated. ``u`` is always the vertex to remove, ``w`` the one it moves to."""

    def __init__(
        self, vertices: Floats, faces: Ints, mirror: Ints, cost_factor: Floats | None, attributes: Floats | None
    ) -> None:
        n = len(vertices)
        self.vertices, self.faces, self.mirror = vertices, faces.copy(), mirror
        self.cost_factor = np.ones(n) if cost_factor is None else cost_factor
        self.attributes = np.zeros((n, 1)) if attributes is None else attributes
        self.keep: set[int] = set()
        self.alive, self.alive_faces = np.ones(n, bool), np.ones(len(faces), bool)
        self.on_middle = mirror == np.arange(n)
        self.side = np.sign(np.round(vertices[:, 0], 9))
        self.version = np.zeros(n, int)  # a collapse in the queue is stale when one of its ends has changed since
        self.queue: list[tuple[float, int, int, int, int]] = []
        self.faces_of: list[set[int]] = [set() for _ in range(n)]
        for index, face in enumerate(faces):
            for vertex in face:
                self.faces_of[vertex].add(index)
        self.quadrics, self.ring_area = _quadrics(vertices, faces)

    def reduce(self, left: int) -> None:
        """Do the cheapest possible collapse again and again, until ``left`` vertices are gone."""
        for u in range(len(self.vertices)):
            self._offer(u)
        while left > 0 and self.queue:
            _, u, w, version_u, version_w = heapq.heappop(self.queue)
            stale = not (self.alive[u] and self.alive[w])
            if stale or self.version[u] != version_u or self.version[w] != version_w:
                continue
            if (left == 1 and not self.on_middle[u]) or not self._allowed(u, w):
                continue
            touched = self._neighbours(u) | {w}
            if self.on_middle[u]:
                self._collapse(u, w)
                left -= 1
            elif self._collapse_pair(u, w):
                left -= 2
            else:
                continue
            touched = {x for x in touched if self.alive[x]}
            again = set(touched)
            for x in touched:
                self.version[x] += 1
                again |= self._neighbours(x)
            for x in again:
                self._offer(x)

    def _offer(self, u: int) -> None:
        """Queue the collapses of u. The right side (x < 0) follows the left one, so it is never queued itself."""
        if u in self.keep or self.side[u] < 0:
            return
        for w in self._neighbours(u):
            if self.side[w] < 0 or (self.on_middle[u] and not self.on_middle[w]):
                continue
            heapq.heappush(self.queue, (self._cost(u, w), u, w, int(self.version[u]), int(self.version[w])))

    def _neighbours(self, u: int) -> set[int]:
        around: set[int] = set()
        for face in self.faces_of[u]:
            around.update(self.faces[face])
        around.discard(u)
        return around

    def _cost(self, u: int, w: int) -> float:
        place = np.append(self.vertices[w], 1.0)
        edge, change = self.vertices[w] - self.vertices[u], self.attributes[w] - self.attributes[u]
        error = place @ (self.quadrics[u] + self.quadrics[w]) @ place
        extra = self.ring_area[u] * (edge @ edge) * (_LENGTH_COST + _ATTRIBUTE_COST * (change @ change))
        return float((error + extra) * self.cost_factor[u])

    def _allowed(self, u: int, w: int) -> bool:
        """Whether the mesh stays closed and simple, and no face flips over or becomes a needle."""
        around_u, around_w = self._neighbours(u), self._neighbours(w)
        common = around_u & around_w
        if w not in around_u or len(common) != 2 or len(around_u) + len(around_w) < 7:
            return False  # other common neighbours would be pinched; a tetrahedron would go flat
        careful = bool(self.cost_factor[u] >= 1)
        return all(self._face_survives(face, u, w, careful) for face in self.faces_of[u])

    def _face_survives(self, face: int, u: int, w: int, careful: bool) -> bool:
        corners = self.faces[face]
        if w in corners:
            return True
        before = self.vertices[corners]
        after = self.vertices[[w if corner == u else corner for corner in corners]]
        normal0, normal1 = (np.cross(p[1] - p[0], p[2] - p[0]) for p in (before, after))
        length0, length1 = np.linalg.norm(normal0), np.linalg.norm(normal1)
        if length1 < 1e-12:
            return False
        longest = max(np.linalg.norm(after[i] - after[i - 1]) for i in range(3))
        turned = normal0 @ normal1 < _MIN_NORMAL_COSINE * length0 * length1
        return not (careful and (turned or length1 / longest**2 < _MIN_SHAPE))

    def _collapse(self, u: int, w: int) -> None:
        for face in list(self.faces_of[u]):
            if w in self.faces[face]:
                self.alive_faces[face] = False
                for corner in self.faces[face]:
                    self.faces_of[corner].discard(face)
            else:
                self.faces[face] = [w if corner == u else corner for corner in self.faces[face]]
                self.faces_of[w].add(face)
        self.faces_of[u].clear()
        self.alive[u] = False
        self.quadrics[w] += self.quadrics[u]
        self.ring_area[w] += self.ring_area[u]
        self.version[w] += 1

    def _collapse_pair(self, u: int, w: int) -> bool:
        """Collapse u and its partner; where the partner's becomes impossible by it, undo and return False."""
        partner_u, partner_w = int(self.mirror[u]), int(self.mirror[w])
        if not self._allowed(partner_u, partner_w):
            return False
        faces = {face: self.faces[face].copy() for face in self.faces_of[u]}
        faces_of = {x: set(self.faces_of[x]) for x in self._neighbours(u) | {u}}
        quadric, ring_area = self.quadrics[w].copy(), self.ring_area[w]
        self._collapse(u, w)
        if self._allowed(partner_u, partner_w):
            self._collapse(partner_u, partner_w)
            return True
        for face, corners in faces.items():
            self.faces[face] = corners
            self.alive_faces[face] = True
        for x, around in faces_of.items():
            self.faces_of[x] = around
        self.alive[u] = True
        self.version[w] -= 1
        self.quadrics[w], self.ring_area[w] = quadric, ring_area
        return False


def _quadrics(vertices: Floats, faces: Ints) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """(V, 4, 4) area-weighted quadrics of the planes around each vertex, and (V,) a third of the area around it."""
    a, b, c = (vertices[faces[:, k]] for k in range(3))
    normals = np.cross(b - a, c - a)
    twice_area = np.linalg.norm(normals, axis=1)
    normals = normals / np.maximum(twice_area[:, None], 1e-15)
    planes = np.concatenate([normals, -(normals * a).sum(1)[:, None]], axis=1)
    by_face = planes[:, :, None] * planes[:, None, :] * (twice_area / 2)[:, None, None]
    quadrics, ring_area = np.zeros((len(vertices), 4, 4)), np.zeros(len(vertices))
    for k in range(3):
        np.add.at(quadrics, faces[:, k], by_face)
        np.add.at(ring_area, faces[:, k], twice_area / 6)
    return quadrics, ring_area
