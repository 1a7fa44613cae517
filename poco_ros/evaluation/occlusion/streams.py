"""Errors of the raw, the live and the infilled stream of one person, and what they come to over several sequences."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.camera import Camera
from poco_ros.evaluation.occlusion.watching import find_again, rows
from poco_ros.temporal.config import TemporalConfig
from poco_ros.temporal.stream import TemporalStream
from poco_ros.types import Bodies, State

STREAMS = ('raw', 'live', 'infilled')
GIVEN_UP = (State.LOST, State.UNKNOWN)
"""States of joints that a stream no longer vouches for; they carry their last numbers."""
ERRORS = ('aligned_mm', 'camera_mm')

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class StreamErrors:
    """The three streams of :data:`STREAMS` on one person in T frames, NaN (state: UNKNOWN) where there is no body.

    :param aligned_mm: (3, T, 24) distance of the joints with pelvises aligned.
    :param camera_mm: (3, T, 24) distance of the joints in the camera's frame.
    :param state: (3, T, 24) of :class:`poco_ros.types.State`.
    :param uncertainty: (T, 24) of the raw stream.
    """

    aligned_mm: Array
    camera_mm: Array
    state: npt.NDArray[np.int64]
    uncertainty: Array

    @property
    def not_trusted(self) -> Mask:
        """(T, 24) joints of a raw body that the temporal stage replaced, as the live stream says."""
        return np.isfinite(self.aligned_mm[0]) & (self.state[1] != State.OBSERVED)


def smoothed(
    raw: Sequence[Bodies], stamps_ns: Sequence[int], config: TemporalConfig | None = None,
) -> tuple[list[Bodies], list[Bodies]]:
    """Return the live and the infilled stream of a recorded one.

    :param raw: bodies of each frame.
    :param stamps_ns: of each frame, increasing.
    :param config: settings; None: the defaults.
    """
    stream = TemporalStream(config)
    outputs = [stream.push(bodies, stamp) for bodies, stamp in zip(raw, stamps_ns, strict=True)]
    infilled = [frame for output in outputs for frame in output.infilled] + list(stream.flush())
    return [output.live.bodies for output in outputs if output.live], [frame.bodies for frame in infilled]


def stream_errors(streams: Sequence[Sequence[Bodies]], truth: npt.ArrayLike, camera: Camera) -> StreamErrors:
    """Measure the three streams on one person.

    :param streams: of :data:`STREAMS`, T frames of bodies each.
    :param truth: (T, 24, 3) the person's joints, metres, optical frame.
    :param camera: of the frames.
    """
    true = np.asarray(truth, np.float64)
    aligned, absolute, states = [], [], []
    for frames in streams:
        found = find_again(frames, true, camera)
        joints = rows(frames, 'joints', found).astype(np.float64)
        off = joints - true
        absolute.append(1e3 * np.linalg.norm(off, axis=-1))
        aligned.append(1e3 * np.linalg.norm(off - off[:, :1], axis=-1))
        states.append(np.nan_to_num(rows(frames, 'joint_state', found), nan=State.UNKNOWN).astype(int))
        if len(states) == 1:
            uncertainty = rows(frames, 'joint_uncertainty', found).astype(np.float64)
    return StreamErrors(np.stack(aligned), np.stack(absolute), np.stack(states), uncertainty)


def compare(sequences: Sequence[StreamErrors], where: Sequence[Mask]) -> dict[str, Any]:
    """Return the errors of the streams over several sequences, each of which counts once.

    :param sequences: S of them.
    :param where: of each, (T, 24) which joints of which frames count. Of these only where every stream has a body.
    :returns: 'sequences' that have such joints, and 'joints', how many; for each of :data:`ERRORS` the 'mean' and the
        standard 'deviation' (n - 1) over the sequences of each stream's mean error, and under 'infilled - raw' those of
        the difference and in how many sequences the infilled stream is 'better'; 'given_up', the share of the joints
        that the live and the infilled stream give up.
    """
    kept = [mask & np.isfinite(s.aligned_mm).all(axis=0) for s, mask in zip(sequences, where, strict=True)]
    pairs = [(s, mask) for s, mask in zip(sequences, kept, strict=True) if mask.any()]
    result: dict[str, Any] = {'sequences': len(pairs), 'joints': int(sum(mask.sum() for _, mask in pairs))}
    if not pairs:
        return result
    for name in ERRORS:
        means = np.array([getattr(s, name)[:, mask].mean(axis=1) for s, mask in pairs])
        result[name] = {stream: _spread(means[:, k]) for k, stream in enumerate(STREAMS)}
        gain = means[:, 2] - means[:, 0]
        result[name]['infilled - raw'] = {**_spread(gain), 'better': int((gain < 0).sum())}
    states = np.concatenate([s.state[:, mask] for s, mask in pairs], axis=1)
    result['given_up'] = {stream: round(float(np.isin(states[k], GIVEN_UP).mean()), 3)
                          for k, stream in enumerate(STREAMS) if k}
    return result


def missing(sequences: Sequence[StreamErrors], where: Sequence[Mask]) -> dict[str, Any]:
    """Return how often the streams have no body, and what the others say in frames without a raw one.

    :param sequences: S of them.
    :param where: of each, (T,) which frames count.
    :returns: 'frames'; 'without_a_body' of each stream; and of the frames in which only the raw body is missing, under
        'filled', the mean 'aligned_mm' and 'camera_mm' of the infilled stream and how many 'frames' they are.
    """
    there = [np.isfinite(s.aligned_mm[:, :, 0]) & frames for s, frames in zip(sequences, where, strict=True)]
    filled = [bodies[2] & ~bodies[0] for bodies in there]
    count = int(sum(frames.sum() for frames in where))
    found = np.sum([bodies.sum(axis=1) for bodies in there], axis=0)
    result: dict[str, Any] = {
        'frames': count, 'without_a_body': {s: count - int(n) for s, n in zip(STREAMS, found, strict=True)},
        'filled': {'frames': int(sum(frames.sum() for frames in filled))},
    }  # fmt: skip
    if result['filled']['frames']:
        for name in ERRORS:
            values = np.concatenate([getattr(s, name)[2, frames] for s, frames in zip(sequences, filled, strict=True)])
            result['filled'][name] = round(float(values.mean()), 1)
    return result


def _spread(values: Array) -> dict[str, float | None]:
    deviation = round(float(values.std(ddof=1)), 1) if len(values) > 1 else None
    return {'mean': round(float(values.mean()), 1), 'deviation': deviation}
