"""Packages that handling networks needs and running them does not: found missing in words, before the work starts."""

from __future__ import annotations

import importlib.util

from poco_ros.errors import PocoError

TORCH_PACKAGES = ('torch', 'timm', 'safetensors')


def require_packages(names: tuple[str, ...]) -> None:
    """Check that packages are installed, without importing them.

    :param names: as they are imported.
    :raises PocoError: when some are missing; names them and what installs them.
    """
    missing = [name for name in names if importlib.util.find_spec(name) is None]
    if missing:
        raise PocoError(f'this needs {", ".join(missing)}, which running nodes do not: '
                        "'pip install -r requirements-networks.txt' (or 'make networks')")
