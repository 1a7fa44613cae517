"""Makes the bodies that are published from what the filter, the life cycle and the age law know about a frame."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.age_law import AgeLaw
from poco_ros.temporal.config import TemporalConfig
from poco_ros.temporal.life import JointLife
from poco_ros.temporal.unseen import errors_of
from poco_ros.types import Bodies, FloatArray, State

Array = npt.NDArray[np.float64]
Rows = npt.NDArray[np.intp]
States = npt.NDArray[np.uint8]

_UNKNOWN, _OBSERVED = np.array([State.UNKNOWN, State.OBSERVED], np.uint8)


@dataclass(frozen=True)
class Calibration:
    """What the calibrated fields of one message refer to.

    :param coverage: of the radii, in (0, 1).
    :param bound_mm: in the definition of confidence.
    """

    coverage: float
    bound_mm: float

    @staticmethod
    def stated(coverage: float, bound_mm: float, config: TemporalConfig) -> Calibration:
        """Return what a message states, and the settings' values where it states nothing (NaN)."""
        return Calibration(config.coverage if np.isnan(coverage) else coverage,
                           config.confidence_bound_mm if np.isnan(bound_mm) else bound_mm)


@dataclass(frozen=True)
class Estimate:
    """What is known of N bodies in one frame.

    :param source: the bodies as they came; NaN where a track was not in the message.
    :param calibration: of the message.
    :param rotations: (N, 24, 4) unit quaternions, NaN where never known.
    :param pelvis: (N, 3) metres.
    :param betas: (N, 10).
    :param rest_joints: (N, 24, 3) metres, at zero pose.
    :param life: state, age and time to come of (N, 24) joints.
    :param last_errors: (N, 51), of :class:`~poco_ros.temporal.last_errors.LastErrors`.
    :param activity: (N, 24), how much joints had moved when they were last seen, rad per 1/30 s.
    :param revision: (N,) uint32.
    """

    source: Bodies
    calibration: Calibration
    rotations: Array
    pelvis: Array
    betas: Array
    rest_joints: Array
    life: JointLife
    last_errors: Array
    activity: Array
    revision: npt.NDArray[np.uint32]


def compose(estimates: Sequence[Estimate], law: AgeLaw) -> list[Bodies]:
    """Return the bodies to publish, for each of several frames.

    A body that is seen whole keeps the errors and the confidence it came with. Where a joint is not seen, errors and
    radii of everything it carries grow by the age law from what they were when it was last trusted. Joints that are
    LOST, and what they carry, have no error any more (NaN). Joints of which nothing has been trusted yet, of a body
    that has others, are UNKNOWN: legs below the border of the picture were never there to be lost. They have no error
    either. Both leave the body's error and confidence unknown; a body that is lost altogether has confidence 0.

    :param estimates: of the frames.
    :param law: constants of growth.
    """
    rotations, rest_joints, pelvis, betas, age, state = (_together(estimates, of) for of in _NEEDED)
    joints = np.asarray(forward_kinematics(quat.to_matrix(rotations), rest_joints)[0], np.float64)
    transl = pelvis - rest_joints[:, 0]
    joints += transl[:, None]
    state = _with_unknown(state, age)
    changed: dict[str, npt.NDArray[Any]] = {
        'pose': _single(quat.log(rotations)), 'betas': _single(betas), 'transl': _single(transl),
        'joints': _single(joints), 'joint_age': _single(age), 'joint_state': state,
        'state': state.max(axis=1, initial=0), 'revision': _together(estimates, lambda e: e.revision),
    }
    rows = np.flatnonzero((state != _OBSERVED).any(axis=1))
    if len(rows):
        changed |= _with_errors(estimates, rows, joints, state, law)
    bodies, stop = [], 0
    for estimate in estimates:
        start, stop = stop, stop + len(estimate.pelvis)
        own = {name: values[start:stop] for name, values in changed.items()}
        bodies.append(Bodies(**{**vars(estimate.source), **own}))
    return bodies


def _together(estimates: Sequence[Estimate], of: Callable[[Estimate], npt.NDArray[Any]]) -> npt.NDArray[Any]:
    """Return something of the bodies of all estimates, one after the other."""
    parts = [of(estimate) for estimate in estimates]
    return parts[0] if len(parts) == 1 else np.concatenate(parts)


_NEEDED: tuple[Callable[[Estimate], npt.NDArray[Any]], ...] = (
    lambda e: e.rotations, lambda e: e.rest_joints, lambda e: e.pelvis, lambda e: e.betas, lambda e: e.life.age,
    lambda e: e.life.state)
_OF_UNSEEN: tuple[Callable[[Estimate], npt.NDArray[Any]], ...] = (
    lambda e: e.life.age, lambda e: e.life.ahead, lambda e: e.activity, lambda e: e.last_errors)


def _with_unknown(state: States, age: Array) -> States:
    """Tell joints that were never trusted from those that were lost, where the body has any that were."""
    never = np.isnan(age)
    if never.any():
        return np.where(never & ~never.all(axis=1, keepdims=True), _UNKNOWN, state)
    return state


def _with_errors(
    estimates: Sequence[Estimate], rows: Rows, joints: Array, state: States, law: AgeLaw,
) -> dict[str, FloatArray]:
    """Return the errors of all bodies, with other ones in the rows of bodies with unseen joints."""
    calibrations = {estimate.calibration for estimate in estimates}
    which = np.repeat(np.arange(len(estimates)), [len(e.pelvis) for e in estimates])
    age, ahead, activity, last = (_together(estimates, of) for of in _OF_UNSEEN)
    out: dict[str, FloatArray] = {}
    for at in calibrations:
        index: Rows | slice = rows
        if len(calibrations) > 1:
            index = rows[np.array([estimate.calibration == at for estimate in estimates])[which[rows]]]
        elif len(rows) == len(state):
            index = slice(None)
        life = JointLife(state[index], age[index], ahead[index])
        errors, stays = errors_of(
            joints[index], life, activity[index], last[index], law.of_coverage(at.coverage), at.bound_mm)
        for name, values in errors.items():
            if isinstance(index, slice) and name not in stays:
                out[name] = values
                continue
            if name not in out:
                out[name] = np.concatenate([getattr(estimate.source, name) for estimate in estimates])
            out[name][index] = np.where(stays[name], out[name][index], values) if name in stays else values
    return out


def _single(values: Array) -> FloatArray:
    return np.asarray(values, np.float32)
