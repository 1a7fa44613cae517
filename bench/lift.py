"""What making a lift costs: samples a second of ``poco synth``, steps a second of ``poco train``, memory of both::

    python bench/lift.py --mocap motion.npz [--wardrobe open_wardrobe.npz] [--data FOLDER]

``poco synth`` makes 2048 samples with one process and with one per core; the time that starting takes is measured with
1 sample and taken off. ``poco train`` runs 100 steps of 256 people on ``--data`` (left out: on what was just made), on
one thread and on all; reading the data is not in the time of a step. Memory is the largest sum over a command's
processes. Writes ``bench/results/lift.json``.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import psutil
import record

SAMPLES, STEPS, BATCH = 2048, 100, 256
_PERIOD_S = 0.2


def run(*arguments: object) -> tuple[float, float]:
    """Run ``poco`` and return the seconds it took and its peak memory in MB, children included."""
    command = [sys.executable, '-m', 'poco_ros.cli.main', *map(str, arguments)]
    begin, peak = time.monotonic(), 0.0
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    while process.poll() is None:
        peak = max(peak, _memory(process.pid))
        time.sleep(_PERIOD_S)
    if process.returncode:
        raise SystemExit(f'{" ".join(command)} failed')
    return time.monotonic() - begin, peak


def _memory(pid: int) -> float:
    try:
        parent = psutil.Process(pid)
        family = [parent, *parent.children(recursive=True)]
        return sum(member.memory_info().rss for member in family) / 1e6
    except psutil.NoSuchProcess:
        return 0.0


def making(mocap: Path, wardrobe: Path | None, folder: Path) -> dict[str, Any]:
    """Samples a second of ``poco synth``."""
    clothes = () if wardrobe is None else ('--wardrobe', wardrobe)
    result: dict[str, Any] = {'samples': SAMPLES}
    for workers in sorted({1, len(os.sched_getaffinity(0))}):
        common = ('synth', '--mocap', mocap, *clothes, '--workers', workers)
        start, _ = run(*common, '--count', 1, '--out', folder / f'start{workers}')
        whole, memory = run(*common, '--count', SAMPLES, '--out', folder / f'data{workers}')
        result[f'{workers} processes'] = {
            'samples_per_s': round((SAMPLES - 1) / (whole - start), 1), 'start_s': round(start, 1),
            'peak_memory_mb': round(memory),
        }  # fmt: skip
    return result


def training(data: Path, folder: Path) -> dict[str, Any]:
    """Milliseconds a step of ``poco train lift``, from the difference of two lengths."""
    result: dict[str, Any] = {'batch': BATCH, 'people': _people(data)}
    for threads in sorted({1, len(os.sched_getaffinity(0))}):
        took = {}
        for steps in (STEPS, 2 * STEPS):
            out = folder / f'net{threads}_{steps}'
            took[steps], memory = run('train', 'lift', '--data', data, '--out', out, '--steps', steps, '--scale-steps',
                                      0, '--batch', BATCH, '--threads', threads, '--validate-every', 10 * STEPS)
        result[f'{threads} threads'] = {
            'step_ms': round(1e3 * (took[2 * STEPS] - took[STEPS]) / STEPS, 1),
            'before_the_first_step_s': round(2 * took[STEPS] - took[2 * STEPS], 1), 'peak_memory_mb': round(memory),
        }  # fmt: skip
    return result


def _people(data: Path) -> int:
    from poco_ros.synth.shards import Header

    return Header.load(data).count


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--mocap', type=Path, required=True, help='motion file')
    parser.add_argument('--wardrobe', type=Path, help='file of clothes')
    parser.add_argument('--data', type=Path, help='data set to train on')
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        result = {'making': making(options.mocap, options.wardrobe, folder)}
        made = folder / f'data{len(os.sched_getaffinity(0))}'
        result['training'] = training(options.data or made, folder)
    print(record.save('lift', result))


if __name__ == '__main__':
    main()
