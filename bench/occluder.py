"""What the temporal streams make of a real occlusion: the demo clip with its board and without::

    python bench/occluder.py

The clip is a still photograph of a real person, moved, with a board carried across in front. The reference is what the
same estimator makes of the same pictures without the board: not the truth, but what could be known at best. One pass of
300 pictures, and one of the mirrored pictures, each from a fresh start. Errors count over the joints that the board
covers, with pelvises aligned; raw numbers are compared over the same joints. Joints that a stream gives up (LOST, or
UNKNOWN) carry their last numbers and are counted beside; frames of which the estimator makes no body (NaN) are left
out and counted. Writes ``bench/results/occluder.json``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import cv2
import numpy as np
import record

from poco_ros.camera import Camera
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.temporal.config import TrustConfig
from poco_ros.temporal.stream import TemporalStream
from poco_ros.types import Bodies, Frame, State
from poco_ros.video.demo_clip import FPS, HEIGHT, PERIOD, WIDTH, DemoClip, occluder_box

CAMERA = Camera.assumed(WIDTH, HEIGHT)
STREAMS = ('raw', 'live', 'infilled')
GIVEN_UP = (State.LOST, State.UNKNOWN)


@dataclass
class Joints:
    """One pass: (3 streams, 300 frames, 24 joints), or without the streams; errors in mm."""

    error: np.ndarray
    root_error: np.ndarray
    state: np.ndarray
    covered: np.ndarray
    uncertainty: np.ndarray


def estimates(clip: DemoClip, *, board: bool, mirrored: bool) -> Iterator[Bodies]:
    pipeline = Pipeline.load(PipelineConfig(model='lift'))
    for index in range(PERIOD):
        image = clip.image(index, board=board)
        image = np.ascontiguousarray(image[:, ::-1] if mirrored else image)
        yield pipeline.process(Frame(image, CAMERA, stamp(index))).bodies


def stamp(index: int) -> int:
    return round(index / FPS * 1e9)


def smoothed(raw: list[Bodies]) -> tuple[list[Bodies], list[Bodies]]:
    """The live and the infilled stream, of the default settings."""
    stream = TemporalStream()
    outputs = [stream.push(bodies, stamp(index)) for index, bodies in enumerate(raw)]
    infilled = [frame for output in outputs for frame in output.infilled] + list(stream.flush())
    return [output.live.bodies for output in outputs if output.live], [frame.bodies for frame in infilled]


def covered(reference: Bodies, index: int, mirrored: bool) -> np.ndarray:
    """Which joints of the reference lie behind the board."""
    box = occluder_box(index)
    if box is None:
        return np.zeros(24, bool)
    x, y = CAMERA.project(reference.joints)[0].T
    x = WIDTH - 1 - x if mirrored else x
    return (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])


def run(clip: DemoClip, mirrored: bool) -> Joints:
    reference = list(estimates(clip, board=False, mirrored=mirrored))
    raw = list(estimates(clip, board=True, mirrored=mirrored))
    shape = (len(STREAMS), PERIOD, 24)
    out = Joints(np.full(shape, np.nan), np.full(shape[:2], np.nan), np.zeros(shape, int), np.zeros(shape[1:], bool),
                 np.zeros(shape[1:]))
    for s, bodies in enumerate((raw, *smoothed(raw))):
        for index, (got, wanted) in enumerate(zip(bodies, reference, strict=True)):
            if len(wanted) != 1 or not len(got):
                raise SystemExit(f'picture {index}: {len(wanted)} bodies without the board, {len(got)} {STREAMS[s]}')
            truth = wanted.joints[0]
            away = np.linalg.norm(got.joints[:, 0] - truth[0], axis=1)  # several, where the board makes up people
            nearest = np.where(np.isnan(away), np.inf, away).argmin()
            joints = got.joints[nearest]
            out.error[s, index] = 1e3 * np.linalg.norm(joints - joints[0] - truth + truth[0], axis=1)
            out.root_error[s, index] = 1e3 * np.linalg.norm(joints[0] - truth[0])
            out.state[s, index] = got.joint_state[nearest]
            if s == 0:
                out.covered[index] = covered(wanted, index, mirrored)
                out.uncertainty[index] = got.joint_uncertainty[nearest]
    return out


def summary(passes: list[Joints]) -> dict[str, Any]:
    error, state, root = (np.concatenate([getattr(p, name) for p in passes], axis=1)
                          for name in ('error', 'state', 'root_error'))
    behind, doubt = (np.concatenate([getattr(p, name) for p in passes]) for name in ('covered', 'uncertainty'))
    behind &= (doubt <= 1) & np.isfinite(error).all(axis=0)
    there = np.isfinite(root).all(axis=0)
    frames = behind.any(axis=1)
    wholes = {'covered': behind, 'covered and not trusted': behind & (doubt > TrustConfig().u_hi),
              'covered and not fully trusted': behind & (doubt > TrustConfig().u_lo)}
    rows: dict[str, Any] = {}
    for name, where in wholes.items():
        rows[name] = {'joints': int(where.sum())}
        for s, stream in enumerate(STREAMS):
            kept = where & ~np.isin(state[s], GIVEN_UP) if s else where
            rows[name][stream] = {
                'error_mm': mean(error[s, where]), 'given_up': round(1 - kept.sum() / where.sum(), 3),
                'error_of_kept_mm': mean(error[s, kept]), 'raw_error_of_kept_mm': mean(error[0, kept])}
    return {'frames': len(frames), 'covered_frames': int(frames.sum()),
            'frames_without_a_raw_body': int(np.isnan(root[0]).sum()), 'joints': rows,
            'root_error_mm': {stream: mean(root[s, frames & there]) for s, stream in enumerate(STREAMS)},
            'root_error_elsewhere_mm': {stream: mean(root[s, ~frames & there]) for s, stream in enumerate(STREAMS)}}


def mean(values: np.ndarray) -> float | None:
    return round(float(values.mean()), 1) if values.size else None


def main() -> None:
    cv2.setNumThreads(1)
    clip = DemoClip()
    passes = {'as it is': run(clip, False), 'mirrored': run(clip, True)}
    result = {
        'reference': 'the same estimator (lift) on the same pictures without the board; not the truth',
        'together': summary(list(passes.values())), **{name: summary([p]) for name, p in passes.items()}}
    print(record.save('occluder', result))


if __name__ == '__main__':
    main()
