"""The networks that a checkpoint may be of, by the name a user gives them. Imports no torch."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping

from poco_ros.errors import ConfigError
from poco_ros.networks.variants import OFFICIAL, Variant

KNOWN: Mapping[str, Variant] = {
    **OFFICIAL,
    **{
        f'plain_{official.regressor}': dataclasses.replace(
            official, name=f'plain_{official.regressor}', formulation='none')
        for official in OFFICIAL.values()
    },
}
"""The released networks, and under 'plain_cliff' and so on the same ones without uncertainty."""


def known_variant(name: str) -> Variant:
    """Return the network that a name stands for.

    :raises ConfigError: when it is none of ``KNOWN``.
    """
    if name not in KNOWN:
        raise ConfigError(f'a network must be one of {", ".join(KNOWN)}, got {name!r}')
    return KNOWN[name]
