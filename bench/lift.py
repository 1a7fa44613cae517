"""What making a lift costs: samples a second of ``poco synth``, steps a second of ``poco train``, memory of both::

    python bench/lift.py --mocap motion.npz [--wardrobe open_wardrobe.npz] [--data FOLDER]

``poco synth`` makes 2048 samples (each picture also in the mirror) with one process and with one per core; the time
that starting takes is measured with 1 sample and taken off. ``poco train`` runs 60 and 120 steps of 256 people on
``--data`` (left out: on what was just made), on one thread and on all; reading the data is not in the time of a step.
Memory is the largest sum over a command's processes. The lift that ships runs on the made people one by one, on one
thread: the network alone, and all of the regressor. Writes ``bench/results/lift.json``.
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

SAMPLES, STEPS, BATCH = 2048, 60, 256
REPEATS = 300
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
        common = ('synth', '--mocap', mocap, *clothes, '--mirrored', '--workers', workers)
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


def running(data: Path) -> dict[str, Any]:
    """Milliseconds for one person."""
    import numpy as np

    from poco_ros.body.model_file import load_body_model
    from poco_ros.camera import Camera
    from poco_ros.engine.options import EngineOptions
    from poco_ros.regressors import make_regressor
    from poco_ros.synth.shards import read_dataset
    from poco_ros.types import Boxes, Frame, People

    regressor = make_regressor('poco_lift', load_body_model(), EngineOptions('openvino', 'fp32', threads=1))
    engine, people = regressor._engine, read_dataset(data)
    feeds = {spec.name: np.zeros((1, *spec.shape[1:]), np.float32) for spec in engine.inputs}
    took: dict[str, list[float]] = {'network_ms': [], 'regressor_ms': []}
    for row in np.linspace(0, len(people) - 1, REPEATS).astype(int):
        fx, fy, cx, cy = people.intrinsics[row].astype(float)
        width, height = people.image_size[row].astype(int)
        frame = Frame(np.zeros((1, 1, 3), np.uint8), Camera(width, height, fx, fy, cx, cy))
        one = slice(row, row + 1)
        boxes = Boxes(people.box_px[one], np.ones(1, np.float32), np.ones(1, np.int32))
        person = People(boxes, people.landmarks.take(one), people.features[one],
                        people.local_features[one].astype(np.float32))
        begin = time.perf_counter()
        engine(feeds)
        middle = time.perf_counter()
        regressor.regress(frame, person)
        took['network_ms'].append(1e3 * (middle - begin))
        took['regressor_ms'].append(1e3 * (time.perf_counter() - middle))
    return {name: record.spread(values[20:]) for name, values in took.items()}


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
        result['running'] = running(made)
    print(record.save('lift', result))


if __name__ == '__main__':
    main()
