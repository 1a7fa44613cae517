"""Infilling of recorded streams by the rules of the paper (POCO, Sup. Mat. G).

A frame whose uncertainty is above 0.8 is thrown away and infilled; only stretches that begin and end with 5 frames at
or below it are infilled, and none that has more than 15 frames in a row above 0.7.
"""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.temporal.age_law import AgeLaw
from poco_ros.temporal.config import (
    PAPER_UNCERTAINTY,
    LifeConfig,
    MotionConfig,
    Predictor,
    StampConfig,
    TemporalConfig,
)
from poco_ros.temporal.outputs import Calibration
from poco_ros.temporal.stamps import FrameClock, Step
from poco_ros.temporal.stream import TemporalFrame, TemporalStream, concatenated
from poco_ros.types import Bodies, State

LAG = 300
"""Frames that a frame may wait for later ones: what lies farther away changes nothing that can be measured."""
CONFIDENT_ENDS = 5
"""Frames at either end of a stretch that must be confident."""
LONGEST_DOUBT, DOUBTFUL = 15, 0.7
"""A stretch must not have more frames in a row with a larger uncertainty than this."""


@dataclass(frozen=True)
class Recorded:
    """One recorded frame.

    :param stamp_ns: of the capture.
    :param bodies: as they were published.
    :param epoch: track ids of different epochs are unrelated.
    :param coverage: what the radii refer to; NaN: uncalibrated.
    :param confidence_bound_mm: what the confidence refers to; NaN: uncalibrated.
    """

    stamp_ns: int
    bodies: Bodies
    epoch: int = 0
    coverage: float = math.nan
    confidence_bound_mm: float = math.nan

    @property
    def calibration(self) -> Calibration:
        """What the errors of the infilled bodies refer to: as in the recording, or else the usual."""
        return Calibration.stated(self.coverage, self.confidence_bound_mm, TemporalConfig())


def stretches(uncertainty: npt.NDArray[np.floating]) -> list[tuple[int, int]]:
    """Return the stretches (first frame, frame after the last) of one person's recording that can be infilled.

    :param uncertainty: (T,) of the body in each frame; NaN where the person is not in the message.
    """
    u = np.where(np.isnan(uncertainty), np.inf, uncertainty)
    found = []
    for start, stop in _pieces(u):
        confident = u[start:stop] <= PAPER_UNCERTAINTY
        runs = np.convolve(confident, np.ones(CONFIDENT_ENDS, int), 'valid') == CONFIDENT_ENDS
        where = np.flatnonzero(runs)
        if len(where) and where[-1] > where[0]:
            found.append((start + int(where[0]), start + int(where[-1]) + CONFIDENT_ENDS))
    return found


def _pieces(u: npt.NDArray[np.floating]) -> list[tuple[int, int]]:
    """Return what is left between the runs of too many doubtful frames."""
    doubtful = np.concatenate([[0], u > DOUBTFUL, [0]]).astype(np.int8)
    edges = np.flatnonzero(np.diff(doubtful)).reshape(-1, 2)
    long = [(a, b) for a, b in edges.tolist() if b - a > LONGEST_DOUBT]
    bounds = [0, *(edge for run in long for edge in run), len(u)]
    return [(a, b) for a, b in zip(bounds[::2], bounds[1::2], strict=True) if b > a]


def infill_recording(
    frames: Sequence[Recorded], *, law: AgeLaw | None = None, predictor: Predictor = 'whole_body',
) -> list[Bodies]:
    """Return the bodies of every frame, infilled where the rules allow it.

    Bodies outside the stretches that can be infilled stay as they came; their joints are OBSERVED in confident frames
    and LOST in the others.

    :param frames: in the order of recording. A new epoch, or a jump of the stamps in either direction, begins a new
        recording; frames that repeat a stamp, or are late, stay as they came.
    :param law: how errors grow with age; None: the one that comes with the package.
    :param predictor: of unseen joints, as in :class:`~poco_ros.temporal.config.MotionConfig`.
    :returns: as many as there are frames.
    :raises ModelFileError: when the predictor cannot be loaded.
    """
    out = [_alone(frame.bodies) for frame in frames]
    for part in _split(frames):
        infilled = _infill_part([frames[i] for i in part], law, predictor)
        for i, bodies in zip(part, infilled, strict=True):
            out[i] = bodies
    return out


def _split(frames: Sequence[Recorded]) -> list[list[int]]:
    """Return the frames of each recording."""
    clock = FrameClock(StampConfig())
    parts: list[list[int]] = []
    for i, frame in enumerate(frames):
        step, _ = clock.classify(frame.stamp_ns)
        if step is Step.FIRST or step is Step.JUMP or frame.epoch != frames[parts[-1][-1]].epoch:
            clock.reset()
            parts.append([])
        elif step is not Step.NEXT:
            continue
        clock.accept(frame.stamp_ns)
        parts[-1].append(i)
    return parts


def _infill_part(
    frames: list[Recorded], law: AgeLaw | None, predictor: Predictor,
) -> list[Bodies]:
    keys, owners = _keys(frames)
    tracks = max(1, int(max((len(k) for k in keys), default=1)))
    # The rules above decide what is infilled across; ages and counts must not decide again.
    life = LifeConfig(lost_live_s=60.0, lost_infilled_s=60.0, regain_frames=1, max_tracks=min(1024, 2 * tracks + 8))
    config = TemporalConfig(preset='paper', motion=MotionConfig(predictor=predictor), life=life)
    stream = TemporalStream(config, law=law, lag_frames=LAG)
    done: list[TemporalFrame] = []
    for frame, key in zip(frames, keys, strict=True):
        follow = [i for i, k in enumerate(key) if k > 0]
        ids = np.array([key[i] for i in follow], np.int32)
        bodies = dataclasses.replace(frame.bodies.take(follow), track_id=ids)
        done += stream.push(bodies, frame.stamp_ns, coverage=frame.coverage,
                            confidence_bound_mm=frame.confidence_bound_mm).infilled
    done += stream.flush()
    span = _spans(keys)
    return [_merged(i, frame, key, out.bodies, span, owners)
            for i, (frame, key, out) in enumerate(zip(frames, keys, done, strict=True))]


def _keys(frames: list[Recorded]) -> tuple[list[list[int]], list[int]]:
    """Return for each body of each frame the number of its stretch, from 1, or 0; and whose each stretch is."""
    keys = [[0] * len(frame.bodies) for frame in frames]
    rows: dict[int, dict[int, int]] = {}
    for t, frame in enumerate(frames):
        for row, track_id in enumerate(frame.bodies.track_id.tolist()):
            if track_id >= 0:
                rows.setdefault(track_id, {}).setdefault(t, row)
    owners = [-1]
    for track_id, of_track in rows.items():
        uncertainty = np.full(len(frames), np.nan)
        for t, row in of_track.items():
            uncertainty[t] = frames[t].bodies.uncertainty[row]
        for start, stop in stretches(uncertainty):
            for t in range(start, stop):
                if t in of_track:
                    keys[t][of_track[t]] = len(owners)
            owners.append(track_id)
    return keys, owners


def _spans(keys: list[list[int]]) -> dict[int, tuple[int, int]]:
    """Return the first and the last frame of each stretch."""
    spans: dict[int, tuple[int, int]] = {}
    for t, key in enumerate(keys):
        for number in key:
            if number:
                spans[number] = (spans.get(number, (t, t))[0], t)
    return spans


def _merged(
    t: int, frame: Recorded, key: list[int], filled: Bodies, spans: dict[int, tuple[int, int]], owners: list[int],
) -> Bodies:
    """Return the bodies of a frame: infilled ones under their own track ids, then those left alone."""
    inside = [i for i, number in enumerate(filled.track_id.tolist()) if spans[number][0] <= t <= spans[number][1]]
    filled = filled.take(inside)
    ids = [owners[number] for number in filled.track_id.tolist()]
    alone = _alone(frame.bodies.take([row for row, number in enumerate(key) if not number]))
    return concatenated(dataclasses.replace(filled, track_id=np.array(ids, np.int32)), alone)


def _alone(bodies: Bodies) -> Bodies:
    """Return bodies that are not infilled: as they came, OBSERVED where confident, or LOST."""
    state = np.where(bodies.uncertainty <= PAPER_UNCERTAINTY, State.OBSERVED, State.LOST).astype(np.uint8)
    return dataclasses.replace(bodies, state=state, joint_state=np.repeat(state[:, None], 24, axis=1))
