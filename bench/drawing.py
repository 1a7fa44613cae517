"""What it costs to draw bodies and to make their messages: CPU time of one thread, in milliseconds.

    OMP_NUM_THREADS=1 python bench/drawing.py

CPU time and not wall time, so that other work on the machine shows less. Writes ``bench/results/drawing.json``.
"""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable
from typing import Any

import cv2
import numpy as np
import record
from rclpy.serialization import serialize_message
from std_msgs.msg import Header

from poco_ros.allocator import keep_large_blocks
from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.camera import Camera
from poco_ros.drawing.colors import trust_colors
from poco_ros.drawing.overlay import STYLES, OverlayPainter
from poco_ros.drawing.trust import joint_trust, vertex_trust
from poco_ros.nodes.markers import BodyMarkers, vertex_cloud
from poco_ros.types import Bodies

SIZES = ((768, 432), (1280, 720), (1920, 1080))
REPEATS = 25


def standing(body: BodyModel, camera: Camera, count: int) -> Bodies:
    """``count`` whole people side by side, 4.2 m away, with arms down."""
    pose = np.zeros((count, 24, 3), np.float32)
    pose[:, 0, 0] = np.pi
    pose[:, 16, 2], pose[:, 17, 2] = -1.0, 1.0
    transl = np.stack([1.1 * (np.arange(count) - (count - 1) / 2), np.full(count, 0.2), np.full(count, 4.2)], axis=1)
    joints = body.joints(pose, transl=transl)
    pixels = camera.project(joints)
    uncertainty = np.tile(np.linspace(0, 1, 24, dtype=np.float32), (count, 1))
    return dataclasses.replace(
        Bodies.unknown(count), pose=pose, betas=np.zeros((count, 10), np.float32), transl=transl.astype(np.float32),
        joints=joints, box_px=np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1).astype(np.float32),
        track_id=np.arange(1, count + 1, dtype=np.int32), joint_uncertainty=uncertainty, uncertainty=uncertainty[:, 8])


def cost(work: Callable[[], Any]) -> dict[str, float]:
    """Spread of the CPU time of ``work`` in milliseconds."""
    work()
    times = []
    for _ in range(REPEATS):
        start = time.thread_time()
        work()
        times.append(1e3 * (time.thread_time() - start))
    return record.spread(times)


def main() -> None:
    cv2.setNumThreads(1)
    keep_large_blocks()
    body, header = load_body_model(), Header()
    painter, result = OverlayPainter(body), {}
    for width, height in SIZES:
        camera, image = Camera.assumed(width, height), np.full((height, width, 3), 90, np.uint8)
        for count in (1, 3):
            people = standing(body, camera, count)
            for style in STYLES:
                result[f'overlay {style}, {count} people, {width}x{height}'] = cost(
                    lambda i=image, p=people, c=camera, s=style: painter.paint(i, p, c, s))
    people = standing(body, Camera.assumed(*SIZES[0]), 1)
    vertices = body.vertices(people.pose, people.betas, people.transl)
    colors = trust_colors(vertex_trust(body.weights, joint_trust(people)))
    maker = BodyMarkers(1.0)
    messages = {
        'skeleton markers': lambda: maker.skeletons(people, header),
        'mesh marker': lambda: maker.meshes(vertices, colors, body.faces, people, header),
        'point cloud': lambda: vertex_cloud(vertices, colors, header),
    }
    for name, make in messages.items():
        message = make()
        result[f'{name}, 1 person: build'] = cost(make)
        result[f'{name}, 1 person: serialise'] = cost(lambda m=message: serialize_message(m))
        result[f'{name}, 1 person: bytes'] = {'n': 1, 'p50': len(serialize_message(message))}
    for name, numbers in result.items():
        print(f'{name:48} {numbers["p50"]:10.2f}')
    print(record.save('drawing', {'unit': 'ms of CPU time, one thread; bytes where named so', 'cost': result}))


if __name__ == '__main__':
    main()
