"""What a user can ask of an engine."""

from __future__ import annotations

from dataclasses import dataclass

from poco_ros.settings import check_settings, choice, setting

ENGINES = ('tensorrt', 'openvino', 'torch')
"""Inference libraries, in the order in which ``auto`` looks for them."""

PRECISIONS = ('fp32', 'tf32', 'fp16', 'bf16', 'int8')
"""Arithmetic up to the features; what follows (rotations, camera, sigma, joints) is fp32 always.

``fp32`` is exactly that: on an NVIDIA GPU, where 32-bit products are rounded to 10 bits of mantissa unless one asks,
``tf32`` asks for the rounding.
"""

AUTO = 'auto'


@dataclass(frozen=True)
class EngineOptions:
    """Which engine runs a network, and how.

    :raises ConfigError: when a value is out of range; names the field.
    """

    engine: str = choice(AUTO, 'inference library of the network', AUTO, *ENGINES)
    precision: str = choice(AUTO, 'arithmetic of the network', AUTO, *PRECISIONS)
    threads: int = setting(0, 'processor threads of the network on the CPU; 0: the library decides', 0, 256)
    max_batch: int = setting(8, 'most persons that the network sees at once; more go in turns', 1, 64)

    def __post_init__(self) -> None:
        check_settings(self)
