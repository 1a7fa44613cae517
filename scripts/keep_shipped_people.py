"""Keeps a few people of a data set with what the shipped regressors say of them, for the tests of what ships::

    python scripts/keep_shipped_people.py --data DIR

From the test split of the data that both were calibrated on: people whom the node would have found, each of another
sequence, evenly spread. Whoever changes what a regressor says, and has calibrated it anew, runs this again. Writes
``test/shipped_people.npz``.
"""

from __future__ import annotations

import argparse
import dataclasses
from pathlib import Path

import numpy as np

from poco_ros.body.model_file import load_body_model
from poco_ros.engine.options import EngineOptions
from poco_ros.evaluation.predictions import predict_bodies
from poco_ros.regressors import make_regressor
from poco_ros.synth.found import found
from poco_ros.synth.shards import read_dataset

COUNT = 60
INTO = Path(__file__).resolve().parents[1] / 'test' / 'shipped_people.npz'
SEEN = ('features', 'local_features', 'intrinsics', 'image_size')


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument('--data', type=Path, required=True, help='data set of poco synth')
    samples = read_dataset(parser.parse_args().data, 'test')
    samples = samples.take(np.flatnonzero(found(samples)))
    _, first = np.unique(samples.sequence, return_index=True)
    body, options = load_body_model(), EngineOptions(engine='openvino', precision='fp32', threads=1)
    both = [predict_bodies(make_regressor(name, body, options), samples.take(first)) for name in ('lift', 'poco_lift')]
    answered = np.flatnonzero(~(both[0].lost | both[1].lost))
    rows = answered[np.linspace(0, len(answered) - 1, COUNT).astype(int)]
    people = samples.take(first[rows])
    arrays = {name: getattr(people, name) for name in SEEN}
    arrays['features'] = arrays['features'].astype(np.float16)
    arrays |= {f'landmarks_{f.name}': getattr(people.landmarks, f.name) for f in dataclasses.fields(people.landmarks)}
    arrays['true_joints'] = people.joints
    for name, said in zip(('lift', 'poco_lift'), both, strict=True):
        arrays |= {f'{name}_joints': said.joints_m[rows], f'{name}_uncertainty': said.sigma[rows]}
    np.savez_compressed(INTO, **arrays)


if __name__ == '__main__':
    main()
