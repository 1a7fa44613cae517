"""What a data set of ``poco synth`` is made from."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from poco_ros.errors import ConfigError
from poco_ros.synth.shards import SPLITS
from poco_ros.synth.viewpoint import ViewConfig

RECIPE_VERSION = 2
"""Counted up whenever the same settings would give other samples."""


@dataclass(frozen=True)
class SynthConfig:
    """Settings that decide what the samples are; everything else only decides how fast they come.

    :param mocap: the motion file (see :mod:`poco_ros.evaluation.infill.motion_file`).
    :param seed: two seeds share no sample; the splits of people, clothes and backgrounds are the same for all seeds.
    :param count: samples.
    :param frames: that are rendered of every sequence, at least 2.
    :param mirrored: whether every frame is looked at in the mirror too: twice the samples of a sequence.
    :param licence: only clips whose licence begins with this; '' takes all.
    :param wardrobe: a file of clothes (``open_wardrobe.npz``); None: those that come with the package.
    :param crops: whether to store pictures too, for networks that read images.
    :param split: 'all', or the one split to make samples of.
    :param prior_share: share of made-up movements, in [0, 1].
    :param shape_spread: standard deviation of the betas, >= 0; training has 1.
    :param view: where cameras stand.
    :raises ConfigError: when a value is out of range.
    """

    mocap: Path
    seed: int = 0
    count: int = 1000
    frames: int = 8
    mirrored: bool = False
    licence: str = ''
    wardrobe: Path | None = None
    crops: bool = False
    split: str = 'all'
    prior_share: float = 0.5
    shape_spread: float = 1.0
    view: ViewConfig = field(default_factory=ViewConfig)

    def __post_init__(self) -> None:
        limits = {'seed': (0, 2**63 - 1), 'count': (1, 10**9), 'frames': (2, 64), 'prior_share': (0, 1),
                  'shape_spread': (0, 3)}  # fmt: skip
        for name, (low, high) in limits.items():
            if not low <= getattr(self, name) <= high:
                raise ConfigError(f'{name} must be between {low} and {high}, not {getattr(self, name)}')
        if self.split not in (*SPLITS, 'all'):
            raise ConfigError(f'split must be one of {", ".join(SPLITS)} or all, not {self.split!r}')

    @property
    def samples(self) -> int:
        """Samples of every sequence."""
        return self.frames * (2 if self.mirrored else 1)

    def recipe(self, hashes: dict[str, str]) -> dict[str, Any]:
        """Return what ``dataset.json`` says of how the samples came to be.

        :param hashes: of the files they were made from, by name.
        """
        values = dataclasses.asdict(self)
        for name in ('mocap', 'wardrobe', 'count', 'frames'):
            values.pop(name)
        return {'version': RECIPE_VERSION, **values, 'files': hashes}
