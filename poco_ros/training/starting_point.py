"""What a new network knows of the data before its first step: how observations spread, and the mean pose."""

from __future__ import annotations

import torch

from poco_ros.networks.landmark_encoder import LandmarkEncoder
from poco_ros.networks.model import PocoModel
from poco_ros.networks.regression_heads import IterativeHead
from poco_ros.networks.variants import Variant
from poco_ros.training.train_config import TrainConfig, stream
from poco_ros.training.train_data import TrainingData

_LOOKED_AT = 20_000
_STANDING = ((1.0, 0.0, 0.0), (0.0, -1.0, 0.0), (0.0, 0.0, -1.0))
_FIRST_CAMERA = (0.9, 0.0, 0.0)


def new_network(variant: Variant, config: TrainConfig) -> PocoModel:
    """Return a network with random weights that depend on the seed alone."""
    with torch.random.fork_rng():
        torch.manual_seed(stream(config.seed, 'weights', 0))
        return PocoModel(variant)


def start_from(model: PocoModel, data: TrainingData) -> None:
    """Give a new network the statistics of its training data.

    The encoder of a lift is told mean and deviation of the observations. An iterative head starts from a standing
    person with the mean rotation of each joint, the root's excepted: people face every way.

    :param model: is changed.
    :param data: to train with; up to 20 000 people are looked at, evenly spread.
    """
    rows = torch.linspace(0, len(data) - 1, min(len(data), _LOOKED_AT)).long().unique()
    if isinstance(model.backbone, LandmarkEncoder):
        batch = data.batch(rows)
        model.backbone.set_statistics(batch.inputs.mean(0), batch.inputs.std(0, correction=0))
    if isinstance(model.head, IterativeHead):
        targets = data.targets(rows)
        rotmat = mean_rotations(targets.rotmat)
        rotmat[0] = torch.tensor(_STANDING)
        model.head.set_mean(rotmat, targets.betas.mean(0), torch.tensor(_FIRST_CAMERA))


def mean_rotations(rotmat: torch.Tensor) -> torch.Tensor:
    """Return the rotations closest to all in the sum of squared differences.

    :param rotmat: (N, 24, 3, 3).
    :returns: (24, 3, 3).
    """
    u, _, vh = torch.linalg.svd(rotmat.double().mean(0))
    u[..., 2] *= torch.linalg.det(u @ vh)[..., None]
    return (u @ vh).float()
