"""How wrong an unseen joint is: expected errors and radii that grow with the time since it was last trusted.

A rotation that was last seen ``age`` seconds ago has gained the variance ``growth^2 (1 - exp(-age / time))`` per axis;
a joint between two trusted frames has a distance to them, ``age * ahead / (age + ahead)``, in place of the age. What
the rotations gained moves the joints below them: through the kinematic chain they give each joint a spread about the
pelvis, which is scaled to expected error and radii. A joint that moved fast when it was last seen gains more. The
constants are fitted to motion capture with simulated occlusions (``poco fit-age-law``), never taken from the
covariance of the filter, which knows nothing of how people move.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass, fields, replace
from functools import cached_property, lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.special import ndtr

from poco_ros.body.smpl import PARENTS
from poco_ros.errors import ModelFileError
from poco_ros.temporal.last_errors import packed
from poco_ros.temporal.quaternions import squared
from poco_ros.types import NUM_JOINTS

Array = npt.NDArray[np.float64]


def _above() -> Array:
    """(24, 24), 1 where the second joint is a proper ancestor of the first: where its rotation moves it."""
    above = np.zeros((NUM_JOINTS, NUM_JOINTS))
    for joint in range(1, NUM_JOINTS):
        above[joint] = above[PARENTS[joint]]
        above[joint, PARENTS[joint]] = 1
    return above


#: Part of the usual activity, squared, that is taken for a joint that stands still; and the most that any counts.
_ALWAYS, _MOST = 0.25, 9.0
ABOVE = _above()
"""(24, 24), 1 where joint k (column) is a proper ancestor of joint j (row)."""


@dataclass(frozen=True, eq=False)
class Growth:
    """What one kind of estimate (predicted, or infilled) gains with age.

    In :meth:`together` the constants of the spread have an axis for the kind in front.

    :param rotation_deg: (24,) standard deviation per axis at great age, degrees.
    :param time_s: (24,) time in which it is reached, seconds.
    :param rate_rad: (24,) how much a joint has usually moved before, rad per 1/30 s; 0: it never moves.
    :param rate_power: of the ratio of how much it has moved to that, in the standard deviation.
    :param pelvis_m: standard deviation per axis of the pelvis position at an age of 1 s, metres.
    :param pelvis_power: of the age, in the standard deviation of the position.
    :param knots_s: (A,) ages, increasing, at which the factors below hold; between them they are interpolated.
    :param error_factor: (A,) from the spread of a joint to its expected error.
    :param radius_factor: (A, Q) from the spread of a joint to its radius, at each level of coverage.
    :param body_radius_factor: (A, Q) from the largest spread of the joints to the radius that holds all of them.
    :param pelvis_error_factor: (A,) from standard deviation to expected error.
    :param pelvis_radius_factor: (A, Q) from standard deviation to radius.
    :param body_log_mean: (A,) mean of the logarithm of the ratio of the body's error to its expected error.
    :param body_log_std: (A,) standard deviation of that.
    """

    rotation_deg: Array
    time_s: Array
    rate_rad: Array
    rate_power: float | Array
    pelvis_m: float | Array
    pelvis_power: float | Array
    knots_s: Array
    error_factor: Array
    radius_factor: Array
    body_radius_factor: Array
    pelvis_error_factor: Array
    pelvis_radius_factor: Array
    body_log_mean: Array
    body_log_std: Array

    def at_age(self, values: Array, age: Array) -> Array:
        """Return values given per knot, (A,), at ages of any shape, in seconds."""
        return np.interp(age, self.knots_s, values)

    @staticmethod
    @lru_cache(maxsize=16)
    def together(*kinds: Growth) -> Growth:
        """Return constants of the spread of several kinds at once; of what is at knots, the first kind's stays."""
        joints = {name: np.stack([getattr(kind, name) for kind in kinds])[:, None] for name in (
            'rotation_deg', 'time_s', 'rate_rad')}
        bodies: dict[str, Any] = {name: np.array([[getattr(kind, name)] for kind in kinds]) for name in (
            'pelvis_m', 'pelvis_power')}
        return replace(kinds[0], **joints, **bodies, rate_power=np.array([[[kind.rate_power]] for kind in kinds]))

    @cached_property
    def _turning(self) -> Array:
        """Variance per axis of rotations at great age, rad^2, negative: it is multiplied by what is left to gain."""
        return np.asarray(-np.radians(self.rotation_deg) ** 2)

    @cached_property
    def _against_time(self) -> Array:
        return np.asarray(-1 / self.time_s)

    @cached_property
    def _usual(self) -> Array:
        """How much a joint has usually moved; NaN where it never moves."""
        return np.where(self.rate_rad == 0, np.nan, np.maximum(self.rate_rad, 1e-9))

    def joint_spread_m(self, joints: Array, age: Array, activity: Array) -> Array:
        """Return the standard deviation of joint positions about the pelvis that unseen rotations cause.

        :param joints: (N, 24, 3) metres.
        :param age: (N, 24) seconds; 0 where a joint is seen. Of K kinds together: (K, N, 24).
        :param activity: (N, 24), how much it had moved when it was last seen, rad per 1/30 s; NaN: as usual.
        :returns: shaped as the ages, metres, of the length of the error, not per axis.
        """
        variance = self._turning * np.expm1(age * self._against_time) * self.liveliness(activity)
        square = squared(joints)
        lever = square[:, :, None] + square[:, None] - 2 * (joints @ joints.swapaxes(1, 2))
        # a turn about each of three axes, of which two move the joint
        return np.asarray(np.sqrt(2 * ((ABOVE * np.maximum(lever, 0)) @ variance[..., None])[..., 0]))

    def liveliness(self, activity: Array) -> Array:
        """Return by what the variance of (N, 24) joints is multiplied for how much they have moved."""
        ratio = activity / self._usual
        np.copyto(ratio, 1, where=np.isnan(ratio))
        return np.asarray(np.minimum((ratio ** 2 + _ALWAYS) / (1 + _ALWAYS), _MOST) ** self.rate_power)

    def pelvis_spread_m(self, age: Array) -> Array:
        """Return the standard deviation per axis of the pelvis position that its age causes, metres."""
        return np.asarray(self.pelvis_m * age ** self.pelvis_power)


@dataclass(frozen=True, eq=False)
class AgeLaw:
    """Errors of bodies with unseen joints.

    In the law of one coverage, see :meth:`of_coverage`, the arrays of radii have no axis of levels.

    :param law_id: short hash of the constants.
    :param coverage: (Q,) levels at which radii were fitted, increasing.
    :param predicted: of joints with no later trusted frame.
    :param infilled: of joints between two trusted frames.
    :param base_error_mm: (24,) expected error at age 0, where the input does not state its own.
    :param base_radius_mm: (24, Q) radius at age 0.
    :param base_body_radius_mm: (Q,) radius at age 0 that holds all joints.
    :param base_pelvis_error_mm: expected error of the position at age 0.
    :param base_pelvis_radius_mm: (Q,) radius of the position at age 0.
    """

    law_id: str
    coverage: Array
    predicted: Growth
    infilled: Growth
    base_error_mm: Array
    base_radius_mm: Array
    base_body_radius_mm: Array
    base_pelvis_error_mm: float
    base_pelvis_radius_mm: Array

    @cached_property
    def base_errors_mm(self) -> Array:
        """Of the law of one coverage: all errors at age 0, (1, 51), as ``LastErrors`` has them."""
        return packed(*(np.atleast_1d(values)[None] if np.ndim(values) else np.array([values]) for values in (
            self.base_error_mm, self.base_radius_mm, self.base_pelvis_error_mm, self.base_pelvis_radius_mm,
            self.base_body_radius_mm)))

    def calibration_id(self, source: str) -> str:
        """Return the calibration id of messages whose unseen joints have errors by this law, from their source's."""
        return '+'.join(filter(None, (source, f'age_law-{self.law_id}')))

    @lru_cache(maxsize=8)  # noqa: B019  (there are few laws, and they stay)
    def of_coverage(self, coverage: float) -> AgeLaw:
        """Return the law of the radii that hold with this probability."""
        def one(part: AgeLaw | Growth) -> dict[str, Any]:
            return {name: self.at_coverage(values, coverage) for name, values in vars(part).items() if 'radius' in name}

        predicted, infilled = (replace(part, **one(part)) for part in (self.predicted, self.infilled))
        return replace(self, predicted=predicted, infilled=infilled, **one(self))

    def at_coverage(self, values: Array, coverage: float) -> Array:
        """Return values given per level, (..., Q), between the levels: (...)."""
        index = np.interp(coverage, self.coverage, np.arange(len(self.coverage)))
        low = min(int(index), len(self.coverage) - 2)
        share = index - low
        return np.asarray((1 - share) * values[..., low] + share * values[..., low + 1])


def confidence(log_mean: Array, log_std: Array, body_error_mm: Array, bound_mm: float) -> Array:
    """Return the probability that a body's mean joint error is under a bound, from its expected error."""
    return np.asarray(ndtr((np.log(bound_mm / body_error_mm) - log_mean) / log_std))


def to_plain(law: AgeLaw) -> dict[str, Any]:
    """Return the constants as plain data for JSON; the id is not among them, it follows from them."""
    def plain(value: Any) -> Any:
        if isinstance(value, Growth):
            return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
        return np.round(value, 6).tolist()
    return {name: plain(value) for name, value in vars(law).items() if name != 'law_id'}


def from_plain(plain: dict[str, Any]) -> AgeLaw:
    """Return the law from plain data, with the id that belongs to it.

    :raises KeyError: when a constant is missing.
    """
    def growth(name: str) -> Growth:
        return Growth(**{key: _value(plain[name][key]) for key in Growth.__dataclass_fields__})
    names = [name for name in AgeLaw.__dataclass_fields__ if name not in ('law_id', 'predicted', 'infilled')]
    constants = {name: plain[name] for name in (*names, 'predicted', 'infilled')}
    digest = hashlib.sha256(json.dumps(constants, sort_keys=True).encode()).hexdigest()
    return AgeLaw(law_id=digest[:8], predicted=growth('predicted'), infilled=growth('infilled'),
                  **{name: _value(plain[name]) for name in names})


def _value(value: Any) -> Any:
    return np.array(value, np.float64) if isinstance(value, list) else float(value)


def load_age_law(path: Path) -> AgeLaw:
    """Load a law that ``poco fit-age-law`` wrote.

    :raises ModelFileError: when the file is missing or is no such file.
    """
    try:
        return from_plain(json.loads(path.read_text(encoding='utf-8'))['law'])
    except OSError as error:
        raise ModelFileError(f'cannot read the age law {path}: {error.strerror}') from error
    except (ValueError, KeyError, TypeError) as error:
        raise ModelFileError(f'{path} is no age law ({error!r}); make one with "poco fit-age-law"') from error


@lru_cache(maxsize=1)
def shipped_age_law() -> AgeLaw:
    """Return the law that comes with the package."""
    with resources.as_file(resources.files('poco_ros.temporal') / 'data' / 'age_law.json') as path:
        return load_age_law(path)
