"""Training and running networks for a reproduction, by the trainer that ``poco train`` uses. Needs torch."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from poco_ros.body.model import BodyModel
from poco_ros.evaluation.predictions import Predictions, landmark_visibility, with_truth
from poco_ros.evaluation.reproduce.cells import Cell, Progress
from poco_ros.networks.model import PocoModel
from poco_ros.networks.uncertainty import body_uncertainty, joint_sigma
from poco_ros.regressors.poco_lift.observation import observe, virtual_size, virtual_squares
from poco_ros.synth.found import found
from poco_ros.synth.shards import Header, Samples, read_dataset
from poco_ros.synth.stored_crops import StoredCrops
from poco_ros.training.cameras import image_translation
from poco_ros.training.formulations import formulation
from poco_ros.training.image_data import read_image_data
from poco_ros.training.lift_data import lift_data
from poco_ros.training.smpl_layer import SmplLayer
from poco_ros.training.starting_point import new_network, start_from
from poco_ros.training.train_config import TrainConfig
from poco_ros.training.train_data import TrainingData
from poco_ros.training.trained_network import TRAINING_FOLDER, dataset_sha256, save_trained
from poco_ros.training.trainer import STATE_FILE, Task, Trainer

_AT_ONCE = 256
_VERTEX_STEP = 8
_PARE_BACKBONE = 'hrnet_w18_small'


@dataclass
class NetworkLab:
    """Trains on one data set.

    :param data: its folder.
    :param body: the model its labels are of.
    :param lift: how lifts are trained; seed and steps are each cell's.
    :param images: how image regressors are trained.
    :param image_backbone: timm's name of the network of HMR and CLIFF; PARE, whose head looks at a map of 56 x 56, has
        the smallest HRNet.
    """

    data: Path
    body: BodyModel
    lift: TrainConfig
    images: TrainConfig
    image_backbone: str = 'resnet18'
    data_sha256: str = field(init=False)
    _samples: dict[str, Samples] = field(default_factory=dict, init=False)

    def __post_init__(self) -> None:
        self.data_sha256 = dataset_sha256(self.data)

    def samples(self, split: str) -> Samples:
        """Return the samples of a split in which the node would have seen somebody; kept once read."""
        if split not in self._samples:
            everybody = read_dataset(self.data, split)
            self._samples[split] = everybody.take(found(everybody))
        return self._samples[split]

    def train(self, cell: Cell, folder: Path, samples: Samples | None, progress: Progress) -> PocoModel:
        """Train a network, or go on where that was interrupted.

        :raises TrainingError: when that fails; names the mend.
        """
        is_lift = cell.regressor == 'lift'
        of_images = _PARE_BACKBONE if cell.regressor == 'pare' else self.image_backbone
        made = formulation(cell.formulation, cell.regressor, 'paper', backbone=None if is_lift else of_images)
        config = replace(self.lift if is_lift else self.images, seed=cell.seed, steps=cell.steps,
                         scale_steps=cell.scale_steps)
        layer = SmplLayer(self.body, only_vertices=np.arange(0, self.body.num_vertices, _VERTEX_STEP))
        training, validation = self._data(cell, samples)
        motion = str(Header.load(self.data).recipe.get('files', {}).get('mocap', ''))
        identity = {'variant': made.variant.to_dict(), 'data_sha256': self.data_sha256, 'study': cell.study,
                    'body_sha256': self.body.sha256, 'mocap_sha256': motion}
        model = new_network(made.variant, config)
        start_from(model, training)
        trainer = Trainer(model, Task(made.losses, training, validation, layer, identity), config,
                          folder / TRAINING_FOLDER)
        if (folder / TRAINING_FOLDER / STATE_FILE).exists():
            trainer.resume()
        outcome = trainer.run(lambda step, numbers: progress(cell.name, step, trainer.total_steps))
        about = {'mode': 'paper', 'data': self.data.name, **identity}
        about.pop('variant')
        network = trainer.model.cpu().eval()
        save_trained(folder, network, config, about, outcome.numbers)
        return network

    def predict(self, network: PocoModel, cell: Cell, samples: Samples | None) -> Predictions:
        """Run a network on samples, of the test split where there are none given.

        Bodies stand where the network's camera puts them, with the true focal length.
        """
        people = self.samples('test') if samples is None else samples
        if cell.regressor == 'lift':
            seen = observe(people.landmarks, people.features, people.local_features, people.landmarks.image_px,
                           people.intrinsics)
            squares = seen.squares
            vector, info = torch.from_numpy(seen.vector), torch.from_numpy(seen.bbox_info)

            def inputs(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
                return vector[rows], info[rows]
        else:
            data = read_image_data(self.data, 'test', cell.regressor)
            kept = torch.from_numpy(np.flatnonzero(found(read_dataset(self.data, 'test'))))
            squares = StoredCrops(self.data, 'test').squares[kept.numpy()]

            def inputs(rows: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor | None]:
                batch = data.batch(kept[rows])
                return batch.inputs, batch.bbox_info

        place = virtual_squares(squares, people.intrinsics), virtual_size(people.intrinsics)
        said = run_network(network, inputs, self.body, *place)
        return with_truth(people, **said, seen=landmark_visibility(people), features=None)

    def _data(self, cell: Cell, samples: Samples | None) -> tuple[TrainingData, TrainingData]:
        if cell.regressor == 'lift':
            return lift_data(samples or self.samples('train')), lift_data(self.samples('val'))
        return (read_image_data(self.data, 'train', cell.regressor), read_image_data(self.data, 'val', cell.regressor))


def run_network(
    network: PocoModel, inputs: Callable[[torch.Tensor], tuple[torch.Tensor, torch.Tensor | None]], body: BodyModel,
    squares: Any, image_size: Any,
) -> dict[str, Any]:
    """Return rotmat, betas, joints_m, sigma and uncertainty of people, as ``with_truth`` takes them.

    :param network: in eval mode.
    :param inputs: gives what the network sees of some rows, and its bbox_info.
    :param body: for the joints.
    :param squares: (S, 3) of the virtual image.
    :param image_size: (S, 2) of the virtual image.
    """
    parts: list[dict[str, Any]] = []
    boxes, sizes = torch.from_numpy(squares), torch.from_numpy(image_size)
    with torch.inference_mode():
        for rows in torch.arange(len(boxes)).split(_AT_ONCE):
            said = network(*inputs(rows))
            transl = image_translation(said.cam, boxes[rows], sizes[rows]).numpy()
            rotmat, betas = said.rotmat.numpy(), said.betas.numpy()
            nothing = torch.full((len(rows), 24), torch.nan)
            sigma = nothing if said.sigma is None else joint_sigma(said.sigma)
            scalar = nothing[:, 0] if said.sigma is None else body_uncertainty(sigma, network.variant.scalar_rule)
            parts.append({'rotmat': rotmat, 'betas': betas, 'joints_m': body.joints(rotmat, betas, transl),
                          'sigma': sigma.numpy(), 'uncertainty': scalar.numpy()})
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
