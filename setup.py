"""The pip route: builds the same CMake project as colcon does and packs what it installs into a wheel.

``make`` calls this with the ROS wheels of PyPI as the underlay (``requirements-build.txt``). In a workspace
with an apt ROS, colcon reads ``package.xml`` and ``CMakeLists.txt`` and ignores this file.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from setuptools import Distribution, setup
from setuptools.command.build import build

ROOT = Path(__file__).resolve().parent
PREFIX = ROOT / 'build' / 'pip-prefix'
PYTHON_DIR = 'python'  # where CMake puts the Python package, below PREFIX


def version():
    """The package's version, from the one place that states it."""
    return re.search(r'<version>(.+?)</version>', (ROOT / 'package.xml').read_text())[1]


def requirements(name):
    lines = (ROOT / name).read_text().splitlines()
    return [line for line in lines if line.strip() and not line.startswith(('#', '-'))]


class CMakeBuild(build):
    """Configure, build and install with CMake, then hand the result to the wheel."""

    def run(self):
        build_dir = ROOT / 'build' / f'pip-cp{sys.version_info[0]}{sys.version_info[1]}'
        shutil.rmtree(PREFIX, ignore_errors=True)
        environment = dict(os.environ, AMENT_PREFIX_PATH=sys.prefix)
        environment['PATH'] = os.pathsep.join([str(Path(sys.executable).parent), environment['PATH']])
        configure = [
            'cmake', '-S', str(ROOT), '-B', str(build_dir), '-G', 'Ninja', '-DCMAKE_BUILD_TYPE=Release',
            f'-DCMAKE_PREFIX_PATH={sys.prefix}', f'-DPython3_EXECUTABLE={sys.executable}',
            f'-DCMAKE_PROJECT_poco_ros_INCLUDE={ROOT / "cmake" / "pip_wheels.cmake"}',
            f'-DCMAKE_INSTALL_PREFIX={PREFIX}', '-DCMAKE_INSTALL_LIBDIR=lib', f'-DPYTHON_INSTALL_DIR={PYTHON_DIR}',
            '-DBUILD_TESTING=OFF',  # make test calls pytest itself
        ]
        for command in (configure, ['cmake', '--build', str(build_dir), '--target', 'install']):
            subprocess.run(command, check=True, env=environment)
        target = Path(self.build_lib) / 'poco_ros'
        shutil.rmtree(target, ignore_errors=True)
        shutil.copytree(PREFIX / PYTHON_DIR / 'poco_ros', target, ignore=shutil.ignore_patterns('__pycache__'))
        self.distribution.data_files = data_files()
        super().run()


def data_files():
    """All that CMake installed outside the Python package: libraries, programs, shared files, headers."""
    folders = {}
    for path in sorted(PREFIX.rglob('*')):
        relative = path.relative_to(PREFIX)
        if path.is_file() and relative.parts[0] != PYTHON_DIR:
            folders.setdefault(str(relative.parent), []).append(str(path.relative_to(ROOT)))
    return list(folders.items())


class PlatformDistribution(Distribution):
    """The wheel holds compiled message support, so it belongs to this Python and platform."""

    def has_ext_modules(self):
        return True


setup(
    name='poco_ros',
    version=version(),
    description="People's SMPL bodies from camera images, with a calibrated confidence, as ROS 2 nodes",
    license='Apache-2.0',
    python_requires='>=3.10,<3.14',
    install_requires=requirements('requirements.txt'),
    packages=[],
    cmdclass={'build': CMakeBuild},
    distclass=PlatformDistribution,
)
