"""Messages to lines of JSON and back."""

from __future__ import annotations

import json
import math
from pathlib import Path

import numpy as np
import pytest

from poco_ros.errors import PocoError

pytest.importorskip('poco_ros.msg', reason='needs the built messages')

from builtin_interfaces.msg import Time
from geometry_msgs.msg import Point
from std_msgs.msg import Header

from poco_ros.cli.records import JsonLines, floats, read_records, stamp_ns, to_record
from poco_ros.cli.run_log import bodies_of
from poco_ros.conversions import bodies_from_message
from poco_ros.msg import SmplBody, SmplBodyArray

STAMP_NS = 1_795_342_447_123_456_789


def message(people: int = 2) -> SmplBodyArray:
    """A message whose numbers are all different, with NaN and infinity among them."""
    rng = np.random.default_rng(7)
    bodies = []
    for track in range(people):
        body = SmplBody(track_id=track + 1, revision=2 ** 32 - 1, state=SmplBody.STATE_OBSERVED)
        for name, kind in SmplBody.get_fields_and_field_types().items():
            if kind.startswith('float['):
                setattr(body, name, rng.standard_normal(len(getattr(body, name))).astype(np.float32))
        body.joint_error_mm[:] = np.nan
        body.joints[5] = np.inf
        body.confidence = math.nan
        body.uncertainty = float(np.float32(0.1))
        bodies.append(body)
    sec, nanosec = divmod(STAMP_NS, 10 ** 9)
    return SmplBodyArray(
        header=Header(stamp=Time(sec=sec, nanosec=nanosec), frame_id='camera_optical_frame'), epoch=4_000_000_000,
        image_width=640, intrinsics=np.array([1, 2, 3, 4], np.float32), model_id='m', bodies=bodies,
    )


def strict(text: str) -> dict:
    """Read JSON that has no NaN or Infinity, as other languages do."""
    def refuse(word: str) -> None:
        raise ValueError(word)

    return json.loads(text, parse_constant=refuse)


def test_every_field_is_written_and_read_back_exactly(tmp_path):
    sent = message()
    with JsonLines(tmp_path / 'a.jsonl') as lines:
        lines.write(to_record(sent))
    (text,) = (tmp_path / 'a.jsonl').read_text().splitlines()
    record = strict(text)
    assert set(record) == set(SmplBodyArray.get_fields_and_field_types())
    assert stamp_ns(record) == STAMP_NS
    for row, body in zip(record['bodies'], sent.bodies, strict=True):
        assert set(row) == set(SmplBody.get_fields_and_field_types())
        for name in row:
            kind = SmplBody.get_fields_and_field_types()[name]
            want = np.asarray(getattr(body, name), np.float32 if kind == 'float' else None)
            np.testing.assert_array_equal(floats(row[name]).astype(want.dtype), want, err_msg=name)
    assert record['bodies'][0]['joint_error_mm'] == [None] * 24
    assert record['bodies'][0]['joints'][5] == 'Infinity'
    assert record['epoch'] == 4_000_000_000 and record['header']['frame_id'] == 'camera_optical_frame'
    assert record['focal_length_assumed'] is False


@pytest.mark.parametrize('people', [0, 1, 3])
def test_bodies_of_a_record_are_those_of_the_message(people):
    sent = message(people)
    want, got = bodies_from_message(sent), bodies_of(strict(json.dumps(to_record(sent))))
    for name in vars(want):
        assert getattr(got, name).dtype == getattr(want, name).dtype
        np.testing.assert_array_equal(getattr(got, name), getattr(want, name), err_msg=name)


def test_doubles_keep_their_digits():
    assert to_record(Point(x=0.1, y=1 / 3, z=math.inf)) == {'x': 0.1, 'y': 1 / 3, 'z': 'Infinity'}


def test_each_line_is_there_as_soon_as_it_is_written(tmp_path):
    with JsonLines(tmp_path / 'a.jsonl') as lines:
        for number in range(3):
            lines.write({'number': number})
            assert [record['number'] for record in read_records(lines.path)] == list(range(number + 1))
        assert lines.count == 3


def test_unreadable_files_are_named(tmp_path):
    (tmp_path / 'a.jsonl').write_text('{"a": 1}\n{"a":\n')
    with pytest.raises(PocoError, match=r'a\.jsonl, line 2: not JSON'):
        list(read_records(tmp_path / 'a.jsonl'))
    with pytest.raises(PocoError, match='No such file'):
        list(read_records(tmp_path / 'b.jsonl'))
    with pytest.raises(PocoError, match='cannot write'):
        JsonLines(tmp_path / 'no' / 'a.jsonl')
    with pytest.raises(PocoError, match='No space left'), JsonLines(Path('/dev/full')) as lines:
        lines.write({'a': 1})
