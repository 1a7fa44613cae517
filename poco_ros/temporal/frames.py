"""What stays of a frame until the infilled stream lets it go, and the bodies in it."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.temporal.outputs import Calibration
from poco_ros.temporal.trust import Trust
from poco_ros.types import Bodies, State

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]


@dataclass(frozen=True)
class Frame:
    """What stays of a frame until the infilled stream has let it go.

    :param number: counts frames.
    :param stamp_ns: of the source.
    :param rows: (M,) slots of the people followed through it; a slice where they are the first ones in order.
    :param source: (M) their bodies as they came, NaN for those that were not in the message.
    :param speaks: (M,) False for people whose loss the live stream has already told.
    :param betas: (M, 10), as averaged up to now.
    :param rest_joints: (M, 24, 3).
    :param last_errors: (M, 51), mm, the errors that joints had when they were last trusted; see
        :class:`~poco_ros.temporal.last_errors.LastErrors`.
    :param activity: (M, 24), how much joints had moved when they were last seen, rad per 1/30 s.
    :param others: bodies that are not followed; None: there are none.
    :param calibration: of the message.
    :param context: handed in with the frame.
    :param num_new: tracks that began in it.
    :param num_swaps: tracks that began anew in it because they seem to show somebody else.
    """

    number: int
    stamp_ns: int
    rows: Rows | slice
    source: Bodies
    speaks: Mask
    betas: Array
    rest_joints: Array
    last_errors: Array
    activity: Array
    others: Bodies | None
    calibration: Calibration
    context: Any
    num_new: int
    num_swaps: int

    def speaking(self) -> Frame:
        """Return the frame without the people whose loss has been told."""
        keep = self.speaks
        rows = np.flatnonzero(keep) if isinstance(self.rows, slice) else self.rows[keep]
        return dataclasses.replace(
            self, rows=rows, source=self.source.take(keep), speaks=keep[keep], betas=self.betas[keep],
            rest_joints=self.rest_joints[keep], last_errors=self.last_errors[keep], activity=self.activity[keep])


def in_rows(bodies: Bodies, at: Rows, rows: Rows, ids: npt.NDArray[np.int32]) -> Bodies:
    """Return the bodies in the order of ``rows``, unknown where there is none."""
    out = Bodies.unknown(len(rows))
    place = np.flatnonzero(np.isin(rows, at))
    order = np.argsort(at)
    which = order[np.searchsorted(at, rows[place], sorter=order)]
    for field in dataclasses.fields(Bodies):
        getattr(out, field.name)[place] = getattr(bodies, field.name)[which]
    return dataclasses.replace(out, track_id=ids)


def alone(bodies: Bodies, trust: Trust) -> Bodies:
    """Return bodies that nobody follows: each joint is observed or lost, all else stays as it came."""
    state = np.where(trust.trusted, State.OBSERVED, State.LOST).astype(np.uint8)
    age = np.where(trust.trusted, 0, np.nan).astype(np.float32)
    return dataclasses.replace(
        bodies, joint_state=state, joint_age=age, state=state.max(axis=1, initial=State.OBSERVED).astype(np.uint8))
