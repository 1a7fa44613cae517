"""The first run of a loaded engine, which shows whether it computes what was exported.

Not a measure of accuracy (the export has one, over many images, with tighter limits) but of health: a plan of another
kind of GPU, a miscompiled layer, swapped tensors or weights that are not numbers all lie far beyond these limits.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np

from poco_ros.engine.agreement import Limits, compare
from poco_ros.engine.base import Array, Engine
from poco_ros.engine.model_record import ModelRecord
from poco_ros.errors import EngineError

_EXACT = Limits(
    joints_mm=0.2, joints_worst_mm=0.5, vertices_mm=0.2, rotation_deg=0.02, rotation_worst_deg=0.2, betas=0.002,
    cam=0.002, sigma=0.0001, sigma_worst=0.001, sigma_rank=0.999, scalar_rank=0.99,
)
_TEN_BITS = Limits(  # of mantissa
    joints_mm=5, joints_worst_mm=10, vertices_mm=5, rotation_deg=0.5, rotation_worst_deg=10, betas=0.05, cam=0.05,
    sigma=0.002, sigma_worst=0.02, sigma_rank=0.99, scalar_rank=0.9,
)
_COARSE = Limits(
    joints_mm=40, joints_worst_mm=80, vertices_mm=40, rotation_deg=4, rotation_worst_deg=60, betas=0.5, cam=0.3,
    sigma=0.03, sigma_worst=0.3, sigma_rank=0.9, scalar_rank=0.5,
)
_LIMITS = {'fp32': _EXACT, 'tf32': _TEN_BITS, 'fp16': _TEN_BITS, 'bf16': _COARSE, 'int8': _COARSE}

#: Made-up weights were never trained to be robust to rounding, and hardly tell persons apart.
_MOCK_FACTOR = 6


def check_engine(engine: Engine, folder: Path, record: ModelRecord) -> None:
    """Run an engine on the stored inputs, and compare with the stored outputs.

    :param engine: of an exported network.
    :param folder: of the network.
    :param record: its record.
    :raises EngineError: when it does not compute what was exported, or the stored values are missing or were changed.
    """
    inputs, expected = record.expected_values(folder)
    check_outputs(record, engine.info.precision, expected, engine(inputs))


def check_outputs(
    record: ModelRecord, precision: str, expected: Mapping[str, Array], found: Mapping[str, Array]
) -> None:
    """Compare an engine's outputs with what the network gave.

    :param record: of the network.
    :param precision: one of ``options.PRECISIONS``.
    :param expected: by name, over the same persons.
    :param found: by name.
    :raises EngineError: when they differ more than that precision explains, or are not finite.
    """
    limits = _LIMITS[precision]
    if record.mock and precision != 'fp32':
        limits = Limits(**{
            name: -1 if name.endswith('_rank') else _MOCK_FACTOR * value
            for name, value in dataclasses.asdict(limits).items()})
    misses = [f'{name} is not finite' for name in expected if not np.isfinite(found[name]).all()]
    misses += compare(expected, found).misses(limits)
    if misses:
        raise EngineError(
            f'{record.name} in {precision} does not compute what was exported: {"; ".join(misses)}. Take another '
            'precision or engine; if that is no better, export the network anew')
