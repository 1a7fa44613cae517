"""What a node's diagnostics say: pure functions from its state to levels, sentences and values.

A small builder of our own, because ``diagnostic_updater`` is not among the ROS wheels, and its frequency status does
not follow simulated time. Values are in SI units unless their name says otherwise.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from enum import IntEnum

from builtin_interfaces.msg import Time
from diagnostic_msgs.msg import DiagnosticArray, DiagnosticStatus, KeyValue
from std_msgs.msg import Header

from poco_ros.environment import profile_in_use, profile_variable
from poco_ros.nodes.camera_input import CameraState
from poco_ros.nodes.health import Event, ModelState, Snapshot, Tally


class Level(IntEnum):
    """As in ``diagnostic_msgs/DiagnosticStatus``."""

    OK = 0
    WARN = 1
    ERROR = 2
    STALE = 3


@dataclass(frozen=True)
class Status:
    """One line of the diagnostics.

    :param name: what it is about, without the node's name.
    :param level: how bad.
    :param message: one sentence; says the mend where there is something to mend.
    :param values: details by name.
    """

    name: str
    level: Level
    message: str
    values: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Graph:
    """What the node sees around it.

    :param lifecycle: label of the node's state.
    :param wanted: somebody subscribes to the results.
    :param image_topic: full name.
    :param image_type: type the node subscribes with.
    :param publisher_types: type of each publisher on that topic.
    :param use_sim_time: the node follows /clock.
    :param clock_ns: the node's clock.
    :param boxes_topic: full name, where boxes come from a topic; else empty.
    :param boxes_error: why boxes from that topic cannot be read; empty where they can.
    :param unmatched: images and boxes that were given up because the other of the same stamp did not come.
    """

    lifecycle: str
    wanted: bool
    image_topic: str
    image_type: str
    publisher_types: tuple[str, ...]
    use_sim_time: bool = False
    clock_ns: int = 1
    boxes_topic: str = ''
    boxes_error: str = ''
    unmatched: int = 0


#: What to do about events with single images, where they say it not themselves.
_EVENT_TEXTS = {
    Event.BAD_IMAGE: 'images cannot be read: ',
    Event.INFERENCE_FAILED: 'inference failed on an image: ',
    Event.BAD_BOXES: 'boxes without area or not finite were left out',
    Event.EMPTY_FRAME_ID: 'images have no frame_id, so nobody can place the bodies; set it in the camera driver',
    Event.BACKWARD_STAMP: 'stamps went back (a bag that loops, or two cameras on one topic): tracks were started anew',
}


def report(snapshot: Snapshot, graph: Graph, stale_after_s: float) -> list[Status]:
    """Return all statuses of an estimating node.

    :param snapshot: what it counted.
    :param graph: what it sees around it.
    :param stale_after_s: an input older than this is stale.
    """
    return [model_status(snapshot, graph), camera_status(snapshot, graph),
            input_status(snapshot, graph, stale_after_s), output_status(snapshot, graph, stale_after_s)]


def model_status(snapshot: Snapshot, graph: Graph) -> Status:
    """Say whether the networks are loaded."""
    state, text = snapshot.model
    level = {ModelState.DOUBTFUL: Level.WARN, ModelState.FAILED: Level.ERROR}.get(state, Level.OK)
    message = {
        ModelState.UNCONFIGURED: 'not loaded; configure the node',
        ModelState.LOADING: 'loading: ' + text if text else 'loading',
        ModelState.READY: 'ready: ' + text, ModelState.DOUBTFUL: 'ready: ' + text,
        ModelState.FAILED: 'loading failed: ' + text,
    }[state]
    return Status('model', level, message, {'state': state.value, 'lifecycle': graph.lifecycle})


def camera_status(snapshot: Snapshot, graph: Graph) -> Status:
    """Say what is known of the camera."""
    state, text = snapshot.camera
    levels = {CameraState.CALIBRATED: Level.OK, CameraState.ASSUMED: Level.WARN, CameraState.UNUSABLE: Level.ERROR}
    level = levels.get(state, Level.WARN if snapshot.images else Level.OK)
    held_back = sum(_tally(snapshot, e).total for e in (Event.NO_CAMERA, Event.BAD_CAMERA))
    return Status('camera', level, text, {'state': state.value, 'images_held_back': str(held_back)})


def input_status(snapshot: Snapshot, graph: Graph, stale_after_s: float) -> Status:
    """Say whether images arrive, and what is wrong with them or with their way."""
    level, message = _input_verdict(snapshot, graph, stale_after_s)
    values = {
        'rate_in_hz': _number(snapshot.rate_in_hz), 'input_age_s': _number(snapshot.input_age_s),
        'images': str(snapshot.images), 'publishers': str(len(graph.publisher_types)), 'topic': graph.image_topic,
        'unmatched_images_and_boxes': str(graph.unmatched),
    }
    for event in (Event.BAD_IMAGE, Event.REPEATED_STAMP, Event.BACKWARD_STAMP, Event.STAMP_GAP, Event.BAD_BOXES,
                  Event.EMPTY_FRAME_ID):
        values[event.value] = str(_tally(snapshot, event).total)
    values['last_bad_image'] = _tally(snapshot, Event.BAD_IMAGE).reason
    return Status('input', level, message, values)


def output_status(snapshot: Snapshot, graph: Graph, stale_after_s: float) -> Status:
    """Say what is published, how late, and how much was passed over."""
    failures = _tally(snapshot, Event.INFERENCE_FAILED)
    values = {
        'rate_out_hz': _number(snapshot.rate_out_hz), 'latency_p50_ms': _number(snapshot.latency_p50_ms),
        'latency_p95_ms': _number(snapshot.latency_p95_ms), 'persons': str(snapshot.persons),
        'messages': str(snapshot.published), 'skipped_images': str(snapshot.skipped),
        Event.INFERENCE_FAILED.value: str(failures.total), 'last_inference_failure': failures.reason,
        **{f'{name}_ms': _number(ms) for name, ms in snapshot.stage_ms.items()},
    }
    if failures.recent:
        return Status('output', Level.ERROR, _EVENT_TEXTS[Event.INFERENCE_FAILED] + failures.reason, values)
    if graph.lifecycle != 'active':
        return Status('output', Level.OK, f'nothing is published: the node is {graph.lifecycle}', values)
    if not graph.wanted:
        return Status('output', Level.OK, 'idle: nobody subscribes to poco/bodies or poco/confidence', values)
    if graph.boxes_topic and snapshot.input_age_s < stale_after_s < snapshot.listening_s \
            and not snapshot.output_age_s <= stale_after_s:
        return Status('output', Level.WARN, f'images arrive, but no boxes of the same stamp on {graph.boxes_topic}; '
                      'the detector must copy header.stamp from the image; if it is slow, raise boxes_buffer', values)
    message = f'{snapshot.persons} persons at {snapshot.rate_out_hz:.1f} Hz'
    if math.isfinite(snapshot.latency_p50_ms):
        message += f', {snapshot.latency_p50_ms:.0f} ms after capture'
    return Status('output', Level.OK, message, values)


def _input_verdict(snapshot: Snapshot, graph: Graph, stale_after_s: float) -> tuple[Level, str]:
    """Return the worst that can be said about the input."""
    if graph.lifecycle != 'active':
        return Level.OK, f'not subscribed: the node is {graph.lifecycle}'
    if graph.use_sim_time and graph.clock_ns == 0:
        return Level.WARN, 'use_sim_time is set, but no time arrives on /clock; play the bag with --clock'
    if graph.boxes_error:
        return Level.ERROR, graph.boxes_error
    if not graph.wanted:
        return Level.OK, 'idle: images are not subscribed to, nobody wants the results'
    other_types = sorted(set(graph.publisher_types) - {graph.image_type})
    if other_types and len(other_types) == len(set(graph.publisher_types)):
        return Level.ERROR, _wrong_type_text(graph, other_types)
    silent = math.isnan(snapshot.input_age_s)  # not one image since images are subscribed to
    age = snapshot.listening_s if silent else snapshot.input_age_s
    if age > stale_after_s:
        return _silence_verdict(graph, silent, age)
    if silent:
        return Level.OK, 'waiting for the first image'
    return _image_verdict(snapshot)


def _silence_verdict(graph: Graph, silent: bool, age_s: float) -> tuple[Level, str]:
    """Return why no image arrives: nobody sends, it stopped, or the transport loses all."""
    if not graph.publisher_types:
        return (Level.WARN if silent else Level.STALE,
                f'nobody publishes {graph.image_topic}; start the camera or remap the topic "image"')
    chosen = profile_in_use()
    setting = f'{chosen[0]}={chosen[1]}' if chosen else f'{profile_variable()} not set'
    since = f'since images are subscribed to, {age_s:.0f} s' if silent else f'for {age_s:.1f} s'
    return Level.ERROR if silent else Level.STALE, (
        f'no image {since}, though {graph.image_topic} has a publisher. If the camera does send, the transport loses '
        f'its images: start the program that publishes them with {profile_variable()} naming config/fastdds.xml of '
        f'poco_ros (this node has {setting}), or use transport:=compressed; "poco doctor" measures it')


def _wrong_type_text(graph: Graph, types: Sequence[str]) -> str:
    """Return what to do about publishers of another type."""
    mend = 'remap the topic "image" to a camera image'
    if types == ['sensor_msgs/msg/CompressedImage']:
        mend = 'set transport:=compressed and name the topic without its last part "/compressed"'
    return f'{graph.image_topic} carries {", ".join(types)}, not {graph.image_type}; {mend}'


def _image_verdict(snapshot: Snapshot) -> tuple[Level, str]:
    """Return what is wrong with the images that arrive."""
    bad = _tally(snapshot, Event.BAD_IMAGE)
    if bad.recent:
        return Level.ERROR, _EVENT_TEXTS[Event.BAD_IMAGE] + bad.reason
    repeated = _tally(snapshot, Event.REPEATED_STAMP)
    if repeated.recent:
        return Level.WARN, ('images repeat the stamp of the one before and are dropped; the camera is frozen, or its '
                            f'driver does not set header.stamp (it is {repeated.reason})')
    for event in (Event.BACKWARD_STAMP, Event.EMPTY_FRAME_ID, Event.BAD_BOXES):
        if _tally(snapshot, event).recent:
            return Level.WARN, _EVENT_TEXTS[event]
    return Level.OK, f'{snapshot.rate_in_hz:.1f} Hz'


def _tally(snapshot: Snapshot, event: Event) -> Tally:
    return snapshot.events.get(event, Tally())


def _number(value: float) -> str:
    return f'{value:.3f}'


def to_message(statuses: Sequence[Status], node_name: str, hardware_id: str, stamp: Time) -> DiagnosticArray:
    """Return statuses as the message for ``/diagnostics``.

    :param node_name: full name of the node; names its statuses, as ``/poco_node: input``.
    :param hardware_id: what the inference runs on.
    :param stamp: the node's time.
    """
    return DiagnosticArray(header=Header(stamp=stamp), status=[
        DiagnosticStatus(
            level=bytes([status.level]), name=f'{node_name}: {status.name}', message=status.message,
            hardware_id=hardware_id, values=[KeyValue(key=k, value=v) for k, v in status.values.items()])
        for status in statuses])
