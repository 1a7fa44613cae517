"""Bodies as messages that RViz shows: skeleton and mesh markers, and the vertices as a point cloud.

Everything is coloured by trust or by state and carries the header of the bodies: their image's stamp and optical
frame. What is NaN is left out, since RViz refuses messages that hold NaN.
"""

from __future__ import annotations

import array
from typing import Any

import numpy as np
import numpy.typing as npt
from builtin_interfaces.msg import Duration
from geometry_msgs.msg import Point, Vector3
from sensor_msgs.msg import PointCloud2, PointField
from std_msgs.msg import ColorRGBA, Header
from visualization_msgs.msg import Marker, MarkerArray

from poco_ros.body.smpl import PARENTS
from poco_ros.drawing.colors import STATE_COLORS, trust_colors
from poco_ros.drawing.overlay import ColorBy, joint_colors, without_lost_joints
from poco_ros.drawing.trust import body_trust, state_words, trust_words
from poco_ros.types import Bodies, FloatArray, State

BONES, JOINTS, LABEL, MESH = 'bones', 'joints', 'label', 'mesh'

_BONE_WIDTH_M = 0.03
_JOINT_DIAMETER_M = 0.055
_LABEL_HEIGHT_M = 0.09
#: The label stands this far above the highest joint (the optical frame's y points down).
_LABEL_RAISE_M = 0.3

_POINT_FIELDS = ('x', 'y', 'z', 'rgb')


class BodyMarkers:
    """Makes marker arrays of one topic, with a deletion for every marker of the array before that is gone now.

    :param lifetime_s: after which RViz removes a marker that is not renewed, so that a picture does not outlive the
        node that made it; 0 keeps it for ever.
    """

    def __init__(self, lifetime_s: float) -> None:
        whole = int(lifetime_s)
        self._lifetime = Duration(sec=whole, nanosec=int((lifetime_s - whole) * 1e9))
        self._shown: set[tuple[str, int]] = set()

    def skeletons(self, bodies: Bodies, header: Header, color_by: ColorBy = 'trust') -> MarkerArray:
        """Return bones, joints and a label for every body.

        Per body: one LINE_LIST ``bones`` and one SPHERE_LIST ``joints`` with a colour per point, and one
        TEXT_VIEW_FACING ``label``; the id is the ``track_id``, or -1, -2, ... for the bodies without one.

        :param bodies: in the frame of ``header``.
        :param header: of the bodies' message.
        :param color_by: what the colours say.
        """
        markers = []
        of_joints = joint_colors(bodies, color_by)
        bodies = without_lost_joints(bodies)
        of_body = trust_colors(body_trust(bodies))
        for index, marker_id in enumerate(_marker_ids(bodies)):
            joints = bodies.joints[index]
            known = np.isfinite(joints).all(axis=1)
            if not known.any():
                continue
            points = [Point(x=x, y=y, z=z) for x, y, z in joints.astype(float).tolist()]
            colors = [_color(c) for c in of_joints[index]]
            ends = [(p, c) for c, p in enumerate(PARENTS) if p >= 0 and known[p] and known[c]]
            bones = self._marker(header, BONES, marker_id, Marker.LINE_LIST, _BONE_WIDTH_M)
            bones.points = [points[end] for bone in ends for end in bone]
            bones.colors = [colors[child] for _, child in ends for _ in range(2)]
            spheres = self._marker(header, JOINTS, marker_id, Marker.SPHERE_LIST, _JOINT_DIAMETER_M)
            spheres.points = [points[j] for j in np.flatnonzero(known)]
            spheres.colors = [colors[j] for j in np.flatnonzero(known)]
            label = self._marker(header, LABEL, marker_id, Marker.TEXT_VIEW_FACING, _LABEL_HEIGHT_M)
            label.text = _label(bodies, index)
            label.pose.position = _above(joints[known])
            state = State(int(bodies.state[index]))
            label.color = _color(np.asarray(STATE_COLORS[state]) if _label_needs_state(state) else of_body[index])
            markers += [bones, spheres, label] if ends else [spheres, label]
        return self._with_deletions(markers, header)

    def meshes(
        self, vertices: FloatArray, colors: npt.NDArray[np.uint8], faces: npt.NDArray[Any], bodies: Bodies,
        header: Header,
    ) -> MarkerArray:
        """Return one TRIANGLE_LIST ``mesh`` for every body, with a colour per corner.

        :param vertices: (N, V, 3) metres, in the frame of ``header``; a body with a NaN is left out.
        :param colors: (N, V, 3) uint8, RGB.
        :param faces: (T, 3) vertex indices.
        :param bodies: the N bodies.
        :param header: of the bodies' message.
        """
        markers = []
        corners = faces.ravel().tolist()
        for index, marker_id in enumerate(_marker_ids(bodies)):
            if not np.isfinite(vertices[index]).all():
                continue
            marker = self._marker(header, MESH, marker_id, Marker.TRIANGLE_LIST, 1.0)
            # Corners share points and colours: only as many are made as there are vertices, a sixth.
            points = [Point(x=x, y=y, z=z) for x, y, z in vertices[index].astype(float).tolist()]
            marker.points = [points[corner] for corner in corners]
            palette, used = _palette(colors[index])
            shades = [palette[shade] for shade in used]
            marker.colors = [shades[corner] for corner in corners]
            markers.append(marker)
        return self._with_deletions(markers, header)

    def _marker(self, header: Header, namespace: str, marker_id: int, kind: int, size: float) -> Marker:
        marker = Marker(header=header, ns=namespace, id=marker_id, type=kind, action=Marker.ADD)
        marker.scale = Vector3(x=size, y=size, z=size)
        marker.color = ColorRGBA(r=1.0, g=1.0, b=1.0, a=1.0)
        marker.lifetime = self._lifetime
        return marker

    def _with_deletions(self, markers: list[Marker], header: Header) -> MarkerArray:
        shown = {(marker.ns, marker.id) for marker in markers}
        gone = [
            Marker(header=header, ns=namespace, id=marker_id, action=Marker.DELETE)
            for namespace, marker_id in sorted(self._shown - shown)
        ]
        self._shown = shown
        return MarkerArray(markers=gone + markers)


def vertex_cloud(vertices: FloatArray, colors: npt.NDArray[np.uint8], header: Header) -> PointCloud2:
    """Return the vertices of all bodies as one unorganised cloud with the fields x, y, z, rgb (float32 each).

    ``rgb`` is packed as PCL and RViz read it: 0x00RRGGBB in the bits of the float.

    :param vertices: (N, V, 3) metres, in the frame of ``header``.
    :param colors: (N, V, 3) uint8, RGB.
    :param header: of the bodies' message.
    """
    points = np.empty((vertices.shape[0] * vertices.shape[1], len(_POINT_FIELDS)), np.float32)
    points[:, :3] = vertices.reshape(-1, 3)
    channels = colors.reshape(-1, 3).astype(np.uint32)
    points[:, 3] = ((channels[:, 0] << 16) | (channels[:, 1] << 8) | channels[:, 2]).view(np.float32)
    cloud = PointCloud2(header=header, height=1, width=len(points), is_bigendian=False, point_step=4 * points.shape[1])
    cloud.row_step = cloud.point_step * cloud.width
    cloud.fields = [
        PointField(name=name, offset=4 * i, datatype=PointField.FLOAT32, count=1)
        for i, name in enumerate(_POINT_FIELDS)
    ]
    cloud.is_dense = bool(np.isfinite(points[:, :3]).all())
    cloud.data = array.array('B', points.tobytes())
    return cloud


def _marker_ids(bodies: Bodies) -> list[int]:
    """Return an id for every body that differs from the others': its track, or -1, -2, ... without one."""
    return [int(track) if track >= 0 else -1 - index for index, track in enumerate(bodies.track_id)]


def _label(bodies: Bodies, index: int) -> str:
    track_id = int(bodies.track_id[index])
    state = state_words(bodies, index)
    lines = [f'#{track_id}' if track_id >= 0 else 'not tracked', trust_words(bodies, index), state]
    return '\n'.join(line for line in lines if line)


def _label_needs_state(state: State) -> bool:
    return state not in (State.UNKNOWN, State.OBSERVED)


def _above(joints: npt.NDArray[Any]) -> Point:
    """Return the place of the label: over the middle of the joints (K, 3), higher than all of them."""
    centre = joints.mean(axis=0)
    return Point(x=float(centre[0]), y=float(joints[:, 1].min() - _LABEL_RAISE_M), z=float(centre[2]))


def _color(rgb: npt.NDArray[Any]) -> ColorRGBA:
    red, green, blue = (rgb / 255.0).tolist()
    return ColorRGBA(r=red, g=green, b=blue, a=1.0)


def _palette(colors: npt.NDArray[np.uint8]) -> tuple[list[ColorRGBA], list[int]]:
    """Return the different colours among (V, 3), and for every vertex which one it has."""
    packed = colors.astype(np.uint32) @ np.asarray([65536, 256, 1], np.uint32)
    _, first, used = np.unique(packed, return_index=True, return_inverse=True)
    return [_color(colors[i]) for i in first], used.ravel().tolist()
