"""The running graph as a robot meets it: video_node and poco_node in processes of their own, a subscriber in a third.

One person and five people at 768x432. The person is the real one of ``one-by-one-person.mp4``, frames 100 to 178,
played forth and back; the five are that person's column five times side by side in one picture (a composite)::

    python bench/nodes.py --videos ../shared/data/video

Writes ``bench/results/nodes.json``: bodies a second, latency from the image's stamp to the message's arrival, each
stage's time, CPU and memory of each process.
"""

from __future__ import annotations

import argparse
import json
import os
import tempfile
import time
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import psutil
import record
from diagnostic_msgs.msg import DiagnosticArray
from rclpy.executors import SingleThreadedExecutor
from rclpy.node import Node

from poco_ros.cli.isolation import isolated
from poco_ros.cli.lifecycle import Bringup, DiagnosticsWatch, ros_node
from poco_ros.cli.processes import Children
from poco_ros.cli.up import start_nodes
from poco_ros.conversions import stamp_to_ns
from poco_ros.environment import ros_environment
from poco_ros.graph import GraphOptions, describe
from poco_ros.msg import SmplBodyArray

FIRST, LAST = 100, 178
COLUMN = slice(330, 560)  # where that person stands
WARM_UP_S, MEASURE_S = 6.0, 30.0
#: Offered load: more than the node can take of one person, so that its own rate shows; a real camera's for the rest.
CASES = {'one person, as fast as it goes': (1, 60.0), 'one person, 30 Hz camera': (1, 30.0),
         'five people, 30 Hz camera': (5, 30.0)}


def clip(video: Path, people: int, folder: Path) -> Path:
    """Write the pictures forth and back as PNG files, so that the loop has no jump and the decoder costs no quality."""
    capture = cv2.VideoCapture(str(video))
    pictures = []
    for index in range(LAST + 1):
        ok, image = capture.read()
        if not ok:
            raise SystemExit(f'{video}: frame {index} cannot be read')
        if index >= FIRST:
            pictures.append(image if people == 1 else composite(image, people))
    for index, image in enumerate(pictures + pictures[-2:0:-1]):
        cv2.imwrite(str(folder / f'{index:04d}.png'), image, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    return folder


def composite(image: np.ndarray, people: int) -> np.ndarray:
    """The person's column several times side by side, squeezed nowhere: narrower columns around the same middle."""
    height, width = image.shape[:2]
    share = width // people
    middle = (COLUMN.start + COLUMN.stop) // 2
    column = image[:, middle - share // 2 : middle - share // 2 + share]
    out = np.tile(column, (1, people + 1, 1))[:, :width]
    assert out.shape == (height, width, 3)
    return np.ascontiguousarray(out)


class Listener:
    """Counts bodies and latencies while ``on`` is set."""

    def __init__(self, node: Node) -> None:
        self.on = False
        self.latency_ms: list[float] = []
        self.delay_ms: list[float] = []
        self.bodies: list[int] = []
        self.skipped = 0
        self.stages: dict[str, list[float]] = {}
        node.create_subscription(SmplBodyArray, '/poco/bodies', self._take, 10)
        node.create_subscription(DiagnosticArray, '/diagnostics', self._diagnose, 10)

    def _take(self, message: SmplBodyArray) -> None:
        if self.on:
            self.latency_ms.append((time.time_ns() - stamp_to_ns(message.header.stamp)) / 1e6)
            self.delay_ms.append(message.publish_delay * 1e3)
            self.bodies.append(len(message.bodies))
            self.skipped += message.skipped_frames

    def _diagnose(self, message: DiagnosticArray) -> None:
        for status in message.status if self.on else ():
            for pair in status.values if 'poco_node' in status.name else ():
                if pair.key.endswith('_ms') and not pair.key.startswith('latency') and pair.value:
                    self.stages.setdefault(pair.key, []).append(float(pair.value))


def measure(video: Path, people: int, rate: float) -> dict[str, Any]:
    with tempfile.TemporaryDirectory() as temporary, Children(os.environ) as children:
        folder = clip(video, people, Path(temporary))
        parameters = Path(temporary) / 'bench.yaml'
        parameters.write_text(f'/**:\n  ros__parameters:\n    rate: {rate}\n')
        specs = describe(GraphOptions(video=str(folder), view=False, params_file=str(parameters), log_level='warn'))
        with ros_node('poco_bench') as node:
            listener = Listener(node)
            started = start_nodes(specs, children, print)
            bringup = Bringup(node, DiagnosticsWatch(node), print)
            for spec in specs:
                if spec.lifecycle:
                    bringup.to_active(spec, started[spec.full_name].is_running)
            executor = SingleThreadedExecutor()
            executor.add_node(node)
            spin(executor, WARM_UP_S)
            processes = {name.strip('/'): psutil.Process(child.process.pid) for name, child in started.items()}
            before = {name: sum(p.cpu_times()[:2]) for name, p in processes.items()}
            listener.on, start = True, time.monotonic()
            spin(executor, MEASURE_S)
            listener.on, seconds = False, time.monotonic() - start
            usage = {
                name: {'cpu_cores': round((sum(p.cpu_times()[:2]) - before[name]) / seconds, 3),
                       'memory_mb': round(p.memory_info().rss / 1e6, 1)} for name, p in processes.items()}
            executor.remove_node(node)
    return {
        'camera_hz': rate, 'seconds': round(seconds, 2), 'messages_per_s': round(len(listener.bodies) / seconds, 2),
        'bodies_per_s': round(sum(listener.bodies) / seconds, 2), 'bodies_per_message': record.spread(listener.bodies),
        'skipped_images': listener.skipped, 'stamp_to_arrival_ms': record.spread(listener.latency_ms),
        'stamp_to_publishing_ms': record.spread(listener.delay_ms),
        'stages_ms': {name: round(float(np.median(v)), 3) for name, v in listener.stages.items()}, 'processes': usage,
    }


def spin(executor: SingleThreadedExecutor, seconds: float) -> None:
    until = time.monotonic() + seconds
    while (left := until - time.monotonic()) > 0:
        executor.spin_once(timeout_sec=left)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--videos', type=Path, required=True)
    video = parser.parse_args().videos / 'one-by-one-person.mp4'
    os.environ.update(isolated(ros_environment()))
    result = {'size': '768x432', 'cases': {name: measure(video, *case) for name, case in CASES.items()}}
    print(json.dumps(result, indent=1))
    print(record.save('nodes', result))


if __name__ == '__main__':
    main()
