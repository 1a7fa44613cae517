"""What the people finder remembers from frame to frame, and the persons of the frame it is working on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.people.landmarker import Sighting
from poco_ros.people.region import Region
from poco_ros.types import IntArray

LongArray = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Followed:
    """A person of an earlier frame, or somebody on trial to be one.

    :param region: where to look next.
    :param seen_ns: when the landmark network last saw a person there.
    :param checked_ns: when the detector last agreed.
    :param frames: how many frames running a person was seen there.
    :param trial: how many it takes to be trusted.
    :param track_id: -1 while unconfirmed.
    """

    region: Region
    seen_ns: int
    checked_ns: int
    frames: int
    trial: int
    track_id: int = -1

    @property
    def trusted(self) -> bool:
        """Whether the trial is over."""
        return self.frames >= self.trial


@dataclass(frozen=True)
class Mistake:
    """A detection that showed nobody, not to be tried again for a while unless much surer."""

    region: Region
    score: float
    until_ns: int


@dataclass
class Crowd:
    """Persons of the frame at hand, row by row: what was seen, and the fields of :class:`Followed`."""

    sighting: Sighting
    checked_ns: LongArray
    frames: IntArray
    trial: IntArray
    track_id: IntArray

    def __len__(self) -> int:
        return len(self.trial)

    @property
    def trusted(self) -> npt.NDArray[np.bool_]:
        """(N,) bool."""
        return np.asarray(self.frames >= self.trial, np.bool_)

    @property
    def points(self) -> npt.NDArray[np.float64]:
        """(N, 2, 2) alignment points, NaN where the network gave none."""
        unknown = np.full((2, 2), np.nan)
        rows = [unknown if region is None else region.points for region in self.sighting.regions]
        return np.array(rows, np.float64).reshape(-1, 2, 2)

    def keep(self, rows: npt.NDArray[np.generic]) -> Crowd:
        """Return the persons at ``rows`` (integers or a boolean mask), in that order."""
        return Crowd(
            self.sighting.take(rows), self.checked_ns[rows], self.frames[rows], self.trial[rows], self.track_id[rows],
        )

    def add(self, sighting: Sighting, checked_ns: int, trial: int, track_id: int = -1) -> Crowd:
        """Return the persons with a new one at the end, seen and checked in this frame."""
        return Crowd(
            Sighting.join([self.sighting, sighting]), np.append(self.checked_ns, np.int64(checked_ns)),
            np.append(self.frames, np.int32(0)), np.append(self.trial, np.int32(trial)),
            np.append(self.track_id, np.int32(track_id)),
        )

    def followed(self, now_ns: int) -> list[Followed]:
        """Return what to remember of everybody who can be followed."""
        return [
            Followed(region, now_ns, int(self.checked_ns[row]), int(self.frames[row]) + 1, int(self.trial[row]),
                     int(self.track_id[row]))
            for row, region in enumerate(self.sighting.regions) if region is not None
        ]
