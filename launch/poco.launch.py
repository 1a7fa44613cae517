"""Starts poco_ros and ends with poco_node ACTIVE: ``ros2 launch poco_ros poco.launch.py --show-args``.

The nodes and the arguments are described in ``poco_ros/graph.py``; ``poco up`` starts the same without launch.
"""

from __future__ import annotations

import dataclasses
import os

from launch import Action, LaunchContext, LaunchDescription
from launch.actions import (
    DeclareLaunchArgument,
    EmitEvent,
    LogInfo,
    OpaqueFunction,
    RegisterEventHandler,
    SetEnvironmentVariable,
)
from launch.event_handlers import OnProcessStart
from launch.events import matches_action
from launch.logging import get_logger
from launch.substitutions import LaunchConfiguration
from launch_ros.actions import LifecycleNode, Node
from launch_ros.event_handlers import OnStateTransition
from launch_ros.events.lifecycle import ChangeState
from launch_ros.parameter_descriptions import ParameterValue
from lifecycle_msgs.msg import Transition

from poco_ros.environment import ros_environment
from poco_ros.graph import GraphOptions, NodeSpec, describe, package_prefix


def generate_launch_description() -> LaunchDescription:
    """Return the arguments, and what starts the nodes once their values are known."""
    environment = [
        SetEnvironmentVariable(name, value)
        for name, value in ros_environment().items() if os.environ.get(name) != value
    ]
    arguments = map(_argument, dataclasses.fields(GraphOptions))
    return LaunchDescription([*arguments, *environment, OpaqueFunction(function=_start)])


def _argument(item: dataclasses.Field) -> DeclareLaunchArgument:
    default = str(item.default).lower() if isinstance(item.default, bool) else item.default
    choices = list(item.metadata['choices']) or None
    return DeclareLaunchArgument(
        item.name, default_value=default, description=item.metadata['description'], choices=choices)


def _start(context: LaunchContext) -> list:
    texts = {item.name: LaunchConfiguration(item.name).perform(context) for item in dataclasses.fields(GraphOptions)}
    actions = []
    for spec in describe(GraphOptions.from_texts(texts)):
        if spec.package != 'poco_ros' and package_prefix(spec.package) is None:
            actions.append(LogInfo(msg=(
                f'{spec.name} is not started: the package {spec.package} is not installed '
                f'(apt install ros-$ROS_DISTRO-{spec.package.replace("_", "-")}); everything else runs'
            )))
        else:
            actions += _managed(spec) if spec.lifecycle else [Node(**_node_arguments(spec))]
    return actions


def _node_arguments(spec: NodeSpec) -> dict:
    parameters = {
        name: ParameterValue(value, value_type=type(value)) for name, value in spec.parameters.items()
    }
    return {
        'package': spec.package, 'executable': spec.executable, 'name': spec.name, 'namespace': spec.namespace,
        'parameters': [*spec.parameter_files, parameters] if parameters else list(spec.parameter_files),
        'remappings': list(spec.remappings), 'arguments': list(spec.arguments),
        'ros_arguments': ['--log-level', spec.log_level], 'output': 'screen', 'emulate_tty': True,
    }


def _managed(spec: NodeSpec) -> list:
    """Start a managed node, configure it, and activate it once it is configured.

    A node that cannot be configured is left running: its diagnostics say why, and it can be tried again.
    """
    node = LifecycleNode(**_node_arguments(spec))

    def change(transition: int) -> EmitEvent:
        return EmitEvent(event=ChangeState(lifecycle_node_matcher=matches_action(node), transition_id=transition))

    def when(start: str, goal: str, action: Action) -> RegisterEventHandler:
        return RegisterEventHandler(OnStateTransition(
            target_lifecycle_node=node, start_state=start, goal_state=goal, entities=[action]))

    def failed(what: str, retry: str) -> Action:
        text = (
            f'{spec.full_name} could not be {what}; the reason is in its log above and on /diagnostics. '
            f'Once mended, try again with: ros2 lifecycle set {spec.full_name} {retry}'
        )
        return OpaqueFunction(function=lambda context: get_logger('poco_ros').error(text))

    return [
        RegisterEventHandler(OnProcessStart(
            target_action=node, on_start=[change(Transition.TRANSITION_CONFIGURE)])),
        when('configuring', 'inactive', change(Transition.TRANSITION_ACTIVATE)),
        when('activating', 'active', LogInfo(msg=f'{spec.full_name} is active')),
        when('configuring', 'unconfigured', failed('configured', 'configure')),
        when('activating', 'inactive', failed('activated', 'activate')),
        when('errorprocessing', 'unconfigured', failed('brought up', 'configure')),
        node,
    ]
