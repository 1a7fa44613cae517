"""The sentences and levels of the diagnostics, from made-up states."""

from __future__ import annotations

import dataclasses

import pytest

pytest.importorskip('rclpy')

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticStatus

from poco_ros import environment
from poco_ros.nodes.camera_input import CameraState
from poco_ros.nodes.diagnostics import Graph, Level, report, to_message
from poco_ros.nodes.health import Event, ModelState, Snapshot, Tally

IMAGE = 'sensor_msgs/msg/Image'
GOOD = Snapshot(
    rate_in_hz=30.0, rate_out_hz=29.5, input_age_s=0.02, output_age_s=0.05, listening_s=60.0, latency_p50_ms=25.0,
    latency_p95_ms=40.0, stage_ms={'people': 12.0, 'bodies': 3.0}, persons=2, images=1800, published=1770, skipped=30,
    model=(ModelState.READY, 'lift'), camera=(CameraState.CALIBRATED, 'calibrated by /camera_info'))
AROUND = Graph('active', True, '/image', IMAGE, (IMAGE,))


def say(snapshot=GOOD, graph=AROUND, **changes):
    """Return name to (level, message, values), after changes to the snapshot or the graph."""
    of_graph = {f.name for f in dataclasses.fields(Graph)}
    graph = dataclasses.replace(graph, **{k: v for k, v in changes.items() if k in of_graph})
    snapshot = dataclasses.replace(snapshot, **{k: v for k, v in changes.items() if k not in of_graph})
    return {s.name: s for s in report(snapshot, graph, stale_after_s=2.0)}


def event(kind: Event, reason: str = '', recent: bool = True) -> dict:
    return {'events': {kind: Tally(3, recent, reason)}}


def test_all_well():
    statuses = say()
    assert {s.level for s in statuses.values()} == {Level.OK}
    values = statuses['output'].values
    assert (values['latency_p50_ms'], values['latency_p95_ms'], values['people_ms']) == ('25.000', '40.000', '12.000')
    assert (values['persons'], values['skipped_images'], values['rate_out_hz']) == ('2', '30', '29.500')
    assert statuses['input'].values['rate_in_hz'] == '30.000'
    assert '25 ms' in statuses['output'].message


@pytest.mark.parametrize(('changes', 'name', 'level', 'words'), [
    ({'model': (ModelState.FAILED, 'no file x; run make')}, 'model', Level.ERROR, 'no file x; run make'),
    ({'model': (ModelState.LOADING, '')}, 'model', Level.OK, 'loading'),
    ({'model': (ModelState.LOADING, 'building 37 %')}, 'model', Level.OK, 'loading: building 37 %'),
    ({'model': (ModelState.DOUBTFUL, 'cliff; mock weights')}, 'model', Level.WARN, 'ready: cliff; mock weights'),
    ({'model': (ModelState.UNCONFIGURED, '')}, 'model', Level.OK, 'configure the node'),
    ({'camera': (CameraState.ASSUMED, 'assumed')}, 'camera', Level.WARN, 'assumed'),
    ({'camera': (CameraState.UNUSABLE, 'NaN')}, 'camera', Level.ERROR, 'NaN'),
    ({'camera': (CameraState.WAITING, 'none yet')}, 'camera', Level.WARN, 'none yet'),
    ({'camera': (CameraState.WAITING, 'none yet'), 'images': 0}, 'camera', Level.OK, 'none yet'),
    ({'input_age_s': 3.0}, 'input', Level.STALE, 'no image for 3.0 s'),
    ({'input_age_s': 3.0}, 'input', Level.STALE, 'poco doctor'),
    ({'input_age_s': 3.0, 'publisher_types': ()}, 'input', Level.STALE, 'nobody publishes /image'),
    ({'input_age_s': float('nan'), 'publisher_types': ()}, 'input', Level.WARN, 'nobody publishes /image'),
    ({'input_age_s': float('nan')}, 'input', Level.ERROR, 'poco doctor'),
    ({'input_age_s': float('nan'), 'listening_s': 1.0}, 'input', Level.OK, 'waiting for the first'),
    ({'publisher_types': ('std_msgs/msg/String',)}, 'input', Level.ERROR, 'std_msgs/msg/String'),
    ({'publisher_types': ('sensor_msgs/msg/CompressedImage',)}, 'input', Level.ERROR, 'transport:=compressed'),
    ({'publisher_types': (IMAGE, 'std_msgs/msg/String')}, 'input', Level.OK, 'Hz'),
    ({'use_sim_time': True, 'clock_ns': 0}, 'input', Level.WARN, '/clock'),
    ({'boxes_error': 'nobody publishes boxes'}, 'input', Level.ERROR, 'nobody publishes boxes'),
    ({'boxes_topic': '/boxes', 'output_age_s': 9.0}, 'output', Level.WARN, '/boxes'),
    ({'wanted': False}, 'output', Level.OK, 'idle'),
    ({'wanted': False, 'input_age_s': 99.0}, 'input', Level.OK, 'idle'),
    ({'lifecycle': 'inactive', 'input_age_s': 99.0}, 'input', Level.OK, 'inactive'),
    (event(Event.BAD_IMAGE, 'step 10'), 'input', Level.ERROR, 'step 10'),
    (event(Event.BAD_IMAGE, 'step 10', recent=False), 'input', Level.OK, 'Hz'),
    (event(Event.REPEATED_STAMP, '0.0'), 'input', Level.WARN, 'does not set header.stamp'),
    (event(Event.BACKWARD_STAMP), 'input', Level.WARN, 'went back'),
    (event(Event.EMPTY_FRAME_ID), 'input', Level.WARN, 'frame_id'),
    (event(Event.BAD_BOXES), 'input', Level.WARN, 'boxes'),
    (event(Event.INFERENCE_FAILED, 'RuntimeError: x'), 'output', Level.ERROR, 'RuntimeError: x'),
])
def test_what_is_wrong_has_its_level_and_its_words(changes, name, level, words):
    status = say(**changes)[name]
    assert status.level == level
    assert words in status.message


def test_counts_of_every_event_are_shown_though_long_ago():
    for kind in (Event.BAD_IMAGE, Event.REPEATED_STAMP, Event.BACKWARD_STAMP, Event.STAMP_GAP, Event.EMPTY_FRAME_ID):
        assert say(**event(kind, 'why', recent=False))['input'].values[kind.value] == '3'
    assert say(**event(Event.BAD_IMAGE, 'why', recent=False))['input'].values['last_bad_image'] == 'why'
    assert say(**event(Event.NO_CAMERA))['camera'].values['images_held_back'] == '3'


def test_the_transport_sentence_names_the_variable_and_its_value(monkeypatch):
    for name in (*environment.PROFILE_VARIABLES, environment.TRANSPORTS_VARIABLE):
        monkeypatch.delenv(name, raising=False)
    name = environment.profile_variable()
    lost = {'input_age_s': float('nan')}
    assert f'{name} not set' in say(**lost)['input'].message
    monkeypatch.setenv(name, '/my/profile.xml')
    assert f'{name}=/my/profile.xml' in say(**lost)['input'].message


def test_the_message_has_the_levels_and_names_of_ros():
    message = to_message(list(say(input_age_s=3.0).values()), '/robot1/poco_node', 'CPU: x', Time(sec=4))
    assert message.header.stamp.sec == 4
    names = {s.name: s for s in message.status}
    assert set(names) == {f'/robot1/poco_node: {n}' for n in ('model', 'camera', 'input', 'output')}
    assert names['/robot1/poco_node: input'].level == DiagnosticStatus.STALE
    assert names['/robot1/poco_node: output'].level == DiagnosticStatus.OK
    assert names['/robot1/poco_node: model'].hardware_id == 'CPU: x'
    assert {v.key for v in names['/robot1/poco_node: input'].values} >= {'rate_in_hz', 'input_age_s', 'bad_images'}
