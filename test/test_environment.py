"""The environment of ROS programs, without ROS; and the transport it selects, with it."""

from __future__ import annotations

import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from poco_ros import environment

ROOT = Path(__file__).resolve().parents[1]
NAMESPACE = {'dds': 'http://www.eprosima.com/XMLSchemas/fastRTPS_Profiles'}


def test_share_dir_is_the_checkout_or_the_installed_folder(tmp_path):
    assert (environment.share_dir() / 'config' / 'fastdds.xml').is_file()


def test_share_dir_of_an_installed_package(tmp_path, monkeypatch):
    module = tmp_path / 'lib' / 'python3.11' / 'site-packages' / 'poco_ros' / 'environment.py'
    monkeypatch.setattr(environment, '__file__', str(module))
    with pytest.raises(FileNotFoundError, match='install the package again'):
        environment.share_dir()
    (tmp_path / 'share' / 'poco_ros').mkdir(parents=True)
    assert environment.share_dir() == tmp_path / 'share' / 'poco_ros'


def test_profile_is_set_under_the_name_the_installed_fast_dds_reads(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'prefix', str(tmp_path / 'venv'))
    profile = str(environment.transport_profile())
    kilted = environment.ros_environment({})
    assert kilted == {'FASTDDS_DEFAULT_PROFILES_FILE': profile}
    (tmp_path / 'jazzy' / 'lib').mkdir(parents=True)
    (tmp_path / 'jazzy' / 'lib' / 'libfastrtps.so.2.14').touch()
    jazzy = environment.ros_environment({'AMENT_PREFIX_PATH': str(tmp_path / 'jazzy')})
    assert jazzy['FASTRTPS_DEFAULT_PROFILES_FILE'] == profile
    assert 'FASTDDS_DEFAULT_PROFILES_FILE' not in jazzy


@pytest.mark.parametrize('name', [*environment.PROFILE_VARIABLES, environment.TRANSPORTS_VARIABLE])
def test_what_the_user_chose_stays(name):
    chosen = environment.ros_environment({name: 'mine'})
    assert chosen[name] == 'mine'
    assert [k for k in chosen if k.startswith('FAST')] == [name]
    assert environment.profile_in_use(chosen) == (name, 'mine')


def test_a_profile_in_the_working_directory_stays(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'DEFAULT_FASTDDS_PROFILES.xml').touch()
    assert not [k for k in environment.ros_environment({}) if k.startswith('FAST')]


def test_virtual_environment_joins_the_package_index_once(tmp_path, monkeypatch):
    monkeypatch.setattr(sys, 'prefix', str(tmp_path))
    assert 'AMENT_PREFIX_PATH' not in environment.ros_environment({})
    index = tmp_path / 'share' / 'ament_index' / 'resource_index' / 'packages'
    index.mkdir(parents=True)
    (index / 'poco_ros').touch()
    first = environment.ros_environment({'AMENT_PREFIX_PATH': '/opt/ros/kilted'})
    assert first['AMENT_PREFIX_PATH'] == f'{tmp_path}:/opt/ros/kilted'
    assert environment.ros_environment(first) == first


def test_prepare_changes_this_process(monkeypatch):
    for name in (*environment.PROFILE_VARIABLES, environment.TRANSPORTS_VARIABLE, 'AMENT_PREFIX_PATH'):
        monkeypatch.delenv(name, raising=False)
    environment.prepare()
    assert environment.profile_in_use() is not None


def test_the_module_needs_no_ros():
    code = 'import poco_ros.environment, sys; sys.exit(any(m.split(".")[0] == "rclpy" for m in sys.modules))'
    assert subprocess.run([sys.executable, '-c', code], cwd=ROOT, check=False).returncode == 0


def test_profile_holds_four_full_hd_images_and_replaces_the_default_transports():
    root = ElementTree.parse(environment.transport_profile()).getroot()
    segment = int(root.find('.//dds:segment_size', NAMESPACE).text)
    assert segment >= 4 * 1920 * 1080 * 3
    assert root.find('.//dds:useBuiltinTransports', NAMESPACE).text == 'false'
    kinds = [e.text for e in root.findall('.//dds:transport_descriptor/dds:type', NAMESPACE)]
    assert kinds == ['SHM', 'UDPv4']
    defined = {e.text for e in root.findall('.//dds:transport_descriptor/dds:transport_id', NAMESPACE)}
    assert {e.text for e in root.findall('.//dds:userTransports/dds:transport_id', NAMESPACE)} == defined


PUBLISHER = """
import sys, time, array
import rclpy
from rclpy.qos import qos_profile_sensor_data
from sensor_msgs.msg import Image
rclpy.init()
node = rclpy.create_node('publisher')
publisher = node.create_publisher(Image, 'transport_probe', qos_profile_sensor_data)
message = Image(height=1080, width=1920, encoding='bgr8', step=5760, data=array.array('B', bytes(5760 * 1080)))
for _ in range(200):
    if publisher.get_subscription_count():
        break
    time.sleep(0.05)
time.sleep(0.3)
for _ in range(15):
    publisher.publish(message)
    time.sleep(0.05)
"""


@pytest.mark.ros
def test_full_hd_sensor_data_arrives_from_another_process():
    pytest.importorskip('rclpy')
    from rclpy.qos import qos_profile_sensor_data
    from ros_harness import ros_session
    from sensor_msgs.msg import Image
    with ros_session() as ros:
        received = []
        ros.node('subscriber').create_subscription(
            Image, 'transport_probe', lambda m: received.append(len(m)), qos_profile_sensor_data, raw=True)
        child = environment.ros_environment()
        child['ROS_DOMAIN_ID'] = str(ros.domain)
        with subprocess.Popen([sys.executable, '-c', PUBLISHER], env=child, cwd=ROOT) as process:
            ros.spin_until(lambda: process.poll() is not None, timeout=20.0)
        assert len(received) >= 13
        assert min(received) > 1920 * 1080 * 3
