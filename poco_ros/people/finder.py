"""Finds people in the frames of a video and keeps their identities: detector, landmark network and tracker together.

Where somebody was in the last frame is where the landmark network looks first; the detector runs on a schedule, and at
once when somebody is missed. What it finds has to pass a second look before it counts as a person.
"""

from __future__ import annotations

import dataclasses

import numpy as np
import numpy.typing as npt

from poco_ros.engine.base import EngineInfo
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.errors import ImageError
from poco_ros.people import landmarker as network
from poco_ros.people.boxes import body_boxes, covered, iou
from poco_ros.people.config import FinderConfig
from poco_ros.people.crowd import Crowd, Followed, Mistake
from poco_ros.people.detector import PoseDetector, drop_repeated
from poco_ros.people.landmarker import PoseLandmarker, Sighting, local, pooled
from poco_ros.people.model_files import DETECTOR, LANDMARKER, model_path
from poco_ros.people.region import Region, distance
from poco_ros.people.sanity import plausible, well_formed, without_repeats
from poco_ros.people.tiles import Scan
from poco_ros.people.tracker import Tracker, TrackerConfig
from poco_ros.types import Boxes, Frame, People

_SAME_PERSON_DISTANCE = 0.35
_SAME_MISTAKE_DISTANCE = 0.2
_REMEMBER_MISTAKE_S = 2.0
_SURER_BY = 0.1
_MOST_MOVED = 0.2
_KEEP_TRYING_S = 0.5
_AGREES = 0.35
_NESTED = 0.75
_NESTED_TRIALS = 2
_HASTE = 0.5
_SEARCH_WINDOW = 1.5
_SEARCHES_PER_CALL = 2
_STILL_IN_BOX_IOU = 0.3
Image = npt.NDArray[np.uint8]


class PeopleFinder:
    """Finds people frame by frame. The same frames give the same people. One object serves one video and one thread.

    :param config: settings.
    :raises ModelFileError: when a network file is missing or corrupt; nothing is downloaded from here.
    :raises EngineError: when OpenVINO cannot run it.
    """

    def __init__(self, config: FinderConfig | None = None) -> None:
        self.config = config or FinderConfig()
        threads = self.config.threads
        detector = OpenVinoEngine(model_path(DETECTOR), threads=threads)
        landmarks = OpenVinoEngine(
            model_path(LANDMARKER), outputs=(*network.OUTPUTS, *network.EXTRAS), threads=threads)
        self.engines: tuple[EngineInfo, ...] = (detector.info, landmarks.info)
        self._detector = PoseDetector(detector, _AGREES)
        self._landmarker = PoseLandmarker(landmarks)
        self._scan = Scan(self.config.tile_levels)
        self._tracker = Tracker(TrackerConfig(
            high_score=self.config.min_presence, new_score=self.config.min_presence,
            confirm_frames=self.config.confirm_frames, lost_s=self.config.lost_s,
        ))
        self.reset()

    def reset(self) -> None:
        """Start a new video: forget everybody. Identities are not used again."""
        self._tracker.reset()
        self._scan.restart()
        self._followed: list[Followed] = []
        self._mistakes: list[Mistake] = []
        self._last_ns: int | None = None
        self._before_ns: int | None = None
        self._detected_ns: int | None = None
        self._missed: list[Followed] = []
        self._size = (0, 0)

    def find(self, frame: Frame) -> People:
        """Find the people of the next frame with the built-in detector.

        A stamp earlier than the last one, or an image of another size, starts a new video.

        :param frame: the image.
        :returns: persons with identity, box (:func:`poco_ros.people.boxes.body_boxes`; its score is the presence
            score), landmarks and features, in the order of their identities. Somebody new appears in the second frame
            that shows him (``confirm_frames``), or at once in the first frame of all.
        :raises ImageError: when the image is empty or not H x W x 3 uint8.
        """
        image, now = frame.image, frame.stamp_ns
        self._begin(image, now)
        crowd, missing = self._follow(image, now)
        if self._detector_is_due(crowd, missing, now):
            crowd = self._detect(image, crowd, now)
        crowd = self._recheck(image, crowd, now)
        rank = crowd.sighting.landmarks.score + 2 * (crowd.track_id > 0) + crowd.trusted
        crowd = crowd.keep(without_repeats(crowd.sighting.landmarks, rank))
        self._doubt_nested(crowd)
        trusted = crowd.trusted
        sighting = crowd.sighting.take(trusted)
        landmarks = sighting.landmarks
        boxes = Boxes(body_boxes(landmarks), landmarks.score, np.full(len(landmarks), -1, np.int32))
        track_id = self._tracker.update(boxes, now)
        boxes = dataclasses.replace(boxes, track_id=track_id)
        crowd.track_id[trusted] = track_id
        self._followed = crowd.followed(now) + self._still_missed(crowd, now)
        named = np.flatnonzero(track_id > 0)
        named = named[np.argsort(track_id[named])]
        seen = sighting.take(named)
        return People(boxes.take(named), seen.landmarks, pooled(seen), local(seen))

    def find_in_boxes(self, frame: Frame, boxes: Boxes, landmarks: bool = True) -> People:
        """Follow people whom another detector has found, and find their landmarks.

        Everybody is returned, also where the landmark network sees no person: ``landmarks.score`` tells.

        :param frame: the image.
        :param boxes: around whole persons. Given identities are kept; persons without one are tracked here and get
            one above all that were given so far, or keep -1 until they are confirmed. A source should name either
            all its persons or none: it may come to use a number that was given out here.
        :param landmarks: False leaves them out; then no network is run.
        :returns: the boxes, of those with an area the ``max_people`` best-scored, landmarks and features row by row.
        :raises ImageError: when the image is empty or not H x W x 3 uint8.
        """
        self._begin(frame.image, frame.stamp_ns)
        boxes = _usable(boxes, self.config.max_people)
        self._tracker.reserve(int(value) for value in boxes.track_id)
        track_id, nameless = boxes.track_id.copy(), np.flatnonzero(boxes.track_id < 1)
        track_id[nameless] = self._tracker.update(boxes.take(nameless), frame.stamp_ns)
        boxes = Boxes(boxes.xyxy, boxes.score, track_id)
        if not landmarks:
            self._followed = []
            return People(boxes)
        before = {person.track_id: person.region for person in self._followed if person.track_id > 0}
        sightings = [
            self._look_in_box(frame.image, box, before.get(int(name)))
            for box, name in zip(boxes.xyxy, track_id, strict=True)
        ]
        sighting = Sighting.join([self._landmarker(frame.image, []), *sightings])
        checked_ns = np.full(len(boxes), frame.stamp_ns, np.int64)
        crowd = Crowd(sighting, checked_ns, np.zeros(len(boxes), np.int32), np.zeros(len(boxes), np.int32), track_id)
        self._followed = crowd.followed(frame.stamp_ns)
        return People(boxes, sighting.landmarks, pooled(sighting), local(sighting))

    def _begin(self, image: Image, now_ns: int) -> None:
        """Check the image, and start anew where the video does."""
        if image.dtype != np.uint8 or image.ndim != 3 or image.shape[2] != 3 or not image.size:
            raise ImageError(f'an image must be H x W x 3 uint8 and not empty, got {image.shape} {image.dtype}')
        if self._last_ns is not None and (now_ns < self._last_ns or self._size != image.shape[:2]):
            self.reset()
        if self._last_ns is not None and (now_ns - self._last_ns) * 1e-9 > max(self.config.lost_s, 1.0):
            self._followed = []
            self._scan.restart()
        self._before_ns, self._last_ns, self._size = self._last_ns, now_ns, (image.shape[0], image.shape[1])

    def _is_person(self, sighting: Sighting, min_presence: npt.ArrayLike) -> npt.NDArray[np.bool_]:
        height, width = self._size
        known = np.array([region is not None for region in sighting.regions], np.bool_)
        enough = sighting.landmarks.score >= np.asarray(min_presence)
        return known & enough & plausible(sighting.landmarks, width, height)

    def _follow(self, image: Image, now_ns: int) -> tuple[Crowd, bool]:
        """Look where everybody was; where nobody answers, ask the detector there once.

        :returns: who is still there, and whether somebody trusted has just gone missing.
        """
        people = self._followed
        crowd = Crowd(
            self._landmarker(image, [person.region for person in people]),
            np.array([person.checked_ns for person in people], np.int64),
            np.array([person.frames for person in people], np.int32),
            np.array([person.trial for person in people], np.int32),
            np.array([person.track_id for person in people], np.int32),
        )
        before = np.array([person.region.points for person in people]).reshape(-1, 2, 2)
        moved = np.diagonal(distance(before, crowd.points))
        trusted = np.array([person.trusted for person in people], np.bool_)
        least = np.where(trusted, self.config.min_presence_followed, self.config.min_presence)
        good = self._is_person(crowd.sighting, least) & (moved < _MOST_MOVED)
        good &= trusted | well_formed(crowd.sighting.landmarks, crowd.sighting.regions)
        self._missed = [people[row] for row in np.flatnonzero(trusted & ~good)]
        fresh = [person for person in self._missed if person.seen_ns == self._before_ns]
        crowd, found = crowd.keep(good), 0
        for person in fresh[:_SEARCHES_PER_CALL]:
            again = self._look_again(image, person.region)
            if again is not None:
                crowd, found = crowd.add(again, now_ns, 0, person.track_id), found + 1
        return crowd, found < len(fresh)

    def _still_missed(self, crowd: Crowd, now_ns: int) -> list[Followed]:
        """Return the missed persons whose place the landmark network shall go on trying, unseen, for a moment."""
        recent = [person for person in self._missed if (now_ns - person.seen_ns) * 1e-9 < _KEEP_TRYING_S]
        points = np.array([person.region.points for person in recent]).reshape(-1, 2, 2)
        taken = (distance(points, crowd.points) < _SAME_PERSON_DISTANCE).any(1)
        return [recent[row] for row in np.flatnonzero(~taken)]

    def _detector_is_due(self, crowd: Crowd, missing: bool, now_ns: int) -> bool:
        waited = np.inf if self._detected_ns is None else (now_ns - self._detected_ns) * 1e-9
        hurried = len(self._tracker.lost()) > 0
        period = self.config.detect_period_s * (_HASTE if hurried else 1.0)
        return missing or not crowd.trusted.any() or waited >= period

    def _detect(self, image: Image, crowd: Crowd, now_ns: int) -> Crowd:
        """Run the detector and look into what nobody known explains."""
        height, width = self._size
        self._detected_ns = now_ns
        windows = self._scan(width, height)
        lost = [Region.from_box(box) for box in self._tracker.lost().xyxy[:_SEARCHES_PER_CALL]]
        windows += [region.scaled(_SEARCH_WINDOW) for region in lost if region is not None]
        found = drop_repeated([self._detector(image, window) for window in windows])
        sure = found.score >= self.config.sure_detection
        known = distance(found.points_px[:, :2], crowd.points) < _SAME_PERSON_DISTANCE
        crowd.checked_ns[known.any(0)] = now_ns
        self._mistakes = [mistake for mistake in self._mistakes if mistake.until_ns > now_ns]
        for row in map(int, np.flatnonzero(~known.any(1) & (found.score >= self.config.min_detection))):
            region, score = found.region(row), float(found.score[row])
            most = self.config.max_people if sure[row] else self.config.max_trials
            full = (len(crowd) if sure[row] else np.count_nonzero(~crowd.trusted)) >= most
            if full or region is None or self._is_known_mistake(region, score):
                continue
            sighting = self._landmarker(image, [region])
            good = self._is_person(sighting, self.config.min_presence)[0]
            formed = well_formed(sighting.landmarks, sighting.regions)[0]
            if good and (sure[row] or (formed and not _nested(sighting, crowd.sighting)[0])):
                crowd = crowd.add(sighting, now_ns, 0 if sure[row] else self.config.trial_frames)
            else:
                until = now_ns + int(_REMEMBER_MISTAKE_S * (1 - score) * 1e9)
                self._mistakes.append(Mistake(region, score, until))
        return crowd

    def _doubt_nested(self, crowd: Crowd) -> None:
        """Put newcomers on a longer trial whose body lies inside that of somebody known: most are a part of him."""
        nested = _nested(crowd.sighting, crowd.sighting.take(crowd.track_id > 0))
        doubtful = nested & crowd.trusted & (crowd.track_id < 1)
        crowd.trial[doubtful] = self.config.trial_frames * _NESTED_TRIALS

    def _is_known_mistake(self, region: Region, score: float) -> bool:
        points = np.array([mistake.region.points for mistake in self._mistakes]).reshape(-1, 2, 2)
        close = distance(region.points[None], points)[0] < _SAME_MISTAKE_DISTANCE
        surer = np.array([score > mistake.score + _SURER_BY for mistake in self._mistakes], np.bool_)
        return bool((close & ~surer).any())

    def _look_again(self, image: Image, region: Region) -> Sighting | None:
        """Return the person whom detector and landmark network both see in a region, None if they do not."""
        least = self.config.min_second_look
        found = self._detector.look_again(image, region, least)
        place = found.region(0) if len(found) and found.score[0] >= least else None
        if place is None:
            return None
        sighting = self._landmarker(image, [place])
        return sighting if self._is_person(sighting, self.config.min_presence)[0] else None

    def _recheck(self, image: Image, crowd: Crowd, now_ns: int) -> Crowd:
        """Ask the detector about the person whom it has not confirmed for longest, and let go if it says no."""
        if not len(crowd):
            return crowd
        row = int(np.argmin(crowd.checked_ns))
        region = crowd.sighting.regions[row]
        if (now_ns - int(crowd.checked_ns[row])) * 1e-9 < self.config.recheck_s or region is None:
            return crowd
        if len(self._detector.look_again(image, region, _AGREES)):
            crowd.checked_ns[row] = now_ns
            return crowd
        return crowd.keep(np.arange(len(crowd)) != row)

    def _look_in_box(self, image: Image, box: npt.NDArray[np.float32], before: Region | None) -> Sighting:
        """Read the landmarks of the person in a box, at the size and angle that the network itself asks for."""
        first = Region.from_box(box)
        if first is None:
            raise ImageError(f'a box has no area: {box}')
        if before is not None and distance(before.points[None], first.points[None])[0, 0] < _SAME_PERSON_DISTANCE:
            return self._landmarker(image, [before])
        sighting = self._landmarker(image, [first])
        if sighting.regions[0] is None:
            return sighting
        better = self._landmarker(image, [sighting.regions[0]])
        still = iou(body_boxes(better.landmarks), box[None])[0, 0] > _STILL_IN_BOX_IOU
        return better if still and better.landmarks.score[0] >= sighting.landmarks.score[0] else sighting


def _nested(inner: Sighting, outer: Sighting) -> npt.NDArray[np.bool_]:
    """Tell which bodies lie inside one of others."""
    part = covered(body_boxes(inner.landmarks), body_boxes(outer.landmarks))
    return np.asarray((part > _NESTED).any(1), np.bool_)


def _usable(boxes: Boxes, most: int) -> Boxes:
    """Return the best-scored boxes with an area, in the order given; an unknown score counts as 1."""
    good = np.isfinite(boxes.xyxy).all(1) & (boxes.xyxy[:, 2:] > boxes.xyxy[:, :2]).all(1)
    rows = np.flatnonzero(good)
    score = np.where(np.isnan(boxes.score[rows]), 1.0, boxes.score[rows])
    return boxes.take(np.sort(rows[np.argsort(-score, kind='stable')[:most]]))
