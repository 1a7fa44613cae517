"""Runs the learned step through a gap in torch, and says how wrong the body is where it arrives.

What counts is how far joints are from where they should be about the pelvis, to first order in the difference of the
rotations: the levers are those of the pose at the beginning of the gap. The position of the pelvis does not count: it
follows from the rates of the joints by a fixed linear step, and rates that were bent to serve it would serve the few
people they were learned from. As in the linear fit, two kinds of error count: that of the
prediction itself, and what is left of it when a later frame is known and the difference there is spread back.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from poco_ros.evaluation.infill.dynamics_fit import STEPS
from poco_ros.evaluation.infill.gated_step import GatedStep
from poco_ros.evaluation.infill.skeleton import positions
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.age_law import ABOVE
from poco_ros.temporal.learned_dynamics import POSED

Single = npt.NDArray[np.float32]

_TURNS = 22
#: The network sees a new pose every so many frames in training; at run time in every one.
_POSE_EVERY = 5
#: Lengths below which errors count by their square, above by themselves: metres, radians.
_ROUNDING_M, _ROUNDING_RAD = 0.003, 0.02
#: What errors of the rotations count beside those of the joints, and what bridged ones do.
_ROTATIONS, _BRIDGED = 0.03, 0.5


@dataclass(frozen=True)
class Batch:
    """Gaps to learn from, B of them.

    :param state: (B, 1 + K, 69) rates and means over the past.
    :param rotations: (B, 22, 3, 3) local rotations at the beginning; that of the pelvis is the identity.
    :param target: (B, 30, 69) displacement after each frame, in the axes of the beginning.
    :param levers: (B, 66, 72) by how much each turn, in body axes, moves each joint's place; metres per radian.
    """

    state: torch.Tensor
    rotations: torch.Tensor
    target: torch.Tensor
    levers: torch.Tensor


def batch(state: Single, rotations: Single, target: Single) -> Batch:
    """Return a batch.

    :param state: (B, 1 + K, 69).
    :param rotations: (B, 24, 4) quaternions at the beginnings.
    :param target: (B, 30, 69).
    """
    turned = rotations.astype(np.float64)
    turned[:, 0] = quat.identity()
    local = quat.to_matrix(turned[:, :_TURNS]).astype(np.float32)
    return Batch(torch.from_numpy(state), torch.from_numpy(local), torch.from_numpy(target),
                 torch.from_numpy(levers(turned)))


def levers(rotations: npt.NDArray[np.float64]) -> Single:
    """Return by how much a turn of each of the first 22 joints, in body axes, moves each of the 24 joints.

    :param rotations: (B, 24, 4) local quaternions.
    :returns: (B, 66, 72), metres per radian.
    """
    joints, turned = positions(rotations, np.zeros((len(rotations), 3)))
    moves = ABOVE[:, :_TURNS, None] * (joints[:, :, None] - joints[:, None, :_TURNS])
    axes = np.swapaxes(turned[:, :_TURNS], -1, -2)  # (B, 22, 3, 3): each row an axis of the joint, in the world
    by = np.cross(axes[:, :, :, None], moves.swapaxes(1, 2)[:, :, None])
    return by.reshape(len(rotations), 3 * _TURNS, 72).astype(np.float32)


def rolled_out(network: GatedStep, gaps: Batch, forgetting: torch.Tensor) -> torch.Tensor:
    """Apply the step again and again; return the displacements after each, (B, 30, 69), as ``gaps.target``.

    :param network: the step.
    :param gaps: where to begin.
    :param forgetting: (K,) lengths of the past, in frames.
    """
    count, columns = len(gaps.state), _TURNS + 1
    kept = (1 - 1 / forgetting)[None, :, None, None]
    state = gaps.state.reshape(count, -1, columns, 3)
    local, since = gaps.rotations, torch.zeros(count, _TURNS, 3)
    pose = _features(local)
    root = torch.eye(3).expand(count, 3, 3)
    turned, place, arrived = torch.zeros(count, _TURNS, 3), torch.zeros(count, 3), []
    for step in range(STEPS):
        rate = network(state.reshape(count, -1), pose).reshape(count, columns, 3)
        turned = turned + rate[:, :_TURNS]
        place = place + (root @ rate[:, _TURNS, :, None])[..., 0]
        turn = matrix_of(rate[:, 0])
        root = root @ turn
        # the filter keeps the motion of the position in the camera's axes; those of the pelvis, seen here, have turned
        state = torch.cat([rate[:, None], state[:, 1:]], 1)
        state = torch.cat([state[:, :, :_TURNS], state[:, :, _TURNS:] @ turn[:, None]], 2)
        state = torch.cat([state[:, :1], kept * (state[:, 1:] - state[:, :1])], 1)
        arrived.append(torch.cat([turned.reshape(count, -1), place], 1))
        with torch.no_grad():
            since = since + rate[:, :_TURNS]
            if step % _POSE_EVERY == _POSE_EVERY - 1:
                local = local @ matrix_of(since)
                pose, since = _features(local), torch.zeros_like(since)
    return torch.stack(arrived, 1)


def _features(local: torch.Tensor) -> torch.Tensor:
    """Return what :func:`poco_ros.temporal.learned_dynamics.pose_features` does, of matrices (B, 22, 3, 3)."""
    return local[:, POSED, :, :2].reshape(len(local), -1)


def matrix_of(vector: torch.Tensor) -> torch.Tensor:
    """Return the rotation matrices (..., 3, 3) of axis-angle vectors (..., 3), radians."""
    square = (vector * vector).sum(-1, keepdim=True)
    angle = torch.sqrt(square + 1e-12)
    sine, cosine = (torch.sin(angle) / angle)[..., None], ((1 - torch.cos(angle)) / (square + 1e-12))[..., None]
    x, y, z = vector.unbind(-1)
    zero = torch.zeros_like(x)
    cross = torch.stack([zero, -z, y, z, zero, -x, -y, x, zero], -1).reshape(*vector.shape, 3)
    return torch.eye(3) + sine * cross + cosine * (cross @ cross)


def loss(arrived: torch.Tensor, gaps: Batch, bridge: int) -> torch.Tensor:
    """Return how wrong the body is, in about metres: a mean over gaps, frames (the early ones count more) and joints.

    :param arrived: (B, 30, 69) displacements.
    :param gaps: what they should be.
    :param bridge: the frame, from 1 on, at which a later measurement is known for the bridged error.
    """
    error = arrived - gaps.target
    turns = error[..., :-3]
    joints = (turns @ gaps.levers).reshape(*turns.shape[:2], 24, 3)
    weight = 1 / (torch.arange(STEPS) + 3.0)
    of_frames = (_length(joints, _ROUNDING_M).mean(-1)
                 + _ROTATIONS * _length(turns.reshape(*turns.shape[:2], _TURNS, 3), _ROUNDING_RAD).mean(-1))
    open_ended = (of_frames @ weight).mean() / weight.sum()
    share = ((torch.arange(bridge) + 2.5) / (bridge + 2.5))[None, :, None, None]
    left = joints[:, :bridge] - share * joints[:, bridge:bridge + 1]
    return open_ended + _BRIDGED * _length(left, _ROUNDING_M).mean()


def _length(vectors: torch.Tensor, rounding: float) -> torch.Tensor:
    return torch.sqrt((vectors * vectors).sum(-1) + rounding ** 2)
