"""The learned predictor beside the linear one: ``poco bench-infill`` with the same windows and noise for both, paired::

    python bench/predictors.py --data ../shared/temporal/mocap_train.npz

Differences are learned minus linear: below zero the learned one is better; with 95 % intervals over clips. Half of the
windows lie in clips of the CMU database, to most of which both predictors were fitted, half in clips of another data
set, to which neither was; ``groups`` has them by themselves, and the clips that only validated the network.
``coverage`` is how often the radii of the shipped age law, which was fitted to the linear predictor, hold in that other
data set with either. Costs are those of one step, for each body when several are predicted at once, on one core.
Writes ``bench/results/predictors.json``.
"""

from __future__ import annotations

import argparse
import os
import time
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'), '1'))

import numpy as np
import record

from poco_ros.evaluation.infill.age_law_fit import measure, run
from poco_ros.evaluation.infill.benchmark import evaluate
from poco_ros.evaluation.infill.methods import StreamMethod
from poco_ros.evaluation.infill.motion_file import Motion, load_motion
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.age_law import shipped_age_law
from poco_ros.temporal.dynamics import Dynamics
from poco_ros.temporal.predictors import shipped_predictor

LINEAR, LEARNED = 'whole_body', 'learned'
GAPS, LAGS, COUNT, SEED = (5, 10, 15, 30), (0, 5, 30), 256, 3
PEOPLE, CALLS, AGES = (1, 5, 50), 300, (1, 5, 10, 15, 30)


def groups(motion: Motion) -> dict[str, np.ndarray]:
    """Clips that both predictors were fitted to, that the network was validated with, and that neither saw."""
    fitted, of = motion.clips('CMU'), shipped_predictor(LEARNED).provenance
    kept = np.array([motion.names[clip] in of['validation_clips'] for clip in fitted])
    others = np.setdiff1d(np.arange(len(motion.names)), fitted)
    return {'fitted': fitted[~kept], 'validation of the network': fitted[kept], 'other data set': others}


def compared(motion: Motion) -> list[dict[str, Any]]:
    """One row for each noise, gap and lag."""
    methods, rows = [StreamMethod(LINEAR), StreamMethod(LEARNED)], []
    for noise in ('poco', 'clean'):
        both = evaluate(methods, motion, preset=noise, gaps=GAPS, lags=LAGS, count=COUNT, seed=SEED,
                        groups=groups(motion), report=lambda row: print(
                            row['noise'], row['gap'], row['lag'], row['method'], round(row['mpjpe'], 1),
                            round(row['root_pos'], 1), row.get('minus_first', ''), flush=True))
        by_case = {(row['method'], row['gap'], row['lag']): row for row in both}
        for gap in GAPS:
            for lag in LAGS:
                linear, learned = (by_case[method.name, gap, lag] for method in methods)
                rows.append({
                    'noise': noise, 'gap': gap, 'lag': lag, 'n': linear['n'],
                    **{name: {LINEAR: round(linear[name], 2), LEARNED: round(learned[name], 2)}
                       for name in ('mpjpe', 'root_pos', 'accel', 'mpjpe_tail')},
                    'learned_minus_linear': rounded(learned['minus_first']), 'groups': rounded(learned['groups'])})
    return rows


def rounded(values: Any) -> Any:
    if isinstance(values, dict):
        return {name: rounded(value) for name, value in values.items()}
    if isinstance(values, list):
        return [round(value, 2) for value in values]
    return values


def verdict(rows: list[dict[str, Any]]) -> dict[str, Any]:
    """In how many cases the whole interval is below nothing (better), above (worse), or neither."""
    found: dict[str, Any] = {}
    for noise in ('poco', 'clean'):
        for group in ('all', 'other data set'):
            for name in ('mpjpe', 'root_pos'):
                of = [row['learned_minus_linear'] if group == 'all' else row['groups'][group]
                      for row in rows if row['noise'] == noise]
                better, worse = sum(d[name][2] < 0 for d in of), sum(d[name][1] > 0 for d in of)
                found[f'{noise}, {group}, {name}'] = {
                    'better': better, 'worse': worse, 'neither': len(of) - better - worse}
    return {'cases': found, 'learned_beats_linear_on_every_preset': all(
        case['neither'] == case['worse'] == 0 for name, case in found.items() if ', all, ' in name)}


def coverage(motion: Motion) -> dict[str, Any]:
    """How often radii that promise 90 % hold, by the age of unseen joints, in clips that no predictor was fitted to."""
    others, found = motion.only(groups(motion)['other data set']), {}
    for name in (LINEAR, LEARNED):
        for lag in LAGS[:2]:
            samples = run(others, lag=lag, law=shipped_age_law(), count=COUNT, seed=SEED,
                          dynamics=shipped_predictor(name))
            found[f'{name}, lag {lag}'] = [
                {key: round(value, 3) for key, value in row.items()} for row in measure(samples, 0.9, AGES)]
    return found


def cost(dynamics: Dynamics, people: int) -> float:
    """Milliseconds a body of one step, the median of many."""
    rng = np.random.default_rng(0)
    rate, past = 0.02 * rng.normal(size=(people, 25, 3)), 0.1 * rng.normal(size=(people, dynamics.memory, 25, 3))
    rotations = quat.exp(0.5 * rng.normal(size=(people, 24, 3)))
    took = []
    for _ in range(CALLS):
        begin = time.perf_counter_ns()
        dynamics.predict(rate, past, rotations, 1.0)
        took.append((time.perf_counter_ns() - begin) / 1e6)
    return round(float(np.median(took[10:])) / people, 4)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', type=Path, required=True)
    data = parser.parse_args().data
    both = {name: shipped_predictor(name) for name in (LINEAR, LEARNED)}
    costs = {f'{people} people': {name: cost(dynamics, people) for name, dynamics in both.items()} for people in PEOPLE}
    load = [round(value, 2) for value in os.getloadavg()]
    motion = load_motion(data)
    rows = compared(motion)
    print(record.save('predictors', {
        'data': data.name, 'unit': 'mm; mm per frame^2 for accel', 'windows': COUNT, 'seed': SEED,
        'step_ms_per_body': costs, 'load_average': load, 'verdict': verdict(rows),
        'coverage': coverage(motion), 'rows': rows}))


if __name__ == '__main__':
    main()
