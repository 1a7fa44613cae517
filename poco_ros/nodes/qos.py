"""The quality of service of every topic of this package, in one place.

A user changes reliability, history and depth of a topic by the parameters that :func:`overridable` declares:
``qos_overrides.<topic>.<publisher|subscription>.reliability`` and so on. rclpy writes such a change into the profile it
is given; therefore every access to a name of this module, as ``qos.OUTPUT``, gives a new profile.
"""

from __future__ import annotations

from rclpy.qos import QoSDurabilityPolicy, QoSHistoryPolicy, QoSProfile, QoSReliabilityPolicy
from rclpy.qos_overriding_options import QoSOverridingOptions


def _profile(depth: int, *, reliable: bool, latched: bool = False) -> QoSProfile:
    return QoSProfile(
        history=QoSHistoryPolicy.KEEP_LAST, depth=depth,
        reliability=QoSReliabilityPolicy.RELIABLE if reliable else QoSReliabilityPolicy.BEST_EFFORT,
        durability=QoSDurabilityPolicy.TRANSIENT_LOCAL if latched else QoSDurabilityPolicy.VOLATILE)


SENSOR_INPUT: QoSProfile
"""Images and their camera_info: best effort, and only the newest. A deeper queue adds latency when inference is slower
than the camera, and never gives a better answer. Best effort takes both kinds of publishers."""

BOXES_INPUT: QoSProfile
"""Boxes of another detector: small, and every one is needed to find its image."""

OUTPUT: QoSProfile
"""Results: reliable serves reliable and best-effort subscribers alike. Also for subscriptions to the results."""

EVERY_FRAME: QoSProfile
"""Results of which none may be missed, in and out of the temporal node: reliable, and deep enough for the burst that
leaves when a stalled camera goes on or a stream ends (the longest lag is 30 frames)."""

LATCHED: QoSProfile
"""What is sent once and must reach late subscribers."""

DIAGNOSTICS: QoSProfile
"""As ``diagnostic_updater`` does it, so that aggregators see nothing unusual."""

_PROFILES = {
    'SENSOR_INPUT': lambda: _profile(1, reliable=False),
    'BOXES_INPUT': lambda: _profile(10, reliable=False),
    'OUTPUT': lambda: _profile(5, reliable=True),
    'EVERY_FRAME': lambda: _profile(40, reliable=True),
    'LATCHED': lambda: _profile(1, reliable=True, latched=True),
    'DIAGNOSTICS': lambda: _profile(1, reliable=True),
}


def __getattr__(name: str) -> QoSProfile:
    if name not in _PROFILES:
        raise AttributeError(f'module {__name__!r} has no attribute {name!r}')
    return _PROFILES[name]()


def overridable() -> QoSOverridingOptions:
    """Return the option that declares the parameters for history, depth and reliability of a topic."""
    return QoSOverridingOptions.with_default_policies()
