"""Which plan is the right one: everything that a TensorRT plan depends on, and one hash of it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import platform as machine
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.tensorrt_interface import Platform, Recipe

#: Counts up whenever the adapter builds differently from the same recipe, so that older plans are not taken.
_BUILDER = 1


@dataclass(frozen=True)
class PlanKey:
    """Everything that a plan depends on.

    :param model: name of the network, for the file name.
    :param parts: values by name, as JSON can hold them.
    """

    model: str
    parts: Mapping[str, Any]

    @property
    def sha256(self) -> str:
        """Hash of the parts, hexadecimal; the same parts give the same hash on every machine."""
        text = json.dumps(self.parts, sort_keys=True, separators=(',', ':'), allow_nan=False)
        return hashlib.sha256(text.encode()).hexdigest()

    @property
    def stem(self) -> str:
        """File name without an ending: the model's name and 16 digits of the hash."""
        return f'{self.model}-{self.sha256[:16]}'

    @property
    def timing_stem(self) -> str:
        """The same for what builds learn about kernels, which every network on this platform shares."""
        text = json.dumps(self.parts['platform'], sort_keys=True)
        return f'timing-{hashlib.sha256(text.encode()).hexdigest()[:16]}'


def plan_key(record: ModelRecord, stored: str, recipe: Recipe, platform: Platform) -> PlanKey:
    """Return the key of the plan for a network.

    :param record: of the network.
    :param stored: the exported graph that is built, one of ``model_record.PRECISIONS``: graph and recipe together are
        the precision.
    :param recipe: how it is built.
    :param platform: where.
    """
    return PlanKey(record.name, {
        'builder': _BUILDER,
        'graph_sha256': record.graphs[stored].sha256,
        'graph': stored,
        'recipe': {**dataclasses.asdict(recipe), 'persons': list(recipe.persons)},
        'platform': {**dataclasses.asdict(platform), 'machine': f'{machine.system()} {machine.machine()}'},
    })
