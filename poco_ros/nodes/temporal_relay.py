"""From messages of bodies to those of the two temporal streams: what happens to one message, and when nothing comes."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Callable, Iterable

from poco_ros import conversions
from poco_ros.conversions import ArrayContext
from poco_ros.errors import PocoError
from poco_ros.msg import SmplBodyArray
from poco_ros.nodes.inference import publish_delay_s
from poco_ros.nodes.source_clock import SourceClock
from poco_ros.nodes.temporal_health import TemporalHealth
from poco_ros.temporal.age_law import AgeLaw
from poco_ros.temporal.config import TemporalConfig
from poco_ros.temporal.outputs import Calibration
from poco_ros.temporal.stream import Counters, TemporalFrame, TemporalStream

#: A frame that leaves so much after its deadline has broken the promise; before that it is the timer's jitter.
_TOLERANCE_NS = 20_000_000
_EPOCHS = 2 ** 32

Publish = Callable[[SmplBodyArray], None]


class TemporalRelay:
    """Works on the messages of one activation.

    :param config: of the stream.
    :param law: how errors grow with age; its id goes into the calibration id.
    :param health: is told what happens.
    :param epoch: of the first frames; counts up with every start anew.
    :param now_ns: the node's clock, which stamps compare with where they compare at all.
    :param elapsed_ns: the clock by which it is waited for frames.
    :param publish_live: sends a message of the live stream.
    :param publish_infilled: sends a message of the infilled stream.
    """

    def __init__(
        self, config: TemporalConfig, law: AgeLaw, health: TemporalHealth, *, epoch: int, now_ns: Callable[[], int],
        elapsed_ns: Callable[[], int], publish_live: Publish, publish_infilled: Publish,
    ) -> None:
        self._config = config
        self._law = law
        self._health = health
        self._now_ns = now_ns
        self._elapsed_ns = elapsed_ns
        self._publish_live = publish_live
        self._publish_infilled = publish_infilled
        self._source_clock = SourceClock()
        self._source_epoch: int | None = None
        self._stream = TemporalStream(config, law=law, epoch=epoch)

    @property
    def counters(self) -> Counters:
        """What the stream counted."""
        return self._stream.counters

    @property
    def num_tracks(self) -> int:
        """How many people are followed now."""
        return self._stream.num_tracks

    @property
    def period_s(self) -> float:
        """Time between frames, as their stamps show it."""
        return self._stream.period_s

    @property
    def wait_ns(self) -> int | None:
        """How long it may be waited for the next frame before :meth:`advance` is due; None: nothing waits."""
        deadline, now = self._stream.next_deadline_ns, self._source_clock.at(self._elapsed_ns())
        return None if deadline is None or now is None else max(0, deadline - now)

    def take(self, message: SmplBodyArray) -> None:
        """Work on a message and publish what is due.

        :raises PocoError: when the message is unusable; nothing of it is kept.
        """
        began = time.monotonic()
        context = conversions.context_from_message(message)
        if self._source_epoch not in (None, context.epoch):
            self._health.source_restarted(self._now_s())
            self.start_anew()
        self._source_epoch = context.epoch
        late_at = self._source_clock.at(self._elapsed_ns())
        try:
            output = self._stream.push(
                conversions.bodies_from_message(message), context.stamp_ns, context=context,
                coverage=context.coverage, confidence_bound_mm=context.confidence_bound_mm)
        except Exception as error:  # whatever it is, the next message must find a stream that works
            self._abandon()
            raise PocoError(f'{type(error).__name__}: {error}') from error
        if output.live is not None:
            self._source_clock.arrived(context.stamp_ns, self._elapsed_ns())
            self._health.published_live(output.live.bodies, self._now_s())
            self._publish_live(self._message(output.live))
        self._send_infilled(output.infilled, late_at)
        self._health.worked(time.monotonic() - began)

    def advance(self) -> None:
        """Publish the infilled frames that can wait no longer."""
        now = self._source_clock.at(self._elapsed_ns())
        if now is not None:
            self._send_infilled(self._stream.advance(now), now)

    def start_anew(self) -> None:
        """Publish what waits, forget everybody and begin a new epoch."""
        self._send_infilled(self._stream.reset(), None)
        self._source_clock.reset()
        self._source_epoch = None

    def _abandon(self) -> None:
        counters, epoch = self._stream.counters, self._stream.epoch
        self._stream = TemporalStream(self._config, law=self._law, epoch=epoch + 1)
        self._stream.counters = counters
        self._source_clock.reset()

    def _send_infilled(self, frames: Iterable[TemporalFrame], now_ns: int | None) -> None:
        """Publish infilled frames.

        :param now_ns: the source's time, to compare deadlines with; None: they do not count.
        """
        for frame in frames:
            if now_ns is not None and now_ns > frame.deadline_ns + _TOLERANCE_NS:
                late_ms = (now_ns - frame.deadline_ns) / 1e6
                self._health.lag_violated(self._now_s(), f'a frame left {late_ms:.0f} ms after its deadline')
            self._health.published_infilled(frame.bodies, self._now_s())
            self._publish_infilled(self._message(frame))

    def _message(self, frame: TemporalFrame) -> SmplBodyArray:
        source: ArrayContext = frame.context
        # Errors of unseen joints are stated also where the source is uncalibrated: say what they refer to.
        stated = Calibration.stated(source.coverage, source.confidence_bound_mm, self._config)
        context = dataclasses.replace(
            source, epoch=frame.epoch % _EPOCHS, declared_lag_frames=frame.declared_lag_frames,
            publish_delay_s=publish_delay_s(frame.stamp_ns, self._now_ns()),
            coverage=stated.coverage, confidence_bound_mm=stated.bound_mm,
            calibration_id=self._law.calibration_id(source.calibration_id))
        return conversions.bodies_to_message(frame.bodies, context)

    def _now_s(self) -> float:
        return self._now_ns() * 1e-9
