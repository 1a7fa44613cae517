"""``poco demo``: the real nodes on a video or a webcam, watched by a subscriber that keeps what it gets."""

from __future__ import annotations

import dataclasses
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import cv2
import numpy as np
from rich.console import Console

from poco_ros.cli.display import Display
from poco_ros.cli.isolation import isolated
from poco_ros.cli.overlay_file import OverlayFile
from poco_ros.cli.plot import confidence_figure
from poco_ros.cli.processes import Children, interruptible
from poco_ros.cli.recorder import Recorder
from poco_ros.cli.records import JsonLines
from poco_ros.cli.run_log import RunLog
from poco_ros.cli.timeline import timeline_figure
from poco_ros.cli.up import ros_parts, start_nodes
from poco_ros.environment import ros_environment
from poco_ros.errors import PocoError
from poco_ros.graph import DEFAULT_IMAGE_TOPIC, DEMO, GraphOptions, NodeSpec, describe
from poco_ros.video.demo_clip import FPS, occluder_box
from poco_ros.video.pictures import SUFFIXES
from poco_ros.video.sources import open_source

if TYPE_CHECKING:
    from rclpy.node import Node

    from poco_ros.cli.lifecycle import DiagnosticsWatch

#: No image for so long after the first: the video is over, or the camera is gone.
_SILENCE_S = 5.0
#: The first image may take longer: a webcam has to be opened, a pipeline to warm up.
_FIRST_S = 30.0
#: For what is still under way when the video has ended or the last body has come.
_DRAIN_S = 1.0
#: As long as the infilled stream or the pictures are behind; on a busy machine.
_LONGEST_DRAIN_S = 5.0
_FRAMES_OF_A_PICTURE = 60
_LOG, _BODIES, _INFILLED, _OVERLAY = 'log.txt', 'bodies.jsonl', 'bodies_infilled.jsonl', 'overlay.mp4'
_STILL, _PLOT, _TIMELINE = 'still.png', 'confidence.png', 'timeline.png'


@dataclass(frozen=True)
class DemoOptions:
    """What ``poco demo`` was asked for.

    :param video: as ``GraphOptions.video``.
    :param out: folder for the results; made where it is missing.
    :param frames: end after so many messages; 0: when the video ends.
    """

    video: str = DEMO
    out: Path = Path('out')
    frames: int = 0

    @property
    def last_frame(self) -> int:
        """After how many messages to end; 0: when the video ends. A single picture, which has no end, gets some."""
        return self.frames or (_FRAMES_OF_A_PICTURE if Path(self.video).suffix.lower() in SUFFIXES else 0)

    @property
    def title(self) -> str:
        """What is looked at, in words."""
        return 'the demo clip' if self.video == DEMO else self.video


def run_demo(options: DemoOptions, console: Console) -> None:
    """Run the demonstration and leave its results in the folder; Ctrl-C ends it early.

    :raises PocoError: when no body ever came, a node failed, or the results cannot be written; gives the reason.
    """
    try:
        options.out.mkdir(parents=True, exist_ok=True)
        for name in (_BODIES, _INFILLED, _OVERLAY, _STILL, _PLOT, _TIMELINE):
            (options.out / name).unlink(missing_ok=True)
        _look_at(options.video)
        os.environ.update(isolated(ros_environment()))
        with (
            (options.out / _LOG).open('wb') as output, interruptible(), Children(os.environ, output) as children,
            JsonLines(options.out / _BODIES) as lines, JsonLines(options.out / _INFILLED) as infilled_lines,
            OverlayFile(options.out / _OVERLAY) as overlay,
        ):
            recorder = Recorder(lines, infilled_lines, overlay, options.last_frame)
            _record(options, children, recorder, console)
        _finish(options, recorder, overlay, console)
    except OSError as error:
        raise PocoError(f'cannot write to {options.out}: {error.strerror}') from error


def _look_at(video: str) -> None:
    """Open a recording before anything is started, so that a wrong name is told at once.

    :raises VideoError: when it is missing or cannot be read.
    """
    if not video.isdigit() and not Path(video).is_char_device():
        open_source(video).close()


def _record(options: DemoOptions, children: Children, recorder: Recorder, console: Console) -> None:
    """Start the nodes, the source of images last, and listen until the end."""
    specs = [_for_recording(spec) for spec in describe(GraphOptions(video=options.video, loop=False))]
    sources = [spec for spec in specs if spec.executable == 'video_node']
    with Display(console, f'poco_ros on {options.title}') as display:
        started = start_nodes([s for s in specs if s not in sources], children, display.say)
        lifecycle, listener = ros_parts()
        try:
            with lifecycle.ros_node(f'poco_demo_{os.getpid()}') as node:
                diagnostics = lifecycle.DiagnosticsWatch(node)
                bringup = lifecycle.Bringup(node, diagnostics, display.say)
                for spec in specs:
                    if spec.lifecycle:
                        bringup.to_active(spec, started[spec.full_name].is_running)
                listener.listen_to_bodies(node, recorder.on_bodies)
                listener.listen_to_bodies(node, recorder.on_live, 'poco/bodies_live')
                listener.listen_to_bodies(node, recorder.on_infilled, 'poco/bodies_infilled')
                start_nodes(sources, children, display.say)
                watch = _Watch(options, recorder.log, children, diagnostics)
                # The video begins when the first node subscribes to it: let that be poco_node, not view_node.
                _spin(node, lambda: watch.is_over() or node.count_subscribers(DEFAULT_IMAGE_TOPIC) > 0)
                listener.listen_to_overlay(node, recorder.on_overlay)
                _spin(node, watch.is_over, lambda: display.update(recorder.log))
                end = time.monotonic()
                _spin(node, lambda: time.monotonic() > end + (_DRAIN_S if recorder.is_complete else _LONGEST_DRAIN_S))
        except KeyboardInterrupt:
            display.say('stopped')
        except PocoError as error:
            raise PocoError(f'{error}\n{_tail(options.out / _LOG)}') from error
        finally:
            display.update(recorder.log, now=True)


def _for_recording(spec: NodeSpec) -> NodeSpec:
    """Return the node as it is to run here: the overlay shows every image and what was made of it in the end."""
    if spec.executable != 'view_node':
        return spec
    return dataclasses.replace(spec, parameters={**spec.parameters, 'overlay_rate': 0.0, 'bodies': 'infilled'})


class _Watch:
    """Decides when the demonstration is over, and whether it failed."""

    def __init__(
        self, options: DemoOptions, log: RunLog, children: Children, diagnostics: DiagnosticsWatch,
    ) -> None:
        self._options = options
        self._log = log
        self._children = children
        self._diagnostics = diagnostics
        self._state = (0, 0)
        self._news = time.monotonic()

    def is_over(self) -> bool:
        """Return whether nothing more is to come.

        :raises PocoError: when a node died, or nothing came at all.
        """
        dead = [child for child in self._children.ended() if child.exit_code or child.name != 'video_node']
        if dead:
            raise PocoError(f'{dead[0].name} ended with exit code {dead[0].exit_code}')
        state = (len(self._log), len(self._children.ended()))
        if state != self._state:
            self._state, self._news = state, time.monotonic()
        messages, ended = state
        if 0 < self._options.last_frame <= messages:
            return True
        silence = time.monotonic() - self._news
        if messages == 0 and silence > _FIRST_S:
            raise PocoError(f'no message came on /poco/bodies in {_FIRST_S:.0f} s{self._complaints()}')
        return (ended > 0 and silence > _DRAIN_S) or (messages > 0 and silence > _SILENCE_S)

    def _complaints(self) -> str:
        complaints = self._diagnostics.complaints()
        return '; diagnostics: ' + '; '.join(complaints) if complaints else ''


def _spin(node: Node, until: Callable[[], bool], meanwhile: Callable[[], None] = lambda: None) -> None:
    """Spin the node until the condition holds."""
    from rclpy.executors import SingleThreadedExecutor

    executor = SingleThreadedExecutor()
    executor.add_node(node)
    try:
        while not until():
            executor.spin_once(timeout_sec=0.1)
            meanwhile()
    finally:
        executor.remove_node(node)


def _finish(options: DemoOptions, recorder: Recorder, overlay: OverlayFile, console: Console) -> None:
    """Write still and plots, and say what is where.

    :raises PocoError: when no body ever came.
    """
    log = recorder.log
    if overlay.best is not None:
        cv2.imwrite(str(options.out / _STILL), cv2.cvtColor(overlay.best, cv2.COLOR_RGB2BGR))
    if not log.with_bodies:
        seen = f'nobody was found in the {len(log)} images looked at' if len(log) else (
            'no image was looked at (a video of less than a second may be over before the nodes have found each other)')
        raise PocoError(f'no body came: {seen}; the log of the nodes is {options.out / _LOG}')
    spans = occluded_spans(log) if options.video == DEMO else ()
    title, hidden_by = f'poco_ros on {options.title}', 'a board crosses the picture'
    confidence_figure(log, title, spans, hidden_by).savefig(options.out / _PLOT)
    timeline_figure(log, recorder.live, recorder.infilled, title, spans, hidden_by).savefig(options.out / _TIMELINE)
    results = {
        _BODIES: 'one line per message of /poco/bodies, every field',
        _INFILLED: f'the same of /poco/bodies_infilled ({len(recorder.infilled)} messages)',
        _OVERLAY: f'{overlay.count} pictures with the bodies drawn on', _STILL: 'one of them',
        _PLOT: 'how far to trust whom over time, and the latency',
        _TIMELINE: 'what was observed, infilled or lost over time', _LOG: 'what the nodes said',
    }
    lines = [f'bodies in {log.with_bodies} of {len(log)} images']
    width = max(len(str(options.out / name)) for name in results)
    lines += [f'  {options.out / name!s:{width}}  {what}' for name, what in results.items()]
    console.print('\n'.join(lines), highlight=False, markup=False, soft_wrap=True)


def occluded_spans(log: RunLog) -> list[tuple[float, float]]:
    """Return when the board of the demo clip was in the picture, in seconds since the first image of the run.

    Pictures come at the clip's rate from its first one on, so their number follows from the time.
    """
    if not len(log):
        return []
    end = log.seconds(log.entries[-1])
    hidden = np.array([occluder_box(index) is not None for index in range(int(end * FPS) + 1)], np.int8)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], hidden, [0]])))
    return [(float(start) / FPS, float(stop) / FPS) for start, stop in edges.reshape(-1, 2)]


def _tail(path: Path, lines: int = 6) -> str:
    """Return the last lines that the nodes wrote."""
    text = path.read_text(encoding='utf-8', errors='replace').strip().splitlines()
    return '\n'.join([f'last lines of {path}:', *text[-lines:]])
