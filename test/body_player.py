"""A source of bodies as a program of its own: walking people at 30 Hz until it is killed.

    python test/body_player.py FIRST_ID

Its epoch is the process id; ``skipped_frames`` counts the frames from 0. It begins when somebody listens.
"""

import os
import sys
import time

import rclpy
from temporal_streams import walking

from poco_ros.camera import Camera
from poco_ros.conversions import ArrayContext, bodies_to_message
from poco_ros.msg import SmplBodyArray
from poco_ros.nodes import qos

CAMERA = Camera(640, 480, 500.0, 510.0, 320.0, 240.0)


def main() -> None:
    rclpy.init()
    node = rclpy.create_node('body_player')
    publisher = node.create_publisher(SmplBodyArray, 'poco/bodies', qos.EVERY_FRAME)
    while not publisher.get_subscription_count():
        time.sleep(0.005)
    begin = time.monotonic()
    number = 0
    while True:
        publisher.publish(bodies_to_message(walking(number / 30, 2, int(sys.argv[1])), ArrayContext(
            CAMERA, time.time_ns(), 'optical', os.getpid(), 'player', skipped_frames=number)))
        number += 1
        time.sleep(max(0.0, begin + number / 30 - time.monotonic()))


if __name__ == '__main__':
    main()
