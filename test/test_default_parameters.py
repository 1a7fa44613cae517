"""``config/poco.yaml`` states the defaults; this keeps it from stating old ones."""

from __future__ import annotations

import dataclasses
from typing import Any

import pytest
import yaml

from poco_ros.environment import share_dir

pytest.importorskip('rclpy', reason='the parameters of nodes need ROS')

from poco_ros.nodes.poco_config import PocoNodeConfig
from poco_ros.nodes.temporal_node import TemporalNodeConfig
from poco_ros.nodes.video_node import VideoConfig
from poco_ros.nodes.view_node import ViewConfig
from poco_ros.pipeline import PipelineConfig
from poco_ros.temporal.config import TemporalConfig

CONFIGS = {
    'poco_node': (PipelineConfig(), PocoNodeConfig()),
    'temporal_node': (TemporalConfig(), TemporalNodeConfig()),
    'video_node': (VideoConfig(),), 'view_node': (ViewConfig(),),
}


def defaults(config: Any, prefix: str = '') -> dict[str, Any]:
    found = {}
    for item in dataclasses.fields(config):
        value = getattr(config, item.name)
        if dataclasses.is_dataclass(value):
            found.update(defaults(value, prefix if item.metadata.get('flat') else f'{prefix}{item.name}.'))
        else:
            found[prefix + item.name] = value
    return found


@pytest.mark.parametrize('node', CONFIGS)
def test_stated_defaults_are_the_nodes_own(node):
    stated = yaml.safe_load((share_dir() / 'config' / 'poco.yaml').read_text())[f'/**/{node}']['ros__parameters']
    own: dict[str, Any] = {}
    for config in CONFIGS[node]:
        own.update(defaults(config))
    assert {name: (value, type(value)) for name, value in stated.items()} == {
        name: (own[name], type(own[name])) for name in stated
    }
