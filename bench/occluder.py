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
from typing import Any

import cv2
import numpy as np
import record

from poco_ros.camera import Camera
from poco_ros.evaluation.occlusion.streams import GIVEN_UP, STREAMS, StreamErrors, smoothed, stream_errors
from poco_ros.evaluation.occlusion.watching import Look, Watched, watch
from poco_ros.pipeline import Pipeline, PipelineConfig
from poco_ros.temporal.config import TrustConfig
from poco_ros.types import Bodies, Frame
from poco_ros.video.demo_clip import FPS, HEIGHT, PERIOD, WIDTH, DemoClip, occluder_box

CAMERA = Camera.assumed(WIDTH, HEIGHT)


def estimates(clip: DemoClip, *, mirrored: bool) -> Watched:
    """One pass with the board and one without."""

    def looks() -> Iterator[Look]:
        for index in range(PERIOD):
            images = (clip.image(index, board=board) for board in (False, True))
            images = (image[:, ::-1] if mirrored else image for image in images)
            yield Look(*(Frame(np.ascontiguousarray(image), CAMERA, stamp(index)) for image in images))

    return watch(looks(), {'lift': lambda: Pipeline.load(PipelineConfig(model='lift'))})['lift']


def stamp(index: int) -> int:
    return round(index / FPS * 1e9)


def covered(reference: Bodies, index: int, mirrored: bool) -> np.ndarray:
    """Which joints of the reference lie behind the board."""
    box = occluder_box(index)
    if box is None:
        return np.zeros(24, bool)
    x, y = CAMERA.project(reference.joints)[0].T
    x = WIDTH - 1 - x if mirrored else x
    return (x >= box[0]) & (x < box[2]) & (y >= box[1]) & (y < box[3])


def run(clip: DemoClip, mirrored: bool) -> tuple[StreamErrors, np.ndarray]:
    """The errors of a pass, and which joints the board covers."""
    watched = estimates(clip, mirrored=mirrored)
    if any(len(bodies) != 1 for bodies in watched.clear):
        raise SystemExit('without the board there is not one body in every picture')
    streams = (watched.blocked, *smoothed(watched.blocked, [stamp(index) for index in range(PERIOD)]))
    errors = stream_errors(streams, np.concatenate([bodies.joints for bodies in watched.clear]), CAMERA)
    return errors, np.array([covered(bodies, index, mirrored) for index, bodies in enumerate(watched.clear)])


def summary(passes: list[tuple[StreamErrors, np.ndarray]]) -> dict[str, Any]:
    error, state, camera = (np.concatenate([getattr(errors, name) for errors, _ in passes], axis=1)
                            for name in ('aligned_mm', 'state', 'camera_mm'))
    doubt = np.concatenate([errors.uncertainty for errors, _ in passes])
    root = camera[:, :, 0]
    behind = np.concatenate([mask for _, mask in passes]) & (doubt <= 1) & np.isfinite(error).all(axis=0)
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
