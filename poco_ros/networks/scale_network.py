"""The scale network: one sigma per joint from what the image shows and what pose was found (paper eq. 7, SPEC 6)."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from poco_ros.types import NUM_JOINTS

POSE_MATRIX_SIZE = 9 * NUM_JOINTS
_DROPOUT = 0.5
_ACTIVATIONS = {'sigmoid': nn.Sigmoid, 'softplus': nn.Softplus, 'none': nn.Identity}


class ScaleNetwork(nn.Module):  # type: ignore[misc]
    """A multi-layer perceptron with the activation after every layer, the last included.

    Its input is, by name:

    - 'feat': the image feature;
    - 'feat-pose': the feature and the 24 rotation matrices side by side (the released PARE);
    - 'feat-pose-net': both brought to the first hidden size by a layer of their own (the released CLIFF);
    - 'feat-net-pose': only the feature brought to the first hidden size, the matrices as they are (the paper's text).

    Neither the feature nor the pose is detached: the losses on sigma train what lies before, unless it is frozen.
    In training half of the values before each activation are dropped, as released; set ``dropout.p`` (the chain, with
    the output) or ``branch_dropout.p`` (the first layers of the branches) to choose otherwise.
    """

    def __init__(
        self,
        num_features: int,
        hidden: tuple[int, ...],
        *,
        inputs: str = 'feat-pose-net',
        activation: str = 'sigmoid',
        sigma_size: int = 1,
        multiplier: float = 1.0,
    ) -> None:
        """Build it with random weights.

        :param num_features: size of the image feature.
        :param hidden: sizes of the hidden layers; the first is that of the branches where there are some.
        :param inputs: 'feat', 'feat-pose', 'feat-pose-net' or 'feat-net-pose'.
        :param activation: 'sigmoid', 'softplus' or 'none'.
        :param sigma_size: numbers per joint, 1 or 9.
        :param multiplier: factor on the output; 1 but for official modes.
        """
        super().__init__()
        self.inputs = inputs
        self.sigma_size = sigma_size
        self.multiplier = multiplier
        self.activation = _ACTIVATIONS[activation]()
        self.branch_dropout = nn.Dropout(_DROPOUT)
        self.dropout = nn.Dropout(_DROPOUT)
        feature_size, pose_size = num_features, 0 if inputs == 'feat' else POSE_MATRIX_SIZE
        if inputs == 'feat-pose-net':
            self.uncert_fc_poseNet = nn.Linear(POSE_MATRIX_SIZE, hidden[0])
            pose_size = hidden[0]
        if inputs in ('feat-pose-net', 'feat-net-pose'):
            self.uncert_fc_featNet = nn.Linear(num_features, hidden[0])
            feature_size, hidden = hidden[0], hidden[1:]
        sizes = (feature_size + pose_size, *hidden, NUM_JOINTS * sigma_size)
        self._chain = [f'uncert_fc{i}' for i in range(1, len(sizes))]
        for i, name in enumerate(self._chain):
            self.add_module(name, nn.Linear(sizes[i], sizes[i + 1]))

    def forward(self, features: Tensor, rotmat: Tensor) -> Tensor:
        """Return sigma.

        :param features: (N, num_features).
        :param rotmat: (N, 24, 3, 3), the pose to judge: the predicted one, or in training partly the true one.
        :returns: (N, 24), or (N, 24, 3, 3) with nine numbers per joint; in (0, multiplier) with 'sigmoid'.
        """
        parts = [features]
        if self.inputs != 'feat':
            parts.append(rotmat.flatten(1))
        if self.inputs in ('feat-pose-net', 'feat-net-pose'):
            parts[0] = self.activation(self.branch_dropout(self.uncert_fc_featNet(parts[0])))
        if self.inputs == 'feat-pose-net':
            parts[1] = self.activation(self.branch_dropout(self.uncert_fc_poseNet(parts[1])))
        values = torch.cat(parts, dim=1)
        for name in self._chain:
            values = self.activation(self.dropout(self.get_submodule(name)(values)))
        if self.multiplier != 1:
            values = self.multiplier * values
        return values if self.sigma_size == 1 else values.unflatten(1, (NUM_JOINTS, 3, 3))
