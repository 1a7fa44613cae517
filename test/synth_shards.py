"""Data sets with made-up numbers, for tests of what reads them."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poco_ros.synth.shards import TABLES, Header, layout, shard_path, write_shard

FRAMES = 4
TABLE = ('zero', 'one', 'two')


def write_dataset(folder: Path, sequences: int = 12, per_shard: int = 5) -> Header:
    """Write a data set of random numbers; sequence s is of the split s % 4, every text of a row is that of s % 3."""
    rng = np.random.default_rng(0)
    header = Header(sequences * FRAMES, FRAMES, per_shard, {name: list(TABLE) for name in TABLES}, {'seed': 0})
    folder.mkdir(parents=True, exist_ok=True)
    header.write(folder)
    for shard in range(header.shards):
        sequence = np.repeat(np.array(header.of_shard(shard)), FRAMES)
        arrays = {}
        for name, (shape, dtype) in layout(len(sequence)).items():
            arrays[name] = rng.normal(0, 1, shape).astype(dtype)
        arrays['sequence'] = sequence
        arrays['frame'] = np.tile(np.arange(FRAMES, dtype=np.int32), len(header.of_shard(shard)))
        arrays['split'] = (sequence % 4).astype(np.uint8)
        for table in TABLES:
            arrays[table] = (sequence % 3).astype(np.int32)
        write_shard(shard_path(folder, shard), arrays)
    return header
