"""What came out of a run, message by message, and the figures that sum it up."""

from __future__ import annotations

import dataclasses
from collections import Counter
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.cli.records import Record, floats, stamp_ns
from poco_ros.drawing.trust import body_trust
from poco_ros.types import Bodies

_UNKNOWN = Bodies.unknown(0)
#: Beyond this the stamps are of another clock than ours (a bag, a camera's own clock), and a latency means nothing.
_CLOCKS_COMPARE_MS = 60_000.0
_RATE_WINDOW_NS = 3_000_000_000


def bodies_of(record: Record) -> Bodies:
    """Return the bodies of a ``SmplBodyArray`` record (see :mod:`poco_ros.cli.records`)."""
    rows, columns = record['bodies'], {}
    for item in dataclasses.fields(Bodies):
        empty: npt.NDArray[Any] = getattr(_UNKNOWN, item.name)
        values = floats([row[item.name] for row in rows])
        columns[item.name] = values.astype(empty.dtype).reshape(len(rows), *empty.shape[1:])
    return Bodies(**columns)


@dataclass(frozen=True)
class Entry:
    """One message.

    :param stamp_ns: capture time of its image.
    :param received_ns: when it arrived, by the system clock.
    :param skipped_frames: images passed over before this one.
    :param bodies: who was in it.
    """

    stamp_ns: int
    received_ns: int
    skipped_frames: int
    bodies: Bodies

    @classmethod
    def from_record(cls, record: Record) -> Entry:
        """Return the entry of a ``SmplBodyArray`` record that has ``received_ns``."""
        return cls(stamp_ns(record), record['received_ns'], record['skipped_frames'], bodies_of(record))

    @property
    def latency_ms(self) -> float:
        """From the image's capture to the message's arrival here; NaN where the clocks do not compare."""
        milliseconds = (self.received_ns - self.stamp_ns) / 1e6
        return milliseconds if abs(milliseconds) < _CLOCKS_COMPARE_MS else float('nan')


class RunLog:
    """The messages of a run in the order they arrived."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.skipped_frames = 0
        self.with_bodies = 0
        #: In how many images each ``track_id`` was.
        self.seen: Counter[int] = Counter()

    def add(self, entry: Entry) -> None:
        """Take in a message."""
        self.entries.append(entry)
        self.skipped_frames += entry.skipped_frames
        self.with_bodies += bool(len(entry.bodies))
        self.seen.update(entry.bodies.track_id.tolist())

    def __len__(self) -> int:
        return len(self.entries)

    def rate_hz(self) -> float:
        """Messages a second over the last three seconds; NaN before the second message."""
        recent = [e.received_ns for e in self.entries[-200:] if e.received_ns > self._last_ns() - _RATE_WINDOW_NS]
        return (len(recent) - 1) / (recent[-1] - recent[0]) * 1e9 if len(recent) > 1 else float('nan')

    def latency_ms(self, percent: float) -> float:
        """Return a percentile of the latency over the whole run; NaN where none is known."""
        known = [e.latency_ms for e in self.entries if not np.isnan(e.latency_ms)]
        return float(np.percentile(known, percent)) if known else float('nan')

    def tracks(self) -> dict[int, tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]]:
        """Return what was seen of every person.

        :returns: by ``track_id`` in the order of appearance: seconds since the first image of the run, and the trust
            in [0, 1] at those times (NaN where unknown).
        """
        seen: dict[int, list[tuple[float, float]]] = {}
        for entry in self.entries:
            for track, trust in zip(entry.bodies.track_id.tolist(), body_trust(entry.bodies).tolist(), strict=True):
                seen.setdefault(track, []).append((self.seconds(entry), trust))
        return {track: tuple(np.array(points).T) for track, points in seen.items()}  # type: ignore[misc]

    def seconds(self, entry: Entry) -> float:
        """Return the capture time of an entry in seconds since the first image of the run."""
        return (entry.stamp_ns - self.entries[0].stamp_ns) / 1e9

    @property
    def calibrated(self) -> bool:
        """Whether any body came with a calibrated confidence."""
        return any(bool(np.isfinite(e.bodies.confidence).any()) for e in self.entries)

    def _last_ns(self) -> int:
        return self.entries[-1].received_ns if self.entries else 0
