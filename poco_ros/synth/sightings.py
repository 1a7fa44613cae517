"""What the real BlazePose sees of a rendered person: detector, landmarks, and the second look that following is."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import Floats
from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.people import landmarker as network
from poco_ros.people.detector import PoseDetector
from poco_ros.people.landmarker import PoseLandmarker
from poco_ros.people.model_files import DETECTOR, LANDMARKER, model_path
from poco_ros.people.region import Region, distance
from poco_ros.synth.shards import FOLLOWED, FROM_DETECTOR, FROM_TRUTH
from poco_ros.types import FloatArray, Landmarks

_FOLLOWED_SHARE = 0.35
_WINDOW = (1.0, 1.5)
_LEAST_SCORE = 0.4
_SAME_PERSON = 0.35
_JITTER = 0.06
_HIPS = [JOINT_INDEX['left_hip'], JOINT_INDEX['right_hip']]
#: The detector's reach, in distances of the neck and of the farthest joint from the hips: medians over 1787 detections
#: of rendered people (quartiles 1.33 to 1.59 and 0.89 to 1.06).
_REACH_PER_NECK, _REACH_PER_EXTENT = 1.47, 0.98


@dataclass(frozen=True)
class Seen:
    """One person as BlazePose saw it, in pixels of the window it was given.

    :param landmarks: one row.
    :param region: where it looked.
    :param region_source: 0, 1 or 2, see :class:`poco_ros.synth.shards.Samples`.
    :param features: (288,) float32.
    """

    landmarks: Landmarks
    region: Region
    region_source: int
    features: FloatArray


class Observer:
    """Runs the two networks on one thread.

    :raises ModelFileError: when a network file is missing.
    """

    def __init__(self) -> None:
        self._detector = PoseDetector(OpenVinoEngine(model_path(DETECTOR)), _LEAST_SCORE)
        outputs = (*network.OUTPUTS, network.FEATURES)
        self._landmarker = PoseLandmarker(OpenVinoEngine(model_path(LANDMARKER), outputs=outputs))

    def look(self, image: npt.NDArray[np.uint8], joints_px: Floats, rng: np.random.Generator) -> Seen:
        """Find the person with these joints.

        :param image: (h, w, 3) uint8 RGB.
        :param joints_px: (24, 2) true joints in its pixels.
        :param rng: draws the jitter.
        """
        truth = true_region(joints_px)
        window = Region.whole(image.shape[1], image.shape[0]).scaled(rng.uniform(*_WINDOW))
        found = self._detector(image, window)
        near = np.flatnonzero(distance(found.points_px[:, :2], truth.points[None])[:, 0] < _SAME_PERSON)
        region = found.region(int(near[0])) if len(near) else None
        source = FROM_DETECTOR if region is not None else FROM_TRUTH
        if region is None:
            region = _jittered(truth, rng)
        sighting = self._landmarker(image, [region])
        again = sighting.regions[0]
        if again is not None and rng.random() < _FOLLOWED_SHARE:
            region, source = _jittered(again, rng, 0.3), FOLLOWED
            sighting = self._landmarker(image, [region])
        return Seen(sighting.landmarks, region, source, network.pooled(sighting)[0])


def true_region(joints_px: Floats) -> Region:
    """Return the square that the detector would ask for if it saw the person rightly.

    :param joints_px: (24, 2) pixels.
    """
    hips = joints_px[_HIPS].mean(axis=0)
    up = joints_px[JOINT_INDEX['neck']] - hips
    extent = np.linalg.norm(joints_px - hips, axis=1).max()
    length = max(float(np.linalg.norm(up)), 1e-6)
    reach = max((_REACH_PER_NECK * length + _REACH_PER_EXTENT * extent) / 2, 2.0)
    region = Region.from_points(hips, hips + up / length * reach)
    return region if region is not None else Region(float(hips[0]), float(hips[1]), 2.0)


def _jittered(region: Region, rng: np.random.Generator, strength: float = 1.0) -> Region:
    spread = strength * _JITTER
    return replace(
        region, x=region.x + rng.normal(0, spread) * region.side, y=region.y + rng.normal(0, spread) * region.side,
        side=region.side * float(np.exp(rng.normal(0, 1.5 * spread))), angle=region.angle + rng.normal(0, spread),
    )  # fmt: skip
