"""Golden-like arrays of other seeds and sizes, made by scipy, OpenCV and closed forms: not by the code they check.

Networks' weights come from the specification's own script where they are needed.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
from scipy import special
from scipy.spatial.transform import Rotation

from poco_ros.evaluation.parity.comparison import Limit, Measure

Arrays = dict[str, np.ndarray]
Fill = Callable[[str, tuple[int, ...]], np.ndarray]

PARENTS = (-1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 9, 9, 12, 13, 14, 16, 17, 18, 19, 20, 21)
MIRROR_POSE = [0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22]
MIRROR_24 = [5, 4, 3, 2, 1, 0, 11, 10, 9, 8, 7, 6, 12, 13, 14, 15, 16, 17, 18, 19, 21, 20, 23, 22]

f32 = np.float32


def filled(shared_dir: Path, base: str) -> Fill:
    """The weights' rule as the specification gives it."""
    spec = importlib.util.spec_from_file_location('fill_weights', shared_dir / 'spec' / 'fill_weights.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return lambda name, shape: module.fill_one(base, name, shape).astype(np.float64)


def matrices(aa: np.ndarray) -> np.ndarray:
    return Rotation.from_rotvec(np.reshape(aa, (-1, 3)).astype(float)).as_matrix()


def geometry(seed: int) -> Arrays:
    rng = np.random.default_rng(seed)
    turns = Rotation.random(23, random_state=seed).as_matrix()
    first, second = rng.uniform(0.5, 2, (2, 23, 1)) * turns[:, :, :2].transpose(2, 0, 1)
    leaning = second + rng.normal(0, 0.5, (23, 1)) * first
    aa = np.vstack([rng.normal(0, 1, (9, 3)), [[0, 0, 0], [0, 0, np.pi - 1e-7], [2.5, -2.5, 0.1]]]).astype(f32)
    rotmats = matrices(aa)
    pose, flag = rng.normal(0, 0.5, (4, 72)), np.array([1, 0, 0, 1])
    degrees = np.array([90.0, -12.5, 0.0, 33.0])
    turn = Rotation.from_rotvec(-np.radians(degrees)[:, None] * [0, 0, 1])
    joints = rng.normal(0, 0.5, (4, 24, 4))
    turned_joints, turned_pose = joints.copy(), pose.copy()
    turned_joints[..., :3] = np.einsum('nij,npj->npi', turn.as_matrix(), joints[..., :3])
    turned_pose[:, :3] = (turn * Rotation.from_rotvec(pose[:, :3])).as_rotvec()
    flipped = np.array([_flipped(row) for row in pose])
    for i in np.flatnonzero(flag):
        turned_pose[i] = _flipped(turned_pose[i])
        turned_joints[i] = turned_joints[i][MIRROR_24] * [-1, 1, 1, 1]
    points, t = rng.normal(0, 0.4, (3, 49, 3)), rng.normal(0, 0.3, (3, 3)) + [0, 0, 6]
    placed = points + t[:, None]
    seen = np.dstack([5000 * placed[..., :2] / placed[..., 2:] + 112, rng.uniform(0.1, 1, (3, 49))])
    seen[:, :25] = rng.uniform(0, 224, (3, 25, 3))  # not looked at
    seen[1, 30:40, 2] = 0
    return {
        'rot6d': np.stack([first, leaning], 2).reshape(23, 6).astype(f32), 'rot6d_rotmat': turns.astype(f32),
        'aa': aa, 'aa_rotmat': rotmats.astype(f32), 'rotmat_aa': Rotation.from_matrix(rotmats).as_rotvec().astype(f32),
        'rotmat_to_6d_rowmajor_first_two_rows': np.hstack([rotmats[:, 0], rotmats[:, 1]]).astype(f32),
        'pose72': pose, 'pose72_flipped': flipped, 'rot_deg': degrees, 'root_aa_rotated':
        (turn * Rotation.from_rotvec(pose[:, :3])).as_rotvec(), 'pose3d': joints,
        'pose3d_rot_flip': turned_joints.astype(f32), 'flip_flag': flag, 'pose72_rot_flip': turned_pose.astype(f32),
        'lsq_S': points, 'lsq_kp': seen, 'lsq_t': t.astype(f32),
    }


def _flipped(pose: np.ndarray) -> np.ndarray:
    """Of one pose, (72,); a mirrored turn has its axis mirrored and its angle reversed."""
    return (pose.reshape(24, 3)[MIRROR_POSE] * [1, -1, -1]).reshape(72)


def one_euro(seed: int) -> Arrays:
    turning = Rotation.random(24, random_state=seed).as_matrix()
    steps = matrices(np.random.default_rng(seed).normal(0, 0.2, (17, 3)))
    frames = [turning]
    for step in steps:
        frames.append(frames[-1] @ step)
    values = np.array(frames).astype(f32)
    arrays = {'rotmats_in': values}
    for name, (cutoff, beta) in {
        'out_mc0.004_b1.5': (0.004, 1.5), 'out_mc0.004_b0.7': (0.004, 0.7), 'out_mc1.0_b0.0': (1.0, 0.0),
    }.items():  # fmt: skip
        arrays[name] = np.apply_along_axis(_one_euro, 0, values.astype(float), cutoff, beta).astype(f32)
    return arrays


def _one_euro(x: np.ndarray, cutoff: float, beta: float) -> np.ndarray:
    tau = 1 / (2 * np.pi)
    out, speed = [x[0]], 0.0
    for value in x[1:]:
        speed += (value - out[-1] - speed) / (1 + tau)
        out.append(out[-1] + (value - out[-1]) / (1 + tau / (cutoff + beta * abs(speed))))
    return np.array(out)


def evaluation(seed: int) -> Arrays:
    rng = np.random.default_rng(seed)
    target, predicted = rng.normal(0, 0.4, (2, 7, 14, 3)).astype(f32)
    predicted[:4] = target[:4] @ matrices([0.4, 0, 1]).astype(f32)[0].T + rng.normal(0, 0.05, (4, 14, 3)).astype(f32)
    aligned = np.array([_aligned(p, t) for p, t in zip(predicted.astype(float), target.astype(float), strict=True)])
    vertices = rng.normal(size=(2, 7, 31, 3)).astype(f32)
    pose = rng.normal(0, 0.4, (7, 72)).astype(f32)
    rotmats = matrices(pose + rng.normal(0, 0.2, (7, 72))).reshape(7, 24, 3, 3).astype(f32)
    errors = np.mean((rotmats - matrices(pose).reshape(7, 24, 3, 3)) ** 2, (2, 3))
    sigma = (errors + rng.uniform(0, 0.5, (7, 24))).astype(f32)
    per_joint, pa_per_joint = (np.sqrt(((p - target) ** 2).sum(-1)) for p in (predicted.astype(float), aligned))
    r = np.corrcoef(sigma.ravel(), errors.ravel())[0, 1]
    return {
        'pred_j14': predicted, 'gt_j14': target, 'mpjpe': per_joint.mean(1).astype(f32),
        'mpjpe_per_joint': per_joint.astype(f32), 'pampjpe': pa_per_joint.mean(1).astype(f32),
        'pampjpe_per_joint': pa_per_joint.astype(f32), 'verts_pred': vertices[0], 'verts_gt': vertices[1],
        'pve': np.sqrt(((vertices[0] - vertices[1]) ** 2).sum(-1)).mean(1), 'pcc_pred_rotmat': rotmats,
        'pcc_gt_pose_aa': pose, 'pcc_dist': errors.astype(f32), 'pcc_uncert': sigma, 'pcc_r': np.array([r]),
        'pcc_p': np.array([special.betainc((sigma.size - 2) / 2, 0.5, 1 - r**2)]),
        'pcc_uncert_kin': accumulated(sigma).astype(f32),
        'pcc_r_kin': np.corrcoef(accumulated(sigma).ravel(), errors.ravel())[:1, 1],
    }


def _aligned(points: np.ndarray, target: np.ndarray) -> np.ndarray:
    a, b = points - points.mean(0), target - target.mean(0)
    turned = Rotation.align_vectors(b, a)[0].apply(a)
    return (turned * b).sum() / (a * a).sum() * turned + target.mean(0)


def accumulated(sigma: np.ndarray) -> np.ndarray:
    total = sigma.astype(float)
    for joint in range(1, 24):
        total[:, joint] += total[:, PARENTS[joint]]
    return total


def uncertainty(seed: int) -> Arrays:
    rng = np.random.default_rng(seed)
    sigma = rng.uniform(0, 1, (37, 24)).astype(f32)
    sigma[::2] *= f32(0.3)
    sigma[:5, 0] = (0.4, 0.8, 0.3, np.nextafter(f32(0.8), f32(1)), np.nextafter(f32(0.3), f32(0)))
    arrays = {'sigma': sigma, 'sigma9': rng.uniform(0, 1, (5, 24, 3, 3)).astype(f32)}
    root = sigma[:, 0]
    for switch, per_joint in (('kin', accumulated(sigma)), ('raw', sigma.astype(float))):
        scalars = {'cliff': np.where(root > f32(0.8), 1, root), 'pare': np.where(root > f32(0.4), 1, per_joint.mean(1))}
        for model, scalar in scalars.items():
            values = {'perjoint': per_joint, 'scalar': scalar, 'scalar_clipped': np.minimum(scalar, 0.99)}
            arrays |= {f'{model}_{switch}_{name}': value.astype(f32) for name, value in values.items()}
    arrays['confident_idx_thr0.3'] = np.array([i for i, value in enumerate(root) if value < f32(0.3)])
    arrays['sigma9_perjoint_kin'] = accumulated(arrays['sigma9'].reshape(5, 24, 9).mean(2)).astype(f32)
    return arrays


def flow(seed: int, fill: Fill) -> Arrays:
    rng = np.random.default_rng(seed)
    odd = np.arange(9) % 2
    ends = {size: (np.arange(9) >= size).astype(f32) for size in (4, 5)}
    arrays = {
        'mask_alter_9_1': np.stack([odd, 1 - odd]).astype(f32), 'mask_new_9_1': np.stack([ends[4], ends[4][::-1]]),
        'mask_old_9_1': np.stack([ends[5], ends[5][::-1]]),
        'mask_alter_24_2': np.tile(np.arange(24) % 2, (4, 1)).astype(f32),
    }
    for model, layers, count in (('cliff', 2, 5), ('pare', 6, 11)):
        x, context = rng.uniform(0, 2.5, (count, 9)).astype(f32), rng.normal(size=(count, 512)).astype(f32)
        masks = np.stack([odd, 1 - odd] * (layers // 2))
        z, logdet = x.astype(float), np.zeros(count)
        for i in reversed(range(layers)):
            inputs = np.hstack([masks[i] * z, context])
            scale, shift = (_perceptron(inputs, f'flow_head.flow.{kind}.{i}', fill) * (1 - masks[i]) for kind in 'st')
            scale = np.where(masks[i] == 1, 0, np.tanh(scale))
            z = np.where(masks[i] == 1, z, (z - shift) / np.exp(scale))
            logdet -= scale.sum(1)
        logprob = -0.5 * (z**2).sum(1) - 4.5 * np.log(2 * np.pi) + logdet
        arrays |= {
            f'{model}_x': x, f'{model}_cond': context, f'{model}_z': z.astype(f32),
            f'{model}_logdet': logdet.astype(f32), f'{model}_logprob': logprob.astype(f32),
            f'{model}_x_reconstructed': x, f'{model}_mask': masks.astype(f32), f'{model}_logprob_f64': logprob,
        }
    return arrays


def _perceptron(x: np.ndarray, name: str, fill: Fill) -> np.ndarray:
    for layer, (inputs, outputs) in ((0, (521, 64)), (2, (64, 64)), (4, (64, 9))):
        x = x @ fill(f'{name}.{layer}.weight', (outputs, inputs)).T + fill(f'{name}.{layer}.bias', (outputs,))
        x = np.where(x > 0, x, 0.01 * x) if layer < 4 else x
    return x


def spoilt(array: np.ndarray, limit: Limit) -> np.ndarray:
    """One entry off by more than the limit allows."""
    changed = array.copy()
    entry = np.unravel_index(np.argmax(np.abs(array)), array.shape)
    if limit.measure is Measure.ENTRIES:
        changed[entry] = 0 if array[entry] else 1
    elif limit.measure is Measure.LEVELS:
        changed[entry] -= limit.value + 2
    else:
        changed[entry] += (1.5 * limit.value * np.abs(array).max() or 1e-6) * (-1 if array[entry] > 0 else 1)
    return changed
