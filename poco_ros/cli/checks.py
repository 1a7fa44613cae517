"""What ``poco doctor`` looks at: one function per thing, each says what it found and how to mend it."""

from __future__ import annotations

import dataclasses
import importlib.metadata
import importlib.util
import os
import platform
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum
from pathlib import Path

import numpy as np

from poco_ros.environment import profile_in_use, profile_variable, transport_profile
from poco_ros.errors import PocoError, VideoError
from poco_ros.graph import package_prefix

#: Major version of rclpy -> ROS distribution.
_DISTRIBUTIONS = {3: 'Humble', 4: 'Iron', 7: 'Jazzy', 9: 'Kilted', 10: 'Lyrical'}
_PYTHONS = ((3, 10), (3, 14))
_BUILD = "build the package again: 'make' in the checkout, or 'colcon build'"


class Verdict(Enum):
    """How a thing stands."""

    OK = 'ok'
    NOTE = 'note'  #: the main job runs without
    FAIL = 'fail'  #: the main job does not run


@dataclass(frozen=True)
class Check:
    """One line of the report.

    :param name: the thing.
    :param verdict: how it stands.
    :param found: what was found, in words.
    :param mend: what to do; '' where nothing is to be done.
    """

    name: str
    verdict: Verdict
    found: str
    mend: str = ''


CheckFunction = Callable[[], Check]


def python() -> Check:
    """Python and operating system."""
    found = f'{platform.python_version()} at {sys.executable}, {platform.platform(terse=True)}, {os.cpu_count()} cores'
    low, high = _PYTHONS
    if low <= sys.version_info[:2] < high:
        return Check('Python', Verdict.OK, found)
    return Check('Python', Verdict.FAIL, found, 'use Python 3.10 to 3.13 (make PYTHON=python3.12)')


def ros() -> Check:
    """The ROS client library and the middleware under it."""
    try:
        import rclpy
        from rclpy.utilities import get_rmw_implementation_identifier

        middleware = get_rmw_implementation_identifier()
    except Exception as error:  # an ImportError, or whatever a library of another distribution raises
        return Check('ROS 2', Verdict.FAIL, f'rclpy cannot be loaded: {_first_line(error)}',
                     "run 'make', or source your ROS: . /opt/ros/<distribution>/setup.bash")
    version = _version('rclpy', 'ros-rclpy')
    major = version.partition('.')[0]
    name = os.environ.get('ROS_DISTRO', '').capitalize() or _DISTRIBUTIONS.get(int(major) if major.isdigit() else 0, '')
    return Check('ROS 2', Verdict.OK, f'{name or "distribution not known"}, rclpy {version}, {middleware}, '
                 f'{Path(rclpy.__file__).parent}')


def messages() -> Check:
    """The messages of this package, and that nothing shadows them."""
    import poco_ros
    from poco_ros.types import Bodies

    folders = ', '.join(str(folder) for folder in poco_ros.__path__)
    try:
        from poco_ros.msg import SmplBody
    except Exception as error:  # also what a broken library of message support raises
        return Check('messages', Verdict.FAIL, f'poco_ros.msg cannot be loaded from {folders}: {_first_line(error)}',
                     f'{_BUILD}; a poco_ros folder earlier on PYTHONPATH would hide it')
    missing = {item.name for item in dataclasses.fields(Bodies)} - set(SmplBody.get_fields_and_field_types())
    if missing:
        return Check('messages', Verdict.FAIL, f'SmplBody of {folders} lacks {", ".join(sorted(missing))}: another '
                     'version than the code', _BUILD)
    return Check('messages', Verdict.OK, f'poco_ros.msg, code and messages fit ({folders})')


def launch() -> Check:
    """The launch system, or what replaces it."""
    if importlib.util.find_spec('launch_ros') is None:
        return Check('launch', Verdict.NOTE, 'launch_ros is not installed (PyPI has none)',
                     "nothing to do: 'poco up' starts the same nodes with the same arguments")
    if package_prefix('poco_ros') is None:
        return Check('launch', Verdict.NOTE, "launch_ros is there, but ROS does not know the package poco_ros",
                     'source the workspace (. install/setup.bash), or use poco up')
    return Check('launch', Verdict.OK, 'ros2 launch poco_ros poco.launch.py')


def model_files() -> Check:
    """The network files in the cache."""
    from poco_ros.people.model_files import MODELS, model_path

    try:
        paths = [model_path(model) for model in MODELS]
    except PocoError as error:
        return Check('model files', Verdict.FAIL, str(error), 'poco fetch-models')
    return Check('model files', Verdict.OK, f'{", ".join(p.name for p in paths)} in {paths[0].parent}, hashes right')


def body_model() -> Check:
    """The body model that ships."""
    from poco_ros.body.model_file import load_body_model

    try:
        body = load_body_model()
    except PocoError as error:
        return Check('body model', Verdict.FAIL, str(error), _BUILD)
    return Check('body model', Verdict.OK, f'{body.name}, {body.num_vertices} vertices; your own SMPL: --body-model')


def openvino() -> Check:
    """The inference engine and the processor it runs on."""
    try:
        from poco_ros.engine.openvino_model import shared_core

        device = shared_core().get_property('CPU', 'FULL_DEVICE_NAME')
    except Exception as error:  # OpenVINO's own exceptions have no common base but this
        return Check('OpenVINO', Verdict.FAIL, f'cannot be used: {_first_line(error)}', 'pip install openvino')
    return Check('OpenVINO', Verdict.OK, f'{_version("openvino")} on {device}')


def opencv() -> Check:
    """OpenCV, of the major version whose pixels ours were checked against."""
    try:
        import cv2
    except ImportError as error:
        return Check('OpenCV', Verdict.FAIL, f'cannot be loaded: {error}', "pip install 'opencv-python-headless<5'")
    if not cv2.__version__.startswith('4.'):
        return Check('OpenCV', Verdict.NOTE, f'{cv2.__version__}: samples pixels differently from 4.x, with which the '
                     'package was checked', "pip install 'opencv-python-headless<5'")
    return Check('OpenCV', Verdict.OK, cv2.__version__)


def estimator() -> Check:
    """The whole chain without ROS, on the first picture of the demo clip where that is there.

    With the lift: a network's engine may take minutes to build, and its bodies cannot be foretold.
    """
    from poco_ros.camera import Camera
    from poco_ros.pipeline import Pipeline, PipelineConfig
    from poco_ros.types import Frame
    from poco_ros.video.demo_clip import DemoClip

    start = time.perf_counter()
    pipeline = Pipeline.load(PipelineConfig(model='lift'))
    loaded = time.perf_counter() - start
    try:
        image, people = DemoClip().image(0), 1
    except VideoError:  # only the demo needs the picture
        image, people = np.zeros((480, 640, 3), np.uint8), 0
    frame = Frame(image, Camera.assumed(image.shape[1], image.shape[0]))
    pipeline.process(frame)
    start = time.perf_counter()
    bodies = pipeline.process(frame).bodies
    took = (time.perf_counter() - start) * 1e3
    picture = 'the built-in picture of one person' if people else 'an empty picture'
    found = f'{len(bodies)} found in {picture}, {took:.0f} ms; loading took {loaded:.1f} s'
    if len(bodies) != people:
        return Check('estimator', Verdict.FAIL, found, 'report this: it should not happen')
    return Check('estimator', Verdict.OK, found)


def profile(environ: Mapping[str, str]) -> Check:
    """The transports of Fast DDS as the user's shell has them.

    :param environ: of the shell, before this program changed its own.
    """
    used = profile_in_use(environ)
    if used is not None:
        return Check('Fast DDS profile', Verdict.OK, f'{used[1]} (from {used[0]}), chosen by you')
    return Check(
        'Fast DDS profile', Verdict.NOTE, 'not set in this shell; poco and the launch file set it for their own nodes',
        'for a camera driver that you start yourself (one line in .bashrc): export '
        f'{profile_variable(environ)}={transport_profile()}',
    )


def cameras() -> Check:
    """Cameras of this machine that may be opened."""
    devices = sorted(Path('/dev').glob('video*'))
    if not devices:
        return Check('cameras', Verdict.NOTE, 'no /dev/video*', 'plug one in, or use a video: poco demo --video FILE')
    closed = [str(device) for device in devices if not os.access(device, os.R_OK | os.W_OK)]
    if closed:
        return Check('cameras', Verdict.NOTE, f'{", ".join(closed)} may not be opened by you',
                     'sudo usermod -aG video $USER, then log in again')
    return Check('cameras', Verdict.OK, ', '.join(map(str, devices)))


def optional_parts() -> Check:
    """What is used where it is there."""
    uses = {'vision_msgs': 'boxes from other detectors', 'cv_bridge': 'nothing here needs it'}
    there = [name for name in uses if importlib.util.find_spec(name) is not None]
    absent = [f'{name} ({use})' for name, use in uses.items() if name not in there]
    if package_prefix('rviz2') is None:
        absent.append('rviz2 (3D view)')
    else:
        there.append('rviz2')
    text = f'there: {", ".join(there) or "none"}; not there: {", ".join(absent) or "none"}'
    return Check('optional', Verdict.OK if not absent else Verdict.NOTE, text)


def transport() -> Check:
    """Images between two processes, measured with the middleware as it is set up."""
    from poco_ros.cli.transport import measure_transport

    result = measure_transport(os.environ)
    used = profile_in_use()
    with_what = f'{used[1]}' if used else 'the defaults of the middleware'
    found = f'{result.received} of {result.sent} images 1280x720 arrived'
    if result.received >= 0.9 * result.sent:
        return Check('transport', Verdict.OK, f'{found}, median {result.median_ms:.1f} ms, with {with_what}')
    if not result.met:
        return Check('transport', Verdict.FAIL, 'two processes on this machine do not find each other',
                     'allow multicast and UDP on the loopback interface (firewall, container without network?)')
    return Check('transport', Verdict.FAIL, f'{found}, with {with_what}', 'unset your own profile so that poco takes '
                 f'{transport_profile()}, and give /dev/shm room (docker: --shm-size=256m or --ipc=host)')


def _version(*names: str) -> str:
    for name in names:
        try:
            return importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            continue
    return 'of unknown version'


def _first_line(error: BaseException) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
