"""Simulated output of a regressor around one occlusion: noise, wrong poses in the gap, and their traces beside it.

Confident frames have jitter and slow bias that grow with the uncertainty and towards the hands and feet. Occluded
frames show an unrelated pose, swapped limbs, or a hallucinated half of the body, with the pelvis off in depth. Beside
the gap, frames may be partly wrong without being flagged. The constants of the preset ``poco`` were chosen to give
the acceleration error that is published for regressors of this kind.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d

from poco_ros.evaluation.infill.motion_file import BEFORE, Windows
from poco_ros.temporal import quaternions as quat

Array = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Preset:
    """Strength of the noise.

    :param jitter_deg: standard deviation per axis of the white noise of a joint of factor 1.
    :param bias_deg: of the slow noise.
    :param jitter_m: white noise of the pelvis.
    :param bias_m: slow noise of the pelvis.
    :param leak: probability, for each side of the gap, that the two frames beside it are partly wrong.
    """

    jitter_deg: float
    bias_deg: float
    jitter_m: float
    bias_m: float
    leak: float


PRESETS = {'clean': Preset(0.0, 0.0, 0.0, 0.0, 0.0), 'poco': Preset(1.15, 5.0, 0.006, 0.020, 0.5)}

#: Angular noise of each joint relative to the others.
_RELATIVE = np.array(
    [.6, .8, .8, .5, 1., 1., .5, 1.3, 1.3, .5, 1., 1., .8, .5, .5, 1., 1.2, 1.2, 1.4, 1.4, 1.5, 1.5, 0, 0])
_MIRRORED = np.array([1.0, 1, -1, -1])
_LIMBS = ([1, 4, 7, 10], [13, 16, 18, 20])
_HALVES = ([1, 2, 4, 5, 7, 8], [13, 14, 16, 17, 18, 19, 20, 21], [1, 4, 7, 16, 18, 20], [2, 5, 8, 17, 19, 21])


@dataclass(frozen=True)
class Observation:
    """What the infiller gets to see.

    :param rotations: (B, T, 24, 4) local quaternions.
    :param pelvis: (B, T, 3) metres.
    :param uncertainty: (B, T) in [0, 1].
    """

    rotations: Array
    pelvis: Array
    uncertainty: Array

    def take(self, index: slice) -> Observation:
        """Return some of the windows."""
        return Observation(self.rotations[index], self.pelvis[index], self.uncertainty[index])


def corrupt(windows: Windows, gap: int, pool: Array, seed: int, preset: str, before: int = BEFORE) -> Observation:
    """Simulate what a regressor makes of windows with an occlusion.

    :param windows: the truth.
    :param gap: frames of the occlusion.
    :param pool: (P, 24, 4) poses to be confused with.
    :param seed: of the noise.
    :param preset: name in :data:`PRESETS`.
    :param before: frames before the gap.
    """
    strength = PRESETS[preset]
    rng = np.random.default_rng([seed, gap, 7])
    truth, pelvis = windows.rotations, windows.pelvis
    count, length = pelvis.shape[:2]
    uncertainty = np.clip(0.30 + 0.14 * _ar1(rng, (count, length), 0.9), 0.05, 0.75)
    scale = (0.6 + 0.8 * uncertainty)[..., None, None]
    shape = (count, length, 24, 3)
    turn = scale * np.deg2rad(strength.jitter_deg) * _RELATIVE[:, None] * rng.normal(size=shape)
    turn += scale * np.deg2rad(strength.bias_deg) * _RELATIVE[:, None] * _slow(rng, shape)
    seen = quat.multiply(truth, quat.exp(turn))
    yaw = rng.uniform(0, 2 * np.pi, count)
    depth = np.stack([np.cos(yaw), 0 * yaw, np.sin(yaw)], -1)[:, None]
    flat = scale[..., 0]
    around = flat * (strength.jitter_m * rng.normal(size=(count, length, 3))
                     + strength.bias_m * _slow(rng, (count, length, 3)))
    along = flat * (3 * strength.jitter_m * rng.normal(size=(count, length, 1))
                    + 2.5 * strength.bias_m * _slow(rng, (count, length, 1)))
    seen_pelvis = pelvis + around + along * depth
    wrong, wrong_pelvis = _occluded(truth, pelvis, depth, slice(before - 2, before + gap + 2), gap + 4, pool, rng)
    inside = slice(before, before + gap)
    seen[:, inside], seen_pelvis[:, inside] = wrong[:, inside], wrong_pelvis[:, inside]
    uncertainty[:, inside] = rng.uniform(0.82, 1.0, (count, gap))
    for beside in (((before - 1, .5), (before - 2, .25)), ((before + gap, .5), (before + gap + 1, .25))):
        hit = np.asarray(rng.random(count) < strength.leak)
        for frame, share in beside:
            seen[hit, frame] = _slerp(seen[hit, frame], wrong[hit, frame], share)
            seen_pelvis[hit, frame] += share * (wrong_pelvis[hit, frame] - seen_pelvis[hit, frame])
            uncertainty[hit, frame] = rng.uniform(0.55, 0.79, hit.sum())
    return Observation(seen, seen_pelvis, uncertainty)


def _occluded(
    truth: Array, pelvis: Array, depth: Array, where: slice, n: int, pool: Array, rng: np.random.Generator,
) -> tuple[Array, Array]:
    """Return the wrong poses of the occluded frames, one way of failing for each window."""
    wrong, wrong_pelvis = truth.copy(), pelvis.copy()
    modes = rng.choice(3, size=len(truth), p=[0.40, 0.25, 0.35])
    for b, mode in enumerate(modes):
        w = wrong[b, where]
        if mode == 0:  # an unrelated plausible pose
            other = pool[rng.integers(len(pool))]
            w[:, 1:] = _slerp(w[:, 1:], np.broadcast_to(other[1:], w[:, 1:].shape), 0.8)
            w[:, 0] = quat.multiply(w[:, 0], quat.exp(np.deg2rad(20) * rng.normal(size=3)))
        elif mode == 1:  # left and right exchanged: legs, arms, or both
            for limb in ([_LIMBS[0]], [_LIMBS[1]], list(_LIMBS))[rng.integers(3)]:
                for joint in limb:
                    left, right = w[:, joint].copy(), w[:, joint + 1].copy()
                    w[:, joint], w[:, joint + 1] = right * _MIRRORED, left * _MIRRORED
        else:  # one half of the body made up
            half = _HALVES[rng.integers(4)]
            error = np.deg2rad(35) * (
                0.7 * rng.normal(size=(1, len(half), 3)) + 0.7 * _ar1(rng, (n, len(half), 3), 0.8, axis=0))
            w[:, half] = quat.multiply(w[:, half], quat.exp(error))
        jitter = np.deg2rad(4.0) * _RELATIVE[:, None] * rng.normal(size=(n, 24, 3))
        wrong[b, where] = quat.multiply(w, quat.exp(jitter))
        wrong_pelvis[b, where] += 0.15 * rng.normal() * depth[b] + 0.04 * _ar1(rng, (n, 3), 0.8, axis=0)
    return wrong, wrong_pelvis


def _slerp(a: Array, b: Array, share: float) -> Array:
    return quat.multiply(a, quat.exp(quat.log(quat.multiply(quat.conjugate(a), b)) * share))


def _ar1(rng: np.random.Generator, shape: tuple[int, ...], rho: float, axis: int = 1) -> Array:
    """Unit-variance first-order autoregressive noise along an axis."""
    x = np.moveaxis(rng.normal(size=shape), axis, 0)
    y = np.empty_like(x)
    y[0] = x[0]
    for t in range(1, len(x)):
        y[t] = rho * y[t - 1] + np.sqrt(1 - rho * rho) * x[t]
    return np.moveaxis(y, 0, axis)


def _slow(rng: np.random.Generator, shape: tuple[int, ...], std: float = 8.0) -> Array:
    """Unit-variance noise along axis 1, low-passed with a Gaussian of ``std`` frames."""
    pad = int(4 * std)
    x = rng.normal(size=(shape[0], shape[1] + 2 * pad, *shape[2:]))
    y = gaussian_filter1d(x, std, axis=1)[:, pad:-pad]
    return np.asarray(y * np.sqrt(2 * np.sqrt(np.pi) * std))
