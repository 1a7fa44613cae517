"""The infilling benchmark: windows of motion capture with a simulated occlusion, filled at several lags, and scored."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.errors import PocoError
from poco_ros.evaluation.infill.methods import Method
from poco_ros.evaluation.infill.metrics import LEAD, npss, score, scored_frames
from poco_ros.evaluation.infill.motion_file import BEFORE, Motion, sample_windows
from poco_ros.evaluation.infill.occlusion import Observation, corrupt
from poco_ros.temporal import quaternions as quat

Array = npt.NDArray[np.float64]
Row = dict[str, Any]

GAPS = (5, 10, 15, 30)
LAGS: tuple[int | None, ...] = (0, 5, 10, 15, 30, None)
_RESAMPLINGS = 300


def pose_pool(motion: Motion, seed: int) -> Array:
    """Return (2000, 24, 4) poses that an occluded person may be mistaken for."""
    index = np.random.default_rng(seed).choice(len(motion.poses), 2000, replace=len(motion.poses) < 2000)
    return quat.exp(motion.poses[index])


def evaluate(
    methods: Sequence[Method], motion: Motion, *, preset: str = 'poco', gaps: Sequence[int] = GAPS,
    lags: Sequence[int | None] = LAGS, count: int = 256, seed: int = 1, report: Callable[[Row], None] | None = None,
    groups: Mapping[str, npt.NDArray[np.int64]] = MappingProxyType({}),
) -> list[Row]:
    """Run methods over the benchmark.

    :param methods: what to run; differences are given between each and the first one.
    :param motion: the motion file.
    :param preset: of the noise.
    :param gaps: lengths of the occlusion in frames.
    :param lags: in frames; None: offline.
    :param count: windows per gap.
    :param seed: of windows and noise.
    :param report: called with each row as soon as it is there.
    :param groups: numbers of clips, by a name, whose windows are also compared by themselves.
    :returns: one row per method, gap and lag with the mean of every metric, ``mpjpe_ci`` (95 % half width over clips),
        and ``minus_first``: paired differences in mpjpe and root_pos to the first method, each with its 95 % interval;
        the same for each group that has windows, with their number ``n``, in ``groups``.
    :raises PocoError: when a method uses frames it cannot know yet, or frames come late or not at all.
    """
    rows = []
    for gap in gaps:
        windows = sample_windows(motion, gap, count, seed)
        seen = corrupt(windows, gap, pose_pool(motion, seed), seed, preset)
        frames = scored_frames(gap)
        truth = windows.rotations[:, frames], windows.pelvis[:, frames]
        first: dict[int | None, dict[str, Array]] = {}
        for method in methods:
            for lag in lags if method.uses_lag else lags[:1]:
                check_causality(method, seen.take(slice(0, 4)), lag)
                rotations, pelvis = (x[:, frames] for x in method.run(seen, lag))
                metrics = score(rotations, pelvis, *truth, gap)
                row = _row(method, gap, lag, preset, metrics, windows.clip)
                if lag is None or not method.uses_lag:
                    inside = slice(LEAD, LEAD + gap)
                    row['npss'] = npss(rotations[:, inside], truth[0][:, inside])
                if method is methods[0]:
                    first[lag if method.uses_lag else None] = metrics
                elif (base := first.get(lag)) is not None:
                    row['minus_first'] = _minus(metrics, base, windows.clip)
                    inside_of = {name: np.isin(windows.clip, clips) for name, clips in groups.items()}
                    row['groups'] = {
                        name: {'n': int(part.sum()), **_minus(metrics, base, windows.clip, part)}
                        for name, part in inside_of.items() if part.any()}
                rows.append(row)
                if report:
                    report(row)
    return rows


def _minus(
    metrics: dict[str, Array], base: dict[str, Array], clip: npt.NDArray[np.int64],
    part: npt.NDArray[np.bool_] | slice = slice(None),
) -> dict[str, list[float]]:
    """Return the paired differences of some windows to those of another method."""
    return {name: paired_difference((metrics[name] - base[name])[part], clip[part]) for name in ('mpjpe', 'root_pos')}


def _row(
    method: Method, gap: int, lag: int | None, preset: str, metrics: dict[str, Array], clip: npt.NDArray[np.int64],
) -> Row:
    shown = 'any' if not method.uses_lag else 'offline' if lag is None else lag
    row: Row = {'method': method.name, 'gap': gap, 'lag': shown, 'noise': preset, 'n': len(clip)}
    row.update({name: float(values.mean()) for name, values in metrics.items()})
    row['mpjpe_ci'] = float(1.96 * np.std(_resampled_means(metrics['mpjpe'], clip)))
    row['maxstep_p95'] = float(np.percentile(metrics['maxstep'], 95))
    return row


def paired_difference(difference: Array, clip: npt.NDArray[np.int64]) -> list[float]:
    """Return mean, lower and upper end of the 95 % interval of paired differences, resampled by clip."""
    low, high = np.percentile(_resampled_means(difference, clip), [2.5, 97.5])
    return [float(difference.mean()), float(low), float(high)]


def _resampled_means(values: Array, clip: npt.NDArray[np.int64]) -> Array:
    """Return means over clips drawn with replacement: windows of one clip are not independent."""
    rng = np.random.default_rng(1)
    unique, which = np.unique(clip, return_inverse=True)
    sums, counts = np.bincount(which, values), np.bincount(which)
    draws = (rng.integers(len(unique), size=len(unique)) for _ in range(_RESAMPLINGS))
    return np.array([sums[i].sum() / counts[i].sum() for i in draws])


def check_causality(method: Method, seen: Observation, lag: int | None) -> None:
    """Replace what cannot be known yet by garbage; the outputs must not change.

    :raises PocoError: when they do.
    """
    if lag is None or not method.uses_lag:
        return
    expected = method.run(seen, lag)
    rng = np.random.default_rng(0)
    for frame in (BEFORE - 1, BEFORE + 2):
        rotations, pelvis, unknown = seen.rotations.copy(), seen.pelvis.copy(), frame + lag + 1
        rotations[:, unknown:] = quat.exp(rng.normal(size=(*rotations[:, unknown:].shape[:-1], 3)))
        pelvis[:, unknown:] += 5
        got = method.run(Observation(rotations, pelvis, seen.uncertainty), lag)
        for a, b in zip(expected, got, strict=True):
            if not math.isclose(float(np.abs(a[:, frame] - b[:, frame]).max()), 0, abs_tol=1e-6):
                raise PocoError(f'{method.name}: the output of a frame at lag {lag} depends on later frames')
