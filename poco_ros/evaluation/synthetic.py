"""A model and its baselines on a data set that ``poco synth`` made."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.model import BodyModel
from poco_ros.calibration.model import Calibration
from poco_ros.checkpoints.provenance import PROVENANCE_FILE
from poco_ros.engine.model_record import RECORD_FILE
from poco_ros.evaluation.chunks import hash_of_files, identity, in_chunks
from poco_ros.evaluation.exchanged_sides import exchanged
from poco_ros.evaluation.predictions import Crops, Predictions, landmark_visibility, predict_bodies
from poco_ros.evaluation.report import Judged, evaluation_report
from poco_ros.regressors.base import Regressor
from poco_ros.synth.found import found
from poco_ros.synth.shards import HEADER, SPLITS, Header, Samples, read_dataset, shard_path
from poco_ros.synth.stored_crops import StoredCrops

AUTO = 'auto'
SPLIT_CHOICES = (AUTO, *SPLITS, 'all')
BASELINE = 'analytic lift'
_OCCLUSION_EDGES = (0.02, 0.3)
_OCCLUSION_NAMES = np.array(['hidden less than 2 %', 'hidden 2 to 30 %', 'hidden more than 30 %'])

Progress = Callable[[str, int, int], None]
"""Told what is being done, how many samples are done, and of how many."""


def choose_split(split: str, header: Header, network: Path | None) -> str:
    """Return the split that 'auto' stands for.

    :param split: as the user gave it.
    :param header: of the data set.
    :param network: folder of the network that is judged; None for a regressor that was never trained.
    :returns: 'test' where the network's records name the motion file of this data set (the splits of people, clothes
        and backgrounds are the same for all seeds), else 'all': nothing in it was trained on.
    """
    if split != AUTO:
        return split
    motion = str(header.recipe.get('files', {}).get('mocap', ''))
    if network is None or not motion:
        return 'all'
    records = [network / name for name in (PROVENANCE_FILE, RECORD_FILE)]
    known = any(motion in path.read_text(encoding='utf-8') for path in records if path.exists())
    return 'test' if known else 'all'


def evaluate_dataset(
    data: Path, split: str, name: str, regressors: Mapping[str, Regressor], body: BodyModel, cache: Path,
    progress: Progress = lambda what, done, total: None, calibration: Calibration | None = None,
) -> dict[str, Any]:
    """Run regressors on a split, and report.

    :param data: folder of the data set.
    :param split: 'train', 'val', 'calibration', 'test' or 'all'.
    :param name: of the regressor that is judged; the others are baselines.
    :param regressors: by name.
    :param body: what their bodies are made of.
    :param cache: folder for predictions, so that an interrupted run goes on where it stopped.
    :param progress: told of every frame.
    :param calibration: of the regressor that is judged; None: it has none.
    :raises DatasetError: when the data set is broken, or has no pictures for a regressor that looks at some.
    """
    header = Header.load(data)
    samples = read_dataset(data, split)
    files = [data / HEADER, *(shard_path(data, shard) for shard in range(header.shards))]
    of = {'data': hash_of_files(files), 'split': split}
    judged = {}
    for key, regressor in regressors.items():
        crops = None if regressor.needs_landmarks else StoredCrops(data, split)
        predictions = _predictions(
            regressor, samples, crops, cache, {**of, 'model': identity(regressor.info, body)},
            lambda done, total, key=key: progress(f'{key}: bodies', done, total))  # type: ignore[misc]
        judged[key] = Judged.of(predictions, body, lambda done, total, key=key: progress(  # type: ignore[misc]
            f'{key}: vertices', done, total))
    report = evaluation_report(name, judged, landmark_visibility(samples), groups_of(samples), calibration)
    return {'data': {'folder': str(data), 'sha256': of['data'], 'recipe': dict(header.recipe)}, 'split': split,
            **report}


def groups_of(samples: Samples) -> dict[str, npt.NDArray[np.str_]]:
    """Return the groupings of samples that are told apart: (S,) texts each."""
    return {'source': samples.source, 'occlusion': _OCCLUSION_NAMES[np.digitize(samples.occlusion, _OCCLUSION_EDGES)],
            'found': np.where(found(samples), 'found by the node', 'not found by the node'),
            'sides': np.where(exchanged(samples), 'left taken for right', 'left and right as they are')}


def _predictions(
    regressor: Regressor, samples: Samples, crops: Crops | None, cache: Path, of: dict[str, Any],
    progress: Callable[[int, int], None],
) -> Predictions:
    # Frames of one sequence share a camera and go through the regressor together, so a chunk is cut by rows alone.
    chunks = in_chunks(
        cache, json.loads(json.dumps(of)), len(samples),
        lambda rows: predict_bodies(regressor, samples.take(rows), None, crops and _Taken(crops, rows)),
        Predictions.load, progress)
    return Predictions.join(chunks)


class _Taken:
    """The crops of some rows."""

    def __init__(self, crops: Crops, rows: npt.NDArray[np.intp]) -> None:
        self._crops, self._rows = crops, rows
        self.squares = crops.squares[rows]

    def take(self, rows: npt.NDArray[np.integer]) -> npt.NDArray[np.uint8]:
        return self._crops.take(self._rows[rows])
