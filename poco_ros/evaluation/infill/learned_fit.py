"""Trains the network that predicts unseen joints: examples from motion capture, Adam, the best weights by validation.

One thread, one seed: the same command gives the same weights on one machine.
"""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch

from poco_ros.errors import TrainingError
from poco_ros.evaluation.infill.dynamics_fit import draw, examples, gap_beginnings
from poco_ros.evaluation.infill.gap_rollout import batch, loss, rolled_out
from poco_ros.evaluation.infill.gated_step import GatedStep
from poco_ros.evaluation.infill.motion_file import Motion
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.body_dynamics import BodyDynamics
from poco_ros.temporal.learned_dynamics import pose_features

Array = npt.NDArray[np.float64]
Single = npt.NDArray[np.float32]

_STRIDE = 3
_WARM_UP = 50
_LARGEST_GRADIENT = 1.0
_CHECKED_AT_ONCE = 256
#: Later frames at which validation bridges.
_BRIDGES = (6, 12, 24)


@dataclass(frozen=True)
class Gaps:
    """Beginnings of gaps, and what happened then; E of them.

    :param state: (E, 1 + K, 69) rates and means over the past.
    :param rotations: (E, 24, 4) estimated local quaternions.
    :param target: (E, 30, 69) displacement after each frame, in the axes of the beginning.
    """

    state: Single
    rotations: Single
    target: Single

    def take(self, index: npt.NDArray[np.int64]) -> Gaps:
        """Return some of them."""
        return Gaps(self.state[index], self.rotations[index], self.target[index])


@dataclass(frozen=True)
class Training:
    """How long and how fast.

    :param iterations: of Adam.
    :param width: of the network's narrow middle.
    :param batch: gaps per iteration.
    :param rate: of learning, falling to zero along a cosine.
    :param shrink: weight decay, towards the linear step.
    :param every: iterations between validations.
    :param seed: of the weights and of the draw.
    """

    iterations: int
    width: int = 48
    batch: int = 128
    rate: float = 2e-3
    shrink: float = 1.0
    every: int = 100
    seed: int = 0


def collect(
    motion: Motion, count: int, seed: int, mixture: dict[str, float], speeds: tuple[float, ...], pool: Array,
    forgetting: Array,
) -> Gaps:
    """Return gaps in windows of all clips, each also mirrored.

    :param motion: the file.
    :param count: of windows for each speed, at most.
    :param seed: of draw and noise.
    :param mixture: presets of the noise, and which part of the windows each gets.
    :param speeds: factors at which everything is moved, to see more than the clips show.
    :param pool: (P, 24, 4) poses to be confused with.
    :param forgetting: (K,) lengths of the past, in frames.
    """
    parts: list[Gaps] = []
    for speed in speeds:
        moved = at_speed(motion, speed)
        for preset, share in mixture.items():
            number = seed + len(parts)
            windows = draw(moved, np.arange(len(moved.names)), int(count * share), _STRIDE, number)
            smoother = gap_beginnings(windows, number, preset, pool, forgetting)
            found = examples(windows, smoother)
            parts.append(Gaps(found.state, smoother.estimate(0)[0].astype(np.float32), found.target))
    return Gaps(*(np.concatenate(values) for values in zip(*(vars(p).values() for p in parts), strict=True)))


def at_speed(motion: Motion, speed: float) -> Motion:
    """Return the clips as if everybody moved faster by a factor."""
    if speed == 1:
        return motion
    poses, places, start = [], [], [0]
    for first, end in zip(motion.clip_start[:-1], motion.clip_start[1:], strict=True):
        at = np.arange(0, end - first - 1, speed)
        before = first + at.astype(np.int64)
        share = (at % 1)[:, None]
        a, b = quat.exp(motion.poses[before]), quat.exp(motion.poses[before + 1])
        turn = share[..., None] * quat.log(quat.multiply(quat.conjugate(a), b))
        poses.append(quat.log(quat.multiply(a, quat.exp(turn))))
        places.append((1 - share) * motion.trans[before] + share * motion.trans[before + 1])
        start.append(start[-1] + len(at))
    return Motion(np.concatenate(poses), np.concatenate(places), np.array(start), motion.names, motion.licences,
                  motion.subjects)


def fit(
    gaps: Gaps, validation: Gaps, linear: BodyDynamics, forgetting: Array, how: Training,
    report: Callable[[int, float, float], None] | None = None,
) -> tuple[GatedStep, float]:
    """Return the trained step, with the weights that did best on the validation, and its loss there.

    :param gaps: to learn from.
    :param validation: of other clips.
    :param linear: where training begins: the step that the network adds to.
    :param forgetting: (K,) lengths of the past, in frames, those of ``linear`` among them.
    :param how: settings.
    :param report: called with the iteration, the loss of late and that of the validation.
    :raises TrainingError: when the loss is no number.
    """
    torch.manual_seed(how.seed)
    rng = np.random.default_rng(how.seed)
    lengths = torch.from_numpy(forgetting.astype(np.float32))
    features = pose_features(gaps.rotations.astype(np.float64)).astype(np.float32)
    network = GatedStep(widened(linear, forgetting), gaps.state.reshape(len(gaps.state), -1), features, how.width)
    optimiser = torch.optim.AdamW(network.parameters(), lr=how.rate, betas=(0.9, 0.99), weight_decay=how.shrink)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimiser, lambda i: min(1.0, (i + 1) / _WARM_UP) * 0.5 * (
        1 + np.cos(np.pi * i / how.iterations)))
    best, least, late = copy.deepcopy(network.state_dict()), validated(network, validation, lengths), np.nan
    if report:
        report(0, late, least)
    for i in range(how.iterations):
        part = gaps.take(rng.integers(len(gaps.state), size=how.batch))
        drawn = batch(part.state, part.rotations, part.target)
        value = loss(rolled_out(network, drawn, lengths), drawn, int(rng.integers(5, 30)))
        optimiser.zero_grad()
        value.backward()
        torch.nn.utils.clip_grad_norm_(network.parameters(), _LARGEST_GRADIENT)
        optimiser.step()
        schedule.step()
        now = float(value.detach())
        if not np.isfinite(now):
            raise TrainingError(f'the loss is {now} after {i + 1} iterations; lower the rate of learning')
        late = now if i == 0 else 0.98 * late + 0.02 * now
        if (i + 1) % how.every == 0 or i + 1 == how.iterations:
            checked = validated(network, validation, lengths)
            if checked < least:
                best, least = copy.deepcopy(network.state_dict()), checked
            if report:
                report(i + 1, late, checked)
    network.load_state_dict(best)
    return network, least


def widened(linear: BodyDynamics, forgetting: Array) -> Single:
    """Return the matrix of a linear step for states with more means over the past, which do not count yet.

    :raises TrainingError: when one of its own means is not among them.
    """
    matrix = np.zeros((1 + len(forgetting), *np.shape(linear.matrix[:linear.matrix.shape[1]])), np.float32)
    parts = linear.matrix.reshape(1 + linear.memory, *matrix.shape[1:])
    matrix[0] = parts[0]
    for length, part in zip(linear.forgetting, parts[1:], strict=True):
        same = np.flatnonzero(np.isclose(forgetting, length))
        if not len(same):
            raise TrainingError(f'the linear step has a mean over {length:g} frames, the network only over '
                                f'{forgetting.tolist()}')
        matrix[1 + same[0]] = part
    return matrix.reshape(-1, matrix.shape[2])


def validated(network: GatedStep, gaps: Gaps, forgetting: torch.Tensor) -> float:
    """Return the loss over all of some gaps."""
    total = 0.0
    for first in range(0, len(gaps.state), _CHECKED_AT_ONCE):
        part = gaps.take(np.arange(first, min(first + _CHECKED_AT_ONCE, len(gaps.state))))
        drawn = batch(part.state, part.rotations, part.target)
        with torch.no_grad():
            arrived = rolled_out(network, drawn, forgetting)
            losses = [float(loss(arrived, drawn, bridge)) for bridge in _BRIDGES]
        total += len(part.state) * float(np.mean(losses))
    return total / len(gaps.state)
