"""What the temporal stage costs: time on one core for 1, 5 and 50 people, and memory over an hour of stream::

    python bench/temporal_cost.py

People walk and swing their arms. ``seen``: frames in which everybody is trusted; ``occluded``: frames in which nobody
is, 10 of every 60. Time is that of the thread, from a frame handed in to both streams handed out, the messages of ROS
not included. The hour is 108000 frames at 30 Hz, run as fast as it goes: three people, each of whom leaves for a minute
now and then and sometimes comes back as somebody new. Writes ``bench/results/temporal_cost.json``.
"""

from __future__ import annotations

import dataclasses
import os
import time
from typing import Any

os.environ.update(dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'), '1'))

import numpy as np
import psutil
import record

from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.evaluation.infill.plugin import measured
from poco_ros.temporal.config import TemporalConfig
from poco_ros.temporal.stream import TemporalStream
from poco_ros.types import Bodies

FPS, PERIOD_NS = 30, 33_333_333
CYCLE, OCCLUDED = 60, range(40, 50)
REPEATS, HOUR = 20, 3600 * FPS


def walking(k: int, people: int) -> Bodies:
    """Trusted people in one frame, each at a place of their own, with a little sensor noise."""
    rng = np.random.default_rng([k, people])
    phase = 2 * np.pi * k / CYCLE + np.arange(people)
    pose = 0.02 * rng.normal(size=(people, 24, 3))
    pose[:, [1, 2, 16, 17], 0] += 0.5 * np.sin(phase)[:, None] * [1, -1, -1, 1]
    pelvis = np.stack([0.3 * np.sin(phase), 0 * phase, 4.0 + np.arange(people)], 1)
    pelvis += 0.005 * rng.normal(size=pelvis.shape)
    return measured(
        np.asarray(axis_angle_to_matrix(pose)), pelvis, np.full(people, 0.2), np.arange(1, people + 1, dtype=np.int32))


def doubted(bodies: Bodies) -> Bodies:
    return dataclasses.replace(bodies, uncertainty=np.full_like(bodies.uncertainty, 0.95),
                               joint_uncertainty=np.full_like(bodies.joint_uncertainty, 0.95))


def cycle(people: int) -> list[Bodies]:
    frames = [walking(k, people) for k in range(CYCLE)]
    return [doubted(bodies) if k in OCCLUDED else bodies for k, bodies in enumerate(frames)]


def cost(people: int, lag: int) -> dict[str, Any]:
    """Milliseconds a frame and a body."""
    frames, stream = cycle(people), TemporalStream(TemporalConfig(lag_frames=lag))
    took = np.empty((REPEATS, CYCLE))
    for repeat in range(REPEATS):
        for k, bodies in enumerate(frames):
            stamp, begin = (repeat * CYCLE + k) * PERIOD_NS, time.thread_time_ns()
            stream.push(bodies, stamp)
            took[repeat, k] = (time.thread_time_ns() - begin) / 1e6
    # nothing is buffered or unseen any more that frames before this one left behind
    kinds = {'seen': range(max(OCCLUDED) + 1 - CYCLE + lag + 1, OCCLUDED.start), 'occluded': OCCLUDED}
    result: dict[str, Any] = {}
    for kind, where in kinds.items():
        times = took[2:, [k for k in where if k >= 0]]
        result[kind] = {'frame_ms': record.spread(times), 'fastest_frame_ms': round(float(times.min()), 4),
                        'body_ms': round(float(np.median(times)) / people, 4)}
    whole = took[2:].mean()
    result['mean_frame_ms'] = round(float(whole), 4)
    result['share_of_a_core_at_30_hz'] = round(float(whole) * FPS / 1e3, 4)
    return result


def hour() -> dict[str, Any]:
    """Resident memory while an hour of stream goes by."""
    frames, stream, process = cycle(3), TemporalStream(), psutil.Process()
    minute, rows, tracks = 60 * FPS, [], 0
    begin = time.perf_counter()
    for k in range(HOUR):
        now = k // minute
        # each of the three is away in every fourth minute, and every second time comes back under a new id
        here = [person for person in range(3) if (now + person) % 4]
        ids = np.array([1 + person + 3 * ((now + person) // 8) for person in here], np.int32)
        stream.push(dataclasses.replace(frames[k % CYCLE].take(here), track_id=ids), k * PERIOD_NS)
        tracks = max(tracks, stream.num_tracks)
        if k % (5 * minute) == minute:
            rows.append({'minute': now, 'memory_mb': round(process.memory_info().rss / 2 ** 20, 2)})
    rows.append({'minute': HOUR // minute, 'memory_mb': round(process.memory_info().rss / 2 ** 20, 2)})
    memory = [row['memory_mb'] for row in rows]
    return {'frames': HOUR, 'seconds': round(time.perf_counter() - begin, 1), 'tracks_at_once': tracks,
            'tracks_in_all': stream.counters.new_tracks, 'memory': rows,
            'grown_after_first_minute_mb': round(memory[-1] - memory[0], 2)}


def main() -> None:
    cases = {f'{people} people, lag {lag}': cost(people, lag) for lag in (5, 0, 30) for people in (1, 5, 50)}
    result = {'load_average': os.getloadavg(), 'cases': cases, 'hour': hour()}
    for name, case in cases.items():
        print(name, *(f'{kind} {case[kind]["body_ms"]:.3f} ms a body' for kind in ('seen', 'occluded')))
    print(result['hour'])
    print(record.save('temporal_cost', result))


if __name__ == '__main__':
    main()
