"""A model on a data set of the field."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.camera import Camera
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.options import EngineOptions
from poco_ros.errors import ConfigError, DatasetError
from poco_ros.evaluation import metrics
from poco_ros.evaluation.chunks import hash_of_files, identity, in_chunks
from poco_ros.evaluation.datasets.files import Benchmark, Files, check_images, read_benchmark, read_regressor
from poco_ros.evaluation.datasets.outcome import Outcome
from poco_ros.evaluation.datasets.protocols import Protocol, body_errors_mm, find_protocol
from poco_ros.evaluation.uncertainty import constant_per_joint, mean_known, scores, spearman
from poco_ros.people.finder import PeopleFinder
from poco_ros.regressors import choose_regressor, make_regressor
from poco_ros.regressors.base import Regressor
from poco_ros.types import Bodies, Boxes, Frame, People, State
from poco_ros.video.pictures import read_picture

Progress = Callable[[str, int, int], None]
_MM = 1e3


@dataclass(frozen=True)
class Truth:
    """What the truth of a data set is computed with.

    :param protocol: of the data set.
    :param body: neutral SMPL.
    :param regressor: (17, V) of Human3.6M's joints.
    :param male: SMPL, where the truth is gendered.
    :param female: likewise.
    """

    protocol: Protocol
    body: BodyModel
    regressor: npt.NDArray[np.float64]
    male: BodyModel | None = None
    female: BodyModel | None = None

    @classmethod
    def load(cls, protocol: Protocol, body: BodyModel, files: Files) -> Truth:
        """Load the user's files.

        :raises ConfigError: when the truth is gendered and a SMPL file is not given.
        :raises BodyModelError: when one is missing or broken.
        :raises DatasetError: when the regressor is.
        """
        regressor = read_regressor(files.h36m_regressor, body.num_vertices)
        if not protocol.gendered:
            return cls(protocol, body, regressor)
        if files.male is None or files.female is None:
            raise ConfigError(f'the truth of {protocol.name} are male and female SMPL bodies: give --male and --female '
                              'with the SMPL files')
        return cls(protocol, body, regressor, load_body_model(files.male), load_body_model(files.female))

    def vertices(self, persons: Benchmark) -> npt.NDArray[np.float32] | None:
        """Return the true vertices, (N, V, 3) metres; None where there are none."""
        if self.male is None or self.female is None or persons.female is None or persons.pose is None:
            return None
        both = [model.vertices(persons.pose, persons.betas) for model in (self.male, self.female)]
        return np.where(persons.female[:, None, None], both[1], both[0])

    def measure(self, bodies: Bodies, persons: Benchmark) -> Outcome:
        """Hold bodies against the truth.

        :param bodies: N, in the order of the persons; what was lost is NaN in all that is returned.
        :param persons: N.
        """
        known = bodies.state != State.LOST
        n = len(persons)
        outcome = Outcome(*(np.full((n, *shape), np.nan) for shape in ((24,), (), (24,), (24,), (), (), ())))
        if not known.any():
            return outcome
        bodies, persons = bodies.take(known), persons.take(known)
        vertices, true_vertices = self.body.vertices(bodies.pose, bodies.betas), self.vertices(persons)
        predicted = self.protocol.predicted_joints(vertices, self.regressor)
        if true_vertices is not None:
            target = self.protocol.predicted_joints(true_vertices, self.regressor)
        else:
            target = self.protocol.stored_joints(persons.joints)  # type: ignore[arg-type]  # checked when it was read
        errors = body_errors_mm(predicted, target, vertices, true_vertices)
        for field, values in zip(('pve_mm', 'mpjpe_mm', 'pa_mpjpe_mm'), errors, strict=True):
            getattr(outcome, field)[known] = values
        outcome.sigma[known], outcome.uncertainty[known] = bodies.joint_uncertainty, bodies.uncertainty
        if persons.pose is not None:
            rotmats = axis_angle_to_matrix(bodies.pose), axis_angle_to_matrix(persons.pose)
            outcome.rotation[known] = metrics.rotation_errors(*rotmats)
            true_joints = self._joints(persons)
            if true_joints is not None:
                joints = bodies.joints - bodies.joints[:, :1]
                outcome.joint_mm[known] = _MM * np.linalg.norm(joints - true_joints, axis=-1)
        return outcome

    def _joints(self, persons: Benchmark) -> npt.NDArray[np.float32] | None:
        """(N, 24, 3) true SMPL joints, pelvis at 0, each of the person's own gender; None where there are none."""
        if self.male is None or self.female is None or persons.female is None or persons.pose is None:
            return None
        both = [model.joints(persons.pose, persons.betas) for model in (self.male, self.female)]
        joints = np.where(persons.female[:, None, None], both[1], both[0])
        return np.asarray(joints - joints[:, :1])


def evaluate_benchmark(
    dataset: str, files: Files, model: str, body: BodyModel, options: EngineOptions, cache: Path,
    progress: Progress = lambda what, done, total: None, make: Callable[[], Regressor] | None = None,
) -> dict[str, Any]:
    """Run a model on a data set of the field, and report.

    Crops are the squares that the file gives, as the published evaluation cuts them; cameras are assumed to have the
    image diagonal as focal length, likewise.

    :param dataset: name of the data set.
    :param files: the user's.
    :param model: as the node parameter.
    :param body: neutral SMPL.
    :param options: of the engine.
    :param cache: folder for what is computed, so that an interrupted run goes on where it stopped.
    :param progress: told of every person.
    :param make: makes the regressor; None: as the node does.
    :raises PocoError: when a file is missing, broken, or does not fit; names it.
    """
    protocol = find_protocol(dataset)
    persons = read_benchmark(files.npz, protocol)
    truth = Truth.load(protocol, body, files)
    check_images(files.images, persons)
    network = None if make else choose_regressor(model, body)
    regressor = make() if make else make_regressor(model, body, options)
    padding = (ModelRecord.load(network).box_padding if network else None) or 1.0
    finder = PeopleFinder() if regressor.needs_landmarks else None
    hashed = [path for path in (files.npz, files.h36m_regressor, files.male, files.female) if path is not None]
    of = {'data': hash_of_files(hashed), 'images': str(files.images.absolute()), 'dataset': dataset,
          'model': identity(regressor.info, body)}

    def outcome_of(rows: npt.NDArray[np.intp]) -> Outcome:
        some = persons.take(rows)
        parts = []
        for row in range(len(some)):
            parts.append(_bodies(regressor, finder, files.images, some, row, padding))
            progress('bodies', int(rows[row]) + 1, len(persons))
        joined = {f.name: np.concatenate([getattr(part, f.name) for part in parts]) for f in dataclasses.fields(Bodies)}
        return truth.measure(Bodies(**joined), some)

    chunks = in_chunks(cache, of, len(persons), outcome_of, Outcome.load, lambda done, total: progress(
        'bodies', done, total), size=64)
    name = regressor.info.model
    return {'model': dataclasses.asdict(regressor.info), 'dataset': dataset, 'npz': str(files.npz),
            **benchmark_report(name, Outcome.join(chunks), persons.sequence)}


def _bodies(
    regressor: Regressor, finder: PeopleFinder | None, folder: Path, persons: Benchmark, row: int, padding: float,
) -> Bodies:
    path = folder / str(persons.image[row])
    image = read_picture(path)
    frame = Frame(image, Camera.assumed(image.shape[1], image.shape[0]))
    cx, cy, side = persons.square[row]
    if not side > 0:
        raise DatasetError(f'the box of person {row} in {path} has no area')
    half = side / padding / 2
    box = np.array([[cx - half, cy - half, cx + half, cy + half]], np.float32)
    boxes = Boxes(box, np.ones(1, np.float32), np.full(1, -1, np.int32))
    if finder is None:
        return regressor.regress(frame, People(boxes))
    finder.reset()
    return regressor.regress(frame, finder.find_in_boxes(frame, boxes))


def benchmark_report(name: str, outcome: Outcome, sequence: npt.NDArray[np.str_]) -> dict[str, Any]:
    """Return what is told: the same tables as of made-up people, as far as the truth goes.

    :param name: of the model.
    :param outcome: N persons.
    :param sequence: (N,) names.
    """
    errors = outcome.errors
    lost = ~np.isfinite(outcome.mpjpe_mm)
    own = scores(outcome.sigma, outcome.uncertainty, errors)
    constant = constant_per_joint(errors.rotation, sequence)
    known = ~lost
    rows = [_row(str(label), outcome, np.flatnonzero(sequence == label)) for label in np.unique(sequence)]
    summary = {key: mean_known(values) for key, values in errors.of_bodies.items()}
    return {
        'samples': len(lost), 'common': int(known.sum()), 'sequences': len(rows),
        'models': {name: {'lost': int(lost.sum()), 'errors': {'samples': int(known.sum()), **summary}}},
        'uncertainties': {'own': own, 'constant per joint': {
            'pooled_pcc': metrics.pcc(constant, errors.rotation)[0]}},
        'per_sequence': rows,
    }  # fmt: skip


def _row(label: str, outcome: Outcome, rows: npt.NDArray[np.intp]) -> dict[str, Any]:
    errors = outcome.errors.take(rows)
    scalar = outcome.uncertainty[rows]
    known = int(np.isfinite(errors.mpjpe_mm).sum())
    return {'name': label, 'samples': known, 'lost': len(rows) - known,
            **{key: mean_known(values) for key, values in errors.of_bodies.items()},
            'pcc_pve': metrics.pcc(scalar, errors.pve_mm)[0], 'spearman_pve': spearman(scalar, errors.pve_mm),
            'pcc_mpjpe': metrics.pcc(scalar, errors.mpjpe_mm)[0]}  # fmt: skip
