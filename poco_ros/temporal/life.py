"""Age and state of every joint: seen, infilled, held, extrapolated or lost, for the newest and the buffered frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.temporal.config import LifeConfig
from poco_ros.types import NUM_JOINTS, State

#: Ages are differences of stamps: one that is a whole number of frames must not hang on their rounding.
_ROUNDING_S = 1e-6
_OBSERVED, _INFILLED, _HELD, _EXTRAPOLATED, _LOST = np.array(
    [State.OBSERVED, State.INFILLED, State.HELD, State.EXTRAPOLATED, State.LOST], np.uint8)

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class JointLife:
    """State of the joints of S slots in one frame.

    :param state: (S, 24) uint8 of :class:`State`.
    :param age: (S, 24) seconds since the joint was last trusted; 0 where it is, NaN where it never was.
    :param ahead: (S, 24) seconds until it is trusted again; infinite where that is not known.
    """

    state: npt.NDArray[np.uint8]
    age: Array
    ahead: Array

    def take(self, rows: npt.NDArray[np.intp] | slice) -> JointLife:
        """Return some of the slots."""
        return JointLife(self.state[rows], self.age[rows], self.ahead[rows])


class LifeCycle:
    """Keeps the history of trust of S slots, for the newest frame and ``lag`` frames before it.

    :param lag: frames that stay in the buffer behind the newest.
    :param config: ages and counts at which states change.
    """

    def __init__(self, lag: int, config: LifeConfig) -> None:
        self._config = config
        self._depth = lag + 1
        self._newest = 0
        self._quiet = 0  # frames in a row in which everything was seen and nothing lost
        self._times = np.zeros(self._depth)
        self._allocate(0)

    def _allocate(self, slots: int) -> None:
        shape, ring = (slots, NUM_JOINTS), (self._depth, slots, NUM_JOINTS)
        self._quiet = 0
        self.observed: Mask = np.zeros(shape, bool)
        self._trusted_at: Array = np.full(shape, -np.inf)
        self._run: npt.NDArray[np.int64] = np.zeros(shape, np.int64)
        self.lost_live: Mask = np.ones(shape, bool)
        self._lost: Mask = np.ones(shape, bool)
        self._ring_observed: Mask = np.zeros(ring, bool)
        self._ring_lost: Mask = np.ones(ring, bool)
        self._ring_linked: Mask = np.zeros(ring, bool)
        self._ring_age: Array = np.full(ring, np.inf)
        self._ring_ahead: Array = np.full(ring, np.inf)

    _PER_SLOT = ('observed', '_trusted_at', '_run', 'lost_live', '_lost')
    _RINGS = ('_ring_observed', '_ring_lost', '_ring_linked', '_ring_age', '_ring_ahead')

    def grow(self, slots: int) -> None:
        """Make room for more people; those there keep their slots."""
        before = {name: getattr(self, name) for name in self._PER_SLOT + self._RINGS}
        n = len(self.observed)
        self._allocate(slots)
        for name in self._PER_SLOT:
            getattr(self, name)[:n] = before[name]
        for name in self._RINGS:
            getattr(self, name)[:, :n] = before[name]

    def begin(self, rows: npt.NDArray[np.intp], observed: Mask) -> None:
        """Start slots for new people: what is trusted at once counts, the rest is lost until it is.

        :param rows: the slots.
        :param observed: (len(rows), 24) joints trusted in their first frame.
        """
        self._quiet = 0
        self.observed[rows] = False
        self._trusted_at[rows] = -np.inf
        self._run[rows] = np.where(observed, self._config.regain_frames - 1, 0)
        self.lost_live[rows] = self._lost[rows] = ~observed
        self._ring_linked[:, rows] = False

    def unseen_s(self, time: float, joint: int) -> Array:
        """Return (S,), for how many seconds a joint has not been trusted; infinite where it never was."""
        return np.asarray(time - self._trusted_at[:, joint])

    def out_of_reach(self, time: float) -> Mask:
        """Return (S, 24), the joints not trusted for so long that nothing connects them with their past."""
        return time - self._trusted_at > self._config.lost_infilled_s + _ROUNDING_S

    def step(self, time: float, trusted: Mask, usable: Mask, restarted: Mask) -> None:
        """Take the next frame in.

        :param time: of the frame, seconds.
        :param trusted: (S, 24) joints measured and surely good.
        :param usable: (S, 24) joints measured and not surely bad; they count while they were good just before.
        :param restarted: (S, 24) joints whose filter began anew with this frame.
        """
        c = self._config
        all_trusted = bool(trusted.all())
        if all_trusted and self._quiet > self._depth:  # every frame in the buffer is as this one will be
            self._newest = (self._newest + 1) % self._depth
            self._times[self._newest] = time
            self._trusted_at[:] = time
            return
        self.observed = observed = trusted | (usable & self.observed)
        age = np.where(observed, 0, time - self._trusted_at)
        self._trusted_at = np.where(observed, time, self._trusted_at)
        self._run = np.where(observed, self._run + 1, 0)
        regained = self._run >= c.regain_frames
        self.lost_live = (self.lost_live | (age > c.lost_live_s + _ROUNDING_S)) & ~regained
        self._lost = (self._lost | (age > c.lost_infilled_s + _ROUNDING_S)) & ~regained
        self._ring_linked &= ~restarted
        back = self._ring_linked & observed & ~self._ring_observed & np.isinf(self._ring_ahead)
        self._ring_ahead = np.where(back, time - self._times[:, None, None], self._ring_ahead)
        self._ring_lost &= ~(self._ring_linked & self._ring_observed & regained)
        self._quiet = self._quiet + 1 if all_trusted and regained.all() else 0
        self._newest = i = (self._newest + 1) % self._depth
        self._times[i] = time
        self._ring_observed[i], self._ring_lost[i], self._ring_age[i] = observed, self._lost, age
        self._ring_linked[i], self._ring_ahead[i] = True, np.where(observed, 0, np.inf)

    def live(self) -> JointLife:
        """Return the newest frame as the live stream sees it."""
        i = self._newest
        return self._life(self._ring_observed[i], self.lost_live, self._ring_age[i], self._ring_ahead[i])

    def infilled(self, back: int) -> JointLife:
        """Return the frame ``back`` before the newest with what has become known since."""
        i = (self._newest - back) % self._depth
        return self._life(self._ring_observed[i], self._ring_lost[i], self._ring_age[i], self._ring_ahead[i])

    def _life(self, observed: Mask, lost: Mask, age: Array, ahead: Array) -> JointLife:
        if self._quiet > self._depth or (observed.all() and not lost.any()):
            return JointLife(np.full(observed.shape, _OBSERVED), age, ahead)
        state = np.where(age <= self._config.held_s + _ROUNDING_S, _HELD, _EXTRAPOLATED)
        state[np.isfinite(ahead)] = _INFILLED
        state[observed] = _OBSERVED
        state[lost] = _LOST
        return JointLife(state, np.where(np.isinf(age), np.nan, age), ahead)
