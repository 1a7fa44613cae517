"""What the diagnostics of the temporal node say: pure functions from its figures to levels, sentences and values."""

from __future__ import annotations

import math
from dataclasses import dataclass

from poco_ros.nodes.diagnostics import Level, Status
from poco_ros.nodes.temporal_health import StreamFigures, TemporalSnapshot
from poco_ros.temporal.stream import Counters
from poco_ros.types import State


@dataclass(frozen=True)
class TemporalGraph:
    """What the node sees around it.

    :param lifecycle: label of the node's state.
    :param wanted: somebody subscribes to one of the streams.
    :param topic: full name of the input.
    :param publishers: how many nodes publish it.
    :param tracks: people followed now.
    :param period_s: time between frames, as the stamps show it.
    :param lag_frames: declared.
    :param use_sim_time: the node follows /clock.
    :param clock_ns: the node's clock.
    """

    lifecycle: str
    wanted: bool
    topic: str
    publishers: int
    tracks: int = 0
    period_s: float = math.nan
    lag_frames: int = 0
    use_sim_time: bool = False
    clock_ns: int = 1


def report(snapshot: TemporalSnapshot, counters: Counters, graph: TemporalGraph, stale_after_s: float) -> list[Status]:
    """Return all statuses of the temporal node.

    :param snapshot: figures of the last seconds.
    :param counters: what the stream counted since the activation.
    :param graph: what the node sees around it.
    :param stale_after_s: an input older than this is stale.
    """
    return [input_status(snapshot, counters, graph, stale_after_s), output_status(snapshot, counters, graph)]


def input_status(
    snapshot: TemporalSnapshot, counters: Counters, graph: TemporalGraph, stale_after_s: float,
) -> Status:
    """Say whether bodies arrive, and how regularly."""
    values = {
        'rate_in_hz': _number(snapshot.rate_in_hz), 'frame_period_s': _number(graph.period_s),
        'input_age_s': _number(snapshot.input_age_s), 'messages': str(snapshot.received),
        'accepted': str(counters.frames), 'repeated': str(counters.repeated), 'late': str(counters.late),
        'missing': str(counters.missing), 'stamp_jumps': str(counters.jumps),
        'source_restarts': str(snapshot.source_restarts.total), 'unusable': str(snapshot.unusable.total),
    }
    return Status('input', *_input_verdict(snapshot, graph, stale_after_s), values)


def _input_verdict(snapshot: TemporalSnapshot, graph: TemporalGraph, stale_after_s: float) -> tuple[Level, str]:
    if graph.lifecycle != 'active':
        return Level.OK, f'not subscribed: the node is {graph.lifecycle}'
    if graph.use_sim_time and graph.clock_ns == 0:
        return Level.WARN, 'use_sim_time is set, but no time arrives on /clock; play the bag with --clock'
    if not graph.wanted:
        return Level.OK, f'idle: {graph.topic} is not subscribed to, nobody wants the results'
    silent = math.isnan(snapshot.input_age_s)
    age = snapshot.listening_s if silent else snapshot.input_age_s
    if age > stale_after_s:
        if not graph.publishers:
            return Level.STALE, f'nobody publishes {graph.topic}; start poco_node or remap the topic "poco/bodies"'
        return Level.STALE, (f'no bodies for {age:.1f} s, though {graph.topic} has a publisher; '
                             'the diagnostics of poco_node say why')
    if silent:
        return Level.OK, 'waiting for the first bodies'
    if snapshot.unusable.recent:
        return Level.ERROR, f'messages cannot be used: {snapshot.unusable.reason}'
    if snapshot.source_restarts.recent:
        return Level.OK, f'{graph.topic} began a new epoch; everybody was forgotten'
    return Level.OK, f'{snapshot.rate_in_hz:.1f} Hz'


def output_status(snapshot: TemporalSnapshot, counters: Counters, graph: TemporalGraph) -> Status:
    """Say what the streams give, and whether the declared lag is kept."""
    violations = snapshot.lag_violations
    values = {
        'tracks': str(graph.tracks), 'new_tracks': str(counters.new_tracks),
        'suspected_swaps': str(counters.swaps), 'bodies_passed_through': str(counters.passed_through),
        **_stream_values('live', snapshot.live), **_stream_values('infilled', snapshot.infilled),
        'declared_lag_frames': str(graph.lag_frames), 'lag_violations': str(violations.total),
        'released_by_timer': str(counters.released_by_deadline), 'gaps_ended': str(snapshot.gaps),
        'gap_median_s': _number(snapshot.gap_median_s), 'gap_longest_s': _number(snapshot.gap_longest_s),
        'work_ms': _number(snapshot.work_ms),
    }
    if graph.lifecycle != 'active':
        return Status('output', Level.OK, f'nothing is published: the node is {graph.lifecycle}', values)
    if not graph.wanted:
        return Status('output', Level.OK, 'idle: nobody subscribes to poco/bodies_live or poco/bodies_infilled', values)
    if violations.recent:
        return Status('output', Level.WARN, 'the declared lag was not kept, the machine is too busy: '
                      f'{violations.reason}', values)
    shares = snapshot.infilled.shares
    message = f'{graph.tracks} persons at {snapshot.live.rate_hz:.1f} Hz'
    if shares:
        message += (f', {100 * shares.get(State.OBSERVED, 0):.0f}% of the joints observed, '
                    f'{100 * shares.get(State.INFILLED, 0):.0f}% infilled')
    return Status('output', Level.OK, message, values)


def _stream_values(name: str, figures: StreamFigures) -> dict[str, str]:
    """Return rate and states of one stream, by keys that begin with its name."""
    shares = {f'{name}_share_{state.name.lower()}': _number(figures.shares.get(state, 0.0))
              for state in State if state is not State.UNKNOWN}
    return {f'{name}_rate_hz': _number(figures.rate_hz), f'{name}_messages': str(figures.published), **shares}


def _number(value: float) -> str:
    return f'{value:.3f}'
