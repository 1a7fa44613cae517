"""Who and what belongs to which split: people, clothes and backgrounds are divided, never frames.

The division depends on the names alone, not on the seed of a data set: what one data set keeps for testing no other one
trains on.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from poco_ros.synth.shards import SPLITS

SHARES: Mapping[str, float] = {'train': 0.70, 'val': 0.05, 'calibration': 0.10, 'test': 0.15}
"""Of the sequences, and about of the people, clothes and backgrounds."""

_SHUFFLED = 20260101


def split_names(names: Sequence[str]) -> dict[str, tuple[str, ...]]:
    """Divide names by the shares, each split getting at least one.

    :param names: at least four, each once.
    :returns: the names of each split.
    :raises ValueError: when there are fewer than four.
    """
    if len(names) < len(SPLITS):
        raise ValueError(f'{len(names)} names cannot be divided into {len(SPLITS)} splits')
    order = [sorted(names)[i] for i in np.random.default_rng(_SHUFFLED).permutation(len(names))]
    counts = np.maximum(1, np.floor(np.array([SHARES[split] for split in SPLITS]) * len(names))).astype(int)
    counts[0] = len(names) - counts[1:].sum()
    ends = np.cumsum(counts)
    return {split: tuple(order[end - count:end]) for split, count, end in zip(SPLITS, counts, ends, strict=True)}


def split_people(frames: Mapping[str, int]) -> dict[str, tuple[str, ...]]:
    """Divide people so that each split has about its share of the frames.

    The person with most frames goes first, each to the split that lacks most. With fewer people than splits nobody can
    be kept apart: then all are for testing.

    :param frames: of each person.
    :returns: the people of each split.
    """
    parts: dict[str, list[str]] = {split: [] for split in SPLITS}
    if len(frames) < len(SPLITS):
        return {split: tuple(sorted(frames)) if split == 'test' else () for split in SPLITS}
    total = sum(frames.values())
    lacking = {split: SHARES[split] * total for split in SPLITS}
    for person in sorted(frames, key=lambda name: (-frames[name], name)):
        split = max(SPLITS, key=lambda name: lacking[name])
        parts[split].append(person)
        lacking[split] -= frames[person]
    _fill_empty(parts, frames)
    return {split: tuple(parts[split]) for split in SPLITS}


def _fill_empty(parts: dict[str, list[str]], frames: Mapping[str, int]) -> None:
    """Give each empty split the person with fewest frames of the split with most people."""
    for split in SPLITS:
        if not parts[split]:
            donor = max(SPLITS, key=lambda name: len(parts[name]))
            person = min(parts[donor], key=lambda name: (frames[name], name))
            parts[donor].remove(person)
            parts[split].append(person)
