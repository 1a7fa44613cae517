"""Fits the age law to what the stream does on motion capture, and measures whether its promises hold.

Windows with simulated occlusions run through the stream itself; for every joint of every frame in and beside the gap
it is recorded how long it has not been seen, how long until it is, and how wrong it is. Rotations give the growth of
each joint with age, its spread through the kinematic chain is scaled to the errors of the joints' places.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.errors import PocoError
from poco_ros.evaluation.infill.benchmark import pose_pool
from poco_ros.evaluation.infill.metrics import TAIL
from poco_ros.evaluation.infill.motion_file import BEFORE, FPS, Motion, sample_windows
from poco_ros.evaluation.infill.occlusion import corrupt
from poco_ros.evaluation.infill.plugin import measured
from poco_ros.evaluation.infill.skeleton import positions
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.age_law import AgeLaw, Growth
from poco_ros.temporal.config import LifeConfig, TemporalConfig
from poco_ros.temporal.dynamics import Dynamics
from poco_ros.temporal.stream import TemporalFrame, TemporalStream
from poco_ros.types import State

Array = npt.NDArray[np.float64]

COVERAGE = np.array([0.5, 0.8, 0.9, 0.95, 0.99])
"""Levels at which radii are fitted."""
#: Ages up to which frames take part, seconds.
LONGEST_S = 1.05
#: Ages at which the factors are fitted, in frames; for infilled joints, distances.
_PREDICTED_KNOTS, _INFILLED_KNOTS = (1, 2, 4, 7, 10, 15, 20, 25, 30), (0.9, 1.4, 2, 3, 4.5, 6)
_FEWEST = 50
_POWERS = np.linspace(0.6, 1.6, 21)
_RATE_POWERS = (0.0, 0.25, 0.5, 0.75, 1.0)
_TIMES_S = np.geomspace(0.03, 1.5, 40)


@dataclass(frozen=True)
class Samples:
    """Bodies whose joints are all unseen, or all seen; E of them.

    :param subject: (E,) who it is, by number.
    :param age: (E,) seconds since they were trusted; 0 where they are.
    :param distance: (E,) ``age * ahead / (age + ahead)`` for infilled bodies, NaN for the others.
    :param rotation: (E, 24) squared angle of each joint's local rotation to the truth, rad^2.
    :param activity: (E, 24), how much the joints had moved when they were last seen.
    :param joints: (E, 24, 3) as estimated, metres.
    :param error: (E, 24) of the joints, pelvises aligned, metres.
    :param pelvis: (E,) error of the pelvis, metres.
    :param radius: (E, 24) that was published, metres.
    :param body_radius: (E,) that was published, metres.
    :param pelvis_radius: (E,) that was published, metres.
    :param confidence: (E,) that was published.
    """

    subject: npt.NDArray[np.int64]
    age: Array
    distance: Array
    rotation: Array
    activity: Array
    joints: Array
    error: Array
    pelvis: Array
    radius: Array
    body_radius: Array
    pelvis_radius: Array
    confidence: Array

    def take(self, index: npt.NDArray[np.bool_]) -> Samples:
        """Return some of the bodies."""
        return Samples(*(values[index] for values in vars(self).values()))

    @staticmethod
    def of_others(parts: Sequence[Samples]) -> Samples:
        """Return all bodies of several samples of different people."""
        count, apart = 0, []
        for part in parts:
            apart.append(dataclasses.replace(part, subject=part.subject + count))
            count = int(apart[-1].subject.max(initial=count - 1)) + 1
        return Samples.joined(apart)

    @staticmethod
    def joined(parts: Sequence[Samples]) -> Samples:
        """Return all bodies of several samples of the same people."""
        return Samples(*(np.concatenate(values) for values in zip(*(vars(p).values() for p in parts), strict=True)))


def run(
    motion: Motion, *, lag: int, law: AgeLaw, gaps: Sequence[int] = (5, 10, 15, 30), count: int = 256, seed: int = 201,
    preset: str = 'poco', dynamics: Dynamics | None = None,
) -> Samples:
    """Run the stream over windows and return what it published, beside how wrong it was.

    :param motion: the file.
    :param lag: 0: the live stream; otherwise the infilled stream.
    :param law: that the stream publishes by.
    :param gaps: lengths of the occlusion in frames.
    :param count: windows per gap.
    :param seed: of windows and noise.
    :param preset: of the noise.
    :param dynamics: predictor of unseen joints; None: the one that comes with the package.
    """
    parts = []
    for gap in gaps:
        windows = sample_windows(motion, gap, count, seed)
        seen = corrupt(windows, gap, pose_pool(motion, seed), seed, preset)
        # Beyond the age of loss nothing is promised; everything up to there is wanted.
        config = TemporalConfig(lag_frames=0, life=LifeConfig(
            lost_live_s=1.2, lost_infilled_s=1.2, max_tracks=min(1024, len(windows.pelvis))))
        stream = TemporalStream(config, law=law, dynamics=dynamics, lag_frames=lag)
        subject = np.unique(motion.subjects, return_inverse=True)[1][windows.clip]
        matrices = quat.to_matrix(seen.rotations)
        ids = np.arange(1, len(matrices) + 1, dtype=np.int32)
        frames: list[TemporalFrame] = []
        for t in range(windows.pelvis.shape[1]):
            bodies = measured(matrices[:, t], seen.pelvis[:, t], seen.uncertainty[:, t], ids)
            frames += stream.push(bodies, round(t / FPS * 1e9)).infilled
        for t in range(BEFORE - 4, BEFORE + gap + TAIL):
            ahead = np.argmax(seen.uncertainty[:, t:] <= config.trust.u_lo, axis=1) / FPS
            parts.append(_compare(frames[t], windows.rotations[:, t], windows.pelvis[:, t], ahead, subject))
    return Samples.joined(parts)


def _compare(
    frame: TemporalFrame, rotations: Array, pelvis: Array, ahead: Array, subject: npt.NDArray[np.int64],
) -> Samples:
    bodies = frame.bodies
    estimated = quat.exp(bodies.pose.astype(np.float64))
    joints, truth = bodies.joints.astype(np.float64), positions(rotations, pelvis)[0]
    angle = quat.log(quat.multiply(quat.conjugate(estimated), rotations))
    age = bodies.joint_age[:, 0].astype(np.float64)
    infilled = bodies.state == State.INFILLED
    return Samples(
        subject, age, np.where(infilled, age * ahead / np.maximum(age + ahead, 1e-9), np.nan), (angle ** 2).sum(-1),
        frame.activity, joints,
        np.linalg.norm(joints - joints[:, :1] - truth + truth[:, :1], axis=-1),
        np.linalg.norm(joints[:, 0] - truth[:, 0], axis=-1), 1e-3 * bodies.joint_radius_mm.astype(np.float64),
        1e-3 * bodies.body_radius_mm.astype(np.float64), 1e-3 * bodies.transl_radius_mm.astype(np.float64),
        bodies.confidence.astype(np.float64))


def no_law() -> AgeLaw:
    """Return a law for runs whose published errors do not matter."""
    one, levels = np.ones(1), np.ones((1, len(COVERAGE)))
    growth = Growth(
        np.ones(24), np.ones(24), np.ones(24), 0.0, 1.0, 1.0, one, one, levels, levels, one, levels, one, one)
    return AgeLaw('', COVERAGE, growth, growth, np.ones(24), np.ones((24, len(COVERAGE))), levels[0], 1.0, levels[0])


def fit_law(live: Samples, infilled: Samples) -> AgeLaw:
    """Return the law that describes samples of the live and of the infilled stream."""
    seen = live.take(live.age == 0)
    between = infilled.take(infilled.distance > 0)
    unseen = live.take((live.age > 0) & (live.age <= LONGEST_S))
    base = _Base(
        error=seen.error.mean(axis=0), radius=np.quantile(seen.error, COVERAGE, axis=0).T,
        body_radius=np.quantile(seen.error.max(axis=1), COVERAGE), pelvis_error=float(seen.pelvis.mean()),
        pelvis_radius=np.asarray(np.quantile(seen.pelvis, COVERAGE), np.float64),
        pelvis_square=float((seen.pelvis ** 2).mean()),
        rotation=seen.rotation.mean(axis=0))
    predicted, inside = (
        _growth(unseen, unseen.age, base, _PREDICTED_KNOTS), _growth(between, between.distance, base, _INFILLED_KNOTS))
    return AgeLaw(
        '', COVERAGE, predicted, inside, 1e3 * base.error, 1e3 * base.radius, 1e3 * base.body_radius,
                  1e3 * base.pelvis_error, 1e3 * base.pelvis_radius)


@dataclass(frozen=True)
class _Base:
    """Errors at age 0, metres and rad^2."""

    error: Array
    radius: Array
    body_radius: Array
    pelvis_error: float
    pelvis_radius: Array
    pelvis_square: float
    rotation: Array


def _growth(samples: Samples, age: Array, base: _Base, knots: Sequence[float]) -> Growth:
    """Return the constants that describe how errors grow with an age (E,).

    How much it counts that a joint has moved fast is chosen so that the expected errors of bodies are told best.

    :raises PocoError: when there are too few samples.
    """
    laws = [_growth_of_power(samples, age, base, knots, power) for power in _RATE_POWERS]
    return min(laws, key=lambda law: float(law.body_log_std.mean()))


def _growth_of_power(
    samples: Samples, age: Array, base: _Base, knots: Sequence[float], rate_power: float,
) -> Growth:
    """Return the constants for a given power of how much joints have moved."""
    rate_rad = np.sqrt(np.nanmean(samples.activity ** 2, axis=0))
    one, levels = np.ones(1), np.ones((1, len(COVERAGE)))
    unit = Growth(np.ones(24), np.ones(24), rate_rad, rate_power, 1.0, 1.0, one, one, levels, levels, one, levels, one,
                  one)
    lively = unit.liveliness(samples.activity)
    rotation_deg, time_s = np.zeros(24), np.ones(24)
    for joint in range(24):
        rises = lively[:, joint, None] * -np.expm1(-age[:, None] / _TIMES_S)
        height, best = _fit_rise(rises, samples.rotation[:, joint] - base.rotation[joint])
        rotation_deg[joint], time_s[joint] = np.degrees(height), _TIMES_S[best]
    pelvis_m, power = _fit_rise(age[:, None] ** (2 * _POWERS), samples.pelvis ** 2 - base.pelvis_square)
    near = np.abs(age[:, None] * FPS - np.array(knots)).argmin(axis=1)
    knots_s = np.array([knot for k, knot in enumerate(knots) if np.count_nonzero(near == k) >= _FEWEST]) / FPS
    if not len(knots_s):
        raise PocoError(f'too few windows to fit an age law: no age has the {_FEWEST} unseen bodies that it takes')
    one, levels = np.ones(len(knots_s)), np.ones((len(knots_s), len(COVERAGE)))
    unit = dataclasses.replace(
        unit, rotation_deg=rotation_deg, time_s=time_s, pelvis_m=max(pelvis_m, 1e-6),
        pelvis_power=float(_POWERS[power]), knots_s=knots_s, error_factor=one, radius_factor=levels,
        body_radius_factor=levels, pelvis_error_factor=one, pelvis_radius_factor=levels, body_log_mean=one,
        body_log_std=one)
    nearest = np.abs(age[:, None] - knots_s).argmin(axis=1)
    factors = [_factors(samples.take(nearest == k), age[nearest == k], base, unit) for k in range(len(knots_s))]
    fitted: dict[str, Any] = {name: np.array([f[name] for f in factors]) for name in factors[0]}
    return dataclasses.replace(unit, **fitted)


def _fit_rise(rises: Array, gained: Array) -> tuple[float, int]:
    """Fit a height to each of several shapes (E, S) of growing variance; return the best standard deviation and shape.

    The variance gained is the sum over three axes; the standard deviation is that of one.
    """
    heights = np.maximum(0, rises.T @ gained / (rises ** 2).sum(axis=0))
    best = int(np.argmin(((gained[:, None] - rises * heights) ** 2).sum(axis=0)))
    return float(np.sqrt(heights[best] / 3)), best


def _factors(samples: Samples, age: Array, base: _Base, unit: Growth) -> dict[str, Any]:
    """Return the factors for bodies of about one age."""
    spread = unit.joint_spread_m(samples.joints, np.repeat(age[:, None], 24, axis=1), samples.activity)
    pelvis_spread = unit.pelvis_spread_m(age)
    moved = (spread > 0).any(axis=0)
    radius = base.radius.T[:, None, moved]
    error_factor = _error_factor(samples.error[:, moved], base.error[moved], spread[:, moved])
    expected = np.sqrt(base.error ** 2 + (error_factor * spread) ** 2).mean(axis=1)
    ratio = np.log(samples.error.mean(axis=1) / expected)
    return {
        'error_factor': error_factor,
        'radius_factor': _radius_factor(samples.error[:, moved], radius, spread[:, moved]),
        'body_radius_factor': _radius_factor(samples.error.max(axis=1), base.body_radius[:, None], spread.max(axis=1)),
        'pelvis_error_factor': _error_factor(samples.pelvis, base.pelvis_error, pelvis_spread),
        'pelvis_radius_factor': _radius_factor(samples.pelvis, base.pelvis_radius[:, None], pelvis_spread),
        'body_log_mean': float(ratio.mean()), 'body_log_std': float(ratio.std()),
    }


def _radius_factor(error: Array, base: Array, spread: Array) -> Array:
    """Return, for each level, the factor at which the radius holds the wanted part of the errors."""
    needed = np.sqrt(np.maximum(0, error[None] ** 2 - base ** 2)) / spread[None]
    return np.array([np.quantile(values, level) for values, level in zip(needed, COVERAGE, strict=True)])


def _error_factor(error: Array, base: Array | float, spread: Array) -> float:
    """Return the factor f for which ``sqrt(base^2 + (f spread)^2)`` has the mean of the errors."""
    low, high = 0.0, 10.0
    for _ in range(40):
        middle = 0.5 * (low + high)
        if np.sqrt(base ** 2 + (middle * spread) ** 2).mean() < error.mean():
            low = middle
        else:
            high = middle
    return 0.5 * (low + high)


def measure(samples: Samples, coverage: float, ages: Sequence[int]) -> list[dict[str, float]]:
    """Return how often the published radii hold, and how the published confidence compares with what came.

    :param samples: of a stream that publishes by the law.
    :param coverage: that it promises.
    :param ages: in frames.
    :returns: for each age: ``bodies``, ``joints`` (part of the joints within their radius), ``all_joints`` (part of the
        bodies with all joints within the body's radius), ``pelvis``, ``radius_mm`` (median over joints), ``error_mm``,
        ``confidence`` (mean) and ``under_bound`` (part of the bodies whose error is under the bound of 100 mm).
    """
    rows = []
    for age in ages:
        part = samples.take(np.abs(samples.age * FPS - age) < 0.5)
        if not len(part.age):
            continue
        known = np.isfinite(part.radius)
        rows.append({
            'age_frames': age, 'coverage': coverage, 'bodies': len(part.age),
            'joints': float((part.error <= part.radius)[known].mean()),
            'all_joints': float((part.error.max(axis=1) <= part.body_radius).mean()),
            'pelvis': float((part.pelvis <= part.pelvis_radius).mean()),
            'radius_mm': float(1e3 * np.median(part.radius[known])), 'error_mm': float(1e3 * part.error.mean()),
            'confidence': float(part.confidence.mean()), 'under_bound': float((part.error.mean(axis=1) < 0.1).mean()),
        })
    return rows
