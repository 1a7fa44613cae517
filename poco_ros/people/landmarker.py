"""The BlazePose landmark network: 33 landmarks and points in metres of the person in a region."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from poco_ros.engine.base import Array, Engine
from poco_ros.errors import EngineError
from poco_ros.people.region import Region
from poco_ros.types import NUM_LANDMARKS, FloatArray, Landmarks

SIZE = 256
LANDMARKS = 'Identity'
PERSON = 'Identity_1'
WORLD = 'Identity_4'
OUTPUTS = (LANDMARKS, PERSON, WORLD)
"""What to ask of the graph. Segmentation and heat maps are left out: they cost as much as all the rest."""
FEATURES = 'model_1/model/re_lu_63/Relu6;model_1/model/add_22/add'
"""The last shared activation, 1 x 2 x 2 x 288: everything the network knows of the person, at no extra cost."""
FEATURE_MAP = 'model_1/model/add_5/add'
"""An earlier activation, 1 x 16 x 16 x 88, that still knows what lies where."""
EXTRAS = (FEATURES, FEATURE_MAP)
"""What to ask of the graph beside :data:`OUTPUTS` where :func:`pooled` and :func:`local` are wanted."""

_ALIGNMENT_POINTS = (33, 34)
_NUM_POINTS = 39
#: The network's depth per landmark is this many times its own depth in metres taken to pixels (measured on real video,
#: 3.0 to 3.7); undone here, so that all three coordinates are in the same unit.
_DEPTH_OVERSTATED = 3.3


@dataclass(frozen=True)
class Sighting:
    """What the network saw in N regions.

    :param landmarks: N rows.
    :param regions: where to look for each person in the next frame; None where the network gave no usable answer.
    :param crop_px: (N, 33, 2) float32, the landmarks in the ``SIZE`` x ``SIZE`` picture that the network was given.
    :param features: extra outputs asked for, name to (N, ...) arrays.
    """

    landmarks: Landmarks
    regions: tuple[Region | None, ...]
    crop_px: FloatArray
    features: dict[str, Array]

    def take(self, index: npt.NDArray[np.generic]) -> Sighting:
        """Return the regions at ``index`` (integers or a boolean mask), in that order."""
        rows = np.arange(len(self.regions))[index]
        features = {name: values[rows] for name, values in self.features.items()}
        regions = tuple(self.regions[row] for row in rows)
        return Sighting(self.landmarks.take(rows), regions, self.crop_px[rows], features)

    @staticmethod
    def join(parts: Sequence[Sighting]) -> Sighting:
        """Return the rows of all parts in one record; at least one part."""
        landmarks = Landmarks(*(
            np.concatenate([getattr(part.landmarks, f.name) for part in parts]) for f in fields(Landmarks)
        ))
        features = {name: np.concatenate([part.features[name] for part in parts]) for name in parts[0].features}
        regions = tuple(region for part in parts for region in part.regions)
        return Sighting(landmarks, regions, np.concatenate([part.crop_px for part in parts]), features)


def pooled(sighting: Sighting) -> FloatArray:
    """Return the mean over the map of :data:`FEATURES`, which the engine must have been asked for.

    :returns: (N, 288) float32.
    """
    return np.asarray(sighting.features[FEATURES].mean(axis=(1, 2)), np.float32)


def local(sighting: Sighting) -> FloatArray:
    """Return what :data:`FEATURE_MAP`, which the engine must have been asked for, holds where the landmarks are.

    Between the four nearest cells values are interpolated; beyond the map they are 0.

    :returns: (N, 33, 88) float32.
    """
    cells = np.asarray(sighting.features[FEATURE_MAP], np.float32)
    people, size = np.arange(len(cells))[:, None], cells.shape[1]
    points = (sighting.crop_px + np.float32(0.5)) * np.float32(size / SIZE) - np.float32(0.5)
    points = np.clip(np.nan_to_num(points, nan=-1.0), -1, size)
    low = np.floor(points).astype(int)
    part = points - low
    out = np.zeros((*points.shape[:2], cells.shape[-1]), np.float32)
    for dx, dy in ((0, 0), (1, 0), (0, 1), (1, 1)):
        x, y = low[..., 0] + dx, low[..., 1] + dy
        weight = np.abs(1 - dx - part[..., 0]) * np.abs(1 - dy - part[..., 1])
        weight *= (x >= 0) & (x < size) & (y >= 0) & (y < size)
        out += weight[..., None] * cells[people, np.clip(y, 0, size - 1), np.clip(x, 0, size - 1)]
    return out


class PoseLandmarker:
    """Reads landmarks out of regions of a picture.

    :param engine: the BlazePose landmark graph, giving ``OUTPUTS``; further outputs come back as features.
    :raises EngineError: when the graph is another one.
    """

    def __init__(self, engine: Engine) -> None:
        shapes = {spec.name: spec.shape for spec in engine.outputs}
        expected = {LANDMARKS: (1, _NUM_POINTS * 5), PERSON: (1, 1), WORLD: (1, _NUM_POINTS * 3)}
        if engine.inputs[0].shape != (1, SIZE, SIZE, 3) or not expected.items() <= shapes.items():
            raise EngineError(f'{engine.info.graph} is not the BlazePose landmark network: it gives {shapes}')
        self._engine = engine
        self._input = engine.inputs[0].name
        self._extra = [name for name in shapes if name not in expected]

    def __call__(self, image: npt.NDArray[np.uint8], regions: Sequence[Region]) -> Sighting:
        """Find the landmarks of the person in every region.

        :param image: H x W x 3 uint8, RGB.
        :param regions: where to look.
        :returns: one row per region, in the same order.
        """
        outs = [self._engine({self._input: region.cut(image, SIZE)[None] * np.float32(1 / 255)}) for region in regions]
        raw = np.array([out[LANDMARKS][0] for out in outs], np.float32).reshape(-1, _NUM_POINTS, 5)
        world = np.array([out[WORLD][0] for out in outs], np.float32).reshape(-1, _NUM_POINTS, 3)
        points = np.array([r.to_image(row[:, :2], SIZE) for r, row in zip(regions, raw, strict=True)], np.float32)
        points = points.reshape(-1, _NUM_POINTS, 2)
        side = np.array([region.side for region in regions], np.float32).reshape(-1, 1)
        turn = np.array([region.rotation for region in regions], np.float32).reshape(-1, 2, 2)
        body = slice(0, NUM_LANDMARKS)
        landmarks = Landmarks(
            image_px=points[:, body],
            depth_px=raw[:, body, 2] * side / np.float32(SIZE * _DEPTH_OVERSTATED),
            visibility=_sigmoid(raw[:, body, 3]),
            presence=_sigmoid(raw[:, body, 4]),
            world_m=np.concatenate([world[:, body, :2] @ turn.transpose(0, 2, 1), world[:, body, 2:]], axis=-1),
            score=np.array([out[PERSON][0, 0] for out in outs], np.float32),
        )
        hips, reach = _ALIGNMENT_POINTS
        following = tuple(Region.from_points(row[hips], row[reach]) for row in points)
        features = {
            spec.name: np.array([out[spec.name][0] for out in outs], spec.dtype).reshape(-1, *spec.shape[1:])
            for spec in self._engine.outputs if spec.name in self._extra
        }
        return Sighting(landmarks, following, raw[:, body, :2], features)


def _sigmoid(logit: FloatArray) -> FloatArray:
    return (1 / (1 + np.exp(-np.clip(logit, -80, 80)))).astype(np.float32)
