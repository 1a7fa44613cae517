"""What it costs to get images in and bodies out: DDS between two processes, and the messages by themselves::

    python bench/transport.py

Images: bgr8, 30 Hz, best effort (sensor data), with and without the shipped Fast DDS profile; subscriptions as the node
makes them (raw bytes, header read by hand) and as rclpy makes them by default. Writes ``bench/results/transport.json``.
"""

from __future__ import annotations

import argparse
import array
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from typing import Any

import numpy as np
import rclpy
import record
from rclpy.qos import qos_profile_sensor_data
from rclpy.serialization import deserialize_message, serialize_message
from sensor_msgs.msg import Image

from poco_ros import conversions
from poco_ros.allocator import keep_large_blocks
from poco_ros.camera import Camera
from poco_ros.cli.isolation import isolated
from poco_ros.cli.lifecycle import ros_node
from poco_ros.environment import PROFILE_VARIABLES, ros_environment
from poco_ros.msg import SmplBodyArray
from poco_ros.raw_image import read_raw_image
from poco_ros.types import Bodies

SIZES = {'640x480': (640, 480), '1280x720': (1280, 720), '1920x1080': (1920, 1080)}
IMAGES, RATE, TOPIC = 90, 30.0, '/bench/image'


def send(width: int, height: int) -> None:
    with ros_node('bench_sender') as node:
        publisher = node.create_publisher(Image, TOPIC, qos_profile_sensor_data)
        message = Image(height=height, width=width, encoding='bgr8', step=width * 3)
        message.data = array.array('B', np.random.default_rng(0).bytes(width * height * 3))
        while not publisher.get_subscription_count():
            time.sleep(0.02)
        time.sleep(0.5)
        for _ in range(IMAGES):
            message.header.stamp = conversions.stamp_from_ns(time.time_ns())
            publisher.publish(message)
            time.sleep(1 / RATE)
        time.sleep(0.5)


def receive(raw: bool) -> dict[str, Any]:
    """Runs in a process of its own: receives until nothing comes, and prints what it got as JSON."""
    if raw:
        keep_large_blocks()
    latency: list[float] = []

    def on_raw(data: bytes) -> None:
        image = read_raw_image(data)
        latency.append((time.time_ns() - image.stamp_ns) / 1e6)

    def on_typed(message: Image) -> None:
        np.frombuffer(message.data, np.uint8)
        latency.append((time.time_ns() - conversions.stamp_to_ns(message.header.stamp)) / 1e6)

    with ros_node('bench_receiver') as node:
        node.create_subscription(Image, TOPIC, on_raw if raw else on_typed, qos_profile_sensor_data, raw=raw)
        cpu, last = time.process_time(), time.monotonic() + 20.0
        while time.monotonic() < last and len(latency) < IMAGES:
            before = len(latency)
            rclpy.spin_once(node, timeout_sec=0.1)
            if not before and latency:
                cpu, last = time.process_time(), time.monotonic() + IMAGES / RATE + 2.0
        cpu = time.process_time() - cpu
    return {'sent': IMAGES, 'received': len(latency), 'latency_ms': record.spread(latency),
            'subscriber_cpu_ms_per_image': round(cpu / len(latency) * 1e3, 3) if latency else None}


def images(width: int, height: int, profile: bool, raw: bool) -> dict[str, Any]:
    environment = isolated(ros_environment())
    if not profile:
        environment = {k: v for k, v in environment.items() if k not in PROFILE_VARIABLES}
    command = [sys.executable, __file__]
    sender = subprocess.Popen([*command, '--send', str(width), str(height)], env=environment)
    try:
        done = subprocess.run([*command, '--receive', 'raw' if raw else 'typed'], env=environment,
                              capture_output=True, text=True, timeout=60, check=True)
    finally:
        sender.kill()
        sender.wait()
    return json.loads(done.stdout.splitlines()[-1])


def median_ms(function: Callable[[], Any]) -> float:
    times = []
    for _ in range(400):
        start = time.perf_counter()
        function()
        times.append((time.perf_counter() - start) * 1e3)
    return round(float(np.median(times)), 4)


def messages(people: int) -> dict[str, Any]:
    bodies = Bodies.unknown(people)
    context = conversions.ArrayContext(Camera.assumed(768, 432), 1, 'camera', 1, 'model')
    message = conversions.bodies_to_message(bodies, context)
    data = serialize_message(message)
    return {
        'people': people, 'bytes': len(data),
        'build_ms': median_ms(lambda: conversions.bodies_to_message(bodies, context)),
        'serialise_ms': median_ms(lambda: serialize_message(message)),
        'deserialise_ms': median_ms(lambda: deserialize_message(data, SmplBodyArray)),
        'to_arrays_ms': median_ms(lambda: conversions.bodies_from_message(message)),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--send', nargs=2, type=int, help=argparse.SUPPRESS)
    parser.add_argument('--receive', choices=('raw', 'typed'), help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.send:
        send(*options.send)
    elif options.receive:
        print(json.dumps(receive(options.receive == 'raw')))
    else:
        os.environ.update(ros_environment())
        cases = {'with the profile, raw and mallopt (as poco_node)': (True, True),
                 'with the profile, typed': (True, False), 'default transports, typed': (False, False)}
        result = {
            'images': {case: {size: images(*wh, *how) for size, wh in SIZES.items()} for case, how in cases.items()},
            'messages': [messages(people) for people in (1, 4)],
        }
        print(json.dumps(result, indent=1))
        print(record.save('transport', result))


if __name__ == '__main__':
    main()
