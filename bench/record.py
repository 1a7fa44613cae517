"""Where and how a measurement was made, and how it is kept."""

from __future__ import annotations

import importlib.metadata
import json
import os
import platform
import shlex
import sys
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import numpy as np

RESULTS = Path(__file__).resolve().parent / 'results'
PACKAGES = ('poco_ros', 'numpy', 'opencv-python-headless', 'openvino', 'scipy', 'rclpy', 'ros-fastdds')


def machine() -> dict[str, Any]:
    """The machine and the versions that a number belongs to."""
    model = next(
        (line.split(':', 1)[1].strip() for line in Path('/proc/cpuinfo').read_text().splitlines()
         if line.startswith('model name')),
        platform.processor(),
    )
    versions = {}
    for name in PACKAGES:
        try:
            versions[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            versions[name] = None
    return {
        'cpu': model, 'cores': len(os.sched_getaffinity(0)), 'platform': platform.platform(),
        'python': platform.python_version(), 'packages': versions,
    }


def save(name: str, result: dict[str, Any]) -> Path:
    """Write ``results/<name>.json`` with the command, the machine and the date beside the result."""
    script = os.path.relpath(sys.argv[0], RESULTS.parents[1])
    record = {
        'command': shlex.join(['python', script, *sys.argv[1:]]),
        'date': datetime.now(timezone.utc).date().isoformat(), 'machine': machine(), **result,
    }
    RESULTS.mkdir(exist_ok=True)
    path = RESULTS / f'{name}.json'
    path.write_text(json.dumps(record, indent=1, default=float) + '\n')
    return path


def spread(values: Any) -> dict[str, float]:
    """Median and the tails of a list of numbers."""
    array = np.asarray(values, float)
    if array.size == 0:
        return {'n': 0}
    names = {'p5': 5, 'p50': 50, 'p95': 95, 'p99': 99}
    return {'n': int(array.size), **{k: round(float(np.percentile(array, q)), 3) for k, q in names.items()},
            'max': round(float(array.max()), 3)}
