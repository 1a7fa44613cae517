"""The lift's backbone: from what was seen of a person, a vector of numbers, to the feature that the heads read."""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn

from poco_ros.regressors.poco_lift.observation import GLOBAL_D, LOCAL_SIZE, D
from poco_ros.types import NUM_LANDMARKS

# What lies farther out than this was hardly ever seen in training, and counts as this far.
_FARTHEST = 8.0
_LEAST_DEVIATION = 1e-3
_DROPOUT = 0.1
_LOCAL_WIDTH = 16


class LandmarkEncoder(nn.Module):  # type: ignore[misc]
    """Standardise, make a few numbers of what is seen about each landmark, then a residual multi-layer perceptron.

    Every landmark has a layer of its own, with SiLU, from its local numbers to 16. Each block is layer norm, a layer to
    half the width, SiLU, dropout and a layer back, added to what came in.

    :ivar num_features: size of the feature.
    :ivar mean: (D,), of the training data; zeros until :meth:`set_statistics`.
    :ivar std: (D,), standard deviations likewise; ones until then.
    :ivar dropout: of all blocks; set ``dropout.p`` to choose otherwise than 0.1.
    """

    mean: Tensor
    std: Tensor

    def __init__(self, width: int, blocks: int) -> None:
        """Build it with random weights.

        :param width: size of the feature, even.
        :param blocks: how many.
        """
        super().__init__()
        self.num_features = width
        self.register_buffer('mean', torch.zeros(D))
        self.register_buffer('std', torch.ones(D))
        self.dropout = nn.Dropout(_DROPOUT)
        self.local = nn.Parameter(torch.randn(NUM_LANDMARKS, LOCAL_SIZE, _LOCAL_WIDTH) / math.sqrt(LOCAL_SIZE))
        self.first = nn.Linear(GLOBAL_D + NUM_LANDMARKS * _LOCAL_WIDTH, width)
        self.blocks = nn.ModuleList(
            nn.Sequential(
                nn.LayerNorm(width), nn.Linear(width, width // 2), nn.SiLU(), self.dropout,
                nn.Linear(width // 2, width),
            )
            for _ in range(blocks)
        )  # fmt: skip
        self.last = nn.LayerNorm(width)

    def set_statistics(self, mean: Tensor, std: Tensor) -> None:
        """Say how observations are distributed.

        :param mean: (D,).
        :param std: (D,), >= 0; numbers that hardly vary count as varying by 0.001.
        """
        self.mean.copy_(mean)
        self.std.copy_(std.clamp_min(_LEAST_DEVIATION))

    def forward(self, observation: Tensor) -> Tensor:
        """Return the feature.

        :param observation: (N, D), :class:`poco_ros.regressors.poco_lift.observation.Observation`.
        :returns: (N, width).
        """
        standard = ((observation - self.mean) / self.std).clamp(-_FARTHEST, _FARTHEST)
        by_landmark = standard[:, GLOBAL_D:].reshape(-1, NUM_LANDMARKS, LOCAL_SIZE).transpose(0, 1)
        local = nn.functional.silu(torch.matmul(by_landmark, self.local)).transpose(0, 1).flatten(1)
        values = self.first(torch.cat([standard[:, :GLOBAL_D], local], dim=1))
        for block in self.blocks:
            values = values + block(values)
        feature: Tensor = nn.functional.silu(self.last(values))
        return feature
