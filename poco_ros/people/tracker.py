"""Identities for boxes: a two-stage tracker after ByteTrack (Zhang et al., ECCV 2022), in real time.

Confident boxes are matched to all tracks first; doubtful boxes may then only carry on a track that was seen in the last
frame. A track that is not seen lives on as lost, moving on, and takes its identity up again when a box fits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.people.assignment import assign
from poco_ros.people.boxes import iou
from poco_ros.people.kalman import BoxFilter
from poco_ros.types import Boxes, IntArray


@dataclass(frozen=True)
class TrackerConfig:
    """How boxes become tracks.

    :param high_score: boxes from here on are confident, the others doubtful.
    :param new_score: confident boxes from here on may start a track.
    :param min_iou: least overlap of a confident box with a track's predicted box.
    :param min_iou_doubtful: the same for a doubtful box.
    :param confirm_frames: consecutive frames a new track must be seen in before it gets an identity, except in
        the first frame of all; >= 1.
    :param lost_s: seconds an unseen track keeps its identity.
    """

    high_score: float = 0.5
    new_score: float = 0.5
    min_iou: float = 0.2
    min_iou_doubtful: float = 0.4
    confirm_frames: int = 2
    lost_s: float = 2.0


@dataclass(eq=False)
class _Track:
    filter: BoxFilter
    seen_ns: int
    hits: int
    missed: int = 0
    track_id: int = -1


class Tracker:
    """Gives the boxes of a video identities: from 1 upwards, never used twice, the same for the same input."""

    def __init__(self, config: TrackerConfig | None = None) -> None:
        self._config = config or TrackerConfig()
        self._last_id = 0
        self.reset()

    def reset(self) -> None:
        """Forget all tracks; identities go on from the last one."""
        self._tracks: list[_Track] = []
        self._now_ns: int | None = None

    def reserve(self, track_ids: Iterable[int]) -> None:
        """Never give out these identities or smaller ones; they belong to somebody else's tracks."""
        self._last_id = max(self._last_id, *track_ids, 0)

    def lost(self) -> Boxes:
        """Return where the persons with an identity who were not in the last frame should be now."""
        lost = [t for t in self._tracks if t.track_id > 0 and t.missed]
        return Boxes(
            np.array([t.filter.xyxy for t in lost], np.float32).reshape(-1, 4), np.full(len(lost), np.nan, np.float32),
            np.array([t.track_id for t in lost], np.int32),
        )

    def update(self, boxes: Boxes, stamp_ns: int) -> IntArray:
        """Take the boxes of the next frame.

        :param boxes: N persons with scores; an unknown score (NaN) counts as confident, identities are ignored.
        :param stamp_ns: capture time; an earlier one than the last forgets all tracks first.
        :returns: (N,) int32 identities, -1 for a box that is not yet, or no longer, a track.
        """
        if self._now_ns is not None and stamp_ns < self._now_ns:
            self.reset()
        first = self._now_ns is None
        self._advance(stamp_ns)
        score = np.where(np.isnan(boxes.score), 1.0, boxes.score)
        high, config = score >= self._config.high_score, self._config
        owner: list[_Track | None] = [None] * len(boxes)
        confirmed = [t for t in self._tracks if t.track_id > 0]
        self._match(confirmed, boxes, np.flatnonzero(high), owner, config.min_iou)
        just_missed = [t for t in confirmed if t.missed == 1]
        self._match(just_missed, boxes, np.flatnonzero(~high), owner, config.min_iou_doubtful)
        young = [t for t in self._tracks if t.track_id <= 0]
        self._match(young, boxes, np.flatnonzero(high), owner, config.min_iou)
        self._tracks = [t for t in self._tracks if t.track_id > 0 or not t.missed]
        for row in np.flatnonzero(score >= max(config.high_score, config.new_score)):
            if owner[row] is None:
                hits = config.confirm_frames if first else 1
                owner[row] = track = _Track(BoxFilter.start(boxes.xyxy[row]), stamp_ns, hits)
                self._tracks.append(track)
        return self._name(owner)

    def _advance(self, stamp_ns: int) -> None:
        """Move all tracks on to this time and let go of those lost for too long."""
        dt = 0.0 if self._now_ns is None else (stamp_ns - self._now_ns) * 1e-9
        self._now_ns = stamp_ns
        self._tracks = [t for t in self._tracks if (stamp_ns - t.seen_ns) * 1e-9 <= self._config.lost_s]
        for track in self._tracks:
            track.filter = track.filter.predict(dt)
            track.missed += 1

    def _match(
        self, tracks: list[_Track], boxes: Boxes, rows: npt.NDArray[np.intp], owner: list[_Track | None], minimum: float
    ) -> None:
        """Give those of ``rows`` that have no owner yet to ``tracks`` by overlap."""
        rows = np.array([row for row in rows if owner[row] is None], np.intp)
        if not tracks or not len(rows):
            return
        predicted = np.array([track.filter.xyxy for track in tracks])
        for index, column in zip(*assign(iou(predicted, boxes.xyxy[rows]), minimum), strict=True):
            track, row = tracks[index], rows[column]
            track.filter = track.filter.update(boxes.xyxy[row])
            track.seen_ns = self._now_ns or 0
            track.hits, track.missed = track.hits + 1, 0
            owner[row] = track

    def _name(self, owner: list[_Track | None]) -> IntArray:
        """Give identities to the tracks that have earned one and return those of the boxes."""
        for track in owner:
            if track is not None and track.track_id <= 0 and track.hits >= self._config.confirm_frames:
                self._last_id += 1
                track.track_id = self._last_id
        return np.array([-1 if track is None else track.track_id for track in owner], np.int32)
