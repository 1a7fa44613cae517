"""``poco infill``: fills the gaps of a recorded stream, offline, by the rules of the paper."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import numpy as np
import typer
from rich.console import Console

from poco_ros.errors import PocoError


def infill(
    jsonl: Annotated[Path, typer.Option('--jsonl', help='recording, one SmplBodyArray a line, as poco demo writes it')],
    out: Annotated[Path | None, typer.Option(help='file to write; empty: beside the recording')] = None,
) -> None:
    """Fill the gaps of a recorded stream by the rules of the paper.

    Frames with an uncertainty above 0.8 are thrown away and infilled, in stretches that begin and end with 5 confident
    frames and have at most 15 frames in a row above 0.7. All other frames stay as they are.
    """
    from poco_ros.cli.body_records import bodies_from_record, with_bodies
    from poco_ros.cli.records import JsonLines, read_records, stamp_ns
    from poco_ros.temporal.age_law import shipped_age_law
    from poco_ros.temporal.offline import LAG, Recorded, infill_recording
    from poco_ros.types import State

    target = out or jsonl.with_suffix('.infilled.jsonl')
    if target.resolve() == jsonl.resolve():
        raise PocoError(f'{jsonl} would be overwritten: choose another --out')
    records = list(read_records(jsonl))
    frames = []
    for number, record in enumerate(records, 1):
        try:
            frames.append(Recorded(stamp_ns(record), bodies_from_record(record)))
        except (PocoError, KeyError, TypeError) as error:
            raise PocoError(f'{jsonl}, line {number}: {error}') from error
    law = shipped_age_law()
    counts = np.zeros(len(State), np.int64)
    with JsonLines(target) as lines:
        for record, bodies in zip(records, infill_recording(frames, law=law), strict=True):
            np.add.at(counts, bodies.state, 1)
            calibration = '+'.join(filter(None, (record.get('calibration_id', ''), law.law_id)))
            lines.write({**with_bodies(record, bodies), 'declared_lag_frames': LAG, 'calibration_id': calibration})
    console = Console()
    console.print(
        f'{target}: {len(records)} frames; bodies: {counts[State.OBSERVED]} observed, {counts[State.INFILLED]} '
        f'infilled, {counts[State.LOST]} not trusted and left as they came',
        highlight=False, markup=False, soft_wrap=True)
