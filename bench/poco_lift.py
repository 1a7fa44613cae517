"""The lift that ships against the analytic one, on rendered people whom neither has seen::

    python bench/poco_lift.py --data DIR [--shift NAME=DIR ...] [--model DIR]

``--data`` is what the network was trained on: its test split is measured, other people, clothes and backgrounds. Of the
data sets of ``--shift``, which differ on purpose, everybody is. Errors and what the uncertainties are worth are over
the people whom both give a body (``poco evaluate``); the calibration's coverage is measured through OpenVINO and
through torch. Writes ``bench/results/poco_lift.json``.
"""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path
from typing import Any

os.environ.update(dict.fromkeys(('OMP_NUM_THREADS', 'OPENBLAS_NUM_THREADS'), '1'))

import numpy as np
import record

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.calibration.file import CALIBRATION_FILE, read_calibration
from poco_ros.calibration.outcomes import Outcomes
from poco_ros.calibration.report import measure
from poco_ros.cli.calibrate import named_folders
from poco_ros.engine.options import EngineOptions
from poco_ros.evaluation.predictions import predict_bodies
from poco_ros.evaluation.report import without_nan
from poco_ros.evaluation.synthetic import BASELINE, evaluate_dataset
from poco_ros.regressors import choose_regressor, load_regressor
from poco_ros.regressors.base import Regressor
from poco_ros.regressors.lift.regressor import BlazePoseLift
from poco_ros.synth.found import found
from poco_ros.synth.shards import Samples, read_dataset

KEPT = ('samples', 'common', 'sequences', 'models', 'uncertainties', 'per_joint', 'groups', 'data', 'split')


def made_with(folder: Path, engine: str, body: BodyModel) -> Regressor:
    return load_regressor(folder, body, EngineOptions(engine=engine, precision='fp32', threads=1))  # type: ignore[arg-type]


def errors(folder: Path, data: Path, split: str, body: BodyModel, cache: Path) -> dict[str, Any]:
    """What ``poco evaluate`` tells, without its tables by sequence."""
    regressors = {'poco_lift': made_with(folder, 'openvino', body), BASELINE: BlazePoseLift(body)}
    calibration = read_calibration(folder / CALIBRATION_FILE)
    report = evaluate_dataset(data, split, 'poco_lift', regressors, body, cache, calibration=calibration)
    report['data'] = {'name': data.name, 'recipe': report['data']['recipe']}
    return {name: report[name] for name in KEPT}


def coverage(folder: Path, people: Samples, body: BodyModel) -> dict[str, Any]:
    """How often the radii hold, by engine."""
    calibration = read_calibration(folder / CALIBRATION_FILE)
    result = {}
    for engine in ('openvino', 'torch'):
        told = measure(calibration, Outcomes.of(predict_bodies(made_with(folder, engine, body), people)))
        result[engine] = {str(one['level']): {**{k: v for k, v in one['summary'].items() if k != 'worst_subject'},
                                              'body': one['columns']['body']} for one in told['coverage']}
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', type=Path, required=True, help='data set that the network was trained on')
    parser.add_argument('--shift', action='append', default=[], help='NAME=FOLDER; repeatable')
    parser.add_argument('--model', default='poco_lift', help='name, or folder of a network with its calibration')
    options = parser.parse_args()
    body, folder = load_body_model(), choose_regressor(options.model)
    if folder is None:
        raise SystemExit(f'{options.model} is no network')
    everybody = read_dataset(options.data, 'test')
    people = everybody.take(np.flatnonzero(found(everybody)))
    with tempfile.TemporaryDirectory() as cache:
        result = {
            'graph_mb': round((folder / 'model.onnx').stat().st_size / 1e6, 1),
            'test': errors(folder, options.data, 'test', body, Path(cache)),
            'shift': {name: errors(folder, data, 'all', body, Path(cache))
                      for name, data in named_folders(options.shift).items()},
            'coverage': coverage(folder, people, body),
        }  # fmt: skip
    print(record.save('poco_lift', without_nan(result)))


if __name__ == '__main__':
    main()
