"""The picture people see first: the camera's image with everybody's body, box and how far to trust them."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from poco_ros.body.model import BodyModel
from poco_ros.camera import Camera
from poco_ros.drawing.colors import STATE_COLORS, Image, Rgb, rgb, state_colors, track_color, trust_colors
from poco_ros.drawing.mesh import MeshPainter
from poco_ros.drawing.panel import (
    WHITE,
    draw_legend,
    draw_panel,
    draw_plate,
    draw_state_legend,
    plate_size,
    text_height,
)
from poco_ros.drawing.skeleton import draw_box, draw_skeleton
from poco_ros.drawing.trust import body_trust, is_calibrated, joint_trust, state_words, trust_words, vertex_trust
from poco_ros.types import NUM_JOINTS, Bodies, FloatArray, State

Style = Literal['skeleton', 'mesh', 'both']
ColorBy = Literal['trust', 'state']
#: Corners of a label in pixels: x_min, y_min, x_max, y_max.
_Rectangle = tuple[int, int, int, int]
STYLES: tuple[Style, ...] = ('skeleton', 'mesh', 'both')
COLOR_BY: tuple[ColorBy, ...] = ('trust', 'state')


class OverlayPainter:
    """Draws bodies onto the images they were estimated from.

    :param body: the body model that the betas belong to; None draws skeletons only.
    """

    def __init__(self, body: BodyModel | None) -> None:
        self._body = body
        self._mesh = None if body is None else MeshPainter(body.faces, body.num_vertices)

    def paint(
        self, image: Image, bodies: Bodies, camera: Camera, style: Style = 'skeleton', captions: Sequence[str] = (),
        color_by: ColorBy = 'trust',
    ) -> Image:
        """Return a copy of an image with the bodies drawn into it.

        What is NaN or LOST is not drawn. Without a body model, meshes become skeletons.

        :param image: (H, W, 3) uint8 RGB.
        :param bodies: estimated from this image; drawn the farthest first.
        :param camera: of this image.
        :param style: what to draw of a body.
        :param captions: lines for the lower left corner.
        :param color_by: what the colours of joints and surfaces say: how far to trust, or how they came to be.
        :returns: (H, W, 3) uint8 RGB.
        """
        picture = np.array(image)
        order = np.argsort(-np.nan_to_num(bodies.joints[:, 0, 2], nan=np.inf), kind='stable')
        bodies = without_lost_joints(bodies.take(order))
        colors = joint_colors(bodies, color_by)
        with_mesh = style != 'skeleton' and self._body is not None
        if with_mesh:
            self._draw_meshes(picture, bodies, color_by, camera, 0.8 if style == 'mesh' else 0.6)
        if style != 'mesh' or not with_mesh:
            for joints, of_joints in zip(bodies.joints, colors, strict=True):
                draw_skeleton(picture, joints, of_joints, camera)
        for index in range(len(bodies)):
            draw_box(picture, bodies.box_px[index], track_color(int(bodies.track_id[index])))
        taken: list[_Rectangle] = []
        for index in range(len(bodies)):
            _draw_label(picture, bodies, index, taken)
        draw_panel(picture, captions, 'bottom left')
        if np.isfinite(bodies.joints).any() and color_by == 'state':
            draw_state_legend(picture)
        elif np.isfinite(bodies.joints).any():
            coloured = np.isfinite(joint_trust(bodies)).any(axis=1)  # of who is grey nothing is claimed
            draw_legend(picture, calibrated=bool(is_calibrated(bodies)[coloured].all()))
        return picture

    def _draw_meshes(
        self, picture: Image, bodies: Bodies, color_by: ColorBy, camera: Camera, opacity: float,
    ) -> None:
        if self._body is None or self._mesh is None:
            return
        values = np.concatenate([bodies.pose.reshape(len(bodies), NUM_JOINTS * 3), bodies.betas, bodies.transl], axis=1)
        known: npt.NDArray[np.bool_] = np.isfinite(values).all(axis=1)
        if not known.any():
            return
        shown = bodies.take(known)
        vertices = self._body.vertices(shown.pose, shown.betas, shown.transl)
        hidden = lost_vertices(shown, self._body.weights)
        colors = vertex_colors(shown, self._body.weights, color_by)
        self._mesh.draw(picture, vertices, colors, camera, opacity, hidden)


def without_lost_joints(bodies: Bodies) -> Bodies:
    """Return the bodies with NaN for the places of LOST joints, of which there is nothing to say."""
    lost = (bodies.joint_state == State.LOST)[..., None]
    return dataclasses.replace(bodies, joints=np.where(lost, np.float32(np.nan), bodies.joints))


def lost_vertices(bodies: Bodies, weights: npt.NDArray[np.floating[Any]]) -> npt.NDArray[np.bool_]:
    """Return which vertices hang mostly on LOST joints, (N, V); ``weights`` (V, 24) are the skinning weights."""
    lost: npt.NDArray[np.bool_] = bodies.joint_state[:, weights.argmax(axis=1)] == State.LOST
    return lost


def joint_colors(bodies: Bodies, color_by: ColorBy) -> Image:
    """Return the colours of N bodies' joints, (N, 24, 3) uint8 RGB."""
    return trust_colors(joint_trust(bodies)) if color_by == 'trust' else state_colors(bodies.joint_state)


def vertex_colors(bodies: Bodies, weights: npt.NDArray[np.floating[Any]], color_by: ColorBy) -> Image:
    """Return the colours of N bodies' vertices, (N, V, 3) uint8 RGB.

    :param weights: (V, 24) skinning weights: trust is blended by them, a state is that of the heaviest joint.
    """
    if color_by == 'trust':
        return trust_colors(vertex_trust(weights, joint_trust(bodies)))
    return state_colors(bodies.joint_state[:, weights.argmax(axis=1)])


def _draw_label(picture: Image, bodies: Bodies, index: int, taken: list[_Rectangle]) -> None:
    """Write beside a person's box who it is and how far to trust it; ``taken`` are the labels before, and gets this."""
    box = bodies.box_px[index]
    if not np.isfinite(box).all():
        return
    lines, colors = _label(bodies, index)
    height = max(text_height(picture) - 1, 7)
    size = plate_size(lines, height)
    x, y = _free_place(size, box, (picture.shape[1], picture.shape[0]), taken)
    taken.append((x, y, x + size[0], y + size[1]))
    draw_plate(picture, lines, (x, y), height, colors)


def _label(bodies: Bodies, index: int) -> tuple[list[str], list[Rgb]]:
    """Return the lines of a label and their colours."""
    track_id = int(bodies.track_id[index])
    number, _, remark = trust_words(bodies, index).partition(' (')
    lines = [f'#{track_id}  {number}' if track_id >= 0 else f'not tracked  {number}']
    colors = [rgb(_readable(trust_colors(body_trust(bodies)[index])))]
    if remark:
        lines.append(remark.rstrip(')'))
        colors.append(WHITE)
    state = state_words(bodies, index)
    if state:
        lines.append(state)
        colors.append(STATE_COLORS[State(int(bodies.state[index]))])
    return lines, colors


def _free_place(
    size: tuple[int, int], box: FloatArray, picture: tuple[int, int], taken: list[_Rectangle],
) -> tuple[int, int]:
    """Return x, y for a label of ``size``: above the box, else beside it, else below it, else over it.

    :param box: (4,) the person's box.
    :param picture: width and height.
    :param taken: rectangles of other labels.
    """
    x0, y0, x1, y1 = (int(v) for v in np.clip(box, -1e6, 1e6))
    width, height = size
    gap = 3
    places = [
        (x0, y0 - height - gap), (x1 - width, y0 - height - gap), (x1 + gap, y0), (x0 - width - gap, y0),
        (x0, y1 + gap), (x1 + gap, y1 - height), (x0 - width - gap, y1 - height),
    ]
    for x, y in places:
        inside = x >= 0 and y >= 0 and x + width <= picture[0] and y + height <= picture[1]
        if inside and not any(x < b[2] and b[0] < x + width and y < b[3] and b[1] < y + height for b in taken):
            return x, y
    return max(min(x0, picture[0] - width), 0), max(min(y0 - height - gap, picture[1] - height), 0)


def _readable(color: Image) -> Image:
    """Return a colour lightened so that it can be read as text on a dark plate."""
    return np.asarray(0.55 * color + 0.45 * 255, np.uint8)
