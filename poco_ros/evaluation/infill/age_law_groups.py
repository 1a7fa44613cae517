"""Makes the radii of an age law hold for each person of the data, not only for all of them together.

People move differently, and the next one may move as the liveliest of those known: where the errors of somebody exceed
the radii more often than promised, all radii of that kind grow by what that person needs.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.evaluation.infill.age_law_fit import LONGEST_S, Samples
from poco_ros.temporal.age_law import AgeLaw, Growth
from poco_ros.temporal.outputs import Grown

Array = npt.NDArray[np.float64]

#: A person counts from so many bodies on.
_FEWEST = 300


def for_everybody(law: AgeLaw, live: Samples, infilled: Samples) -> AgeLaw:
    """Return the law with radii that hold for each person of the samples it was fitted to.

    :param law: fitted.
    :param live: samples of the live stream.
    :param infilled: samples of the infilled stream.
    """
    seen = live.take(live.age == 0)
    unseen = live.take((live.age > 0) & (live.age <= LONGEST_S))
    between = infilled.take(infilled.distance > 0)
    base: dict[str, list[Array]] = {name: [] for name in ('radius', 'body_radius', 'pelvis_radius')}
    growths: dict[str, dict[str, list[Array]]] = {kind: {n: [] for n in base} for kind in ('predicted', 'infilled')}
    for level, coverage in enumerate(law.coverage.tolist()):
        one = law.of_coverage(coverage)
        needed = _needed(seen, _radii(one, None, seen, seen.age), coverage)
        for name, factor in needed.items():
            base[name].append(getattr(law, f'base_{name}_mm')[..., level] * factor)
        for kind, samples, age in (('predicted', unseen, unseen.age), ('infilled', between, between.distance)):
            growth: Growth = getattr(one, kind)
            for name, factor in _needed(samples, _radii(one, growth, samples, age), coverage).items():
                growths[kind][name].append(getattr(growth, f'{name}_factor') * factor)

    def stacked(values: dict[str, list[Array]], form: str) -> dict[str, Any]:
        # a radius of a higher coverage is never the smaller one
        return {form.format(name): np.maximum.accumulate(np.stack(levels, axis=-1), axis=-1)
                for name, levels in values.items()}

    return dataclasses.replace(
        law, **stacked(base, 'base_{}_mm'),
        predicted=dataclasses.replace(law.predicted, **stacked(growths['predicted'], '{}_factor')),
        infilled=dataclasses.replace(law.infilled, **stacked(growths['infilled'], '{}_factor')))


def _radii(law: AgeLaw, growth: Growth | None, samples: Samples, age: Array) -> dict[str, Array]:
    """Return radii by the law of one coverage, metres: of joints (E, 24), of bodies (E,), of pelvises (E,)."""
    base = {name: getattr(law, f'base_{name}_mm') / 1e3 for name in ('radius', 'body_radius', 'pelvis_radius')}
    if growth is None:
        return {name: np.broadcast_to(value, (len(age), *np.shape(value))) for name, value in base.items()}
    grown = Grown.of(growth, samples.joints, np.repeat(age[:, None], 24, axis=1), samples.activity)
    return {name: np.hypot(value, getattr(grown, name)) for name, value in base.items()}


def _needed(samples: Samples, radii: dict[str, Array], coverage: float) -> dict[str, float]:
    """Return by what radii must grow so that they hold for the person who needs it most; at least 1."""
    errors = {'radius': samples.error, 'body_radius': samples.error.max(axis=1), 'pelvis_radius': samples.pelvis}
    people, count = np.unique(samples.subject, return_counts=True)
    needed = {}
    for name, error in errors.items():
        ratio = error / np.maximum(radii[name], 1e-9)
        ratio = np.where(radii[name] > 0, ratio, 0)  # the pelvis itself, which is aligned
        needed[name] = max([1.0, *(float(np.quantile(ratio[samples.subject == who], coverage))
                                   for who in people[count >= _FEWEST])])
    return needed
