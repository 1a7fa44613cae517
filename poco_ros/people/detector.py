"""The BlazePose person detector: several persons in a window of the image, each as four alignment points."""

from __future__ import annotations

from dataclasses import dataclass, fields

import numpy as np
import numpy.typing as npt

from poco_ros.engine.base import Engine
from poco_ros.errors import EngineError
from poco_ros.people.boxes import iou
from poco_ros.people.region import Region, distance
from poco_ros.types import FloatArray

SIZE = 224
_STRIDES_AND_ANCHORS = ((8, 2), (16, 2), (32, 6))
_SAME_HEAD_IOU = 0.3
_SAME_PERSON_DISTANCE = 0.35
_CANONICAL_WINDOWS = (1.8, 1.5)


@dataclass(frozen=True)
class Detections:
    """N persons as the detector sees them, best first.

    :param points_px: (N, 4, 2) float32, image pixels: middle of the hips, reach of the whole body, middle of the
        shoulders, reach of the upper body.
    :param score: (N,) float32 in [0, 1].
    """

    points_px: FloatArray
    score: FloatArray

    def __len__(self) -> int:
        return len(self.score)

    def take(self, index: npt.NDArray[np.generic]) -> Detections:
        """Return the persons at ``index`` (integers or a boolean mask), in that order."""
        return Detections(self.points_px[index], self.score[index])

    def region(self, row: int) -> Region | None:
        """Return the region of one person, None when its points are degenerate."""
        return Region.from_points(self.points_px[row, 0], self.points_px[row, 1])

    @staticmethod
    def empty() -> Detections:
        """No persons."""
        return Detections(np.zeros((0, 4, 2), np.float32), np.zeros(0, np.float32))


class PoseDetector:
    """Finds persons in windows of a picture.

    :param engine: the BlazePose detection graph.
    :param min_score: detections below are not reported, in (0, 1).
    :raises EngineError: when the graph is another one.
    """

    def __init__(self, engine: Engine, min_score: float) -> None:
        shapes = [spec.shape for spec in (*engine.inputs, *engine.outputs)]
        if shapes != [(1, SIZE, SIZE, 3), (1, len(_ANCHORS), 12), (1, len(_ANCHORS), 1)]:
            raise EngineError(f'{engine.info.graph} is not the BlazePose detector: its tensors are {shapes}')
        self._engine = engine
        self._input = engine.inputs[0].name
        self._offsets, self._logits = (spec.name for spec in engine.outputs)
        self._min_logit = float(np.log(min_score / (1 - min_score)))

    def __call__(self, image: npt.NDArray[np.uint8], window: Region) -> Detections:
        """Find the persons in a window of the image.

        :param image: H x W x 3 uint8, RGB.
        :param window: where to look; persons between a sixth and the whole of its side are found.
        :returns: persons in pixels of the whole image, overlapping ones already melted into one.
        """
        tensor = window.cut(image, SIZE)[None] * np.float32(1 / 127.5) - np.float32(1)
        out = self._engine({self._input: tensor})
        logits = out[self._logits][0, :, 0]
        keep = np.flatnonzero(logits >= self._min_logit)
        values = out[self._offsets][0, keep].reshape(-1, 6, 2) / SIZE
        centre, half = values[:, 0] + _ANCHORS[keep], values[:, 1] / 2
        heads = np.concatenate([centre - half, centre + half], axis=1)
        score = (1 / (1 + np.exp(-np.clip(logits[keep], -80, 80)))).astype(np.float32)
        points = (values[:, 2:] + _ANCHORS[keep, None]) * SIZE - 0.5
        return _melt(heads, Detections(window.to_image(points, SIZE), score))

    def look_again(self, image: npt.NDArray[np.uint8], region: Region, enough: float) -> Detections:
        """Ask whether there is a person where a region says so, at the size and angle at which the network is surest.

        Scores from windows of arbitrary size do not compare: background scores like a person who is too small,
        too large or askew. At this size they part.

        :param image: H x W x 3 uint8, RGB.
        :param region: of the supposed person.
        :param enough: a score with which the first of two such windows settles it.
        :returns: of those who agree with the region the best-scored person, or none.
        """
        best = Detections.empty()
        for factor in _CANONICAL_WINDOWS:
            found = self(image, region.scaled(factor))
            near = distance(found.points_px[:, :2], region.points[None])[:, 0] < _SAME_PERSON_DISTANCE
            found = found.take(np.flatnonzero(near)[:1])
            if len(found) and (not len(best) or found.score[0] > best.score[0]):
                best = found
            if len(best) and best.score[0] >= enough:
                break
        return best


def drop_repeated(parts: list[Detections]) -> Detections:
    """Join what several windows found, keeping the best-scored sighting of every person.

    :returns: best first; equal scores keep their order.
    """
    if not parts:
        return Detections.empty()
    found = Detections(*(np.concatenate([getattr(part, f.name) for part in parts]) for f in fields(Detections)))
    found = found.take(np.argsort(-found.score, kind='stable'))
    apart = distance(found.points_px[:, :2], found.points_px[:, :2])
    kept: list[int] = []
    for row in range(len(found)):
        if not (apart[row, kept] < _SAME_PERSON_DISTANCE).any():
            kept.append(row)
    return found.take(np.array(kept, np.intp))


def _melt(heads: FloatArray, found: Detections) -> Detections:
    """Replace detections whose head boxes overlap by their score-weighted mean, with the best score."""
    left = np.argsort(-found.score, kind='stable')
    overlap = iou(heads, heads)
    points, score = [], []
    while len(left):
        same = left[(overlap[left[0], left] > _SAME_HEAD_IOU) | (left == left[0])]
        weight = found.score[same] / found.score[same].sum()
        points.append(np.tensordot(weight, found.points_px[same], 1))
        score.append(found.score[left[0]])
        left = left[~np.isin(left, same)]
    return Detections(np.array(points, np.float32).reshape(-1, 4, 2), np.array(score, np.float32))


def _anchors() -> FloatArray:
    """Centres of the 2254 anchors in units of the input square."""
    parts = []
    for stride, count in _STRIDES_AND_ANCHORS:
        cells = SIZE // stride
        y, x = np.mgrid[:cells, :cells]
        centres = (np.stack([x, y], -1).reshape(-1, 2) + 0.5) / cells
        parts.append(np.repeat(centres, count, axis=0))
    return np.concatenate(parts).astype(np.float32)


_ANCHORS = _anchors()
