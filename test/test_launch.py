"""The launch file, where launch is installed, against the description of the graph."""

from __future__ import annotations

import dataclasses
import importlib.util
import os
from pathlib import Path

import pytest

from poco_ros.graph import GraphOptions, describe

pytest.importorskip('launch_ros.actions', reason='launch_ros is not on PyPI; it comes with a ROS from apt or source')

from launch import LaunchContext
from launch.actions import DeclareLaunchArgument, LogInfo, OpaqueFunction, SetEnvironmentVariable
from launch_ros.actions import LifecycleNode, Node

LAUNCH_FILE = Path(__file__).parents[1] / 'launch' / 'poco.launch.py'


@pytest.fixture()
def description():
    spec = importlib.util.spec_from_file_location('poco_launch', LAUNCH_FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module.generate_launch_description()


def started(description, **arguments: str) -> tuple[LaunchContext, list]:
    """Return the actions that come of the arguments, and the context they were made in."""
    context = LaunchContext()
    for action in description.entities:
        if isinstance(action, DeclareLaunchArgument):
            action.execute(context)
    context.launch_configurations.update(arguments)
    (function,) = [action for action in description.entities if isinstance(action, OpaqueFunction)]
    return context, function.execute(context)


def test_every_argument_is_declared_with_default_and_description(description):
    declared = {a.name: a for a in description.get_launch_arguments()}
    fields = {item.name: item for item in dataclasses.fields(GraphOptions)}
    assert list(declared) == list(fields)
    for name, item in fields.items():
        (default,) = declared[name].default_value
        assert GraphOptions.from_texts({name: default.text}) == GraphOptions()
        assert declared[name].description.startswith(item.metadata['description'])


@pytest.mark.parametrize('arguments', [
    {}, {'video': 'demo', 'namespace': 'robot1'}, {'view': 'false', 'image_topic': '/cam/image_raw', 'model': 'lift'},
])
def test_nodes_are_those_of_the_description(description, arguments):
    context, actions = started(description, **arguments)
    nodes = [action for action in actions if isinstance(action, Node)]
    specs = describe(GraphOptions.from_texts(arguments))
    assert [isinstance(node, LifecycleNode) for node in nodes] == [spec.lifecycle for spec in specs]
    for node, spec in zip(nodes, specs, strict=True):
        node._perform_substitutions(context)
        assert node.node_name == spec.full_name
        assert node.node_package == spec.package and node.node_executable == spec.executable
        remappings = [(str(old), str(new)) for old, new in node.expanded_remapping_rules or []]
        assert remappings == list(spec.remappings)


def test_rviz_that_is_not_installed_is_said_not_fatal(description, monkeypatch):
    monkeypatch.setenv('AMENT_PREFIX_PATH', '')
    _, actions = started(description, rviz='true')
    texts = [''.join(part.text for part in a.msg) for a in actions if isinstance(a, LogInfo)]
    assert any('rviz2 is not installed' in text for text in texts)


def test_transport_profile_is_set_unless_the_user_has_one(monkeypatch):
    spec = importlib.util.spec_from_file_location('poco_launch', LAUNCH_FILE)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)

    def names() -> set[str]:
        entities = module.generate_launch_description().entities
        return {''.join(part.text for part in a.name) for a in entities if isinstance(a, SetEnvironmentVariable)}

    for name in [name for name in os.environ if name.startswith(('FASTDDS', 'FASTRTPS'))]:
        monkeypatch.delenv(name)
    assert any('DEFAULT_PROFILES_FILE' in name for name in names())
    monkeypatch.setenv('FASTDDS_DEFAULT_PROFILES_FILE', '/mine.xml')
    assert not any('DEFAULT_PROFILES_FILE' in name for name in names())
