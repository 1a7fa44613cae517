"""The unit of a reproduction: one network, trained once and judged once; a finished one is not done again."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from poco_ros.body.model import BodyModel
from poco_ros.errors import DatasetError
from poco_ros.evaluation.metrics import pcc, rotation_errors
from poco_ros.evaluation.predictions import Predictions
from poco_ros.evaluation.report import OWN, Judged, body_summary, per_joint, uncertainty_rows, without_nan
from poco_ros.evaluation.sparsification import sparsify
from poco_ros.synth.shards import Samples
from poco_ros.whole_files import written_whole

RESULT_FILE = 'result.json'
FORMULATIONS = ('none', 'gauss', 'nflow', 'cond_scale', 'cond_bdf', 'poco')
"""In the order of the paper's Table 3."""

Result = Mapping[str, Any]
Progress = Callable[[str, int, int], None]
"""Told what is done, how many steps of it, and of how many."""


@dataclass(frozen=True)
class Cell:
    """One training.

    :param regressor: 'lift', 'hmr', 'pare' or 'cliff'.
    :param formulation: how uncertainty is modelled.
    :param seed: of weights, order and noise.
    :param steps: of the first stage.
    :param scale_steps: of the second.
    :param study: what the training data is, in words; 'all': the whole train split.
    """

    regressor: str
    formulation: str
    seed: int
    steps: int
    scale_steps: int
    study: str = 'all'

    @property
    def name(self) -> str:
        """Of the cell's folder: it tells everything that makes a cell another one."""
        study = '' if self.study == 'all' else '-' + self.study.replace(' ', '-').replace('.', '_')
        return f'{self.regressor}-{self.formulation}-seed{self.seed}-{self.steps}+{self.scale_steps}{study}'


class Lab(Protocol):
    """What trains and runs networks; :class:`poco_ros.evaluation.reproduce.lab.NetworkLab` does."""

    data_sha256: str

    def samples(self, split: str) -> Samples:
        """Return the samples of a split in which the node would have seen somebody."""

    def train(self, cell: Cell, folder: Path, samples: Samples | None, progress: Progress) -> Any:
        """Train a network, or go on where that was interrupted, and return it.

        :param cell: what to train.
        :param folder: of the network.
        :param samples: to train with; None: the whole train split.
        :param progress: told of every step.
        """

    def predict(self, network: Any, cell: Cell, samples: Samples | None) -> Predictions:
        """Run a network on samples.

        :param samples: None: the whole test split.
        """


def run_cell(
    lab: Lab, cell: Cell, folder: Path, body: BodyModel, progress: Progress, training: Samples | None = None,
) -> Result:
    """Return the result of a cell, from its file where there is one.

    :param lab: trains and runs.
    :param cell: what.
    :param folder: of all cells.
    :param body: for the errors.
    :param progress: told of the training.
    :param training: what to train with; None: the whole train split.
    :raises DatasetError: when the result cannot be written.
    """
    path = folder / cell.name / RESULT_FILE
    identity = {'cell': dataclasses.asdict(cell), 'data_sha256': lab.data_sha256, 'training': _hash(training)}
    found = _finished(path, identity)
    if found is not None:
        return found
    begun = time.perf_counter()
    network = lab.train(cell, path.parent, training, progress)
    trained = time.perf_counter()
    predictions = lab.predict(network, cell, None)
    result = {**identity, **judge(predictions, body), 'training_s': round(trained - begun, 1)}
    if cell.formulation != 'none':
        result['uncertainties'][OWN] |= {'pooled_pcc_variance': variance_pcc(predictions, cell.formulation)}
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with written_whole(path) as temporary:
            temporary.write_text(json.dumps(without_nan(result), allow_nan=False) + '\n', encoding='utf-8')
    except OSError as error:
        raise DatasetError(f'{path} cannot be written: {error.strerror}') from error
    return _read(path)


def judge(predictions: Predictions, body: BodyModel) -> dict[str, Any]:
    """Return what is told of predictions: errors, what the uncertainty is worth, and both by joint."""
    judged = Judged.of(predictions, body)
    known = ~predictions.lost
    candidates = {OWN: (predictions.sigma, predictions.uncertainty),
                  'landmark visibility': (1 - predictions.seen, 1 - predictions.seen.mean(axis=1))}  # fmt: skip
    return {
        'samples': len(predictions), 'lost': int((~known).sum()), 'errors': body_summary(judged, known),
        'uncertainties': uncertainty_rows(judged, candidates, known), 'per_joint': per_joint(judged, known),
        'sparsification': sparsify(predictions.uncertainty, judged.errors.mpjpe_mm).at_fractions(),
    }  # fmt: skip


def variance_pcc(predictions: Predictions, formulation: str) -> float:
    """Return the pooled PCC of the variances that sigma means.

    What ``gauss`` states is a variance (equation 2), what the others state is the scale of a density, and the errors of
    the PCC are squares: as they stand, the former has the error's own unit and the latter have not.

    :param predictions: of a network.
    :param formulation: that it was trained with.
    """
    variance = predictions.sigma if formulation == 'gauss' else predictions.sigma**2
    return pcc(variance, rotation_errors(predictions.rotmat, predictions.true_rotmat))[0]


def _hash(samples: Samples | None) -> str:
    if samples is None:
        return 'train split'
    digest = hashlib.sha256()
    for array in (samples.sequence, samples.frame, samples.pose, samples.betas, samples.joints):
        digest.update(np.ascontiguousarray(array).tobytes())
    return digest.hexdigest()


def _finished(path: Path, identity: Mapping[str, Any]) -> Result | None:
    if not path.exists():
        return None
    result = _read(path)
    differ = [name for name, value in identity.items() if result.get(name) != value]
    if differ:
        raise DatasetError(f'{path} is the result of another {" and ".join(differ)}; give another --out, or delete '
                           f'{path.parent} to train it anew')
    return result


def _read(path: Path) -> Result:
    try:
        plain = json.loads(path.read_text(encoding='utf-8'))
    except (OSError, ValueError) as error:
        raise DatasetError(f'{path} cannot be read ({error}); delete it to judge the network anew') from error
    if not isinstance(plain, dict):
        raise DatasetError(f'{path} is no result; delete it to judge the network anew')
    return plain
