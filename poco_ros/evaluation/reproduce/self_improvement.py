"""Self-improvement (section 5.4): whether a network learns from its own predictions, chosen by their uncertainty.

A teacher is trained on a part of the people, and predicts the others, whose labels it never sees. Students are trained
anew, for as many steps, on the labelled people and on predictions: all of them (whole), those below a threshold of
uncertainty (filtered), or as many drawn at random (random). Only the choice differs between filtered and random.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.model import BodyModel
from poco_ros.body.rotations import matrix_to_axis_angle
from poco_ros.errors import DatasetError
from poco_ros.evaluation.predictions import Predictions
from poco_ros.evaluation.reproduce.cells import Cell, Lab, Progress, run_cell
from poco_ros.synth.shards import Samples

SHARES = (0.25, 0.5, 0.75)
_MADE_UP = 'prior'
_VISIBLE, _OUT_OF_PICTURE = 3, 0

Mask = npt.NDArray[np.bool_]


def labelled(samples: Samples, seed: int, share: float = 0.5) -> Mask:
    """Return which samples keep their labels: whole subjects, drawn; made-up poses, of nobody, always do.

    :param samples: of the train split.
    :param seed: of the draw.
    :param share: of the subjects.
    :raises DatasetError: when there are fewer than two subjects to divide.
    """
    subjects = sorted(set(samples.subject.tolist()) - {_MADE_UP})
    if len(subjects) < 2:
        raise DatasetError(f'self-improvement divides the people of the train split, and there are {len(subjects)}; '
                           'make a data set from a motion file with more subjects')
    count = min(max(1, round(share * len(subjects))), len(subjects) - 1)
    chosen = np.random.default_rng(seed).choice(subjects, count, replace=False)
    return np.isin(samples.subject, [*chosen, _MADE_UP])


def choose(uncertainty: npt.NDArray[np.floating], share: float, seed: int) -> tuple[float, Mask, Mask]:
    """Return the threshold that keeps a share, who is below it, and as many drawn at random.

    :param uncertainty: (U,); who is not known is never chosen.
    :param share: in (0, 1).
    :param seed: of the draw.
    """
    known = np.flatnonzero(np.isfinite(uncertainty))
    threshold = float(np.quantile(uncertainty[known], share))
    filtered = np.isfinite(uncertainty) & (uncertainty < threshold)
    drawn = np.zeros(len(uncertainty), np.bool_)
    drawn[np.random.default_rng(seed).choice(known, int(filtered.sum()), replace=False)] = True
    return threshold, filtered, drawn


def with_pseudo_labels(samples: Samples, predictions: Predictions, body: BodyModel) -> Samples:
    """Return samples with predictions in the place of their truth; nothing of the truth stays.

    :param samples: S.
    :param predictions: of the same, none of them lost.
    :param body: that the predictions are of.
    """
    joints = predictions.joints_m
    depth = np.where(joints[..., 2] > 0, joints[..., 2], np.nan)[..., None]
    pixels = joints[..., :2] / depth * samples.intrinsics[:, None, :2] + samples.intrinsics[:, None, 2:]
    with np.errstate(invalid='ignore'):
        inside = ((pixels >= 0) & (pixels < samples.image_size[:, None])).all(axis=-1)
    return dataclasses.replace(
        samples, pose=matrix_to_axis_angle(predictions.rotmat).astype(np.float32), betas=predictions.betas,
        joints=joints, transl=joints[:, 0] - body.rest_joints(predictions.betas)[:, 0],
        joint_visibility=np.where(inside, _VISIBLE, _OUT_OF_PICTURE).astype(np.uint8),
    )


def self_improvement(
    lab: Lab, cell: Cell, folder: Path, body: BodyModel, progress: Progress, shares: Sequence[float] = SHARES,
) -> dict[str, Any]:
    """Run the study.

    :param lab: trains and runs.
    :param cell: the teacher's formulation, seed and steps.
    :param folder: of all cells.
    :param body: for errors and joints.
    :param progress: told of every training.
    :param shares: of the predictions that are kept, one student each.
    :returns: 'labelled' and 'unlabelled', how many samples; 'rows': the teacher and every student with its errors, how
        many predictions it learnt from, their threshold and their mean error.
    """
    people = lab.samples('train')
    known = labelled(people, cell.seed)
    own, others = people.take(known), people.take(~known)
    teacher_cell = dataclasses.replace(cell, study='teacher')
    teacher = run_cell(lab, teacher_cell, folder, body, progress, own)
    # Training that is finished gives the network back at once: its state is on disk.
    network = lab.train(teacher_cell, folder / teacher_cell.name, own, progress)
    said = lab.predict(network, teacher_cell, others)
    errors = said.joint_errors_mm().mean(axis=1)
    choices: list[tuple[str, float | None, float | None, Mask]] = [('whole', None, None, ~said.lost)]
    for part in shares:
        below, filtered, drawn = choose(np.where(said.lost, np.nan, said.uncertainty), part, cell.seed)
        choices += [('filtered', part, below, filtered), ('random', part, None, drawn)]
    rows: list[dict[str, Any]] = [_row('teacher', teacher)]
    for kind, share, threshold, chosen in choices:
        study = kind if share is None else f'{kind} {share:g}'
        pseudo = with_pseudo_labels(others.take(chosen), said.take(chosen), body)
        result = run_cell(lab, dataclasses.replace(cell, study=study), folder, body, progress, joined(own, pseudo))
        rows.append({**_row(kind, result), 'share': share, 'threshold': threshold, 'pseudo': int(chosen.sum()),
                     'pseudo_mpjpe_mm': float(errors[chosen].mean())})
    return {'labelled': int(known.sum()), 'unlabelled': int((~known).sum()), 'rows': rows}


def joined(first: Samples, second: Samples) -> Samples:
    """Return the samples of both."""
    arrays: dict[str, Any] = {}
    for field in dataclasses.fields(Samples):
        a, b = getattr(first, field.name), getattr(second, field.name)
        if dataclasses.is_dataclass(a):
            parts = {f.name: np.concatenate([getattr(a, f.name), getattr(b, f.name)]) for f in dataclasses.fields(a)}
            arrays[field.name] = dataclasses.replace(a, **parts)  # type: ignore[type-var]
        else:
            arrays[field.name] = np.concatenate([a, b])
    return Samples(**arrays)


def _row(kind: str, result: Any) -> dict[str, Any]:
    return {'kind': kind, 'share': None, 'threshold': None, 'pseudo': 0, 'pseudo_mpjpe_mm': None,
            'errors': result['errors'], 'pooled_pcc': result['uncertainties'].get('own', {}).get('pooled_pcc')}
