"""Makes the bodies that are published from what the filter, the life cycle and the age law know about a frame."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.age_law import ABOVE, AgeLaw, Growth, confidence
from poco_ros.temporal.config import TemporalConfig
from poco_ros.temporal.last_errors import split
from poco_ros.temporal.life import JointLife
from poco_ros.types import Bodies, FloatArray, State

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]
Rows = npt.NDArray[np.intp]
States = npt.NDArray[np.uint8]

_UNKNOWN, _OBSERVED, _INFILLED, _LOST = np.array([State.UNKNOWN, State.OBSERVED, State.INFILLED, State.LOST], np.uint8)


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
    rotations, rest_joints, pelvis = (
        np.concatenate([getattr(e, name) for e in estimates]) for name in ('rotations', 'rest_joints', 'pelvis'))
    joints = np.asarray(forward_kinematics(quat.to_matrix(rotations), rest_joints)[0], np.float64)
    transl = pelvis - rest_joints[:, 0]
    joints += transl[:, None]
    pose = quat.log(rotations)
    bodies, stop = [], 0
    for estimate in estimates:
        start, stop = stop, stop + len(estimate.pelvis)
        bodies.append(_finished(estimate, pose[start:stop], transl[start:stop], joints[start:stop], law))
    return bodies


def _finished(estimate: Estimate, pose: Array, transl: Array, joints: Array, law: AgeLaw) -> Bodies:
    """Return the bodies of one frame, posed."""
    state = _with_unknown(estimate.life)
    changed: dict[str, Any] = {
        'pose': _single(pose), 'betas': _single(estimate.betas), 'transl': _single(transl), 'joints': _single(joints),
        'joint_age': _single(estimate.life.age), 'joint_state': state, 'state': state.max(axis=1, initial=0),
        'revision': estimate.revision,
    }
    rows = np.flatnonzero((state != _OBSERVED).any(axis=1))
    if len(rows):
        changed |= _with_errors(estimate, rows, joints, state, law)
    return Bodies(**{**vars(estimate.source), **changed})


def _with_unknown(life: JointLife) -> States:
    """Tell joints that were never trusted from those that were lost, where the body has any that were."""
    never = np.isnan(life.age)
    if never.any():
        return np.where(never & ~never.all(axis=1, keepdims=True), _UNKNOWN, life.state)
    return life.state


def _with_errors(
    estimate: Estimate, rows: Rows, joints: Array, state: States, law: AgeLaw,
) -> dict[str, FloatArray]:
    """Return the errors of all bodies, with other ones in the rows of bodies with unseen joints."""
    part = JointLife(state[rows], estimate.life.age[rows], estimate.life.ahead[rows])
    last, at, out = split(estimate.last_errors[rows]), estimate.calibration, {}
    errors = _errors(joints[rows], part, estimate.activity[rows], last, law.of_coverage(at.coverage), at.bound_mm)
    for name, (values, known) in errors.items():
        out[name] = getattr(estimate.source, name).copy()
        out[name][rows] = np.where(known, out[name][rows], values)
    return out


@dataclass(frozen=True)
class Grown:
    """What N bodies have gained in error by one kind of estimate; metres, 0 where nothing is unseen."""

    ages: Array
    spread: Array
    pelvis_spread: Array
    error: Array
    radius: Array
    body_radius: Array
    pelvis_error: Array
    pelvis_radius: Array
    log_mean: Array
    log_std: Array

    @staticmethod
    def of(growth: Growth, joints: Array, ages: Array, activity: Array) -> Grown:
        """Apply the law of one coverage to (N, 24) ages of joints at (N, 24, 3) that moved so much."""
        spread, pelvis = growth.joint_spread_m(joints, ages, activity), growth.pelvis_spread_m(ages[:, 0])
        # a joint is as old as the oldest of those that it hangs on
        oldest = (ABOVE * ages[:, None]).max(axis=2)
        whole, root = ages.max(axis=1), ages[:, 0]
        return Grown(
            ages, spread, pelvis, growth.at_age(growth.error_factor, oldest) * spread,
            growth.at_age(growth.radius_factor, oldest) * spread,
            growth.at_age(growth.body_radius_factor, whole) * spread.max(axis=1),
            growth.at_age(growth.pelvis_error_factor, root) * pelvis,
            growth.at_age(growth.pelvis_radius_factor, root) * pelvis,
            growth.at_age(growth.body_log_mean, whole), growth.at_age(growth.body_log_std, whole))


def _errors(
    joints: Array, life: JointLife, activity: Array, last: dict[str, Array], law: AgeLaw, bound_mm: float,
) -> dict[str, tuple[FloatArray, Mask]]:
    """Return the calibrated fields of bodies with unseen joints, and where the numbers that came stay in place."""
    unseen = life.state != _OBSERVED
    gone = life.state == _LOST
    lost = gone | (life.state == _UNKNOWN)
    between = life.state == _INFILLED
    age = np.where(unseen & ~np.isnan(life.age), life.age, 0)
    grown = [Grown.of(law.predicted, joints, np.where(between, 0, age), activity)]
    if between.any():
        until = np.where(between, life.ahead, 0)
        distance = age * until / np.where(between, age + until, 1)
        grown.append(Grown.of(law.infilled, joints, distance, activity))

    def total(base: Array | float, name: str, unit: float = 1e3) -> Array:
        gained = sum(((unit * getattr(part, name)) ** 2 for part in grown), np.zeros(1))
        return np.asarray(np.sqrt(base ** 2 + gained))

    error = total(_or(last['joint_error_mm'], law.base_error_mm), 'error')
    radius = total(_or(last['joint_radius_mm'], law.base_radius_mm), 'radius')
    body_radius = total(_or(last['body_radius_mm'], law.base_body_radius_mm), 'body_radius')
    # what holds all joints at once holds each of them
    body_radius = np.maximum(body_radius, radius.max(axis=1))
    transl_error = total(_or(last['transl_error_mm'], law.base_pelvis_error_mm), 'pelvis_error')
    transl_radius = total(_or(last['transl_radius_mm'], law.base_pelvis_radius_mm), 'pelvis_radius')
    body_error = error.mean(axis=1)
    worst = grown[0].ages.any(axis=1)  # whether anything is predicted, not only infilled
    log_mean, log_std = (
        np.where(worst, getattr(grown[0], name), getattr(grown[-1], name)) for name in ('log_mean', 'log_std'))
    variance = total(law.base_error_mm / 1e3, 'spread', 1) ** 2 + 3 * total(0, 'pelvis_spread', 1)[:, None] ** 2
    covariance = np.zeros((*age.shape, 6))
    covariance[..., [0, 3, 5]] = variance[..., None] / 3
    # A lost joint can be anywhere, and with it all that hangs on it.
    adrift = lost | (lost @ ABOVE.T > 0)
    stays = ~(unseen | (unseen @ ABOVE.T > 0))
    never, any_lost, pelvis_seen = np.zeros(len(age), bool), lost.any(axis=1), ~unseen[:, 0]
    sure = confidence(log_mean, log_std, body_error, bound_mm)
    sure = np.where(gone.all(axis=1), 0, np.where(any_lost, np.nan, sure))
    return {
        'joint_error_mm': (_unless(adrift, error), stays),
        'joint_radius_mm': (_unless(adrift, radius), stays),
        'joint_covariance': (_unless(adrift[..., None], covariance), stays[..., None]),
        'body_error_mm': (_unless(any_lost, body_error), never),
        'body_radius_mm': (_unless(any_lost, body_radius), never),
        'transl_error_mm': (_unless(lost[:, 0], transl_error), pelvis_seen),
        'transl_radius_mm': (_unless(lost[:, 0], transl_radius), pelvis_seen),
        'confidence': (_single(sure), never),
    }


def _unless(unknown: Mask, values: Array) -> FloatArray:
    return _single(np.where(unknown, np.nan, values))


def _or(values: Array, default: Array | float) -> Array:
    return np.where(np.isnan(values), default, values)


def _single(values: Array) -> FloatArray:
    return np.asarray(values, np.float32)
