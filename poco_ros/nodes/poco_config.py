"""The parameters of ``poco_node`` beside those of the pipeline."""

from __future__ import annotations

from dataclasses import dataclass

from poco_ros.settings import described


@dataclass(frozen=True)
class PocoNodeConfig:
    """How ``poco_node`` takes its input. Every field is a ROS parameter of the same name."""

    transport: str = described(
        'raw', 'Form of the images: raw (sensor_msgs/Image on the topic image) or compressed '
        '(sensor_msgs/CompressedImage on <image>/compressed).', choices=('raw', 'compressed'))
    rectified: bool = described(
        False, 'The images are rectified: take the camera matrix from P of camera_info and no distortion.')
    camera_info_timeout: float = described(
        2.0, 'Images wait so long for a first camera_info, measured by their stamps; then the focal length is assumed '
        'to be the image diagonal, with a warning. s', min=0.0, max=3600.0)
    boxes: str = described(
        'builtin', 'Who finds people: builtin, or topic (another detector sends boxes on the topic boxes, with the '
        'stamp of the image).', choices=('builtin', 'topic'))
    boxes_type: str = described(
        'auto', 'Message type of the topic boxes: person_boxes (poco_ros/PersonBoxArray), detection2d '
        '(vision_msgs/Detection2DArray), or auto: that of its publisher.',
        choices=('auto', 'person_boxes', 'detection2d'))
    boxes_class: str = described(
        '', 'With detection2d: the class_id that means a person. Empty: every detection is a person.')
    boxes_buffer: int = described(
        10, 'How many images wait for their boxes, and boxes for their image, matched by exactly equal stamps.',
        min=1, max=100)
    reset_gap: float = described(
        5.0, 'When the stamps step forward by more than this, everybody gets a new identity. s', min=0.1, max=86400.0)
    stale_after: float = described(
        2.0, 'Diagnostics call the input stale when no image came for so long. s', min=0.1, max=3600.0,
        dynamic=True)
