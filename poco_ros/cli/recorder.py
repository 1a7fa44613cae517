"""Keeps what a run gives: every message as a line, every overlay picture, and the log of the run."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from poco_ros.cli.overlay_file import OverlayFile
from poco_ros.cli.records import JsonLines, Record
from poco_ros.cli.run_log import Entry, RunLog
from poco_ros.drawing.trust import body_trust
from poco_ros.types import Bodies

_REMEMBERED_SCORES = 300
#: A person seen in so many images is probably one.
_ESTABLISHED = 10


class Recorder:
    """Takes in messages and pictures as they arrive.

    :param lines: gets every message of ``poco/bodies``.
    :param infilled_lines: gets every message of ``poco/bodies_infilled``.
    :param overlay: gets every picture.
    :param limit: messages after so many are ignored; 0: none.
    """

    def __init__(
        self, lines: JsonLines, infilled_lines: JsonLines, overlay: OverlayFile, limit: int = 0,
    ) -> None:
        self.log, self.live, self.infilled = RunLog(), RunLog(), RunLog()
        self._limit = limit
        self._lines = lines
        self._infilled_lines = infilled_lines
        self._overlay = overlay
        self._scores: dict[int, float] = {}

    @property
    def is_complete(self) -> bool:
        """Whether the streams that come later have caught up."""
        return len(self.log) == len(self.live) == len(self.infilled) and (self._overlay.count > 0 or not len(self.log))

    def on_bodies(self, record: Record) -> None:
        """Take in a message of ``poco/bodies``, as a record with ``received_ns``."""
        if 0 < self._limit <= len(self.log):
            return
        self._lines.write(record)
        entry = Entry.from_record(record)
        self.log.add(entry)
        known = np.array([self.log.seen[track] >= _ESTABLISHED for track in entry.bodies.track_id.tolist()], bool)
        self._scores[entry.stamp_ns] = still_score(entry.bodies, known, record['image_width'], record['image_height'])
        if len(self._scores) > _REMEMBERED_SCORES:
            self._scores.pop(next(iter(self._scores)))

    def on_live(self, record: Record) -> None:
        """Take in a message of ``poco/bodies_live``."""
        if not 0 < self._limit <= len(self.live):
            self.live.add(Entry.from_record(record))

    def on_infilled(self, record: Record) -> None:
        """Take in a message of ``poco/bodies_infilled``."""
        if not 0 < self._limit <= len(self.infilled):
            self._infilled_lines.write(record)
            self.infilled.add(Entry.from_record(record))

    def on_overlay(self, picture: npt.NDArray[np.uint8], stamp_ns: int) -> None:
        """Take in a picture of ``poco/overlay``, H x W x 3 uint8, RGB."""
        self._overlay.add(picture, stamp_ns, self._scores.get(stamp_ns, 0.0))


def still_score(bodies: Bodies, established: npt.NDArray[np.bool_], width: int, height: int) -> float:
    """Return how good a still an image makes: many people, trusted, wholly in the picture, not tiny.

    :param bodies: N people in the image.
    :param established: (N,) whether they have been seen for a while; others may be no people at all, and count against.
    :param width: of the image in pixels.
    :param height: of the image in pixels.
    """
    box = np.nan_to_num(bodies.box_px)
    size = np.maximum(box[:, 2:] - box[:, :2], 1.0)
    inside = np.clip(np.minimum(box[:, 2:], (width, height)) - np.maximum(box[:, :2], 0.0), 0.0, None)
    whole = (inside / size).prod(axis=1)
    large = np.sqrt(np.minimum(inside.prod(axis=1) / (width * height), 1.0))
    goodness = np.nan_to_num(body_trust(bodies), nan=0.5) * whole * (0.5 + large)
    return float(np.where(established, goodness, -0.5).sum())
