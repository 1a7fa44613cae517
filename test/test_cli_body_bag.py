"""``poco infill`` on recordings of rosbag2, whose messages are serialised by ROS and not by the library that reads."""

import json
import os
import shutil
import sys
from pathlib import Path

import numpy as np
import pytest
import typer
from temporal_streams import PERIOD_NS, doubted, walking
from typer.testing import CliRunner

pytest.importorskip('rosbags')
pytest.importorskip('rclpy')

from rclpy.serialization import deserialize_message, serialize_message
from rosbags.rosbag2 import Reader, StoragePlugin, Writer
from rosbags.typesys import Stores, get_types_from_msg, get_typestore
from std_msgs.msg import String

from poco_ros.camera import Camera
from poco_ros.cli import body_bag
from poco_ros.cli.body_records import bodies_from_record
from poco_ros.cli.infill import infill
from poco_ros.cli.records import JsonLines, read_records, to_record
from poco_ros.conversions import ArrayContext, bodies_from_message, bodies_to_message
from poco_ros.environment import ros_environment
from poco_ros.errors import PocoError
from poco_ros.msg import SmplBodyArray
from poco_ros.types import State

APP = typer.Typer()
APP.command()(infill)
TOPIC, ADDED, CHATTER = '/poco/bodies', '/poco/bodies_infilled', '/chatter'
START_NS = 1_700_000_000_000_000_000
GAP = range(20, 30)
BOTH = pytest.mark.parametrize('storage', [StoragePlugin.MCAP, StoragePlugin.SQLITE3])


def message(k, epoch=3, **options):
    """A frame of two people, of whom the first is occluded in the gap."""
    bodies = walking(k / 30, 2)
    if k in GAP:
        u = bodies.uncertainty.copy()
        bodies = doubted(bodies)
        bodies.uncertainty[1], bodies.joint_uncertainty[1] = u[1], u[1]
    return bodies_to_message(bodies, ArrayContext(
        Camera(640, 480, 500.0, 510.0, 320.0, 240.0, focal_length_assumed=True), START_NS + k * PERIOD_NS, 'optical',
        epoch, 'model-1', **options))


def record(path, messages, storage=StoragePlugin.MCAP, topic=TOPIC, types=None, kind=body_bag.TYPE):
    """Write a recording: the messages, each a little after its stamp, and a second topic."""
    types = types or body_bag.types()
    with Writer(path, version=9, storage_plugin=storage) as writer:
        bodies = writer.add_connection(topic, kind, typestore=types)
        chatter = writer.add_connection(CHATTER, 'std_msgs/msg/String', typestore=types)
        for k, item in enumerate(messages):
            at = START_NS + k * PERIOD_NS + 5_000_000
            writer.write(bodies, at, item if isinstance(item, bytes) else serialize_message(item))
            writer.write(chatter, at + 1, serialize_message(String(data=f'number {k}')))
    return path


def read(path, topic):
    with Reader(path) as reader:
        return [(t, data) for c, t, data in reader.messages([c for c in reader.connections if c.topic == topic])]


def run(*arguments):
    result = CliRunner().invoke(APP, [str(a) for a in arguments])
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    assert result.exit_code == 0, result.output
    return result.output.replace('\n', ' ')


def error(*arguments):
    with pytest.raises(PocoError) as caught:
        run(*arguments)
    return str(caught.value)


@BOTH
def test_a_copy_with_the_infilled_topic_stands_beside_the_recording(tmp_path, storage):
    bag = record(tmp_path / 'walk', [message(k) for k in range(60)], storage)
    assert '10 infilled' in run('--bag', bag)
    copy = tmp_path / 'walk_infilled'
    assert read(copy, TOPIC) == read(bag, TOPIC) and read(copy, CHATTER) == read(bag, CHATTER)
    came, got = read(copy, TOPIC), read(copy, ADDED)
    assert [t for t, _ in got] == [t for t, _ in came]
    messages = [deserialize_message(data, SmplBodyArray) for _, data in got]
    for k, (m, (_, data)) in enumerate(zip(messages, came, strict=True)):
        original = deserialize_message(data, SmplBodyArray)
        assert (m.header, m.epoch, m.model_id, m.image_width) == (
            original.header, 3, 'model-1', 640) and (m.intrinsics == original.intrinsics).all()
        people = {body.track_id: body for body in m.bodies}
        assert people[1].state == (State.INFILLED if k in GAP else State.OBSERVED)
        assert people[2].state == State.OBSERVED
        assert m.coverage == pytest.approx(0.9) and m.confidence_bound_mm == 100
        assert m.calibration_id.startswith('age_law-')
    middle = bodies_from_message(messages[25])
    assert np.linalg.norm(middle.joints[0] - walking(25 / 30).joints[0], axis=1).mean() < 0.05
    assert {p.suffix for p in copy.iterdir()} == {'.mcap' if storage == StoragePlugin.MCAP else '.db3', '.yaml'}


def test_a_bag_and_lines_of_json_give_the_same_numbers(tmp_path):
    messages = [message(k, coverage=0.75, confidence_bound_mm=70.0, calibration_id='cal') for k in range(60)]
    with JsonLines(tmp_path / 'walk.jsonl') as lines:
        for m in messages:
            lines.write(to_record(m))
    run('--jsonl', tmp_path / 'walk.jsonl')
    run('--bag', record(tmp_path / 'walk', messages), '--out', tmp_path / 'out')
    records = list(read_records(tmp_path / 'walk.infilled.jsonl'))
    for line, (_, data) in zip(records, read(tmp_path / 'out', ADDED), strict=True):
        m = deserialize_message(data, SmplBodyArray)
        a, b = bodies_from_record(line), bodies_from_message(m)
        for name in vars(a):
            np.testing.assert_array_equal(getattr(a, name), getattr(b, name), err_msg=name)
        assert {**to_record(m), 'bodies': []} == {**line, 'bodies': []}
        assert m.calibration_id.startswith('cal+age_law-') and m.confidence_bound_mm == 70


def test_single_files_and_other_topics(tmp_path):
    bag = record(tmp_path / 'walk', [message(k) for k in range(40)], topic='/robot/poco/bodies')
    file, = bag.glob('*.mcap')
    run('--bag', file, '--topic', '/robot/poco/bodies', '--added-topic', '/again')
    assert len(read(bag / 'walk_infilled', '/again')) == 40
    text = error('--bag', file)
    assert f'no topic {TOPIC}' in text and '/robot/poco/bodies' in text
    assert 'of the type std_msgs/msg/String' in error('--bag', file, '--topic', CHATTER)


def test_people_of_another_epoch_are_other_people(tmp_path):
    messages = [message(k, epoch=3 if k < 25 else 4) for k in range(60)]
    assert ' 0 infilled' in run('--bag', record(tmp_path / 'walk', messages))


def test_nothing_is_overwritten_and_nothing_half_written_stays(tmp_path, monkeypatch):
    bag = record(tmp_path / 'walk', [message(k) for k in range(40)])
    assert 'name another' in error('--bag', bag, '--added-topic', CHATTER)
    assert 'exists already' in error('--bag', bag, '--out', bag)
    real, count = body_bag.with_bodies, iter(range(30))

    def full(*arguments, **options):
        if next(count, None) is None:
            raise OSError(28, 'No space left on device')
        return real(*arguments, **options)

    monkeypatch.setattr(body_bag, 'with_bodies', full)
    assert 'No space left' in error('--bag', bag)
    assert not (tmp_path / 'walk_infilled').exists()


def test_recordings_without_bodies(tmp_path):
    assert 'nothing was recorded' in error('--bag', record(tmp_path / 'empty', []))
    with Writer(tmp_path / 'bare', version=9):
        pass
    assert 'none of the type' in error('--bag', tmp_path / 'bare')
    assert 'no such file' in error('--bag', tmp_path / 'none')
    (tmp_path / 'folder').mkdir()
    assert 'metadata.yaml' in error('--bag', tmp_path / 'folder')
    (tmp_path / 'notes.txt').write_text('hello')
    assert 'notes.txt' in error('--bag', tmp_path / 'notes.txt')
    assert 'one recording' in error()
    assert 'one recording' in error('--bag', tmp_path, '--jsonl', tmp_path)


def test_another_version_of_the_messages_is_refused(tmp_path):
    text = (body_bag.share_dir() / 'msg' / 'SmplBody.msg').read_text().replace('float32[10] betas', 'float32[16] betas')
    array = (body_bag.share_dir() / 'msg' / 'SmplBodyArray.msg').read_text()
    other = get_typestore(Stores.ROS2_HUMBLE)
    other.register({**get_types_from_msg(text, 'poco_ros/msg/SmplBody'), **get_types_from_msg(array, body_bag.TYPE)})
    bag = record(tmp_path / 'walk', [serialize_message(SmplBodyArray())] * 3, types=other)
    assert 'another version' in error('--bag', bag)
    # also where only the text of the definition tells, as in a file of Humble
    connection = Reader(bag)
    with connection as reader:
        source, = (c for c in reader.connections if c.topic == TOPIC)
    assert body_bag._digest(source._replace(digest='')) == source.digest
    assert body_bag.types().hash_rihs01(body_bag.TYPE) != source.digest


def test_the_hash_of_our_definitions_is_that_of_ros():
    prefixes = map(Path, ros_environment().get('AMENT_PREFIX_PATH', '').split(os.pathsep))
    files = [f for p in prefixes if (f := p / 'share' / 'poco_ros' / 'msg' / 'SmplBodyArray.json').is_file()]
    if not files:
        pytest.skip('this ROS writes no type descriptions')
    hashes = {item['type_name']: item['hash_string'] for item in json.loads(files[0].read_text())['type_hashes']}
    assert body_bag.types().hash_rihs01(body_bag.TYPE) == hashes[body_bag.TYPE]


@BOTH
def test_damage_is_told_wherever_it_lies(tmp_path, storage):
    bag = record(tmp_path / 'walk', [message(k) for k in range(40)], storage)
    file, = (p for p in bag.iterdir() if p.suffix != '.yaml')
    whole = file.read_bytes()
    rng = np.random.default_rng(1)
    for cut in (0, 5, 300, len(whole) // 2):
        file.write_bytes(whole[:cut])
        assert str(bag) in error('--bag', bag)
    for _ in range(20):
        start = int(rng.integers(len(whole) - 5000))
        file.write_bytes(whole[:start] + rng.bytes(5000) + whole[start + 5000:])
        try:
            run('--bag', bag)  # damage that hits other topics, or only numbers, is not told
        except PocoError as told:
            assert str(bag) in str(told)
        shutil.rmtree(tmp_path / 'walk_infilled', ignore_errors=True)
    file.write_bytes(whole)
    (bag / 'metadata.yaml').write_text('rosbag2_bagfile_information: [')
    assert str(bag) in error('--bag', bag)


def test_without_the_library_the_mend_is_told(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, 'rosbags', None)
    monkeypatch.setitem(sys.modules, 'rosbags.rosbag2', None)
    assert 'pip install "rosbags' in error('--bag', tmp_path)
