"""What stands behind the people: photographs, rooms and open places, in the camera's true perspective."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from poco_ros.synth.room import BOXES, cast
from poco_ros.synth.surface import pyramid
from poco_ros.synth.textures import Textures, clothes_colour, opaque
from poco_ros.types import FloatArray

ROOMS = 40
OUTDOORS = 20
#: Textures of one place: sky or wall, floor, ceiling, and more for boxes and panels.
_PLACE_TEXTURES = 8
#: Asphalt, sand, grass, earth, snow: sRGB in [0, 255].
_GROUNDS = np.array([[110, 110, 112], [196, 176, 138], [92, 122, 58], [120, 92, 66], [226, 230, 236]], np.float32)
_WOODS = np.array([[150, 108, 68], [188, 150, 104], [94, 64, 44], [160, 158, 152], [206, 196, 180]], np.float32)


class Backgrounds:
    """Makes backgrounds by name, so that a data set can be split by them.

    A name stands for one photograph, or for the fabrics and colours of one place; where the camera stands in it and
    what stands about is drawn anew each time.

    :param textures: the process's pools; places take their fabrics from them, so the same pools are needed for the
        same pictures.
    """

    def __init__(self, textures: Textures) -> None:
        self._textures = textures
        self._places: dict[str, tuple[npt.NDArray[np.uint8], FloatArray, FloatArray]] = {}

    @property
    def names(self) -> tuple[str, ...]:
        """All backgrounds: 'photo:<name>', 'room:<number>', 'outdoor:<number>'."""
        return (*(f'photo:{name}' for name in self._textures.photos), *(f'room:{k}' for k in range(ROOMS)),
                *(f'outdoor:{k}' for k in range(OUTDOORS)))

    def make(
        self, rng: np.random.Generator, name: str, intrinsics: npt.ArrayLike, size: tuple[int, int],
        camera_height: float, pitch: float, free_m: float = 4.0,
    ) -> FloatArray:
        """Return one background.

        :param rng: draws the crop, or the room's size and what stands in it.
        :param name: one of :attr:`names`.
        :param intrinsics: (4,) fx, fy, cx, cy of the window, pixels; integers are pixel centres.
        :param size: width and height of the window, pixels.
        :param camera_height: of the camera over the floor, metres, > 0.
        :param pitch: how far the camera looks down, radians (negative: up); it does not roll.
        :param free_m: nothing but the floor is nearer than this, metres: where people stand.
        :returns: (h, w, 3) float32 in [0, 1], RGB, gamma-coded.
        :raises ValueError: there is no such background, or the camera is not above the floor.
        """
        if name not in self.names:
            raise ValueError(f"no background '{name}': there are {', '.join(self.names)}")
        if not camera_height > 0:
            raise ValueError(f'the camera must be above the floor, not {camera_height} m')
        kind, _, which = name.partition(':')
        if kind == 'photo':
            return _crop(rng, self._textures.photos[which], size)
        pyramids, tints, haze = self._place(name)
        scene = _scene(rng, kind == 'room', free_m, len(pyramids))
        view = _view(intrinsics, size, pitch, float(rng.normal(0, 0.3)))
        small = look_into(scene, view, camera_height, pyramids, tints, haze, rng)[0]
        if rng.random() < 0.6:
            small = np.asarray(cv2.GaussianBlur(small, (0, 0), float(rng.uniform(0.4, 1.3))), np.float32)
        return np.asarray(cv2.resize(small, size, interpolation=cv2.INTER_LINEAR), np.float32)

    def _place(self, name: str) -> tuple[npt.NDArray[np.uint8], FloatArray, FloatArray]:
        """Textures, colours and air of a place, which its name alone decides."""
        if name not in self._places:
            kind, _, number = name.partition(':')
            own = np.random.default_rng([len(kind), int(number)])
            chosen = [self._textures.plain(own) if own.random() < 0.4 else self._textures.fabric(own)
                      for _ in range(_PLACE_TEXTURES)]
            grain = self._textures.grain[own.integers(len(self._textures.grain))][..., None]
            if kind == 'outdoor':
                chosen[0] = opaque((0.5 + 0.5 * grain) * (120, 165, 235) + (0.5 - 0.5 * grain) * 255)
                if own.random() < 0.6:
                    chosen[1] = opaque(_GROUNDS[own.integers(len(_GROUNDS))] * (0.75 + 0.4 * grain))
            else:
                chosen[2] = opaque(np.broadcast_to(own.uniform(170, 250, 3), grain.shape[:2] + (3,)))
                if own.random() < 0.6:
                    chosen[3] = opaque((own.uniform(120, 235) + own.uniform(-25, 25, 3)) * (0.94 + 0.1 * grain))
                if own.random() < 0.6:
                    chosen[1] = _floor(own, grain)
            tints = np.empty((32, 3), np.float32)
            for k in range(len(tints)):
                tints[k] = own.uniform(0.65, 1.1) * (0.85 + 0.15 * clothes_colour(own))
            haze = np.array([*own.uniform(0.7, 0.95, 3), own.uniform(0, 0.03)], np.float32)
            if kind == 'room':
                haze[3] = 0
                tints[2] = own.uniform(0.8, 1.1)
            self._places[name] = np.stack([pyramid(texture) for texture in chosen]), tints, haze
        return self._places[name]


def _floor(rng: np.random.Generator, grain: FloatArray) -> npt.NDArray[np.uint8]:
    """Boards or tiles of a natural colour."""
    side = len(grain)
    v, u = np.mgrid[:side, :side]
    rows = int(rng.choice([4, 8]))
    row = v * rows // side
    columns = rows if rng.random() < 0.5 else 1
    shifted = (u + (side // 2 * (row % 2) if columns == 1 else 0)) % side
    tile = (row * 7 + shifted * columns // side * 3) % 11
    tone = _WOODS[rng.integers(len(_WOODS))] * (0.86 + 0.02 * tile[..., None] + 0.12 * grain)
    joint = (v % (side // rows) < 2) | (shifted % (side // columns) < 2)
    return opaque(tone * np.where(joint[..., None], rng.uniform(0.5, 0.95), 1))


class Scene:
    """The geometry of one place, as :func:`~poco_ros.synth.room.cast` takes it."""

    def __init__(self, bounds: FloatArray, walled: bool, boxes: FloatArray, panels: FloatArray) -> None:
        self.bounds, self.walled, self.boxes, self.panels = bounds, walled, boxes, panels


def look_into(
    scene: Scene, view: tuple[FloatArray, FloatArray, float], camera_height: float, pyramids: npt.NDArray[np.uint8],
    tints: FloatArray, haze: FloatArray, rng: np.random.Generator,
) -> tuple[FloatArray, npt.NDArray[np.int32]]:
    """Return the picture of a scene at half the window's resolution, and the surface numbers in it."""
    rays, turn, pixel = view
    count = len(pyramids)
    slots = np.concatenate([[0, 1, 2, 3, 3, 3, 3], rng.integers(4, count, len(scene.boxes))]).astype(np.int32)
    repeats = np.concatenate([[0.3, rng.uniform(0.2, 1.5), 0.5, rng.uniform(0.2, 1.0)],
                              rng.uniform(0.4, 2, count - 4)]).astype(np.float32)
    shade = np.concatenate([tints[:BOXES], tints[rng.integers(BOXES, len(tints), len(scene.boxes))]])
    shade[3:BOXES] = shade[3]
    return cast(rays, turn, camera_height, pixel, scene.bounds, scene.walled, scene.boxes, scene.panels, slots,
                repeats, np.ascontiguousarray(shade, np.float32), pyramids, haze)


def _view(
    intrinsics: npt.ArrayLike, size: tuple[int, int], pitch: float, yaw: float
) -> tuple[FloatArray, FloatArray, float]:
    """Rays of every second pixel's corner between four, the turn into the place's frame, and a pixel's size at 1 m."""
    fx, fy, cx, cy = np.asarray(intrinsics, np.float64)
    columns, rows = (max(1, round(side / 2)) for side in size)
    x = ((np.arange(columns) + 0.5) * size[0] / columns - 0.5 - cx) / fx
    y = ((np.arange(rows) + 0.5) * size[1] / rows - 0.5 - cy) / fy
    rays = np.stack(np.meshgrid(x, y), -1).astype(np.float32)
    c, s = np.cos(pitch), np.sin(pitch)
    level = np.array([[1, 0, 0], [0, -c, -s], [0, -s, c]])
    cy_, sy = np.cos(yaw), np.sin(yaw)
    turn = np.array([[cy_, 0, sy], [0, 1, 0], [-sy, 0, cy_]]) @ level
    return rays, turn.astype(np.float32), float(size[0] / columns / fx)


def _scene(rng: np.random.Generator, walled: bool, free_m: float, textures: int) -> Scene:
    if walled:
        back = free_m + rng.uniform(0.5, 5)
        bounds = np.array([-rng.uniform(2, 6), rng.uniform(2, 6), 0, rng.uniform(2.3, 4.0), -8, back], np.float32)
    else:
        bounds = np.array([-1e4, 1e4, 0, 1e4, -1e4, 1e4], np.float32)
    boxes = [_box(rng, bounds, walled, free_m) for _ in range(rng.integers(0, 6 if walled else 9))]
    panels = [_panel(rng, bounds, textures) for _ in range(rng.integers(0, 6))] if walled else []
    return Scene(bounds, walled, np.array(boxes, np.float32).reshape(-1, 6),
                 np.array(panels, np.float32).reshape(-1, 6))


def _box(rng: np.random.Generator, bounds: FloatArray, walled: bool, free_m: float) -> list[float]:
    """A piece of furniture at the back wall, or a building, hedge or crate in the open."""
    if walled:
        wide, tall, deep = rng.uniform(0.4, 2.2), rng.uniform(0.4, 2.1), rng.uniform(0.3, 0.8)
        x, far = rng.uniform(bounds[0], bounds[1]), float(bounds[5])
        near = max(far - deep, free_m)
        return [x - wide / 2, x + wide / 2, 0, tall, near, far]
    near = free_m + rng.exponential(18) + 1
    size = 1 + near / 8
    wide, tall = rng.uniform(0.5, 2.5) * size, rng.uniform(0.3, 2.0) * size
    x = rng.normal(0, 0.5) * near
    return [x - wide / 2, x + wide / 2, 0, tall, near, near + wide]


def _panel(rng: np.random.Generator, bounds: FloatArray, textures: int) -> list[float]:
    """A picture, window or door on the back or a side wall."""
    wall = int(rng.choice([0, 1, 3, 3, 3]))
    low, high = (bounds[4], bounds[5]) if wall < 2 else (bounds[0], bounds[1])
    middle = rng.uniform(max(low, -2.0), high)
    if rng.random() < 0.35:
        half, bottom, top = rng.uniform(0.4, 0.6), 0.0, rng.uniform(1.95, 2.2)
    else:
        half, bottom = rng.uniform(0.2, 1.1), rng.uniform(0.7, 1.5)
        top = bottom + rng.uniform(0.3, 1.2)
    return [wall, middle - half, middle + half, bottom, top, int(rng.integers(4, textures))]


def _crop(rng: np.random.Generator, photo: npt.NDArray[np.uint8], size: tuple[int, int]) -> FloatArray:
    """A random part of a photograph in the window's shape, perhaps mirrored, in slightly other colours."""
    height, width = photo.shape[:2]
    scale = min(width / size[0], height / size[1]) * rng.uniform(0.45, 1)
    w, h = max(1, int(size[0] * scale)), max(1, int(size[1] * scale))
    x, y = int(rng.integers(width - w + 1)), int(rng.integers(height - h + 1))
    how = cv2.INTER_AREA if scale > 1 else cv2.INTER_LINEAR
    part = cv2.resize(photo[y:y + h, x:x + w], size, interpolation=how)
    if rng.random() < 0.5:
        part = part[:, ::-1]
    gain = (rng.uniform(0.6, 1.15) * rng.uniform(0.9, 1.1, 3) / 255).astype(np.float32)
    return np.minimum(part.astype(np.float32) * gain, np.float32(1))
