"""The process environment that ROS 2 nodes of this package need, without importing ROS.

Two things go wrong on a bare machine. With ROS wheels in a virtual environment nobody sources a set-up script, so
the package index is not found. And with Fast DDS's default transports, camera images sent as sensor data may never
arrive (see ``config/fastdds.xml``). Both are mended through environment variables, before the first node is made.
What the user has set stays.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

#: Where Fast DDS looks for its XML profiles: 3.x (Kilted and later), and 2.x (Humble, Jazzy). Each version knows only
#: its own; rmw_fastrtps of Kilted still takes the old one, with a warning at every start.
PROFILE_VARIABLES = ('FASTDDS_DEFAULT_PROFILES_FILE', 'FASTRTPS_DEFAULT_PROFILES_FILE')
#: Set by users who choose the transports of Fast DDS themselves; a profile of ours would override it.
TRANSPORTS_VARIABLE = 'FASTDDS_BUILTIN_TRANSPORTS'

_PACKAGE = 'poco_ros'
_INDEX_ENTRY = Path('share', 'ament_index', 'resource_index', 'packages', _PACKAGE)
_OWN_PROFILE_NAMES = ('DEFAULT_FASTDDS_PROFILES.xml', 'DEFAULT_FASTRTPS_PROFILES.xml')


def share_dir() -> Path:
    """Return the folder that holds ``config/``, ``launch/`` and ``engines/``: of the checkout, or where installed.

    :raises FileNotFoundError: the package is neither a checkout nor completely installed.
    """
    module = Path(__file__).absolute()
    checkout = module.parents[1]
    if (checkout / 'package.xml').is_file() and (checkout / 'config').is_dir():
        return checkout
    for parent in module.parents:
        installed = parent / 'share' / _PACKAGE
        if installed.is_dir():
            return installed
    raise FileNotFoundError(f'no share/{_PACKAGE} above {module}; install the package again (make, or colcon build)')


def transport_profile() -> Path:
    """Return the Fast DDS profile that ships with the package."""
    return share_dir() / 'config' / 'fastdds.xml'


def profile_in_use(environ: Mapping[str, str] | None = None) -> tuple[str, str] | None:
    """Return name and value of the environment variable that decides about Fast DDS's transports.

    :param environ: default ``os.environ``.
    :returns: None when nothing is set, so that Fast DDS takes its defaults.
    """
    environ = os.environ if environ is None else environ
    for name in (*PROFILE_VARIABLES, TRANSPORTS_VARIABLE):
        if environ.get(name):
            return name, environ[name]
    for name in _OWN_PROFILE_NAMES:
        if Path(name).is_file():
            return 'the working directory', name
    return None


def profile_variable(environ: Mapping[str, str] | None = None) -> str:
    """Return the name of the variable from which the installed Fast DDS takes its profiles.

    :param environ: default ``os.environ``; its ``AMENT_PREFIX_PATH`` is searched, and the virtual environment.
    """
    environ = os.environ if environ is None else environ
    prefixes = [entry for entry in environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if entry]
    version_2 = any(any(Path(prefix, 'lib').glob('libfastrtps.so*')) for prefix in (*prefixes, sys.prefix))
    return PROFILE_VARIABLES[1] if version_2 else PROFILE_VARIABLES[0]


def ros_environment(base: Mapping[str, str] | None = None) -> dict[str, str]:
    """Return the environment in which programs of this package find their package and get large images.

    :param base: what to start from; default ``os.environ``.
    :returns: ``base`` with ``AMENT_PREFIX_PATH`` naming the virtual environment where the package is installed in one,
        and the Fast DDS profile variable pointing at the shipped profile unless ``base`` has chosen transports.
    """
    environ = dict(os.environ if base is None else base)
    prefix = Path(sys.prefix)
    if (prefix / _INDEX_ENTRY).is_file():
        known = [entry for entry in environ.get('AMENT_PREFIX_PATH', '').split(os.pathsep) if entry]
        if str(prefix) not in known:
            environ['AMENT_PREFIX_PATH'] = os.pathsep.join([str(prefix), *known])
    if profile_in_use(environ) is None:
        environ[profile_variable(environ)] = str(transport_profile())
    return environ


def prepare() -> None:
    """Make the environment of this process the one of :func:`ros_environment`.

    Fast DDS reads it when the first node is made, so call this before ``rclpy.init``.
    """
    os.environ.update(ros_environment())
