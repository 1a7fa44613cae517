"""Errors, radii and confidence of bodies with joints that are not seen, by the age law.

What an unseen joint gains in error is added, as a variance, to the error that it had when it was last trusted.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.temporal.age_law import ABOVE, AgeLaw, Growth, confidence
from poco_ros.temporal.last_errors import WIDTH, split
from poco_ros.temporal.life import JointLife
from poco_ros.types import FloatArray, State

Array = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]

_UNKNOWN, _OBSERVED, _INFILLED, _LOST = np.array([State.UNKNOWN, State.OBSERVED, State.INFILLED, State.LOST], np.uint8)
#: Where xx, yy and zz stand in a covariance.
_DIAGONAL = [0, 3, 5]


@dataclass(frozen=True)
class Grown:
    """What N bodies have gained by each of K kinds of estimate; 0 where nothing is unseen.

    :param errors: (K, N, 51) metres, in the order of :class:`~poco_ros.temporal.last_errors.LastErrors`.
    :param variance: (K, N, 24) of the places of the joints, m^2, the sum over the three axes.
    :param whole: (K, N) age of the oldest joint, seconds.
    """

    errors: Array
    variance: Array
    whole: Array

    @staticmethod
    def of(kinds: Sequence[Growth], joints: Array, ages: Array, activity: Array) -> Grown:
        """Apply the law of one coverage.

        :param kinds: K growths.
        :param joints: (N, 24, 3) metres.
        :param ages: (K, N, 24) seconds; 0 where a joint is seen, or estimated in another way.
        :param activity: (N, 24) of :class:`~poco_ros.temporal.activity.Activity`.
        """
        # a joint is as old as the oldest of those that it hangs on
        oldest, whole, root = (ABOVE * ages[:, :, None]).max(axis=3), ages.max(axis=2), ages[:, :, 0]
        together = Growth.together(*kinds)
        spread, pelvis = together.joint_spread_m(joints, ages, activity), together.pelvis_spread_m(root)
        errors = np.empty((*root.shape, WIDTH))
        for k, kind in enumerate(kinds):
            told = split(errors[k])
            told['joint_error_mm'][:] = kind.at_age(kind.error_factor, oldest[k])
            told['joint_radius_mm'][:] = kind.at_age(kind.radius_factor, oldest[k])
            told['transl_error_mm'][:] = kind.at_age(kind.pelvis_error_factor, root[k])
            told['transl_radius_mm'][:] = kind.at_age(kind.pelvis_radius_factor, root[k])
            told['body_radius_mm'][:] = kind.at_age(kind.body_radius_factor, whole[k])
        errors *= np.concatenate([spread, spread, pelvis[..., None], pelvis[..., None],
                                  spread.max(axis=2, keepdims=True)], axis=2)
        return Grown(errors, spread * spread + 3 * (pelvis * pelvis)[..., None], whole)


def errors_of(
    joints: Array, life: JointLife, activity: Array, last: Array, law: AgeLaw, bound_mm: float,
) -> tuple[dict[str, FloatArray], dict[str, Mask]]:
    """Return the calibrated fields of N bodies with unseen joints, and where the numbers that came stay in their place.

    :param joints: (N, 24, 3) metres, camera frame.
    :param life: of the joints.
    :param activity: (N, 24), how much they had moved when they were last seen, rad per 1/30 s.
    :param last: (N, 51) errors when last trusted, mm, NaN where not stated, of
        :class:`~poco_ros.temporal.last_errors.LastErrors`.
    :param law: of one coverage, see :meth:`AgeLaw.of_coverage`.
    :param bound_mm: in the definition of confidence.
    """
    unseen, between = life.state != _OBSERVED, life.state == _INFILLED
    age = np.where(unseen & ~np.isnan(life.age), life.age, 0)
    ages, kinds = np.where(between, 0, age)[None], [law.predicted]
    if between.any():
        until = np.where(between, life.ahead, 0)
        ages = np.concatenate([ages, (age * until / np.where(between, age + until, 1))[None]])
        kinds = [law.predicted, law.infilled]
    grown = Grown.of(kinds, joints, ages, activity)
    log_mean, log_std = (kinds[0].at_age(values, grown.whole[0]) for values in (
        kinds[0].body_log_mean, kinds[0].body_log_std))
    if between.any():
        only = grown.whole[0] == 0  # nothing is predicted, all is infilled
        log_mean = np.where(only, kinds[1].at_age(kinds[1].body_log_mean, grown.whole[1]), log_mean)
        log_std = np.where(only, kinds[1].at_age(kinds[1].body_log_std, grown.whole[1]), log_std)
    gained = (grown.errors * grown.errors).sum(axis=0)
    total = split(np.sqrt(np.where(np.isnan(last), law.base_errors_mm, last) ** 2 + 1e6 * gained))
    # what holds all joints at once holds each of them
    total['body_radius_mm'] = np.maximum(total['body_radius_mm'], total['joint_radius_mm'].max(axis=1))
    total['body_error_mm'] = body_error = total['joint_error_mm'].mean(axis=1)
    total['joint_covariance'] = covariance = np.zeros((*age.shape, 6))
    covariance[..., _DIAGONAL] = ((grown.variance.sum(axis=0) + (1e-3 * law.base_error_mm) ** 2) / 3)[..., None]
    total['confidence'] = confidence(log_mean, log_std, body_error, bound_mm)
    _give_up(total, life.state)
    fields = {name: values.astype(np.float32) for name, values in total.items()}
    if unseen.all():
        return fields, {}
    stays, pelvis = ~(unseen | (unseen @ ABOVE.T > 0)), ~unseen[:, 0]
    return fields, {'joint_error_mm': stays, 'joint_radius_mm': stays, 'joint_covariance': stays[..., None],
                    'transl_error_mm': pelvis, 'transl_radius_mm': pelvis}


def _give_up(total: dict[str, Array], state: npt.NDArray[np.uint8]) -> None:
    """Take away what is not known of bodies with lost joints: those can be anywhere, and with them all they carry."""
    gone = state == _LOST
    lost = gone | (state == _UNKNOWN)
    if not lost.any():
        return
    adrift, any_lost = lost | (lost @ ABOVE.T > 0), lost.any(axis=1)
    for name, where in (('joint_error_mm', adrift), ('joint_radius_mm', adrift), ('joint_covariance', adrift),
                        ('transl_error_mm', lost[:, 0]), ('transl_radius_mm', lost[:, 0]),
                        ('body_error_mm', any_lost), ('body_radius_mm', any_lost), ('confidence', any_lost)):
        total[name][where] = np.nan
    total['confidence'][gone.all(axis=1)] = 0
