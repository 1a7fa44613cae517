"""``poco infill``: fills the gaps of a recorded stream, offline, by the rules of the paper."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import numpy as np
import typer
from rich.console import Console

from poco_ros.errors import ConfigError, PocoError

if TYPE_CHECKING:
    from poco_ros.temporal.offline import Recorded
    from poco_ros.types import Bodies


def infill(
    jsonl: Annotated[Path | None, typer.Option(
        '--jsonl', help='recording, one SmplBodyArray a line, as poco demo writes it')] = None,
    bag: Annotated[Path | None, typer.Option(
        '--bag', help='recording of rosbag2: a folder, a .mcap or a .db3 file; needs "pip install rosbags"')] = None,
    predictor: Annotated[str, typer.Option(
        metavar='whole_body|learned|damped', help='how joints that are not seen move')] = 'whole_body',
    out: Annotated[Path | None, typer.Option(
        help='file, or for a bag folder, to write; empty: beside the recording')] = None,
    topic: Annotated[str, typer.Option(help='of the bag: whose gaps are filled')] = '/poco/bodies',
    added_topic: Annotated[str, typer.Option(
        help='under which the result is added to the copy of the bag; empty: the topic with _infilled added')] = '',
) -> None:
    """Fill the gaps of a recorded stream by the rules of the paper.

    Frames with an uncertainty above 0.8 are thrown away and infilled, in stretches that begin and end with 5 confident
    frames and have at most 15 frames in a row above 0.7. All other frames stay as they are.
    """
    if jsonl is not None and bag is None:
        target = out or jsonl.with_suffix('.infilled.jsonl')
        text = _infill_lines(jsonl, target, predictor)
    elif bag is not None and jsonl is None:
        target = out or bag.with_name(f'{bag.stem if bag.is_file() else bag.name}_infilled')
        text = _infill_bag(bag, target, predictor, topic, added_topic or f'{topic}_infilled')
    else:
        raise ConfigError('name one recording: --jsonl FILE or --bag FOLDER')
    Console().print(f'{target}: {text}', highlight=False, markup=False, soft_wrap=True)


def _infill_lines(path: Path, target: Path, predictor: str) -> str:
    from poco_ros.cli.body_records import bodies_from_record, with_bodies
    from poco_ros.cli.records import JsonLines, floats, read_records, stamp_ns
    from poco_ros.temporal.offline import Recorded

    if target.resolve() == path.resolve():
        raise PocoError(f'{path} would be overwritten: choose another --out')
    records = list(read_records(path))
    frames = []
    for number, record in enumerate(records, 1):
        try:
            coverage, bound = (float(floats(record.get(name))) for name in ('coverage', 'confidence_bound_mm'))
            frames.append(Recorded(
                stamp_ns(record), bodies_from_record(record), record.get('epoch', 0), coverage, bound))
        except (PocoError, KeyError, TypeError, ValueError) as error:
            raise PocoError(f'{path}, line {number}: {error}') from error
    infilled, stated, text = _infilled(frames, predictor)
    with JsonLines(target) as lines:
        for record, frame, bodies in zip(records, frames, infilled, strict=True):
            changed = stated(frame, record.get('calibration_id', ''))
            lines.write({**with_bodies(record, bodies), **changed})
    return text


def _infill_bag(path: Path, target: Path, predictor: str, topic: str, added_topic: str) -> str:
    from poco_ros.cli.body_bag import BodyBag, bodies_of, with_bodies
    from poco_ros.temporal.offline import Recorded

    source = BodyBag(path, topic)
    frames = []
    for _, message in source.messages():
        stamp = message.header.stamp
        frames.append(Recorded(stamp.sec * 1_000_000_000 + stamp.nanosec, bodies_of(message), message.epoch,
                               message.coverage, message.confidence_bound_mm))
    infilled, stated, text = _infilled(frames, predictor)

    def changed(frame: Recorded, bodies: Bodies, message: Any) -> Any:
        return with_bodies(message, bodies, **stated(frame, message.calibration_id))

    left_out = source.write_with(target, added_topic, (
        partial(changed, frame, bodies) for frame, bodies in zip(frames, infilled, strict=True)))
    return f'{added_topic}: {text}' + (
        f'; not copied, because the recording does not say what they hold: {", ".join(left_out)}' if left_out else '')


def _infilled(
    frames: list[Recorded], predictor: str,
) -> tuple[list[Bodies], Callable[[Recorded, str], dict[str, Any]], str]:
    """Return the infilled bodies, what changes in the messages around them, and what was done, in words."""
    from poco_ros.temporal.age_law import shipped_age_law
    from poco_ros.temporal.offline import LAG, infill_recording
    from poco_ros.temporal.predictors import named_predictors
    from poco_ros.types import State

    law = shipped_age_law()
    bodies = infill_recording(frames, law=law, predictor=named_predictors([predictor])[0])

    def stated(frame: Recorded, calibration_id: str) -> dict[str, Any]:
        return {'declared_lag_frames': LAG, 'calibration_id': law.calibration_id(calibration_id),
                'coverage': frame.calibration.coverage, 'confidence_bound_mm': frame.calibration.bound_mm}

    counts = np.zeros(len(State), np.int64)
    for some in bodies:
        np.add.at(counts, some.state, 1)
    return bodies, stated, (
        f'{len(frames)} frames; bodies: {counts[State.OBSERVED]} observed, {counts[State.INFILLED]} infilled, '
        f'{counts[State.LOST]} not trusted and left as they came')
