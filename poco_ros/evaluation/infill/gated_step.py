"""The network that predicts unseen joints: one step of 1/30 s, in torch for its training, and its way into ONNX.

It begins with a linear step that was fitted before. Training adds to it a change of the matrix, and a second step
through a narrow middle, each unit of which has a gate, between 0 and 1, that depends on pose and state. Nothing is
added that does not pass through the state: from rates and means of zero come rates of zero. And since gates and what
they see are bounded, so is what a step can make of small rates, in poses that nobody has trained for too.

Only rotations are added to. The position of the pelvis keeps the linear step: what a few people teach about where one
walks did not hold for others.
"""

from __future__ import annotations

import tempfile
import warnings
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import torch

from poco_ros.errors import ExportError
from poco_ros.export.onnx_file import OPSET
from poco_ros.temporal.learned_dynamics import POSE, RATE, STATE

Single = npt.NDArray[np.float32]

#: Features of poses that hardly vary are not blown up to more than this.
_LEAST_POSE_SPREAD = 0.1
#: What gates see goes no farther than this, in standard deviations: poses unlike those of training are as any other.
_SATURATION = 2.0


class GatedStep(torch.nn.Module):  # type: ignore[misc]
    """From states and poses to the next rates.

    :param start: (S, 69) matrix of the linear step, S the size of a state; what is added to it begins at zero.
    :param states: (E, S) some states, for their spread.
    :param poses: (E, 126) some pose features, for their mean and spread.
    :param width: units of the narrow middle, and of the two layers that make the gates.
    """

    _inverse_spread: torch.Tensor
    _start: torch.Tensor
    _unit: torch.Tensor
    _pose_mean: torch.Tensor
    _pose_scale: torch.Tensor

    def __init__(self, start: Single, states: Single, poses: Single, width: int) -> None:
        super().__init__()
        size, rates = start.shape
        spread = states.std(axis=0) + np.float32(1e-5)
        self._constant('_inverse_spread', 1 / spread)
        self._constant('_start', spread[:, None] * start)
        self._constant('_unit', spread[:rates] * (np.arange(rates) < rates - 3))
        self._constant('_pose_mean', poses.mean(axis=0))
        self._constant('_pose_scale', 1 / np.maximum(poses.std(axis=0), _LEAST_POSE_SPREAD))
        self.change = torch.nn.Parameter(torch.zeros(size, rates))
        self.narrow = torch.nn.Linear(size, width, bias=False)
        self.wide = torch.nn.Linear(width, rates, bias=False)
        torch.nn.init.zeros_(self.wide.weight)
        self.gates = torch.nn.Sequential(
            torch.nn.Linear(size + poses.shape[1], width), torch.nn.Tanh(), torch.nn.Linear(width, width),
            torch.nn.Sigmoid())

    def _constant(self, name: str, values: Single) -> None:
        self.register_buffer(name, torch.from_numpy(np.ascontiguousarray(values, np.float32)))

    def forward(self, state: torch.Tensor, pose: torch.Tensor) -> torch.Tensor:
        """Return the rates after 1/30 s, (N, 69).

        :param state: (N, S).
        :param pose: (N, 126), see :func:`poco_ros.temporal.learned_dynamics.pose_features`.
        """
        scaled = state * self._inverse_spread
        seen = torch.cat([scaled, (pose - self._pose_mean) * self._pose_scale], 1)
        gates = self.gates(seen / torch.sqrt(1 + (seen / _SATURATION) ** 2))
        return scaled @ self._start + (scaled @ self.change + self.wide(self.narrow(scaled) * gates)) * self._unit


def to_onnx(network: GatedStep) -> onnx.ModelProto:
    """Return the network as a graph of the names in :mod:`poco_ros.temporal.learned_dynamics`.

    :raises ExportError: when torch cannot export it.
    """
    # two people: with one, the trace could not tell a size that is one from the number of people
    inputs = torch.zeros(2, len(network._inverse_spread)), torch.zeros(2, len(network._pose_mean))
    with tempfile.TemporaryDirectory(prefix='poco-export-') as folder, warnings.catch_warnings():
        warnings.simplefilter('ignore')  # that the exporter is the older one
        path = Path(folder) / 'step.onnx'
        try:
            torch.onnx.export(
                network.eval(), inputs, str(path), dynamo=False, opset_version=OPSET, input_names=[STATE, POSE],
                output_names=[RATE], dynamic_axes={name: {0: 'N'} for name in (STATE, POSE, RATE)})
            model = onnx.load(path)
        except (RuntimeError, ValueError, TypeError, OSError, torch.onnx.errors.OnnxExporterError) as error:
            raise ExportError(f'torch cannot export the learned dynamics: {error}') from error
    model.producer_name, model.producer_version = 'poco_ros', ''
    onnx.checker.check_model(model)
    return model
