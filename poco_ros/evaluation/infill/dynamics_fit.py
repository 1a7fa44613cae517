"""Fits the whole-body predictor of unseen joints to motion capture.

The filter runs over windows with simulated noise up to the beginning of an occlusion; from its state there, the linear
step is applied again and again, and the matrix is changed so that where the joints arrive agrees with where they truly
went: over all steps at once, since a matrix that is best for one step is not best for thirty. Two kinds of error count:
that of the prediction itself, and what is left of it when a later frame is known and the difference there is spread
back over the gap, as the smoother does. Errors of a rotation are weighted by the bones it moves. The gradient is exact,
by the adjoint of the recursion; the optimiser is Adam.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from poco_ros.body.smpl import MIRROR
from poco_ros.evaluation.infill.motion_file import BEFORE, Motion, Windows, cut, starts
from poco_ros.evaluation.infill.occlusion import corrupt
from poco_ros.evaluation.infill.skeleton import REST_JOINTS
from poco_ros.temporal import quaternions as quat
from poco_ros.temporal.age_law import ABOVE
from poco_ros.temporal.body_dynamics import BodyDynamics
from poco_ros.temporal.config import MotionConfig, TrustConfig
from poco_ros.temporal.dynamics import COLUMNS
from poco_ros.temporal.filter_state import Measurement
from poco_ros.temporal.noise import filter_noise
from poco_ros.temporal.noise_meter import NoiseMeter
from poco_ros.temporal.smoother import Smoother

Single = npt.NDArray[np.float32]

STEPS = 30
"""Frames that are predicted."""
_SIZE = 3 * len(COLUMNS)
#: Lengths of gaps whose bridged error counts, and how much it counts.
_BRIDGES, _BRIDGE_WEIGHT = (3, 6, 11, 16), 0.3
#: What a metre of the pelvis counts, on the scale of the lever arms.
_PELVIS_LEVER = 0.5
_MIRRORED = np.array([1.0, 1, -1, -1])


@dataclass(frozen=True)
class Examples:
    """States at the beginning of gaps, and what happened then.

    :param state: (E, 1 + K, 69) rates and means over the past.
    :param target: (E, 30, 69) displacement after each frame, in the axes of the beginning.
    """

    state: Single
    target: Single


def collect(
    motion: Motion, clips: npt.NDArray[np.int64], count: int, stride: int, seed: int, preset: str,
    pool: npt.NDArray[np.float64], forgetting: npt.NDArray[np.float64],
) -> Examples:
    """Return examples from windows of some clips, each also mirrored.

    :param motion: the file.
    :param clips: which clips.
    :param count: of windows, at most.
    :param stride: frames between the beginnings of windows.
    :param seed: of draw and noise.
    :param preset: of the noise.
    :param pool: poses to be confused with.
    :param forgetting: lengths of the past, in frames.
    """
    windows = draw(motion, clips, count, stride, seed)
    return examples(windows, gap_beginnings(windows, seed, preset, pool, forgetting))


def draw(motion: Motion, clips: npt.NDArray[np.int64], count: int, stride: int, seed: int) -> Windows:
    """Return windows of some clips, and then the same ones mirrored; the parameters are those of :func:`collect`."""
    length = BEFORE + STEPS + 5
    first, clip = starts(motion, length, clips, stride)
    order = np.random.default_rng(seed).permutation(len(first))[:count]
    windows = cut(motion, first[order], length, clip[order])
    mirrored = windows.rotations[:, :, MIRROR] * _MIRRORED
    return Windows(np.concatenate([windows.rotations, mirrored]),
                   np.concatenate([windows.pelvis, windows.pelvis * [-1, 1, 1]]), np.tile(windows.clip, 2))


def gap_beginnings(
    windows: Windows, seed: int, preset: str, pool: npt.NDArray[np.float64], forgetting: npt.NDArray[np.float64],
) -> Smoother:
    """Return the filter after the last frame before the gap of each window; parameters as of :func:`collect`."""
    seen = corrupt(windows, STEPS, pool, seed, preset)
    return filtered(seen.rotations[:, :BEFORE], seen.pelvis[:, :BEFORE], seen.uncertainty[:, :BEFORE], forgetting)


def examples(windows: Windows, smoother: Smoother) -> Examples:
    """Return what the filter knows at the beginnings of gaps, and what the windows show then."""
    rotations, pelvis = smoother.estimate(0)
    inverse = quat.conjugate(rotations)[:, None]
    after = slice(BEFORE, BEFORE + STEPS)
    turned = quat.log(quat.multiply(inverse, windows.rotations[:, after]))[:, :, COLUMNS[:-1]]
    moved = quat.rotate(inverse[:, :, 0], windows.pelvis[:, after] - pelvis[:, None])[:, :, None]
    rate, past = smoother.motion()
    state = np.concatenate([rate[:, None], past], axis=1)[:, :, COLUMNS]
    return Examples(state.reshape(*state.shape[:2], _SIZE).astype(np.float32),
                    np.concatenate([turned, moved], axis=2).reshape(len(rate), STEPS, _SIZE).astype(np.float32))


def filtered(
    rotations: npt.NDArray[np.float64], pelvis: npt.NDArray[np.float64], uncertainty: npt.NDArray[np.float64],
    forgetting: npt.NDArray[np.float64],
) -> Smoother:
    """Run the filter over windows in which everything is measured, as the stream does.

    :param rotations: (B, T, 24, 4).
    :param pelvis: (B, T, 3).
    :param uncertainty: (B, T).
    :param forgetting: (K,).
    """
    motion, trust = MotionConfig(), TrustConfig()
    count, length = uncertainty.shape
    smoother = Smoother(0, filter_noise(motion), blank(forgetting))
    meter = NoiseMeter(np.radians(motion.jitter_deg), motion.jitter_pelvis_m, motion.least_noise, motion.most_noise)
    smoother.grow(count)
    meter.grow(count)
    all_used, none = np.ones((count, 25), bool), np.zeros((count, 25), bool)
    for t in range(length):
        u = uncertainty[:, t]
        doubt = 1 + np.exp((u - trust.knee) / trust.knee_width)
        weight = (0.6 + 0.8 * u) * doubt
        meter.add(rotations[:, t], pelvis[:, t], weight, u <= trust.u_lo)
        of_rotations, of_pelvis = meter.variance_factor()
        factor = np.repeat((weight ** 2 * of_rotations)[:, None], 25, axis=1)
        factor[:, -1] = weight ** 2 * of_pelvis
        doubts = np.repeat(doubt[:, None] ** 2, 25, axis=1)
        doubts[:, -1] = 1
        seen = Measurement(rotations[:, t], pelvis[:, t], factor, doubts, all_used)
        if t == 0:
            smoother.restart(all_used, seen)
        else:
            smoother.predict(1.0, all_used, none)
        smoother.update(seen, smoother.innovation(seen))
    return smoother


def blank(forgetting: npt.NDArray[np.float64]) -> BodyDynamics:
    """Return dynamics under which rates die away as in the plain filter: where the fit begins."""
    motion = MotionConfig()
    matrix = np.zeros(((1 + len(forgetting)) * _SIZE, _SIZE))
    matrix[:_SIZE] = np.diag(np.append(
        np.full(_SIZE - 3, motion.rate_kept_gap), np.full(3, motion.pelvis_rate_kept)))
    return BodyDynamics(matrix, forgetting, {})


def levers() -> Single:
    """Return (69,), by how much a radian of each rotation moves the joints, root mean square over the body, metres."""
    distance = np.linalg.norm(REST_JOINTS[:, None] - REST_JOINTS[None], axis=-1)
    square = (ABOVE * distance ** 2).sum(axis=0) / len(REST_JOINTS) + 0.03 ** 2
    per_column = np.append(np.sqrt(square[COLUMNS[:-1]]), _PELVIS_LEVER)
    return np.repeat(per_column, 3).astype(np.float32)


def loss_and_gradient(matrix: Single, examples: Examples, forgetting: Single) -> tuple[float, Single]:
    """Return the weighted squared error per example and its derivative by the matrix."""
    kept = (1 - 1 / forgetting)[None, :, None]
    states, arrived = [examples.state], []
    place = np.zeros_like(examples.state[:, 0])
    for _ in range(examples.target.shape[1]):
        state = states[-1]
        rate = state.reshape(len(state), -1) @ matrix
        states.append(np.concatenate([rate[:, None], kept * (state[:, 1:] - rate[:, None])], axis=1))
        place = place + rate
        arrived.append(place)
    lever = levers()
    loss, slope = _weighted((np.stack(arrived, axis=1) - examples.target) * lever)
    slope = slope * lever
    gradient = np.zeros_like(matrix)
    of_state, of_place = np.zeros_like(states[0]), np.zeros_like(place)
    for step in reversed(range(len(arrived))):
        of_place = of_place + slope[:, step]
        of_rate = of_state[:, 0] + of_place - (kept * of_state[:, 1:]).sum(axis=1)
        gradient += states[step].reshape(len(place), -1).T @ of_rate
        back = (of_rate @ matrix.T).reshape(of_state.shape)
        back[:, 1:] += kept * of_state[:, 1:]
        of_state = back
    return loss, gradient


def _weighted(error: Single) -> tuple[float, Single]:
    """Return the loss of errors (E, 30, 69) and its derivative by them."""
    count = len(error)
    weight = (1 / (np.arange(error.shape[1], dtype=np.float32) + 4))[None, :, None]
    loss = (weight * error ** 2).sum()
    slope = 2 * weight * error
    for end in _BRIDGES:
        share = ((np.arange(1, end) + 1.5) / (end + 1.5)).astype(np.float32)[None, :, None]
        left = error[:, :end - 1] - share * error[:, end - 1:end]
        loss += _BRIDGE_WEIGHT * (left ** 2).sum()
        slope[:, :end - 1] += 2 * _BRIDGE_WEIGHT * left
        slope[:, end - 1:end] -= 2 * _BRIDGE_WEIGHT * (share * left).sum(axis=1, keepdims=True)
    return float(loss) / count, (slope / np.float32(count)).astype(np.float32)


def fit(
    examples: Examples, forgetting: npt.NDArray[np.float64], *, iterations: int, batch: int = 768, rate: float = 3e-3,
    shrink: float = 1e-4, seed: int = 0, report: Callable[[int, float], None] | None = None,
) -> npt.NDArray[np.float64]:
    """Return the fitted matrix.

    :param examples: to fit to.
    :param forgetting: (K,).
    :param iterations: of Adam.
    :param batch: examples per iteration.
    :param rate: of learning, falling to zero along a cosine.
    :param shrink: weight of the squared distance from the plain filter, in units of the spread of the states.
    :param seed: of the draw.
    :param report: called now and then with the iteration and the loss.
    """
    start = blank(forgetting).matrix.astype(np.float32)
    spread = examples.state.std(axis=0).reshape(-1) + np.float32(1e-5)
    unit = examples.state[:, 0].std(axis=0)[None] / spread[:, None]
    change, first, second = (np.zeros_like(start) for _ in range(3))
    rng = np.random.default_rng(seed)
    for i in range(iterations):
        pick = rng.integers(len(examples.state), size=batch)
        part = Examples(examples.state[pick], examples.target[pick])
        loss, gradient = loss_and_gradient(start + unit * change, part, forgetting.astype(np.float32))
        gradient = gradient * unit + 2 * shrink * change
        first, second = 0.9 * first + 0.1 * gradient, 0.99 * second + 0.01 * gradient ** 2
        size = rate * min(1.0, (i + 1) / 50) * 0.5 * (1 + np.cos(np.pi * i / iterations))
        change = change - np.float32(size) * (first / (1 - 0.9 ** (i + 1))) / (
            np.sqrt(second / (1 - 0.99 ** (i + 1))) + 1e-9)
        if report and i % 100 == 0:
            report(i, loss)
    return np.asarray(start + unit * change, np.float64)
