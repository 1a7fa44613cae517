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
    :param last_raw_mm: (2, T, 24) both distances of the last raw body so far, for who keeps that where there is none.
    """

    aligned_mm: Array
    camera_mm: Array
    state: npt.NDArray[np.int64]
    uncertainty: Array
    last_raw_mm: Array

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
    found = [find_again(frames, true, camera) for frames in streams]
    joints = [rows(frames, 'joints', own).astype(np.float64) for frames, own in zip(streams, found, strict=True)]
    states = [np.nan_to_num(rows(frames, 'joint_state', own), nan=State.UNKNOWN).astype(np.int64)
              for frames, own in zip(streams, found, strict=True)]
    last = np.maximum.accumulate(np.where(found[0] >= 0, np.arange(len(true)), 0))
    aligned, absolute = np.array([_distances_mm(points, true) for points in joints]).swapaxes(0, 1)
    return StreamErrors(
        aligned, absolute, np.stack(states), rows(streams[0], 'joint_uncertainty', found[0]).astype(np.float64),
        _distances_mm(joints[0][last], true))


def _distances_mm(joints: Array, true: Array) -> Array:
    """(2, T, 24) mm: with pelvises aligned, and in the camera's frame; in the order of :data:`ERRORS`."""
    off = joints - true
    return 1e3 * np.linalg.norm(np.stack([off - off[:, :1], off]), axis=-1)


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
    :returns: 'frames'; 'without_a_body' of each stream; and of the frames with an infilled but no raw body, under
        'filled', how many 'frames' they are and the mean 'aligned_mm' and 'camera_mm' of all joints, 'infilled' and of
        the 'last raw body' before.
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
        pairs = list(zip(sequences, filled, strict=True))
        infilled = [np.stack([s.aligned_mm[2, frames], s.camera_mm[2, frames]]) for s, frames in pairs]
        for name, parts in (('infilled', infilled), ('last raw body', [s.last_raw_mm[:, f] for s, f in pairs])):
            means = np.nanmean(np.concatenate(parts, axis=1), axis=(1, 2))
            result['filled'][name] = {error: round(float(v), 1) for error, v in zip(ERRORS, means, strict=True)}
    return result


def _spread(values: Array) -> dict[str, float | None]:
    deviation = round(float(values.std(ddof=1)), 1) if len(values) > 1 else None
    return {'mean': round(float(values.mean()), 1), 'deviation': deviation}
