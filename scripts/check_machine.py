"""Is this machine able to set poco_ros up? Run by make with the system's Python, before anything is installed.

Prints nothing and exits 0 when all is there; otherwise names what is missing and the command that mends it.
"""

import importlib.util
import os
import shutil
import sys
import sysconfig

OLDEST, NEWEST = (3, 10), (3, 13)  # the Pythons that ROS 2 wheels exist for


def missing():
    """Yield (what is missing, Debian/Ubuntu package that has it or None)."""
    this = sys.version_info[:2]
    if not OLDEST <= this <= NEWEST:
        yield (
            f'Python {OLDEST[0]}.{OLDEST[1]} to {NEWEST[0]}.{NEWEST[1]} (this is {sys.executable}, '
            f'{this[0]}.{this[1]}; choose another with: make PYTHON=python3.12 ...)',
            None,
        )
    if importlib.util.find_spec('venv') is None or importlib.util.find_spec('ensurepip') is None:
        yield 'the Python module venv with ensurepip', 'python3-venv'
    header = os.path.join(sysconfig.get_paths()['include'], 'Python.h')  # noqa: PTH118 (runs before anything else)
    if not os.path.isfile(header):  # noqa: PTH113
        yield f"Python's C headers ({header}), which the ROS messages are compiled with", 'python3-dev'
    if not (shutil.which('c++') or shutil.which('g++')):
        yield 'a C++ compiler', 'g++'
    if not (shutil.which('cc') or shutil.which('gcc')):
        yield 'a C compiler', 'gcc'


def main():
    found = list(missing())
    for what, _ in found:
        sys.stderr.write(f'missing: {what}\n')
    packages = ' '.join(package for _, package in found if package)
    if packages:
        sys.stderr.write(f'mend on Debian or Ubuntu: sudo apt install {packages}\n')
    return 1 if found else 0


if __name__ == '__main__':
    sys.exit(main())
