"""The running graph, described once: which nodes, with which names, parameters and remappings.

``launch/poco.launch.py``, ``poco up`` and ``poco demo`` all start what :func:`describe` returns, and all take their
arguments from the fields of :class:`GraphOptions`.
"""

from __future__ import annotations

import dataclasses
import json
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, get_args

from poco_ros.engine.options import AUTO, ENGINES
from poco_ros.environment import share_dir
from poco_ros.errors import ConfigError
from poco_ros.temporal.config import Predictor

#: The topic on which a camera driver usually publishes, and on which ``video_node`` does.
DEFAULT_IMAGE_TOPIC = 'image_raw'
DEMO = 'demo'

_NAMESPACE = re.compile(r'(/?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*/?)?')
_TOPIC = re.compile(r'[~/]?[A-Za-z_][A-Za-z0-9_]*(/[A-Za-z_][A-Za-z0-9_]*)*')
_TRUTH = {'true': True, '1': True, 'false': False, '0': False}


def _option(default: Any, description: str, choices: tuple[str, ...] = ()) -> Any:
    return field(default=default, metadata={'description': description, 'choices': choices})


@dataclass(frozen=True)
class GraphOptions:
    """The launch arguments. An empty text leaves the choice to the parameter file.

    Every field's metadata has ``description`` and ``choices`` (empty where anything goes).

    :raises ConfigError: when a value is not one of the choices, or not a ROS name where one is needed.
    """

    namespace: str = _option('', 'Namespace of all nodes and topics, for example robot1.')
    image_topic: str = _option(
        DEFAULT_IMAGE_TOPIC, 'Camera images to read (sensor_msgs/Image); within the namespace, unless it begins with /.'
    )
    camera_info_topic: str = _option(
        '', 'Calibration of that camera (sensor_msgs/CameraInfo). Empty: camera_info beside the image topic.'
    )
    video: str = _option(
        '', 'Plays a video into the image topic: a file, a folder of pictures, the number of a webcam, or "demo" for '
        'the built-in clip. Empty: a camera driver publishes the images.'
    )
    loop: bool = _option(
        True, 'Begins the video again when it ends. Otherwise it is played once, from when somebody subscribes to it.'
    )
    params_file: str = _option('', 'YAML file with parameters of the nodes. Empty: config/poco.yaml of this package.')
    model: str = _option(
        '', 'Regressor from people to bodies: auto, poco_lift, lift, cliff, pare, hmr, the name of an installed '
        'network, or the path of its folder, with a slash in it. Empty: as in params_file.'
    )
    engine: str = _option(
        '', 'What a network runs on; building a TensorRT engine takes minutes, once. Empty: as in params_file.',
        ('', AUTO, *ENGINES),
    )
    body_model: str = _option(
        '', 'Your SMPL body-model file (.pkl or .npz). Empty: as in params_file, else the open body that ships.'
    )
    boxes_topic: str = _option(
        '', 'People found by another detector (PersonBoxArray or vision_msgs/Detection2DArray), with the stamps of the '
        'images. Empty: the built-in detector.'
    )
    transport: str = _option(
        '', 'Form in which images are read. compressed takes <image_topic>/compressed. Empty: as in params_file.',
        ('', 'raw', 'compressed'),
    )
    temporal: bool = _option(
        True, 'Starts temporal_node: bodies that are held, infilled or extrapolated while they cannot be trusted.'
    )
    predictor: str = _option(
        '', 'How temporal_node moves joints that are not seen, see motion.predictor. Empty: as in params_file.',
        ('', *get_args(Predictor)),
    )
    view: bool = _option(True, 'Starts view_node: skeleton and mesh for RViz, and the picture with the bodies on it.')
    rviz: bool = _option(False, 'Starts RViz with the configuration of this package (needs the package rviz2).')
    use_sim_time: bool = _option(False, 'Takes the time from /clock, as when a bag is played with --clock.')
    log_level: str = _option('info', 'How much the nodes log.', ('debug', 'info', 'warn', 'error', 'fatal'))

    def __post_init__(self) -> None:
        for item in dataclasses.fields(self):
            value, choices = getattr(self, item.name), item.metadata['choices']
            if choices and value not in choices:
                allowed = ', '.join(repr(choice) for choice in choices)
                raise ConfigError(f'{item.name} is {value!r}; it must be one of {allowed}')
        if not _NAMESPACE.fullmatch(self.namespace):
            raise ConfigError(f'namespace is {self.namespace!r}, not a ROS namespace; write it like robot1 or a/b')
        topics = {'image_topic': self.image_topic, 'camera_info_topic': self.calibration_topic,
                  'boxes_topic': self.boxes_topic or 'boxes'}
        for name, topic in topics.items():
            if not _TOPIC.fullmatch(topic):
                raise ConfigError(f'{name} is {topic!r}, not a ROS topic; write it like /camera/image_raw')

    @classmethod
    def from_texts(cls, texts: Mapping[str, str]) -> GraphOptions:
        """Return the options from texts, as launch files and command lines give them.

        :param texts: by field name; what is not named has its default.
        :raises ConfigError: as the class, and for a switch that is neither true nor false, or an unknown name.
        """
        values: dict[str, Any] = {}
        kinds = {item.name: type(item.default) for item in dataclasses.fields(cls)}
        for name, text in texts.items():
            if name not in kinds:
                raise ConfigError(f'{name!r} is not an argument; there are {", ".join(kinds)}')
            values[name] = _truth(name, text) if kinds[name] is bool else text
        return cls(**values)

    @property
    def calibration_topic(self) -> str:
        """The camera_info topic, also where it is left to the convention of standing beside the image topic."""
        if self.camera_info_topic:
            return self.camera_info_topic
        folder, slash, _ = self.image_topic.rpartition('/')
        return f'{folder}{slash}camera_info'


def _truth(name: str, text: str) -> bool:
    if text.lower() not in _TRUTH:
        raise ConfigError(f'{name} is {text!r}; it must be true or false')
    return _TRUTH[text.lower()]


@dataclass(frozen=True)
class NodeSpec:
    """One node to start.

    :param executable: program of ``package``; for our own also the module ``poco_ros.nodes.<executable>``.
    :param name: node name.
    :param namespace: '' or like '/robot1'.
    :param parameter_files: YAML files, read in this order.
    :param parameters: set on top of the files; value types are bool, int, float and str.
    :param remappings: pairs of topic names, from and to.
    :param lifecycle: True for a managed node, which has to be configured and activated.
    :param log_level: one of the choices of :class:`GraphOptions`.
    :param package: ROS package of the program.
    :param arguments: command line before ``--ros-args``.
    """

    executable: str
    name: str
    namespace: str = ''
    parameter_files: tuple[str, ...] = ()
    parameters: Mapping[str, bool | int | float | str] = field(default_factory=dict)
    remappings: tuple[tuple[str, str], ...] = ()
    lifecycle: bool = False
    log_level: str = 'info'
    package: str = 'poco_ros'
    arguments: tuple[str, ...] = ()

    @property
    def full_name(self) -> str:
        """The node's name with its namespace, like '/robot1/poco_node'."""
        return f'{self.namespace}/{self.name}'

    def command_line(self) -> list[str]:
        """Return the program's arguments that make it this node."""
        line = [*self.arguments, '--ros-args', '-r', f'__node:={self.name}']
        if self.namespace:
            line += ['-r', f'__ns:={self.namespace}']
        for file in self.parameter_files:
            line += ['--params-file', file]
        for name, value in self.parameters.items():
            # JSON is YAML; quoting texts keeps '0' and 'true' from becoming numbers and switches.
            line += ['-p', f'{name}:={json.dumps(value)}']
        for old, new in self.remappings:
            line += ['-r', f'{old}:={new}']
        return [*line, '--log-level', self.log_level]


def describe(options: GraphOptions) -> list[NodeSpec]:
    """Return the nodes to start, sources first.

    :raises ConfigError: when ``params_file``, a file given as ``body_model`` or a folder given as ``model`` is not
        there.
    """
    namespace = '/' + options.namespace.strip('/') if options.namespace.strip('/') else ''
    file = _file('params_file', options.params_file) or str(share_dir() / 'config' / 'poco.yaml')
    common: dict[str, Any] = {'namespace': namespace, 'parameter_files': (file,), 'log_level': options.log_level}
    clock: dict[str, bool | int | float | str] = {'use_sim_time': True} if options.use_sim_time else {}
    image, camera = ('image', options.image_topic), ('camera_info', options.calibration_topic)
    nodes = []
    if options.video:
        nodes.append(NodeSpec(
            'video_node', 'video_node', remappings=((DEFAULT_IMAGE_TOPIC, options.image_topic), camera), **common,
            parameters={
                'source': options.video, 'loop': options.loop, 'wait_for_subscriber': not options.loop,
                **({'compressed': True} if options.transport == 'compressed' else {}), **clock,
            },
        ))
    both = _given(transport=options.transport, body_model=_file('body_model', options.body_model))
    estimating = _given(
        model=_model(options.model), engine=options.engine, boxes='topic' if options.boxes_topic else '')
    inputs = (image, camera, *((('boxes', options.boxes_topic),) if options.boxes_topic else ()))
    nodes.append(NodeSpec(
        'poco_node', 'poco_node', parameters={**estimating, **both, **clock}, remappings=inputs, lifecycle=True,
        **common,
    ))
    if options.temporal:
        predicting = {'motion.predictor': options.predictor} if options.predictor else {}
        nodes.append(NodeSpec(
            'temporal_node', 'temporal_node', parameters={**predicting, **clock}, lifecycle=True, **common))
    if options.view:
        nodes.append(NodeSpec(
            'view_node', 'view_node', parameters={**both, **clock}, remappings=(image, camera), **common,
        ))
    if options.rviz:
        nodes.append(_rviz(options, namespace, clock))
    return nodes


def _given(**parameters: str) -> dict[str, str]:
    """Return the parameters that are not left to the parameter file."""
    return {name: value for name, value in parameters.items() if value}


def _file(name: str, text: str) -> str:
    """Return the absolute path of a file given as an argument; '' stays ''."""
    if not text:
        return ''
    path = Path(text).expanduser().absolute()
    if not path.is_file():
        raise ConfigError(f'{name}: there is no file {path}')
    return str(path)


def _model(text: str) -> str:
    """Return the name of a regressor as it is, and the path of a network's folder absolute."""
    if '/' not in text:
        return text
    path = Path(text).expanduser().absolute()
    if not path.is_dir():
        raise ConfigError(f'model: there is no folder {path}')
    return str(path)


def _rviz(options: GraphOptions, namespace: str, clock: Mapping[str, bool | int | float | str]) -> NodeSpec:
    topics = ('poco/markers', 'poco/mesh', 'poco/vertices', 'poco/overlay')
    remappings = tuple((f'/{topic}', f'{namespace}/{topic}') for topic in topics) if namespace else ()
    config = share_dir() / 'config' / 'poco.rviz'
    return NodeSpec(
        'rviz2', 'rviz2', namespace=namespace, parameters=clock, remappings=remappings, package='rviz2',
        log_level=options.log_level, arguments=('-d', str(config)),
    )


def package_prefix(package: str, environ: Mapping[str, str] | None = None) -> Path | None:
    """Return the prefix where a ROS package is installed, by the package index, or None where it is not.

    :param environ: default ``os.environ``; its ``AMENT_PREFIX_PATH`` is searched.
    """
    environ = os.environ if environ is None else environ
    for prefix in environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep):
        if prefix and Path(prefix, 'share', 'ament_index', 'resource_index', 'packages', package).is_file():
            return Path(prefix)
    return None
