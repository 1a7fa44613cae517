"""Plays a video, pictures, a webcam or the demo clip into ``image_raw`` and ``camera_info``, like a camera driver."""

from __future__ import annotations

import copy
import math
import sys
import threading
import time
from array import array
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from rclpy.duration import Duration
from rclpy.node import Node
from rclpy.publisher import Publisher
from rclpy.task import Future
from rclpy.time import Time
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from poco_ros.errors import CameraError, ConfigError
from poco_ros.nodes import qos
from poco_ros.nodes.parameters import declare_dataclass
from poco_ros.nodes.run import run_node
from poco_ros.settings import described
from poco_ros.video.calibration_file import Calibration, read_calibration
from poco_ros.video.pacing import Schedule
from poco_ros.video.reader import FrameReader, TimedImage
from poco_ros.video.source import VideoSource
from poco_ros.video.sources import open_source

#: How long the last images have to reach reliable subscribers before the node ends, in seconds.
_LAST_IMAGES_TIMEOUT = 1.0
#: How often the player looks whether it is to stop, or whether somebody subscribed, in seconds.
_LOOK_AGAIN = 0.02
#: How long after the first subscriber of the images one of camera_info is waited for, in seconds.
_INFO_GRACE = 0.5
#: How long after it is seen a subscriber may need to see the publisher in turn, in seconds.
_SETTLING = 0.3
#: How often simulated time is looked at, in seconds of wall time.
_SIMULATED_STEP = 0.002


@dataclass(frozen=True)
class VideoConfig:
    """Parameters of the node; the fields' metadata describe them.

    :raises ConfigError: when ``frame_id`` is empty.
    """

    source: str = described('demo', 'Video file, picture, folder of pictures, webcam number or device, or "demo".')
    rate: float = described(0.0, 'Images a second, Hz; 0 takes the rate of the source. For a webcam an upper limit.',
                         min=0.0, max=1000.0)
    loop: bool = described(False, 'Begin again at the end; otherwise the node ends with the source.')
    frame_id: str = described('camera_optical_frame', 'Frame of the images: x right, y down, z forward.')
    encoding: str = described('bgr8', 'Encoding of image_raw.', choices=('bgr8', 'rgb8'))
    compressed: bool = described(False, 'Also publish JPEG images on image_raw/compressed, while somebody subscribes.')
    jpeg_quality: int = described(90, 'Quality of the JPEG images.', min=1, max=100)
    max_frames: int = described(0, 'End after this many images; 0 for no limit.', min=0)
    wait_for_subscriber: bool = described(False, 'Begin when somebody subscribes to the images.')
    camera_info: str = described('', 'Calibration file of camera_calibration (YAML); empty: uncalibrated.')

    def __post_init__(self) -> None:
        if not self.frame_id:
            raise ConfigError("parameter 'frame_id' is empty; name the optical frame of the camera")


class VideoNode(Node):
    """Publishes the pictures of a source at an even pace.

    ``finished`` is done when the source has ended, or failed: then its exception is the reason.
    """

    def __init__(self, **options: Any) -> None:
        """Open the source and begin to play.

        :param options: handed to :class:`rclpy.node.Node`.
        :raises PocoError: when a parameter, the source or the calibration file is unusable.
        """
        super().__init__('video_node', **options)
        self.finished: Future = Future()
        self._stop = threading.Event()
        self._reader: FrameReader | None = None
        self._player: threading.Thread | None = None
        self.config = declare_dataclass(self, VideoConfig)
        source = open_source(self.config.source)
        try:
            calibration = self._calibration(source)
        except CameraError:
            source.close()
            raise
        self._make_publishers()
        self._make_messages(source, calibration)
        rate = self.config.rate or (0.0 if source.live else source.fps)
        self._schedule = Schedule(rate) if rate else None
        self._source = source
        self._reader = FrameReader(source, self._now_ns, loop=self.config.loop)
        self._player = threading.Thread(target=self._play, name='player', daemon=True)
        self.get_logger().info(
            f'playing {source.name}, {source.width}x{source.height}, '
            + (f'{rate:.4g} Hz' if rate else 'as the camera gives') + (', looping' if self.config.loop else ''))
        self._player.start()

    def destroy_node(self) -> None:
        """Stop playing, close the source, and destroy the node."""
        self._stop.set()
        if self._reader is not None:
            self._reader.close()
        if self._player is not None:
            self._player.join(timeout=2.0)
        super().destroy_node()

    def _calibration(self, source: VideoSource) -> Calibration:
        if not self.config.camera_info:
            return Calibration(source.width, source.height)
        path = Path(self.config.camera_info).expanduser()
        calibration = read_calibration(path)
        if (calibration.width, calibration.height) != (source.width, source.height):
            raise CameraError(f'calibration file {path} is for {calibration.width}x{calibration.height} pixels, '
                              f'{source.name} has {source.width}x{source.height}; calibrate at this size')
        return calibration

    def _make_publishers(self) -> None:
        """Publish reliably: that serves reliable and best-effort subscribers alike."""
        def publisher(kind: type, topic: str) -> Publisher:
            # A copy: rclpy writes the user's overrides into the profile it is given.
            return self.create_publisher(kind, topic, copy.copy(qos.OUTPUT), qos_overriding_options=qos.overridable())

        self._image_publisher = publisher(Image, 'image_raw')
        self._info_publisher = publisher(CameraInfo, 'camera_info')
        # Beside the images also where those are remapped.
        jpeg_topic = f'{self._image_publisher.topic_name}/compressed'
        self._jpeg_publisher = publisher(CompressedImage, jpeg_topic) if self.config.compressed else None

    def _make_messages(self, source: VideoSource, calibration: Calibration) -> None:
        """Make the messages once; their buffers are filled again for every picture."""
        height, width = source.height, source.width
        self._image = Image(height=height, width=width, encoding=self.config.encoding, step=width * 3)
        # An array.array is the one type that is set without looking at every byte; the pixels are a view of it.
        self._image.data = array('B', bytes(height * width * 3))
        self._pixels = np.frombuffer(self._image.data, np.uint8).reshape(height, width, 3)
        self._info = CameraInfo(height=height, width=width, distortion_model=calibration.distortion_model,
                                d=list(calibration.d), k=list(calibration.k), r=list(calibration.r),
                                p=list(calibration.p))
        self._jpeg = CompressedImage(format=f'{self.config.encoding}; jpeg compressed bgr8')
        for message in (self._image, self._info, self._jpeg):
            message.header.frame_id = self.config.frame_id

    def _now_ns(self) -> int:
        return int(self.get_clock().now().nanoseconds)

    def _play(self) -> None:
        """Publish until the end; runs in a thread of its own, so that nothing else disturbs the pace."""
        error: Exception | None = None
        try:
            self._wait_to_begin()
            began, count, limit = time.monotonic(), 0, self.config.max_frames or math.inf
            while not self._stop.is_set() and count < limit:
                picture = self._reader.next()
                if picture is None:
                    break
                if self._wait_until_due():
                    self._publish(picture)
                    count += 1
            if not self._stop.is_set():
                self._tell_end(count, time.monotonic() - began)
        except Exception as caught:  # handed to whoever waits for the end
            error = caught
        if self._stop.is_set() or not self.context.ok():
            return
        if error is None:
            self.finished.set_result(None)
        else:
            self.finished.set_exception(error)

    def _tell_end(self, count: int, seconds: float) -> None:
        for publisher in (self._image_publisher, self._info_publisher, self._jpeg_publisher):
            if publisher is not None:
                publisher.wait_for_all_acked(Duration(seconds=_LAST_IMAGES_TIMEOUT))
        late = self._schedule.restarts if self._schedule else 0
        self.get_logger().info(f'{self._source.name} ended: {count} images in {seconds:.1f} s, '
                               f'{late} times too slow for the rate, {self._reader.dropped} dropped')

    def _wait_to_begin(self) -> None:
        """Wait for the first simulated time, where time is simulated, and for a subscriber, where one is asked for."""
        while self.get_clock().ros_time_is_active and self._now_ns() == 0 and not self._stop.is_set():
            self._stop.wait(_LOOK_AGAIN)
        if self.config.wait_for_subscriber:
            self.get_logger().info(f'waiting for a subscriber of {self._image_publisher.topic_name}')
        while self.config.wait_for_subscriber and not self._stop.is_set() and not self._subscribed():
            self._stop.wait(_LOOK_AGAIN)
        # Whoever subscribes to the images mostly wants camera_info as well, and is found there a moment later.
        found = time.monotonic()
        while (self.config.wait_for_subscriber and not self._stop.is_set() and time.monotonic() < found + _INFO_GRACE
               and self._info_publisher.get_subscription_count() == 0):
            self._stop.wait(_LOOK_AGAIN)
        if self.config.wait_for_subscriber:
            self._stop.wait(_SETTLING)

    def _subscribed(self) -> bool:
        publishers = (self._image_publisher, self._jpeg_publisher)
        return any(p is not None and p.get_subscription_count() > 0 for p in publishers)

    def _wait_until_due(self) -> bool:
        """Wait for the time of the next image; False for one that is to be left out, or at the end.

        The wait is on the node's clock, so that under simulated time the video goes as fast as the simulation. Wall
        time is waited for in one go, simulated time in steps. A clock that is set back ends the wait.
        """
        if self._schedule is None:
            return True
        if self._source.live:
            return self._schedule.accepts(self._now_ns())
        now = self._now_ns()
        due, earliest = self._schedule.next(now), now
        while earliest <= now < due and not self._stop.is_set():
            simulated = self.get_clock().ros_time_is_active
            self._stop.wait(_SIMULATED_STEP if simulated else (due - now) / 1e9)
            now = self._now_ns()
        return not self._stop.is_set()

    def _publish(self, picture: TimedImage) -> None:
        """Publish one picture; the stamp is the time of capture, for a recording that of publishing."""
        stamp_ns = picture.stamp_ns if self._source.live else self._now_ns()
        stamp = Time(nanoseconds=stamp_ns).to_msg()
        self._info.header.stamp = stamp
        self._info_publisher.publish(self._info)
        if self._image_publisher.get_subscription_count() > 0:
            if self.config.encoding == 'bgr8':
                cv2.cvtColor(picture.image, cv2.COLOR_RGB2BGR, dst=self._pixels)
            else:
                np.copyto(self._pixels, picture.image)
            self._image.header.stamp = stamp
            self._image_publisher.publish(self._image)
        if self._jpeg_publisher is not None and self._jpeg_publisher.get_subscription_count() > 0:
            bgr = cv2.cvtColor(picture.image, cv2.COLOR_RGB2BGR)
            _, jpeg = cv2.imencode('.jpg', bgr, (cv2.IMWRITE_JPEG_QUALITY, self.config.jpeg_quality))
            self._jpeg.header.stamp = stamp
            self._jpeg.data = array('B', jpeg.tobytes())
            self._jpeg_publisher.publish(self._jpeg)


def main(args: list[str] | None = None) -> int:
    """Run the node until its source ends or it is interrupted.

    :param args: command line without the program's name; default ``sys.argv``.
    :returns: exit status, see :func:`poco_ros.nodes.run.run_node`.
    """
    return run_node(VideoNode, args, finished=lambda node: node.finished)


if __name__ == '__main__':
    sys.exit(main())
