"""From what the user writes to a source of pictures."""

from __future__ import annotations

import re
from pathlib import Path

from poco_ros.errors import VideoError
from poco_ros.video.capture import VideoFile, Webcam
from poco_ros.video.demo_clip import DemoClip
from poco_ros.video.pictures import SUFFIXES, Picture, PictureFolder
from poco_ros.video.source import VideoSource

DEMO = 'demo'


def open_source(spec: str) -> VideoSource:
    """Open a source of pictures.

    :param spec: ``demo``, the number of a webcam, a device like ``/dev/video0``, or the path of a video, a picture or a
        folder of pictures (``./demo`` for one of that name; ``~`` is the home folder).
    :returns: the open source.
    :raises VideoError: when it is missing or cannot be read; says what was looked for.
    """
    if not spec:
        raise VideoError('no video given; give a file, a folder of pictures, a webcam number or "demo"')
    if spec == DEMO:
        return DemoClip()
    if re.fullmatch(r'\d+', spec):
        return Webcam(int(spec))
    path = Path(spec).expanduser()
    if re.fullmatch(r'/dev/video\d+', spec) or path.is_char_device():
        return Webcam(str(path))
    if path.is_dir():
        return PictureFolder(path)
    if path.suffix.lower() in SUFFIXES and path.is_file():
        return Picture(path)
    return VideoFile(path)
