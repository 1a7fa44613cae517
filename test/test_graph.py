"""The description of the graph, without ROS."""

from __future__ import annotations

import dataclasses
import os
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from poco_ros.errors import ConfigError
from poco_ros.graph import GraphOptions, NodeSpec, describe, package_prefix

#: Rule L2: arguments that every perception launch file has, and those of this package.
EXPECTED = {
    'namespace', 'image_topic', 'camera_info_topic', 'video', 'params_file', 'use_sim_time', 'rviz', 'model',
    'engine', 'log_level',
}


def by_name(**options: object) -> dict[str, NodeSpec]:
    return {spec.name: spec for spec in describe(GraphOptions(**options))}


def test_every_argument_has_name_default_and_a_sentence():
    fields = dataclasses.fields(GraphOptions)
    assert {item.name for item in fields} >= EXPECTED
    for item in fields:
        assert item.default is not dataclasses.MISSING
        assert item.metadata['description'].endswith('.')
        assert not item.metadata['choices'] or item.default in item.metadata['choices']


def test_a_camera_driver_needs_only_the_estimator_the_temporal_node_and_the_view():
    nodes = by_name()
    assert list(nodes) == ['poco_node', 'temporal_node', 'view_node']
    assert [spec.lifecycle for spec in nodes.values()] == [True, True, False]
    assert dict(nodes['poco_node'].remappings) == {'image': 'image_raw', 'camera_info': 'camera_info'}
    assert list(by_name(view=False, temporal=False)) == ['poco_node']
    assert by_name(use_sim_time=True)['temporal_node'].parameters == {'use_sim_time': True}
    assert by_name(predictor='learned')['temporal_node'].parameters == {'motion.predictor': 'learned'}
    with pytest.raises(ConfigError, match='predictor'):
        by_name(predictor='magic')


@pytest.mark.parametrize(('image', 'info', 'expected'), [
    ('image_raw', '', 'camera_info'),
    ('/camera/color/image_raw', '', '/camera/color/camera_info'),
    ('/image', '', '/camera_info'),
    ('front/image', '/calibration', '/calibration'),
])
def test_calibration_is_beside_the_images_unless_named(image, info, expected):
    options = GraphOptions(image_topic=image, camera_info_topic=info)
    assert options.calibration_topic == expected
    assert ('camera_info', expected) in describe(options)[0].remappings


def test_video_feeds_the_topics_that_the_estimator_reads():
    nodes = by_name(video='people.mp4', image_topic='/cam/image', loop=False)
    played, read = dict(nodes['video_node'].remappings), dict(nodes['poco_node'].remappings)
    assert played['image_raw'] == read['image'] == dict(nodes['view_node'].remappings)['image'] == '/cam/image'
    assert played['camera_info'] == read['camera_info'] == '/cam/camera_info'
    assert nodes['video_node'].parameters == {'source': 'people.mp4', 'loop': False, 'wait_for_subscriber': True}


def test_parameter_file_decides_what_no_argument_names(tmp_path):
    own = tmp_path / 'own.yaml'
    own.write_text('{}')
    node = by_name(params_file=str(own))['poco_node']
    assert node.parameter_files == (str(own),)
    assert node.parameters == {}
    chosen = by_name(params_file=str(own), model='lift', boxes_topic='/yolo', use_sim_time=True)['poco_node']
    assert chosen.parameters == {'model': 'lift', 'boxes': 'topic', 'use_sim_time': True}
    assert ('boxes', '/yolo') in chosen.remappings


def test_a_network_may_be_named_or_given_as_a_folder(tmp_path, monkeypatch):
    (tmp_path / 'nets' / 'mine').mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for text, parameter in (('cliff', 'cliff'), ('nets/mine', str(tmp_path / 'nets' / 'mine')),
                            (str(tmp_path / 'nets'), str(tmp_path / 'nets'))):
        assert by_name(model=text)['poco_node'].parameters == {'model': parameter}
    assert by_name(model='cliff', engine='openvino')['poco_node'].parameters == {
        'model': 'cliff', 'engine': 'openvino'}
    with pytest.raises(ConfigError, match='model: there is no folder /no/such/network'):
        by_name(model='/no/such/network')


def test_body_model_and_transport_go_to_all_who_need_them(tmp_path):
    file = tmp_path / 'smpl.npz'
    file.touch()
    nodes = by_name(body_model=str(file), transport='compressed')
    for name in ('poco_node', 'view_node'):
        assert nodes[name].parameters == {'body_model': str(file), 'transport': 'compressed'}


@pytest.mark.parametrize(('text', 'namespace', 'full_name'), [
    ('', '', '/poco_node'), ('robot1', '/robot1', '/robot1/poco_node'), ('/a/b/', '/a/b', '/a/b/poco_node'),
])
def test_namespace(text, namespace, full_name):
    node = by_name(namespace=text)['poco_node']
    assert (node.namespace, node.full_name) == (namespace, full_name)


def test_rviz_shows_the_topics_of_the_namespace():
    assert by_name(rviz=True)['rviz2'].remappings == ()
    rviz = by_name(rviz=True, namespace='robot1')['rviz2']
    assert rviz.package == 'rviz2' and ('/poco/markers', '/robot1/poco/markers') in rviz.remappings
    assert rviz.arguments[0] == '-d' and rviz.arguments[1].endswith('poco.rviz')


@pytest.mark.parametrize(('options', 'words'), [
    ({'log_level': 'loud'}, "log_level is 'loud'"), ({'namespace': 'a b'}, 'namespace'),
    ({'image_topic': ''}, 'image_topic'), ({'image_topic': '1st/image'}, 'image_topic'),
    ({'transport': 'jpeg'}, 'raw'), ({'boxes_topic': 'a//b'}, 'boxes_topic'),
    ({'engine': 'steam'}, "'tensorrt', 'openvino', 'torch'"),
])
def test_wrong_values_are_named(options, words):
    with pytest.raises(ConfigError, match=words):
        GraphOptions(**options)


@pytest.mark.parametrize('name', ['params_file', 'body_model'])
def test_missing_files_are_named(name):
    with pytest.raises(ConfigError, match=f'{name}: there is no file /no/such/file'):
        describe(GraphOptions(**{name: '/no/such/file'}))


def test_options_from_the_texts_of_a_launch_file():
    options = GraphOptions.from_texts({'rviz': 'True', 'loop': 'false', 'video': '0'})
    assert options == GraphOptions(rviz=True, loop=False, video='0')
    with pytest.raises(ConfigError, match='true or false'):
        GraphOptions.from_texts({'rviz': 'maybe'})
    with pytest.raises(ConfigError, match='not an argument'):
        GraphOptions.from_texts({'riz': 'true'})


def test_command_line_keeps_the_types_of_parameters():
    """A webcam's number stays a text, as rcl reads it: every value is YAML."""
    spec = NodeSpec('n', 'name', '/ns', ('/a.yaml',), {'source': '0', 'loop': True, 'rate': 2.5}, (('a', 'b'),))
    line = spec.command_line()
    assert line[:3] == ['--ros-args', '-r', '__node:=name']
    values = dict(line[i + 1].split(':=', 1) for i, word in enumerate(line) if word == '-p')
    assert {name: yaml.safe_load(text) for name, text in values.items()} == {'source': '0', 'loop': True, 'rate': 2.5}
    assert '__ns:=/ns' in line and 'a:=b' in line and line[line.index('--params-file') + 1] == '/a.yaml'


def test_installed_packages_are_found_by_the_index(tmp_path):
    marker = tmp_path / 'b' / 'share' / 'ament_index' / 'resource_index' / 'packages' / 'rviz2'
    marker.parent.mkdir(parents=True)
    marker.touch()
    environ = {'AMENT_PREFIX_PATH': os.pathsep.join([str(tmp_path / 'a'), str(tmp_path / 'b')])}
    assert package_prefix('rviz2', environ) == tmp_path / 'b'
    assert package_prefix('rviz', environ) is None
    assert package_prefix('rviz2', {}) is None


def test_default_parameter_file_is_read_by_every_node():
    """It must be YAML that rcl takes, whatever the namespace, and name only nodes of the graph."""
    file = Path(by_name()['poco_node'].parameter_files[0])
    content = yaml.safe_load(file.read_text())
    names = {spec.name for spec in describe(GraphOptions(video='demo'))}
    assert {key.removeprefix('/**/') for key in content} == names
    assert all(set(section) == {'ros__parameters'} for section in content.values())


def test_description_needs_no_ros():
    program = 'import sys; import poco_ros.graph as g; g.describe(g.GraphOptions()); print("rclpy" in sys.modules)'
    root = Path(__file__).parents[1]
    done = subprocess.run([sys.executable, '-c', program], capture_output=True, text=True, cwd=root)
    assert done.stdout.strip() == 'False', done.stderr
