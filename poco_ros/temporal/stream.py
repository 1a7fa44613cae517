"""Turns a stream of measured bodies into two: live, and infilled a few frames later.

Every frame that comes in leaves at once in the live stream, and exactly once, in order, in the infilled stream: when
``lag_frames`` further frames have come, or, when the camera stalls, at a deadline. All people of a frame are filtered
together.
"""

from __future__ import annotations

import dataclasses
from collections import deque
from dataclasses import dataclass, field
from itertools import takewhile
from typing import TYPE_CHECKING, Any

import numpy as np
import numpy.typing as npt

from poco_ros.temporal.age_law import AgeLaw, shipped_age_law
from poco_ros.temporal.config import TemporalConfig
from poco_ros.temporal.dynamics import Dynamics
from poco_ros.temporal.frames import Frame
from poco_ros.temporal.outputs import Calibration, compose
from poco_ros.temporal.predictors import shipped_predictor
from poco_ros.temporal.stamps import FrameClock, Step
from poco_ros.temporal.tracks import Tracks
from poco_ros.temporal.trust import assess
from poco_ros.types import Bodies, State

if TYPE_CHECKING:
    from poco_ros.evaluation.infill.plugin import Plugin

_NS = 1_000_000_000


@dataclass(frozen=True)
class TemporalFrame:
    """One published frame.

    :param stamp_ns: of the source.
    :param bodies: everybody in it, or followed through it.
    :param epoch: counts up whenever the stream starts anew; tracks of different epochs are unrelated.
    :param declared_lag_frames: 0 in the live stream.
    :param deadline_ns: stamp by which the frame had to leave; the frame's own in the live stream.
    :param activity: (N, 24), how much the joints of those followed had moved when they were last seen, see
        :class:`~poco_ros.temporal.activity.Activity`; they come before the other bodies.
    :param context: what was handed in with the frame.
    """

    stamp_ns: int
    bodies: Bodies
    epoch: int
    declared_lag_frames: int
    deadline_ns: int
    activity: npt.NDArray[np.float64]
    context: Any = None


@dataclass(frozen=True)
class Output:
    """What is to be published now.

    :param live: None where the frame was a repetition or late.
    :param infilled: none, one or several frames, in order.
    """

    live: TemporalFrame | None = None
    infilled: tuple[TemporalFrame, ...] = ()


@dataclass
class Counters:
    """What happened since the start, for diagnostics."""

    frames: int = 0
    repeated: int = 0
    late: int = 0
    missing: int = 0
    jumps: int = 0
    released_by_deadline: int = 0
    new_tracks: int = 0
    swaps: int = 0
    passed_through: int = 0
    joint_states: npt.NDArray[np.int64] = field(default_factory=lambda: np.zeros(len(State), np.int64))


@dataclass(frozen=True)
class _Pending:
    frame: Frame
    deadline_ns: int


class TemporalStream:
    """The temporal stage for all people of one camera.

    :param config: settings.
    :param law: how errors grow with age; None: the one that comes with the package.
    :param dynamics: predictor of unseen joints in place of the shipped one; ``config.motion.predictor`` 'damped' takes
        none.
    :param epoch: of the first frames.
    :param lag_frames: in place of the setting, and beyond its range, for recordings.
    :raises ModelFileError: when the predictor cannot be loaded.
    """

    def __init__(
        self, config: TemporalConfig | None = None, *, law: AgeLaw | None = None, dynamics: Dynamics | None = None,
        epoch: int = 0, lag_frames: int | None = None,
    ) -> None:
        self.config = config = config or TemporalConfig()
        self.counters = Counters()
        self.epoch = epoch
        self._lag = config.lag_frames if lag_frames is None else lag_frames
        self._law = law or shipped_age_law()
        given = dynamics is not None and config.motion.predictor != 'damped'
        self._dynamics = dynamics if given else shipped_predictor(config.motion.predictor)
        self._trust = config.effective_trust
        self._clock = FrameClock(config.stamps)
        self._pending: deque[_Pending] = deque()
        self._tracks = self._no_tracks()

    @property
    def period_s(self) -> float:
        """Time between frames, as the last stamps show it."""
        return self._clock.period_s

    @property
    def num_tracks(self) -> int:
        """How many people are followed now."""
        return len(self._tracks)

    @property
    def next_deadline_ns(self) -> int | None:
        """Stamp at which :meth:`advance` will release a frame if none comes before; None: nothing waits."""
        return self._pending[0].deadline_ns if self._pending else None

    def push(
        self, bodies: Bodies, stamp_ns: int, *, context: Any = None, coverage: float = np.nan,
        confidence_bound_mm: float = np.nan,
    ) -> Output:
        """Take a frame in.

        :param bodies: the people measured in it; one without a track id passes through with the trust it has by itself.
        :param stamp_ns: of the capture.
        :param context: anything; handed out again with the frame.
        :param coverage: what the radii of the bodies refer to; NaN: uncalibrated.
        :param confidence_bound_mm: what their confidence refers to; NaN: uncalibrated.
        :returns: the frame in the live stream, and what is due in the infilled stream.
        """
        step, seconds = self._clock.classify(stamp_ns)
        if step is Step.REPEATED or step is Step.LATE:
            self.counters.repeated += step is Step.REPEATED
            self.counters.late += step is Step.LATE
            return Output()
        before: tuple[TemporalFrame, ...] = ()
        if step is Step.JUMP:
            self.counters.jumps += 1
            before, seconds = self.reset(), 0.0
        self.counters.missing += self._clock.accept(stamp_ns)
        self.counters.frames += 1
        calibration = Calibration.stated(coverage, confidence_bound_mm, self.config)
        frame = self._tracks.step(bodies, assess(bodies, self._trust), seconds, stamp_ns, calibration, context)
        self._count(frame)
        wait = (self._lag + 1) * self._clock.period_s + self.config.stamps.margin_s
        self._pending.append(_Pending(frame, stamp_ns + round(wait * _NS)))
        due = self._take(len(self._pending) - self._lag)
        estimates = self._tracks.estimates(frame, [pending.frame for pending in due])
        bodies, *infilled = compose(estimates, self._law)
        self.counters.joint_states += np.bincount(bodies.joint_state.ravel(), minlength=len(State))
        live = TemporalFrame(
            stamp_ns, _with_others(bodies, frame), self.epoch, 0, stamp_ns, estimates[0].activity, context)
        return Output(live, before + self._released(due, infilled))

    def advance(self, now_ns: int) -> tuple[TemporalFrame, ...]:
        """Release what can wait no longer, when no frame comes.

        :param now_ns: time of the clock that stamps the frames.
        :returns: the frames whose deadline has passed, with what is known.
        """
        due = self._take(sum(1 for _ in takewhile(lambda pending: pending.deadline_ns <= now_ns, self._pending)))
        self.counters.released_by_deadline += len(due)
        return self._released(due)

    def flush(self) -> tuple[TemporalFrame, ...]:
        """Release everything that waits; the stream can go on afterwards."""
        return self._released(self._take(len(self._pending)))

    def reset(self) -> tuple[TemporalFrame, ...]:
        """Release everything that waits, forget everybody and begin a new epoch."""
        rest = self.flush()
        self._tracks = self._no_tracks()
        self._clock.reset()
        self.epoch += 1
        return rest

    def _count(self, frame: Frame) -> None:
        self.counters.new_tracks += frame.num_new
        self.counters.swaps += frame.num_swaps
        self.counters.passed_through += len(frame.others) if frame.others else 0

    def _no_tracks(self) -> Tracks:
        return Tracks(self.config, self._lag, self._dynamics, self._law)

    def _take(self, count: int) -> list[_Pending]:
        """Return the oldest frames that wait; they wait no longer."""
        return [self._pending.popleft() for _ in range(count)]

    def _released(self, due: list[_Pending], bodies: list[Bodies] | None = None) -> tuple[TemporalFrame, ...]:
        """Return frames of the infilled stream, of which the bodies are made yet or not."""
        if bodies is None:
            waiting = [pending.frame for pending in due]
            bodies = compose(self._tracks.estimates(None, waiting), self._law) if due else []
        return tuple(TemporalFrame(
            pending.frame.stamp_ns, _with_others(some, pending.frame), self.epoch, self._lag, pending.deadline_ns,
            pending.frame.activity, pending.frame.context) for pending, some in zip(due, bodies, strict=True))


def _with_others(bodies: Bodies, frame: Frame) -> Bodies:
    return concatenated(bodies, frame.others) if frame.others else bodies


def concatenated(a: Bodies, b: Bodies) -> Bodies:
    """Return the bodies of ``a`` and then those of ``b``."""
    names = [f.name for f in dataclasses.fields(Bodies)]
    return Bodies(**{name: np.concatenate([getattr(a, name), getattr(b, name)]) for name in names})


def make(lag: int | None, fps: float) -> Plugin:
    """Return the stream behind the plain interface of the infilling benchmark.

    :param lag: frames by which outputs may be late; None: until the end of the recording.
    :param fps: frame rate, Hz.
    """
    from poco_ros.evaluation.infill.plugin import Plugin  # the benchmark builds on this module

    return Plugin(lag, fps)
