"""Made-up people to check an exported lift with: observations as its training data were distributed."""

from __future__ import annotations

import numpy as np

from poco_ros.engine.base import Array
from poco_ros.errors import ExportError
from poco_ros.networks.landmark_encoder import LandmarkEncoder
from poco_ros.networks.model import PocoModel
from poco_ros.regressors.poco_lift.observation import D

_SEED = 20230812
# What a square left or right of the axis gives whose side is a fifth to nine tenths of the focal length.
_BOX = (-1.4, -0.7, -0.7), (1.4, 0.7, 11.0)


def synthetic_observations(model: PocoModel, count: int) -> dict[str, Array]:
    """Return what a lift's graph takes for so many made-up people, the same ones every time.

    Each number is drawn by itself, normally, about the mean that the network standardises by.

    :param model: a lift.
    :returns: ``observation`` (count, D) and ``bbox_info`` (count, 3), float32.
    :raises ExportError: when the network is no lift.
    """
    encoder = model.backbone
    if not isinstance(encoder, LandmarkEncoder):
        raise ExportError(f'{model.variant.name} looks at images, not at landmarks')
    rng = np.random.default_rng(_SEED)
    mean, std = encoder.mean.cpu().numpy(), encoder.std.cpu().numpy()
    vectors = mean + std * rng.standard_normal((count, D))
    return {'observation': vectors.astype(np.float32), 'bbox_info': rng.uniform(*_BOX, (count, 3)).astype(np.float32)}
