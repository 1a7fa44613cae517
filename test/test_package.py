"""The package as others see it: metadata that agree, declared dependencies, nothing shadowed, programs that start."""

from __future__ import annotations

import ast
import importlib.metadata
import os
import re
import subprocess
import sys
import xml.etree.ElementTree as ElementTree
from pathlib import Path

import pytest

from poco_ros.environment import ros_environment
from poco_ros.graph import package_prefix

ROOT = Path(__file__).resolve().parents[1]
PACKAGE = ElementTree.parse(ROOT / 'package.xml').getroot()
PREFIX = package_prefix('poco_ros', ros_environment()) or Path(sys.prefix)
NODES = ('poco_node', 'temporal_node', 'video_node', 'view_node')
ROS_PACKAGES = {
    'builtin_interfaces', 'diagnostic_msgs', 'geometry_msgs', 'launch', 'launch_ros', 'lifecycle_msgs',
    'rcl_interfaces', 'rclpy', 'sensor_msgs', 'std_msgs', 'vision_msgs', 'visualization_msgs', 'ament_index_python',
    'tf2_ros', 'cv_bridge',
}  # fmt: skip


def depends(*tags: str) -> set[str]:
    return {element.text or '' for tag in tags for element in PACKAGE.findall(tag)}


def imported_ros_packages() -> dict[str, str]:
    """ROS package -> a file that imports it, over the package's and the launch files' sources."""
    found = {}
    for path in [*(ROOT / 'poco_ros').rglob('*.py'), *(ROOT / 'launch').rglob('*.py')]:
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ''] if isinstance(node, ast.ImportFrom) and not node.level else []
            found.update({n.split('.')[0]: path.name for n in names if n.split('.')[0] in ROS_PACKAGES})
    return found


def test_one_version_everywhere() -> None:
    version = PACKAGE.findtext('version')
    assert importlib.metadata.version('poco_ros') == version
    assert re.search(rf'^{re.escape(version or "?")} \(', (ROOT / 'CHANGELOG.rst').read_text(), re.MULTILINE)


def test_every_imported_ros_package_is_declared() -> None:
    declared = depends('depend', 'exec_depend')
    missing = {name: file for name, file in imported_ros_packages().items() if name not in declared}
    assert not missing


def test_core_imports_no_ros() -> None:
    """Everything but the nodes, the conversions and the command line is plain Python."""
    for path in (ROOT / 'poco_ros').rglob('*.py'):
        room = path.relative_to(ROOT / 'poco_ros').parts[0]
        if room in ('nodes', 'conversions.py', 'cli'):
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            names = [a.name for a in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ''] if isinstance(node, ast.ImportFrom) and not node.level else []
            assert not {n.split('.')[0] for n in names} & ROS_PACKAGES, path
            assert not any(n.startswith('poco_ros.msg') for n in names), path


@pytest.mark.parametrize('folder', [str(ROOT), '/'], ids=['in the checkout', 'elsewhere'])
def test_messages_are_importable_and_not_shadowed(folder: str) -> None:
    program = (
        'import poco_ros, poco_ros.msg, poco_ros.types; from poco_ros.msg import SmplBodyArray; '
        'print(SmplBodyArray.__module__)'
    )
    environment = {k: v for k, v in os.environ.items() if k != 'PYTHONPATH'}
    done = subprocess.run([sys.executable, '-c', program], cwd=folder, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == 'poco_ros.msg._smpl_body_array'


def test_messages_are_importable_with_a_second_copy_first_on_the_path(tmp_path: Path) -> None:
    """A pip-installed or editable copy without messages, earlier on the path, must not hide poco_ros.msg."""
    copy = tmp_path / 'poco_ros'
    copy.mkdir()
    (copy / '__init__.py').write_text((ROOT / 'poco_ros' / '__init__.py').read_text())
    environment = dict(os.environ, PYTHONPATH=str(tmp_path))
    program = 'import poco_ros; from poco_ros.msg import SmplBody; print(poco_ros.__file__)'
    done = subprocess.run([sys.executable, '-c', program], cwd='/', env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == str(copy / '__init__.py')


@pytest.mark.parametrize('program', [*NODES, 'poco'])
def test_installed_programs_exist_where_ros2_run_looks(program: str) -> None:
    path = PREFIX / 'lib' / 'poco_ros' / program
    assert os.access(path, os.X_OK)
    assert path.read_text().startswith('#!')


def test_poco_runs_from_any_folder(tmp_path: Path) -> None:
    done = subprocess.run(
        [PREFIX / 'bin' / 'poco', '--version'], cwd=tmp_path, capture_output=True, text=True,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert PACKAGE.findtext('version') in done.stdout


def test_check_machine_is_silent_here_and_names_what_is_missing(tmp_path: Path) -> None:
    script = ROOT / 'scripts' / 'check_machine.py'
    done = subprocess.run([sys.executable, script], capture_output=True, text=True)
    assert (done.returncode, done.stdout + done.stderr) == (0, '')
    done = subprocess.run([sys.executable, script], env={'PATH': str(tmp_path)}, capture_output=True, text=True)
    assert done.returncode == 1
    assert 'C++ compiler' in done.stderr and 'sudo apt install' in done.stderr and 'g++' in done.stderr
