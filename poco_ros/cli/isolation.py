"""A ROS network of one's own on this machine, so that a demonstration neither hears nor disturbs a robot."""

from __future__ import annotations

import os
import socket
from collections.abc import Mapping

_DOMAIN, _RANGE, _LOCALHOST_ONLY = 'ROS_DOMAIN_ID', 'ROS_AUTOMATIC_DISCOVERY_RANGE', 'ROS_LOCALHOST_ONLY'
#: Domains above 101 reach into the ports that Linux hands out to ordinary connections.
_DOMAINS = range(1, 102)
#: DDS-RTPS: ports of a domain begin at 7400 + 250 * domain; its first participant listens 10 above that.
_FIRST_PARTICIPANT_PORT = 7410
_PORTS_PER_DOMAIN = 250


def isolated(environ: Mapping[str, str]) -> dict[str, str]:
    """Return ``environ`` with a ROS domain that nobody on this machine uses and discovery kept to this machine.

    What the user has set stays: with ``ROS_DOMAIN_ID`` the demonstration can be watched from elsewhere.
    """
    own = dict(environ)
    if not environ.get(_DOMAIN):
        own[_DOMAIN] = str(_free_domain())
    if not environ.get(_RANGE) and not environ.get(_LOCALHOST_ONLY):
        # Humble does not know the newer variable, and the newer releases warn about the older one.
        own.update({_LOCALHOST_ONLY: '1'} if environ.get('ROS_DISTRO') == 'humble' else {_RANGE: 'LOCALHOST'})
    return own


def _free_domain() -> int:
    start = os.getpid() % len(_DOMAINS)  # so that two who ask at the same time seldom ask about the same one
    candidates: list[int] = [*_DOMAINS[start:], *_DOMAINS[:start]]
    for domain in candidates:
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
            try:
                probe.bind(('', _FIRST_PARTICIPANT_PORT + _PORTS_PER_DOMAIN * domain))
            except OSError:
                continue
            return domain
    return 1 + start  # all are taken: share one
