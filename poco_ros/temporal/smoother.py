"""Kalman filter and fixed-lag smoother over the joints of many people at once.

Rows are people, columns the 24 joint rotations and, last, the position of the pelvis. A rotation's error lives in the
body axes of the joint, so that the filter is linear in small rotations; the position's in the axes of the camera, so
that who turns while they walk keeps their direction, and a late correction moves all buffered places alike. The
smoother does not sweep back: for every buffered frame it keeps the two numbers by which a correction of the newest
state reaches it (the running product of the Rauch-Tung-Striebel gains), and adds each correction to all buffered frames
in one operation.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.dynamics import COLUMNS as PREDICTED
from poco_ros.temporal.dynamics import Dynamics
from poco_ros.temporal.filter_state import COLUMNS, PELVIS, Measurement, State
from poco_ros.temporal.motion import Transition, predicted, transition, updated
from poco_ros.temporal.noise import Noise
from poco_ros.temporal.steadying import Steadying
from poco_ros.types import NUM_JOINTS

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]

#: The learned share of a gap that is bridged grows from 0 to 1 over these lengths, in units of 1/30 s: in short gaps
#: the rates on both sides say more than what bodies usually do.
_SHORT_GAP, _LONG_GAP = 3.0, 13.0
#: Squared deviations of a doubtful measurement from the prediction, in variances, at which it is as bad as feared.
_AS_FEARED = 0.5

_IS_PREDICTED = np.isin(np.arange(COLUMNS), PREDICTED)


class Smoother:
    """Filters frame by frame; frames stay correctable for ``lag`` further frames.

    :param lag: how many frames after it a frame can still be corrected; the buffer holds lag + 1.
    :param noise: constants of the filter.
    :param dynamics: predicts columns that are not measured from the whole body; None: their rates die away.
    :param steadying: (K, 25) gains for the means over the past that the dynamics have; None: not steadied.
    """

    def __init__(
        self, lag: int, noise: Noise, dynamics: Dynamics | None = None, steadying: Array | None = None,
    ) -> None:
        self._noise = noise
        self._dynamics = dynamics
        self._depth = lag + 1
        self._newest = 0
        self._steps: dict[float, tuple[Transition, Transition]] = {}
        self._memory = 0 if dynamics is None else dynamics.memory
        self._steadying = None if steadying is None else Steadying(steadying, self._depth)
        self._variance = noise.measured ** 2
        self._any_blind = False
        self._now = self._blank(0)
        self._allocate_buffer(0)

    @property
    def slots(self) -> int:
        """S, how many people there is room for."""
        return len(self._now.pelvis)

    def _blank(self, slots: int) -> State:
        covariance = np.zeros((2, 2, slots, COLUMNS))
        covariance[0, 0], covariance[1, 1] = self._variance, self._noise.first_rate ** 2
        return State(quat.identity(slots, NUM_JOINTS), np.zeros((slots, 3)),
                      np.zeros((slots, 1 + self._memory, COLUMNS, 3)), covariance, np.zeros((slots, COLUMNS)),
                      np.zeros((slots, COLUMNS, 3)), np.zeros((slots, COLUMNS, 3)))

    def _allocate_buffer(self, slots: int) -> None:
        b = self._depth
        self._rotations = quat.identity(b, slots, NUM_JOINTS)
        self._pelvis = np.zeros((b, slots, 3))
        self._correction = np.zeros((b, slots, COLUMNS, 3))
        self._drift: Array = np.zeros((b, slots, COLUMNS, 3))
        self._link: Array = np.zeros((2, b, slots, COLUMNS))

    def grow(self, slots: int) -> None:
        """Make room for more people; those there keep their slots."""
        old, new = self._now, self._blank(slots)
        n = len(old.pelvis)
        for name in ('rotations', 'pelvis', 'motion', 'blind', 'plain_rate', 'drift'):
            getattr(new, name)[:n] = getattr(old, name)
        new.covariance[:, :, :n] = old.covariance
        before = (self._rotations, self._pelvis, self._correction, self._drift, *self._link)
        self._now = new
        self._allocate_buffer(slots)
        grown = (self._rotations, self._pelvis, self._correction, self._drift, *self._link)
        for source, target in zip(before, grown, strict=True):
            target[:, :n] = source
        if self._steadying is not None:
            self._steadying.grow(slots)

    def predict(self, frames: float, measured: Mask, frozen: Mask) -> None:
        """Step to the time of the next frame.

        :param frames: time since the frame before, in units of 1/30 s.
        :param measured: (S, 25) columns for which a usable measurement has come.
        :param frozen: (S, 25) columns that stay where they are, because nothing is known of their motion any more.
        """
        now, whole = self._now, bool(measured.all())
        step = self._step(frames, None if whole else ~measured)
        now.covariance, gain = predicted(now.covariance, step)
        self._link = self._link[0] * gain[0][:, None] + self._link[1] * gain[1][:, None]
        ahead = step.rate[..., None] * now.rate  # displacement, and the next rate
        if self._dynamics is not None and (self._any_blind or not whole):
            self._learned(self._dynamics, ahead, step, frames, measured)
        if frozen.any():
            ahead[:, frozen] = 0
        move, now.motion[:, 0] = ahead
        self._displace(move)
        if self._dynamics is not None:
            now.motion[:, 1:] = self._dynamics.forget(now.past, move, frames)

    def _learned(
        self, dynamics: Dynamics, ahead: Array, step: Transition, frames: float, measured: Mask,
    ) -> None:
        """Put the learned motion in place of the damped one where nothing is measured.

        :param ahead: (2, S, 25, 3), displacement and next rate; changed in place.
        """
        now, gap = self._now, ~measured
        concerned = (gap | (now.blind > 0)).any(axis=1)
        rows = slice(None) if concerned.all() else np.flatnonzero(concerned)
        gap, blind, damped = gap[rows], now.blind[rows], step.rate if step.rate.shape[1] == 1 else step.rate[:, rows]
        before = (blind > 0)[..., None]
        plain = np.where(before, now.plain_rate[rows], now.rate[rows])
        if gap.any():
            learned = self._predicted(dynamics, rows, frames)
            ahead[:, rows] = np.where((gap & _IS_PREDICTED)[..., None], learned, ahead[:, rows])
            self._any_blind = True
        go_on = damped[..., None] * plain
        now.drift[rows] += np.where(before | gap[..., None], ahead[0, rows] - go_on[0], 0)
        now.plain_rate[rows] = go_on[1]
        now.blind[rows] = blind + frames * gap

    def _predicted(self, dynamics: Dynamics, rows: Rows | slice, frames: float) -> Array:
        """Return displacement and next rate by the learned motion, (2, len(rows), 25, 3); 0 where it has none."""
        motion, axes = self._in_body_axes(rows)
        out = np.zeros((2, *motion.shape[:1], COLUMNS, 3))
        for target, values in zip(out, dynamics.predict(
                motion[:, 0], motion[:, 1:], self._now.rotations[rows], frames), strict=True):
            target[:, PREDICTED] = values
        out[:, :, PELVIS] = (axes @ out[:, :, PELVIS, :, None])[..., 0]
        return out

    def _in_body_axes(self, rows: Rows | slice) -> tuple[Array, Array]:
        """Return the motion with that of the position in the axes of the pelvis, and these axes (len(rows), 3, 3)."""
        motion, axes = self._now.motion[rows].copy(), quat.to_matrix(self._now.rotations[rows, 0])
        motion[:, :, PELVIS] = motion[:, :, PELVIS] @ axes
        return motion, axes

    def _step(self, frames: float, gap: Mask | None) -> Transition:
        """Return the step of the process over a time, with columns that are not measured; None: all are."""
        frames = round(frames, 2)
        if frames not in self._steps:
            if len(self._steps) > 256:
                self._steps.clear()
            n = self._noise
            self._steps[frames] = (transition(n.decay[None], n.rate[None], frames),
                                   transition(n.decay_gap[None], n.rate_gap[None], frames))
        seen, unseen = self._steps[frames]
        return seen if gap is None else seen.take(gap, unseen)

    def _displace(self, move: Array) -> None:
        """Apply (S, 25, 3) displacements to the newest state."""
        self._now.rotations = quat.multiply(self._now.rotations, quat.exp(move[:, :PELVIS]))
        self._now.pelvis = self._now.pelvis + move[:, PELVIS]

    def innovation(self, seen: Measurement) -> Array:
        """Return (S, 25, 3), by what a measurement differs from the prediction; rad in body axes, m in the camera's."""
        now = self._now
        out = np.empty((self.slots, COLUMNS, 3))
        out[:, :PELVIS] = quat.log(quat.multiply(quat.conjugate(now.rotations), seen.rotations))
        out[:, PELVIS] = seen.pelvis - now.pelvis
        return out

    def update(self, seen: Measurement, innovation: Array | None) -> None:
        """Take a measurement in, correct the buffered frames with it, and buffer the new frame.

        :param seen: the measurement.
        :param innovation: of it; None: nothing of it is used.
        """
        if innovation is not None:
            self._correct(seen, innovation)
        now = self._now
        self._newest = i = (self._newest + 1) % self._depth
        if i == 0:  # once around the buffer is often enough against rounding
            now.rotations = quat.normalised(now.rotations)
        self._rotations[i], self._pelvis[i] = now.rotations, now.pelvis
        self._correction[i], self._drift[i], self._link[0, i], self._link[1, i] = 0, now.drift, 1, 0
        if self._steadying is not None:
            self._steadying.keep(i, now.past, np.ones(self.slots) if seen.steadying is None else seen.steadying)

    def _correct(self, seen: Measurement, innovation: Array) -> None:
        """Move the newest state and the buffered frames by a measurement."""
        now, used = self._now, seen.used
        noise = self._variance * seen.variance_factor / seen.doubt
        expected = now.covariance[0, 0] + noise
        deviation = quat.squared(innovation) / expected
        expected += noise * (seen.doubt - 1) * deviation * (1 / (3 * _AS_FEARED))
        gain = now.covariance[0] * (used / expected)
        if not used.all():
            innovation = np.where(used[..., None], innovation, 0)
        move, rate = gain[..., None] * innovation
        share = self._link[0] * gain[0] + self._link[1] * gain[1]
        self._correction += share[..., None] * innovation
        now.motion[:, 0] += rate
        if self._any_blind:
            self._bridge(used, move, share, gain)
        now.covariance = updated(now.covariance, gain)
        self._displace(move)
        now.motion[:, 1:] -= move[:, None]

    def _bridge(self, used: Mask, move: Array, share: Array, gain: Array) -> None:
        """Where a gap ends, go back from the learned towards the damped motion, the more the shorter it was.

        Both motions are corrected by the same gains, so that their difference is known for every buffered frame.
        """
        now = self._now
        ends = used & (now.blind > 0)
        if ends.any():
            back = ends * np.clip((_LONG_GAP - now.blind) / (_LONG_GAP - _SHORT_GAP), 0, 1)
            drift = back[..., None] * now.drift
            self._correction += share[..., None] * drift - back[..., None] * self._drift
            move += gain[0, ..., None] * drift - drift
            now.motion[:, 0] += gain[1, ..., None] * drift + back[..., None] * (now.plain_rate - now.rate)
            self._drift[:, ends] = 0
        self._see(used)

    def _see(self, where: Mask) -> None:
        """Note that columns are measured: nothing leads them away any more."""
        now = self._now
        now.blind[where], now.drift[where] = 0, 0
        self._any_blind = bool(now.blind.any())

    def restart(self, where: Mask, seen: Measurement) -> None:
        """Begin columns anew at their measurement; what was before is not corrected by what comes.

        :param where: (S, 25).
        """
        blank, now = self._blank(self.slots), self._now
        now.rotations = np.where(where[:, :PELVIS, None], seen.rotations, now.rotations)
        now.pelvis = np.where(where[:, PELVIS, None], seen.pelvis, now.pelvis)
        now.motion = np.where(where[:, None, :, None], 0, now.motion)
        now.covariance = np.where(where, blank.covariance, now.covariance)
        self._see(where)
        self._drift[:, where] = 0
        self._link[:, :, where] = 0

    def motion(self) -> tuple[Array, Array]:
        """Return what the newest frame tells a predictor: rates (S, 25, 3) and means over the past (S, K, 25, 3).

        All in body axes, those of the position in the axes of the pelvis.
        """
        motion, _ = self._in_body_axes(slice(None))
        return motion[:, 0], motion[:, 1:]

    @property
    def turning(self) -> Array:
        """Rates of the rotations in the newest frame, (S, 24, 3), rad per 1/30 s."""
        return self._now.rate[:, :PELVIS]

    def sigma_pelvis(self, variance_factor: Array) -> Array:
        """Return (S,), the standard deviation per axis of the innovation of the position, for these measurements."""
        noise = self._variance[PELVIS] * variance_factor[:, PELVIS]
        return np.asarray(np.sqrt(self._now.covariance[0, 0, :, PELVIS] + noise))

    def is_corrected(self, back: int) -> Mask:
        """Return (S,), whether anything that came later has changed the frame ``back`` before the newest."""
        return np.asarray(self._correction[(self._newest - back) % self._depth].any(axis=(1, 2)))

    def estimate(self, back: int) -> tuple[Array, Array]:
        """Return the rotations (S, 24, 4) and pelvis positions (S, 3) of the frame ``back`` before the newest."""
        rotations, pelvis = self.estimates([back])
        return rotations[0], pelvis[0]

    def estimates(self, back: Sequence[int]) -> tuple[Array, Array]:
        """Return rotations (K, S, 24, 4) and pelvis positions (K, S, 3) of K frames, so far before the newest."""
        i = [(self._newest - b) % self._depth for b in back]
        rotations, change = self._rotations[i], self._correction[i]
        if self._steadying is not None:
            change = self._steadying.applied(i, change)
        return quat.multiply(rotations, quat.exp(change[:, :, :PELVIS])), self._pelvis[i] + change[:, :, PELVIS]
