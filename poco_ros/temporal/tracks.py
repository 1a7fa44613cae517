"""Follows everybody at once: which person is which row of the filters, what is measured of whom, who has gone."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.activity import Activity
from poco_ros.temporal.age_law import AgeLaw
from poco_ros.temporal.config import TemporalConfig
from poco_ros.temporal.dynamics import Dynamics
from poco_ros.temporal.filter_state import COLUMNS, Measurement
from poco_ros.temporal.frames import Frame, alone, in_rows
from poco_ros.temporal.identity import may_be_suspect, suspect
from poco_ros.temporal.last_errors import LastErrors
from poco_ros.temporal.life import JointLife, LifeCycle
from poco_ros.temporal.motion import REFERENCE_FPS
from poco_ros.temporal.noise import filter_noise
from poco_ros.temporal.noise_meter import NoiseMeter
from poco_ros.temporal.outputs import Calibration, Estimate
from poco_ros.temporal.shape import Shapes
from poco_ros.temporal.slots import Slots
from poco_ros.temporal.smoother import Smoother
from poco_ros.temporal.steadying import shipped_steadying
from poco_ros.temporal.trust import Trust
from poco_ros.types import NUM_JOINTS, Bodies

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

#: A sensor is judged by bodies of which at least so many of the first 22 joints are trusted.
_JUDGED = 0.75 * 22
#: Jitter, as a factor of the nominal variance, up to which a sensor needs no steadying, and from which on all of it.
_STEADY, _JITTERY = 0.3, 0.7
_UNTURNED, _NONE = quat.identity(), np.zeros(0, np.intp)
_JOINT_OF_COLUMN = np.r_[0:NUM_JOINTS, 0]


class Tracks:
    """All people of one camera, from one start of the stream to the next.

    :param config: settings.
    :param lag: frames that stay correctable; in place of the setting.
    :param dynamics: predictor of unseen joints; None: rates die away.
    :param law: how far people get while they are not seen.
    """

    def __init__(self, config: TemporalConfig, lag: int, dynamics: Dynamics | None, law: AgeLaw) -> None:
        self._config = config
        self._law = law
        self._lag = lag
        self._number = 0
        self._time = 0.0
        motion = config.motion
        self._slots = Slots(config.life.max_tracks)
        steadying = None
        if dynamics is not None and motion.steadying:
            steadying = motion.steadying * shipped_steadying().for_means(dynamics.forgetting)
        self._smoother = Smoother(lag, filter_noise(motion), dynamics, steadying)
        self._life = LifeCycle(lag, config.life)
        self._shapes = Shapes(config.life.lock_shape_s)
        self._meter = NoiseMeter(
            np.radians(motion.jitter_deg), motion.jitter_pelvis_m, motion.least_noise, motion.most_noise)
        self._last_errors = LastErrors()
        self._activity = Activity()
        self._grow()

    def __len__(self) -> int:
        return len(self._slots)

    def _grow(self) -> None:
        """Follow the number of slots with everything that has a row per slot."""
        n = self._slots.capacity
        for part in (self._smoother, self._life, self._shapes, self._meter, self._last_errors, self._activity):
            part.grow(n)
        before = self.__dict__.copy()
        self._every_slot: Rows = np.arange(n)
        self._nowhere: Mask = np.zeros((n, NUM_JOINTS), bool)
        self._suspect_run: npt.NDArray[np.int64] = np.zeros(n, np.int64)
        self._told: Mask = np.zeros(n, bool)
        self._known: Mask = np.zeros((n, NUM_JOINTS), bool)
        if '_told' in before:
            old = len(before['_told'])
            for name in ('_suspect_run', '_told', '_known'):
                getattr(self, name)[:old] = before[name]

    def step(
        self, bodies: Bodies, trust: Trust, seconds: float, stamp_ns: int, calibration: Calibration, context: Any,
    ) -> Frame:
        """Take the next frame in.

        :param bodies: N measured bodies.
        :param trust: in their joints.
        :param seconds: since the frame before; 0 for the first.
        :param stamp_ns: of the frame.
        :param calibration: of the bodies' errors.
        :param context: kept with the frame.
        """
        self._number += 1
        self._time += seconds
        index, at, fresh = self._assign(bodies.track_id)
        others = None
        if len(index) < len(bodies.track_id):
            left = np.setdiff1d(np.arange(len(bodies)), index)
            others = alone(bodies.take(left), trust.take(left))
            bodies, trust = bodies.take(index), trust.take(index)
        seen, trusted, sane = self._measure(bodies, trust, at, bool(len(fresh)))
        num_swaps = self._filter(bodies, seen, trusted, sane, at, fresh, seconds)
        self._activity.step(self._smoother.turning, self._life.observed, seconds * REFERENCE_FPS)
        confident = self._life.observed[at]
        if self._shapes.open(at).any():
            weight = (trust.trusted / np.maximum(1, trust.variance_factor)).sum(axis=1) / NUM_JOINTS
            self._shapes.add(at, bodies, np.where(confident[:, 0], weight * seconds if seconds else 1e-3 * weight, 0))
        self._last_errors.remember(at, bodies, confident)
        return self._frame(bodies, at, stamp_ns, others, calibration, context, len(fresh), num_swaps)

    def _assign(self, track_ids: npt.NDArray[np.int32]) -> tuple[Rows, Rows, Rows]:
        """Return which bodies are followed, their slots, and which of the slots are new."""
        if len(track_ids) == len(self._slots) and (track_ids == self._slots.track_ids).all():
            return self._every_slot[:len(track_ids)], self._slots.rows, _NONE
        index, at, fresh = [], [], []
        seen: set[int] = set()
        for i, track_id in enumerate(track_ids.tolist()):
            if track_id < 0 or track_id in seen:
                continue
            seen.add(track_id)
            if track_id in self._slots:
                slot: int | None = self._slots.slot(track_id)
            else:
                slot = self._slots.claim(track_id, self._number)
                if slot is None:
                    continue
                fresh.append(slot)
            index.append(i)
            at.append(slot)
        if self._slots.capacity > self._smoother.slots:
            self._grow()
        return np.array(index, np.intp), np.array(at, np.intp), np.array(fresh, np.intp)

    def _measure(self, bodies: Bodies, trust: Trust, at: Rows, begins: bool) -> tuple[Measurement, Mask, Mask]:
        """Return the measurement of every slot, and which joints are trusted and sane."""
        rotations, pelvis = _measured(bodies, trust, begins)
        trusted, usable, sane = trust.trusted, trust.usable, trust.sane
        factor, doubt = _with_pelvis(trust.variance_factor), _with_pelvis(trust.doubt)
        if len(at) < self._slots.capacity or (at != self._every_slot).any():
            rotations, pelvis = self._in_slots(rotations, at, _UNTURNED), self._in_slots(pelvis, at, 0)
            trusted, usable, sane = (self._in_slots(mask, at, False) for mask in (trusted, usable, sane))
            factor, doubt = self._in_slots(factor, at, 1), self._in_slots(doubt, at, 1)
        doubt[:, NUM_JOINTS] = 1
        weight = np.sqrt(np.sort(factor, axis=1)[:, COLUMNS // 2])  # the median
        self._meter.add(rotations, pelvis, weight, trusted[:, :22].sum(axis=1) >= _JUDGED)
        of_rotations, of_pelvis = self._meter.variance_factor()
        factor[:, :-1] *= of_rotations[:, None]
        factor[:, -1] *= of_pelvis
        steadying = np.minimum(np.maximum((of_rotations - _STEADY) / (_JITTERY - _STEADY), 0), 1)
        seen = Measurement(rotations, pelvis, factor, doubt, _with_pelvis(usable), steadying)
        return seen, trusted, sane

    def _in_slots(self, values: npt.NDArray[Any], at: Rows, empty: Any) -> npt.NDArray[Any]:
        """Return what belongs to each body in the row of its slot, and something else in the other rows."""
        out = np.empty((self._slots.capacity, *values.shape[1:]), values.dtype)
        out[...] = empty
        out[at] = values
        return out

    def _filter(
        self, bodies: Bodies, seen: Measurement, trusted: Mask, sane: Mask, at: Rows, fresh: Rows, seconds: float,
    ) -> int:
        """Run filter and life cycle for one frame; return how many tracks show somebody else now."""
        apart = self._life.out_of_reach(self._time)
        if seconds:
            measured = seen.used
            if len(self._slots) < self._slots.capacity:
                measured = measured.copy()
                measured[np.setdiff1d(self._every_slot, self._slots.rows)] = True  # nothing to be found out about them
            self._smoother.predict(seconds * REFERENCE_FPS, measured, _with_pelvis(apart))
        if not (len(fresh) or seen.used.any()):  # nothing can be learned from this frame
            self._smoother.update(seen, None)
            self._life.step(self._time, trusted, self._nowhere, self._nowhere)
            return 0
        innovation = self._smoother.innovation(seen)
        usable, restart, num_swaps = seen.used[:, :NUM_JOINTS], self._nowhere, 0
        if len(fresh) or apart.any() or may_be_suspect(innovation, self._config.identity):
            anew, doubted = self._check_identity(bodies, seen, trusted & ~apart, at, fresh, innovation)
            begin, num_swaps = np.concatenate([fresh, anew]), len(anew)
            usable = usable & (trusted | ~apart) & ~doubted[:, None]
            trusted = trusted & ~doubted[:, None]
            restart = trusted & apart
            restart[begin] = sane[begin]
            self._start(begin, trusted)
            self._restart(restart, seen, innovation)
            seen.used = _with_pelvis(usable)
        else:
            self._suspect_run[trusted.any(axis=1)] = 0
        self._smoother.update(seen, innovation)
        self._life.step(self._time, trusted, usable, restart)
        return num_swaps

    def _start(self, begin: Rows, trusted: Mask) -> None:
        """Forget what was known in the slots of new people."""
        if not len(begin):
            return
        self._life.begin(begin, trusted[begin])
        self._shapes.forget(begin)
        self._meter.forget(begin)
        self._known[begin], self._told[begin], self._suspect_run[begin] = False, False, 0
        self._last_errors.forget(begin)
        self._activity.forget(begin)

    def _restart(self, restart: Mask, seen: Measurement, innovation: Array) -> None:
        """Begin joints anew at their measurement."""
        if restart.any():
            columns = _with_pelvis(restart)
            self._smoother.restart(columns, seen)
            innovation[columns] = 0
            self._known |= restart

    def _check_identity(
        self, bodies: Bodies, seen: Measurement, judged: Mask, at: Rows, fresh: Rows, innovation: Array,
    ) -> tuple[Rows, Mask]:
        """Return the slots that show somebody else by now, and where (S,) the measurement is not to be believed."""
        change = np.full(self._slots.capacity, np.nan)
        change[at] = np.abs(bodies.betas[:, :3] - self._shapes.betas[at, :3]).max(axis=1)
        judged = judged.copy()
        judged[fresh] = False
        unseen = np.minimum(self._life.unseen_s(self._time, 0), self._config.life.lost_infilled_s)
        # what the filter believes of itself falls short of how far people go while nobody looks
        sigma = np.hypot(self._smoother.sigma_pelvis(seen.variance_factor), self._law.predicted.pelvis_spread_m(unseen))
        jumped = suspect(innovation, sigma, judged, change, self._config.identity)
        measured = judged.any(axis=1)
        self._suspect_run = np.where(jumped, self._suspect_run + 1, np.where(measured, 0, self._suspect_run))
        anew = jumped & (self._suspect_run >= self._config.identity.frames)
        return np.flatnonzero(anew), jumped & ~anew

    def _frame(
        self, bodies: Bodies, at: Rows, stamp_ns: int, others: Bodies | None, calibration: Calibration, context: Any,
        num_new: int, num_swaps: int,
    ) -> Frame:
        """Record the frame, and let go of those who have been away for too long."""
        rows, ids, index = self._slots.rows, self._slots.track_ids, self._slots.index
        source = bodies
        if at is rows or np.array_equal(rows, at):
            here: Mask = np.ones(len(rows), bool)
        else:
            here = np.isin(rows, at)
            source = in_rows(bodies, at, rows, ids)
        lost = self._life.lost_live[rows].all(axis=1)
        speaks = here | ~(lost & self._told[rows])
        self._told[rows] = lost & ~here
        if not here.all():
            gone = ~here & self._life.out_of_reach(self._time)[rows].all(axis=1)
            for track_id in ids[gone].tolist():
                self._slots.free(track_id, self._number + self._lag + 1)
        return Frame(
            self._number, stamp_ns, index, source, speaks, self._shapes.betas[rows], self._shapes.rest_joints[rows],
            self._last_errors.of(index), self._activity.of(index), others, calibration, context, num_new, num_swaps)

    def estimates(self, newest: Frame | None, due: Sequence[Frame]) -> list[Estimate]:
        """Return what is known by now of the people in some frames.

        :param newest: as the live stream shows it, or None: it is not wanted.
        :param due: buffered frames, as the infilled stream shows them.
        """
        frames = [] if newest is None else [newest if newest.speaks.all() else newest.speaking()]
        frames += due
        backs = [self._number - frame.number for frame in frames]
        rotations, pelvis = self._smoother.estimates(backs)
        lives = [] if newest is None else [self._life.live()]
        lives += [self._life.infilled(back) for back in backs[len(lives):]]
        return [self._estimate(*parts) for parts in zip(frames, backs, rotations, pelvis, lives, strict=True)]

    def _estimate(self, frame: Frame, back: int, rotations: Array, pelvis: Array, life: JointLife) -> Estimate:
        """Return what is known of the people in a frame, from estimates for every slot."""
        rows, revision = frame.rows, frame.source.revision
        if back:
            revision = revision + self._smoother.is_corrected(back)[rows]
        rotations, pelvis, known = rotations[rows], pelvis[rows], self._known[rows]
        if not known.all():
            rotations = np.where(known[..., None], rotations, np.nan)
            pelvis = np.where(known[:, :1], pelvis, np.nan)
        return Estimate(
            frame.source, frame.calibration, rotations, pelvis, frame.betas, frame.rest_joints,
            life.take(rows), frame.last_errors, frame.activity, revision)


def _measured(bodies: Bodies, trust: Trust, begins: bool) -> tuple[Array, Array]:
    """Return rotations (N, 24, 4) and positions of the pelvis (N, 3) as measured; anything where not sane.

    :param begins: somebody is new, of whom the first measurement counts whatever its trust.
    """
    if not (begins or trust.usable.any()):
        return quat.identity(len(bodies), NUM_JOINTS), np.zeros((len(bodies), 3))
    pose, pelvis = bodies.pose.astype(np.float64), bodies.joints[:, 0].astype(np.float64)
    if not trust.sane.all():
        pose = np.where(trust.sane[..., None], pose, 0)
        pelvis = np.where(trust.sane.any(axis=1, keepdims=True), pelvis, 0)
    return quat.exp(pose), pelvis


def _with_pelvis(joints: npt.NDArray[Any]) -> npt.NDArray[Any]:
    """(S, 24) to (S, 25): the position goes with the rotation of the pelvis."""
    return joints.take(_JOINT_OF_COLUMN, axis=1)
