"""What the real BlazePose sees of a rendered person: detector, then landmarks from frame to frame."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from poco_ros.body.rotations import Floats
from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.people import landmarker as network
from poco_ros.people.config import FinderConfig
from poco_ros.people.detector import PoseDetector
from poco_ros.people.landmarker import PoseLandmarker, Sighting
from poco_ros.people.model_files import DETECTOR, LANDMARKER, model_path
from poco_ros.people.region import Region, distance
from poco_ros.synth.scene import Window
from poco_ros.synth.shards import FOLLOWED, FROM_DETECTOR, FROM_TRUTH
from poco_ros.types import FloatArray, Landmarks

#: In so many frames nobody is followed: boxes may come from outside, and people get lost.
_LOST_SHARE = 0.1
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
    """One person as BlazePose saw it, in the camera's pixels.

    :param landmarks: one row.
    :param region: where it looked.
    :param region_source: 0, 1 or 2, see :class:`poco_ros.synth.shards.Samples`.
    :param features: (288,) float32.
    :param local_features: (33, 88) float32.
    """

    landmarks: Landmarks
    region: Region
    region_source: int
    features: FloatArray
    local_features: FloatArray


class Observer:
    """Runs the two networks on one thread.

    :raises ModelFileError: when a network file is missing.
    """

    def __init__(self) -> None:
        self._config = FinderConfig()
        self._detector = PoseDetector(OpenVinoEngine(model_path(DETECTOR)), _LEAST_SCORE)
        outputs = (*network.OUTPUTS, *network.EXTRAS)
        self._landmarker = PoseLandmarker(OpenVinoEngine(model_path(LANDMARKER), outputs=outputs))

    def follow(self, image: npt.NDArray[np.uint8], before: Region, truth: Region) -> Sighting | None:
        """Look where somebody was in the frame before; None where the node would ask the detector, or see another.

        :param image: (h, w, 3) uint8 RGB.
        :param before: where the landmarks of the frame before said, pixels.
        :param truth: where the person is, pixels.
        """
        sighting = self._landmarker(image, [before])
        after = sighting.regions[0]
        if after is None or sighting.landmarks.score[0] < self._config.min_presence_followed:
            return None
        # Frames lie up to a third of a second apart: people move farther than the node lets them from frame to frame.
        return sighting if distance(after.points[None], truth.points[None])[0, 0] < _SAME_PERSON else None

    def find(
        self, image: npt.NDArray[np.uint8], truth: Region, rng: np.random.Generator
    ) -> tuple[Sighting, Region, int]:
        """Ask the detector, and look where it says, or about the truth where it sees nobody.

        :param image: (h, w, 3) uint8 RGB.
        :param truth: where the person is, pixels.
        :param rng: draws the detector's window, and the jitter.
        :returns: what was seen, where, and 0 or 1 for how the place was found.
        """
        window = Region.whole(image.shape[1], image.shape[0]).scaled(rng.uniform(*_WINDOW))
        found = self._detector(image, window)
        near = np.flatnonzero(distance(found.points_px[:, :2], truth.points[None])[:, 0] < _SAME_PERSON)
        region = found.region(int(near[0])) if len(near) else None
        source = FROM_DETECTOR if region is not None else FROM_TRUTH
        region = region or _jittered(truth, rng)
        return self._landmarker(image, [region]), region, source


class Follower:
    """Looks at one person frame after frame as the node does: detected once, then followed.

    :param observer: the networks.
    :param rng: draws the jitter, and when somebody is lost.
    """

    def __init__(self, observer: Observer, rng: np.random.Generator) -> None:
        self._observer, self._rng = observer, rng
        self._before: Region | None = None

    def look(self, image: npt.NDArray[np.uint8], window: Window, joints_px: Floats) -> Seen:
        """Find the person with these joints in the next frame.

        :param image: (h, w, 3) uint8 RGB, the window.
        :param window: which part of the camera's picture it is.
        :param joints_px: (24, 2) true joints in the camera's pixels.
        """
        truth = true_region(window.to_window(joints_px))
        sighting, region, source = None, None, FOLLOWED
        if self._before is not None and self._rng.random() >= _LOST_SHARE:
            region = _into(window, self._before)
            sighting = self._observer.follow(image, region, truth)
        if sighting is None or region is None:
            sighting, region, source = self._observer.find(image, truth, self._rng)
        self._before = self._next(sighting, truth, window)
        landmarks = replace(
            sighting.landmarks, image_px=window.to_camera(sighting.landmarks.image_px),
            depth_px=sighting.landmarks.depth_px / window.scale)
        return Seen(landmarks, _out_of(window, region), source, network.pooled(sighting)[0],
                    network.local(sighting)[0])  # fmt: skip

    @staticmethod
    def _next(sighting: Sighting, truth: Region, window: Window) -> Region | None:
        """Where to look in the next frame, camera's pixels; None where that is not this person."""
        after = sighting.regions[0]
        if after is None or distance(after.points[None], truth.points[None])[0, 0] >= _SAME_PERSON:
            return None
        return _out_of(window, after)


def _into(window: Window, region: Region) -> Region:
    x, y = window.to_window(np.array([region.x, region.y]))
    return Region(float(x), float(y), region.side * window.scale, region.angle)


def _out_of(window: Window, region: Region) -> Region:
    x, y = window.to_camera(np.array([region.x, region.y]))
    return Region(float(x), float(y), region.side / window.scale, region.angle)


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


def _jittered(region: Region, rng: np.random.Generator) -> Region:
    return replace(
        region, x=region.x + rng.normal(0, _JITTER) * region.side, y=region.y + rng.normal(0, _JITTER) * region.side,
        side=region.side * float(np.exp(rng.normal(0, 1.5 * _JITTER))), angle=region.angle + rng.normal(0, _JITTER),
    )  # fmt: skip
