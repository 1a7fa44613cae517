"""Makes the radii of an age law hold for new people and for every kind of gap, not only for all samples together.

People move differently, and few are known: what the next one needs is not the mean of what those needed, nor what the
liveliest of them did. At each age the factor of a radius is that which a person drawn as these were needs at most, with
the certainty :data:`CERTAINTY`: mean and spread of what each person needs, and Student's t for how few they are. Long
gaps end in other ways than short ones of the same distance; the factor holds for each kind.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy.stats import t as student

from poco_ros.evaluation.infill.age_law_fit import LONGEST_S, Samples
from poco_ros.evaluation.infill.motion_file import FPS
from poco_ros.temporal.age_law import AgeLaw, Growth
from poco_ros.temporal.last_errors import split
from poco_ros.temporal.unseen import Grown

Array = npt.NDArray[np.float64]
Ints = npt.NDArray[np.int64]

CERTAINTY = 0.9
"""That a new person needs no more than they are given."""
#: A person, or a kind of gap, counts from so many bodies on.
_FEWEST = 40
#: Kinds of gaps between two trusted frames, by the time from one to the other, in frames.
_GAPS = (0, 9, 18, np.inf)
_RADII = ('radius', 'body_radius', 'pelvis_radius')
#: What they are called in bodies.
_PUBLISHED = {'radius': 'joint_radius_mm', 'body_radius': 'body_radius_mm', 'pelvis_radius': 'transl_radius_mm'}


def for_everybody(law: AgeLaw, live: Samples, infilled: Samples) -> AgeLaw:
    """Return the law with radii that hold for new people.

    :param law: fitted.
    :param live: samples of the live stream.
    :param infilled: samples of the infilled stream.
    """
    seen = live.take(live.age == 0)
    base: dict[str, Any] = {}
    for name in _RADII:
        factors = [max(1, _of_people(_ratios(law, seen, name, level), seen, coverage))
                   for level, coverage in enumerate(law.coverage.tolist())]
        base[f'base_{name}_mm'] = np.maximum.accumulate(getattr(law, f'base_{name}_mm') * factors, axis=-1)
    law = dataclasses.replace(law, **base)
    unseen = live.take((live.age > 0) & (live.age <= LONGEST_S))
    between = infilled.take(infilled.distance > 0)
    ahead = between.distance * between.age / np.maximum(between.age - between.distance, 1e-9)
    kind = np.digitize((between.age + ahead) * FPS, _GAPS)
    return dataclasses.replace(
        law, predicted=_cautious(law, law.predicted, unseen, unseen.age, np.zeros(len(unseen.age), np.int64)),
        infilled=_cautious(law, law.infilled, between, between.distance, kind))


def _errors(samples: Samples, name: str) -> Array:
    """Return what a radius is to hold, metres: (E, 24), or (E, 1) where it is one of the body."""
    if name == 'radius':
        return samples.error
    return (samples.pelvis if name == 'pelvis_radius' else samples.error.max(axis=1))[:, None]


def _ratios(law: AgeLaw, samples: Samples, name: str, level: int) -> Array:
    """Return the ratios of errors to the radius at age 0."""
    radius = np.atleast_1d(getattr(law, f'base_{name}_mm')[..., level]) / 1e3
    return np.asarray(_errors(samples, name) / np.where(radius > 0, radius, np.inf))


def _cautious(law: AgeLaw, growth: Growth, samples: Samples, age: Array, kind: Ints) -> Growth:
    """Return one kind of growth with factors that hold for new people and every kind of gap."""
    spread = _spread(growth, samples, age)
    nearest = np.abs(age[:, None] - growth.knots_s).argmin(axis=1)
    factors: dict[str, Any] = {}
    for name in _RADII:
        errors, fitted = _errors(samples, name), getattr(growth, f'{name}_factor')
        factor = fitted.copy()
        for level, coverage in enumerate(law.coverage.tolist()):
            base = np.atleast_1d(getattr(law, f'base_{name}_mm')[..., level]) / 1e3
            needed = np.sqrt(np.maximum(0, errors ** 2 - base ** 2)) / np.maximum(spread[name], 1e-9)
            for knot in range(len(growth.knots_s)):
                here = nearest == knot
                part = samples.take(here)
                kinds = _quantiles(needed[here], kind[here], coverage)
                factor[knot, level] = max([factor[knot, level], _of_people(needed[here], part, coverage), *kinds])
        factors[f'{name}_factor'] = np.maximum.accumulate(factor, axis=1)
    return dataclasses.replace(growth, **factors)


def _of_people(needed: Array, samples: Samples, coverage: float) -> float:
    """Return what a new person needs at most, with :data:`CERTAINTY`, from what is needed by bodies of some people."""
    each = _quantiles(needed, samples.subject, coverage)
    if len(each) < 2:
        return max([0.0, *each])
    few = student.ppf(CERTAINTY, len(each) - 1) * np.sqrt(1 + 1 / len(each))
    return float(np.mean(each) + few * np.std(each, ddof=1))


def _quantiles(needed: Array, group: Ints, coverage: float) -> list[float]:
    """Return the quantile in each group that is large enough."""
    names, count = np.unique(group, return_counts=True)
    return [float(np.quantile(needed[group == name], coverage)) for name in names[count >= _FEWEST]]


def _spread(growth: Growth, samples: Samples, age: Array) -> dict[str, Array]:
    """Return the spreads that factors of radii multiply, metres; the pelvis itself, which is aligned, has none."""
    ages = np.repeat(age[:, None], 24, axis=1)
    joints = growth.joint_spread_m(samples.joints, ages, samples.activity)
    joints[:, 0] = np.inf
    whole = joints[:, 1:].max(axis=1, keepdims=True)
    return {'radius': joints, 'body_radius': whole, 'pelvis_radius': growth.pelvis_spread_m(age)[:, None]}


def with_radii(samples: Samples, law: AgeLaw, coverage: float) -> Samples:
    """Return samples as if a law had published them."""
    one = law.of_coverage(coverage)
    between = samples.distance > 0
    ages = np.stack([np.where(between, 0, samples.age), np.where(between, samples.distance, 0)])
    grown = Grown.of([one.predicted, one.infilled], samples.joints, np.repeat(ages[..., None], 24, axis=2),
                     samples.activity)
    told = split(1e-3 * np.sqrt(one.base_errors_mm ** 2 + 1e6 * (grown.errors ** 2).sum(axis=0)))
    radius, body_radius, pelvis_radius = (told[_PUBLISHED[name]] for name in _RADII)
    return dataclasses.replace(samples, radius=radius, body_radius=np.maximum(body_radius, radius.max(axis=1)),
                               pelvis_radius=pelvis_radius)
