"""Makes the bodies that are published from what the filter, the life cycle and the age law know about a frame."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.age_law import ABOVE, AgeLaw, Growth, confidence
from poco_ros.temporal.life import JointLife
from poco_ros.types import Bodies, FloatArray, State

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

#: What a trusted joint says about its error, kept for when it is not seen any more.
ERROR_FIELDS = ('joint_error_mm', 'joint_radius_mm', 'transl_error_mm', 'transl_radius_mm')


@dataclass(frozen=True)
class Calibration:
    """What the calibrated fields of one message refer to.

    :param coverage: of the radii, in (0, 1).
    :param bound_mm: in the definition of confidence.
    """

    coverage: float
    bound_mm: float


@dataclass(frozen=True)
class Estimate:
    """What is known of N bodies in one frame, besides the message they came in.

    :param rotations: (N, 24, 4) unit quaternions, NaN where never known.
    :param pelvis: (N, 3) metres.
    :param betas: (N, 10).
    :param rest_joints: (N, 24, 3) metres, at zero pose.
    :param life: state, age and time to come of (N, 24) joints.
    :param last_errors: the fields :data:`ERROR_FIELDS` when they were last trusted, NaN where never stated.
    """

    rotations: Array
    pelvis: Array
    betas: Array
    rest_joints: Array
    life: JointLife
    last_errors: dict[str, Array]


def compose(source: Bodies, estimate: Estimate, law: AgeLaw, calibration: Calibration) -> Bodies:
    """Return the bodies to publish.

    A body that is seen whole keeps the errors and the confidence it came with. Where a joint is not seen, errors and
    radii of everything it carries grow by the age law from what they were when it was last trusted. Joints that are
    LOST, and what they carry, have no error any more (NaN). Joints of which nothing has been trusted yet, of a body
    that has others, are UNKNOWN: legs below the border of the picture were never there to be lost. They have no error
    either. Both leave the body's error and confidence unknown; a body that is lost altogether has confidence 0.

    :param source: the N bodies as they came; NaN where a track was not in the message.
    :param estimate: of the same bodies.
    :param law: constants of growth.
    :param calibration: of the message.
    """
    life = _with_unknown(estimate.life)
    estimate = dataclasses.replace(estimate, life=life)
    local = quat.to_matrix(estimate.rotations)
    joints = np.asarray(forward_kinematics(local, estimate.rest_joints)[0], np.float64)
    transl = estimate.pelvis - estimate.rest_joints[:, 0]
    joints += transl[:, None]
    seen = life.state == State.OBSERVED
    changed: dict[str, Array] = {
        'pose': quat.log(estimate.rotations), 'betas': estimate.betas, 'transl': transl, 'joints': joints,
        'joint_age': life.age,
    }
    floats: dict[str, Any] = {name: _single(value) for name, value in changed.items()}
    bodies = dataclasses.replace(
        source, state=life.state.max(axis=1, initial=0).astype(np.uint8), joint_state=life.state, **floats)
    return bodies if seen.all() else _with_errors(bodies, joints, estimate, law, calibration)


def _with_unknown(life: JointLife) -> JointLife:
    """Tell joints that were never trusted from those that were lost, where the body has any that were."""
    never = np.isnan(life.age)
    unknown = never & ~never.all(axis=1, keepdims=True)
    return dataclasses.replace(life, state=np.where(unknown, State.UNKNOWN, life.state).astype(np.uint8))


def _with_errors(bodies: Bodies, joints: Array, estimate: Estimate, law: AgeLaw, at: Calibration) -> Bodies:
    """Replace the errors of bodies with unseen joints."""
    rows = np.flatnonzero((estimate.life.state != State.OBSERVED).any(axis=1))
    part = JointLife(estimate.life.state[rows], estimate.life.age[rows], estimate.life.ahead[rows])
    last = {name: values[rows] for name, values in estimate.last_errors.items()}
    errors = _errors(joints[rows], part, last, law, at)
    out: dict[str, Any] = {}
    for name, (values, known) in errors.items():
        out[name] = getattr(bodies, name).copy()
        out[name][rows] = np.where(known, out[name][rows], values)
    return dataclasses.replace(bodies, **out)


@dataclass(frozen=True)
class _Grown:
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
    def of(growth: Growth, joints: Array, ages: Array, law: AgeLaw, coverage: float) -> _Grown:
        """Apply the law to (N, 24) ages of joints at (N, 24, 3)."""
        spread, pelvis = growth.joint_spread_m(joints, ages), growth.pelvis_spread_m(ages[:, 0])
        # a joint is as old as the oldest of those that it hangs on
        oldest = np.where(ABOVE > 0, ages[:, None], 0).max(axis=2)
        whole, root = ages.max(axis=1), ages[:, 0]

        def radius(values: Array, age: Array) -> Array:
            return growth.at_age(law.at_coverage(values, coverage), age)

        return _Grown(
            ages, spread, pelvis, growth.at_age(growth.error_factor, oldest) * spread,
            radius(growth.radius_factor, oldest) * spread,
            radius(growth.body_radius_factor, whole) * spread.max(axis=1),
            growth.at_age(growth.pelvis_error_factor, root) * pelvis,
            radius(growth.pelvis_radius_factor, root) * pelvis,
            growth.at_age(growth.body_log_mean, whole), growth.at_age(growth.body_log_std, whole))


def _errors(
    joints: Array, life: JointLife, last: dict[str, Array], law: AgeLaw, at: Calibration,
) -> dict[str, tuple[FloatArray, Mask]]:
    """Return the calibrated fields of bodies with unseen joints, and where the numbers that came stay in place."""
    unseen = life.state != State.OBSERVED
    gone = life.state == State.LOST
    lost = gone | (life.state == State.UNKNOWN)
    between = life.state == State.INFILLED
    age = np.where(unseen, np.nan_to_num(life.age, nan=0.0), 0.0)
    until = np.where(between, life.ahead, 0)
    distance = age * until / np.where(between, age + until, 1)
    grown = [_Grown.of(growth, joints, ages, law, at.coverage)
             for growth, ages in ((law.predicted, np.where(between, 0, age)), (law.infilled, distance))]

    def level(values: Array) -> Array:
        return law.at_coverage(values, at.coverage)

    def total(base: Array | float, name: str) -> Array:
        gained = sum(((1e3 * getattr(part, name)) ** 2 for part in grown), np.zeros(1))
        return np.asarray(np.sqrt(base ** 2 + gained))

    error = total(_or(last['joint_error_mm'], law.base_error_mm), 'error')
    radius = total(_or(last['joint_radius_mm'], level(law.base_radius_mm)), 'radius')
    body_radius = total(level(law.base_body_radius_mm), 'body_radius')
    transl_error = total(_or(last['transl_error_mm'], law.base_pelvis_error_mm), 'pelvis_error')
    transl_radius = total(_or(last['transl_radius_mm'], level(law.base_pelvis_radius_mm)), 'pelvis_radius')
    body_error = error.mean(axis=1)
    spread, pelvis_spread = np.hypot(*(g.spread for g in grown)), np.hypot(*(g.pelvis_spread for g in grown))
    worst = grown[0].ages.max(axis=1) > 0  # whether anything is predicted, not only infilled
    log_mean, log_std = (np.where(worst, getattr(grown[0], n), getattr(grown[1], n)) for n in ('log_mean', 'log_std'))
    variance = spread ** 2 + (law.base_error_mm / 1e3) ** 2 + 3 * pelvis_spread[:, None] ** 2
    covariance = np.zeros((*age.shape, 6))
    covariance[..., [0, 3, 5]] = variance[..., None] / 3
    # A lost joint can be anywhere, and with it all that hangs on it.
    adrift = lost | (lost @ ABOVE.T > 0)
    stays = ~(unseen | (unseen @ ABOVE.T > 0))
    never, any_lost, pelvis_seen = np.zeros(len(age), bool), lost.any(axis=1), ~unseen[:, 0]
    sure = confidence(log_mean, log_std, body_error, at.bound_mm)
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
