"""What a node counts and measures while it runs, for its diagnostics. Safe to use from several threads."""

from __future__ import annotations

import math
import threading
from collections import deque
from dataclasses import dataclass, field
from enum import Enum

import numpy as np

from poco_ros.nodes.camera_input import CameraState

WINDOW_S = 5.0
"""Rates, latencies and what counts as recent are taken over this long."""


class ModelState(Enum):
    """What is loaded."""

    UNCONFIGURED = 'unconfigured'
    LOADING = 'loading'
    READY = 'ready'
    DOUBTFUL = 'doubtful'  #: runs, but there is a warning about what runs
    FAILED = 'failed'


class Event(Enum):
    """Things that go wrong with single images."""

    BAD_IMAGE = 'bad_images'
    REPEATED_STAMP = 'repeated_stamps'
    BACKWARD_STAMP = 'backward_stamps'
    STAMP_GAP = 'stamp_gaps'
    INFERENCE_FAILED = 'inference_failures'
    NO_CAMERA = 'images_without_camera'
    BAD_CAMERA = 'images_with_unusable_camera'
    BAD_BOXES = 'unusable_boxes'
    EMPTY_FRAME_ID = 'images_without_frame_id'


@dataclass(frozen=True)
class Tally:
    """How often something happened.

    :param total: since the activation.
    :param recent: in the last :data:`WINDOW_S` seconds it happened at least once.
    :param reason: of the last one.
    """

    total: int = 0
    recent: bool = False
    reason: str = ''


@dataclass(frozen=True)
class Snapshot:
    """The state of a node at one moment; times in seconds or milliseconds as named, NaN where there is none.

    :param rate_in_hz: images arriving.
    :param rate_out_hz: messages published.
    :param input_age_s: since the last image arrived, NaN if none did since images are subscribed to.
    :param output_age_s: since the last message was published, NaN if none was.
    :param listening_s: since images are subscribed to.
    :param latency_p50_ms: from capture to publishing, over the window.
    :param latency_p95_ms: as above.
    :param stage_ms: median wall time of each stage of inference.
    :param persons: in the last message.
    :param images: arrived since the activation.
    :param published: messages since the activation.
    :param skipped: images passed over for newer ones since the activation.
    :param events: by kind.
    """

    rate_in_hz: float = 0.0
    rate_out_hz: float = 0.0
    input_age_s: float = math.nan
    output_age_s: float = math.nan
    listening_s: float = math.nan
    latency_p50_ms: float = math.nan
    latency_p95_ms: float = math.nan
    stage_ms: dict[str, float] = field(default_factory=dict)
    persons: int = 0
    images: int = 0
    published: int = 0
    skipped: int = 0
    events: dict[Event, Tally] = field(default_factory=dict)
    model: tuple[ModelState, str] = (ModelState.UNCONFIGURED, '')
    camera: tuple[CameraState, str] = (CameraState.WAITING, '')


class Health:
    """Collects; :meth:`snapshot` tells. Every ``now_s`` is the node's clock in seconds."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self.model = (ModelState.UNCONFIGURED, '')
        self.camera = (CameraState.WAITING, '')
        self._clear()

    def _clear(self) -> None:
        self._arrivals: deque[float] = deque(maxlen=1000)
        self._outputs: deque[tuple[float, float, dict[str, float]]] = deque(maxlen=1000)
        self._events: dict[Event, tuple[int, float, str]] = {}
        self._images = self._published = self._skipped = self._persons = 0
        self._since = math.nan

    def start(self) -> None:
        """Begin all counts anew, at an activation."""
        with self._lock:
            self._clear()

    def listen(self, now_s: float) -> None:
        """Remember that images are subscribed to from now on."""
        with self._lock:
            self._arrivals.clear()
            self._since = now_s

    def image_arrived(self, now_s: float) -> None:
        """Count an image, good or bad."""
        with self._lock:
            self._images += 1
            self._arrivals.append(now_s)

    def happened(self, event: Event, now_s: float, reason: str = '') -> None:
        """Count an event."""
        with self._lock:
            total = self._events.get(event, (0, 0.0, ''))[0]
            self._events[event] = (total + 1, now_s, reason)

    def passed_over(self, count: int) -> None:
        """Count images that were passed over for a newer one."""
        with self._lock:
            self._skipped += count

    def message_published(self, now_s: float, delay_s: float, persons: int, stage_ms: dict[str, float]) -> None:
        """Count a message; ``delay_s`` is NaN where the clocks do not compare."""
        with self._lock:
            self._published += 1
            self._persons = persons
            self._outputs.append((now_s, delay_s, stage_ms))

    def snapshot(self, now_s: float) -> Snapshot:
        """Return the state at ``now_s``."""
        with self._lock:
            arrivals = [t for t in self._arrivals if recent(t, now_s)]
            outputs = [row for row in self._outputs if recent(row[0], now_s)]
            last_in = self._arrivals[-1] if self._arrivals else math.nan
            last_out = self._outputs[-1][0] if self._outputs else math.nan
            events = {event: Tally(total, recent(when, now_s), reason)
                      for event, (total, when, reason) in self._events.items()}
            counts = {'images': self._images, 'published': self._published, 'skipped': self._skipped,
                      'persons': self._persons}
            since = self._since
        delays = np.array([delay for _, delay, _ in outputs if math.isfinite(delay)])
        p50, p95 = np.percentile(delays, [50, 95]) * 1e3 if delays.size else (math.nan, math.nan)
        stages = list(outputs[-1][2]) if outputs else []
        return Snapshot(
            rate_in_hz=rate_hz(arrivals), rate_out_hz=rate_hz([row[0] for row in outputs]),
            input_age_s=now_s - last_in, output_age_s=now_s - last_out, listening_s=now_s - since,
            latency_p50_ms=float(p50), latency_p95_ms=float(p95),
            stage_ms={name: float(np.median([row[2][name] for row in outputs if name in row[2]])) for name in stages},
            events=events, model=self.model, camera=self.camera, **counts)


def recent(when_s: float, now_s: float) -> bool:
    """Tell whether a time lies in the window; a clock that went back makes later times old."""
    return 0 <= now_s - when_s <= WINDOW_S


def rate_hz(times: list[float]) -> float:
    """Return how many a second, from the intervals between the times of the window."""
    span = times[-1] - times[0] if times else 0.0
    return (len(times) - 1) / span if span > 0 else 0.0
