"""Made-up samples in the shape of a data set: random poses of the open body, their joints as landmarks, and noise that
grows with an occlusion of which visibility and features tell."""

from __future__ import annotations

import dataclasses
import functools
from pathlib import Path

import cv2
import numpy as np

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import matrix_to_axis_angle
from poco_ros.synth.shards import SPLITS, TABLES, Header, Samples, layout, shard_path, write_shard
from poco_ros.types import Landmarks

OF_LANDMARK = [15] * 11 + [16, 17, 18, 19, 20, 21, 22, 23, 22, 23, 22, 23, 1, 2, 4, 5, 7, 8, 7, 8, 10, 11]
"""For each of BlazePose's 33 landmarks the SMPL joint that stands for it here."""
FRAMES = 8
SWUNG = (1, 2, 16, 17)
"""Hips and shoulders, which turn in the plane of the picture: that is quickly learnt."""


@functools.cache
def open_body() -> BodyModel:
    return load_body_model()


def lift_samples(count: int, seed: int, *, noise: float = 0.6) -> Samples:
    """``noise`` in metres of a landmark of somebody wholly hidden."""
    random = np.random.default_rng(seed)
    pose = 0.03 * random.standard_normal((count, 24, 3))
    pose[:, SWUNG, 2] += 0.6 * random.standard_normal((count, len(SWUNG)))
    turn = random.uniform(-0.3, 0.3, count)
    cos, sin, zero = np.cos(turn), np.sin(turn), np.zeros(count)
    # Upright before a camera whose y is down, then turned about the vertical.
    root = np.stack([cos, zero, -sin, zero, -np.ones(count), zero, -sin, zero, -cos], 1).reshape(-1, 3, 3)
    pose[:, 0] = matrix_to_axis_angle(root)
    betas = random.standard_normal((count, 10))
    transl = np.stack([random.uniform(-0.7, 0.7, count), random.uniform(0, 0.4, count), random.uniform(2, 5, count)], 1)
    joints = open_body().joints(pose, betas, transl)
    size = np.tile([[640.0, 480.0]], (count, 1))
    intrinsics = np.array([600.0, 610.0, 325.0, 236.0]) * random.uniform(0.8, 1.2, (count, 1)) ** [1, 1, 0, 0]

    hidden = random.uniform(0, 1, count)
    spread = (0.005 + noise * hidden)[:, None, None]
    points = joints[:, OF_LANDMARK] + spread * random.standard_normal((count, 33, 3))
    pixels = points[..., :2] / points[..., 2:] * intrinsics[:, None, :2] + intrinsics[:, None, 2:]
    hips = points[:, 23:25].mean(1, keepdims=True)
    visibility = np.clip(1 - hidden[:, None] + 0.05 * random.standard_normal((count, 33)), 0.01, 1)
    true_pixels = joints[..., :2] / joints[..., 2:] * intrinsics[:, None, :2] + intrinsics[:, None, 2:]
    inside = ((true_pixels >= 0) & (true_pixels < size[:, None])).all(-1)
    f = np.float32
    landmarks = Landmarks(
        pixels.astype(f), ((points - hips)[..., 2] * intrinsics[:, :1] / hips[..., 2]).astype(f), visibility.astype(f),
        np.full((count, 33), 0.99, f), (points - hips).astype(f), np.full(count, 0.95, f),
    )
    features = hidden[:, None] * (np.arange(288) < 4)
    sequence = np.arange(count) // FRAMES
    text = np.full(count, 'made-up')
    return Samples(
        sequence=sequence, frame=(np.arange(count) % FRAMES).astype(np.int32), subject=text, clip=text, outfit=text,
        background=text, source=np.full(count, 'prior'), licence=np.full(count, 'CC0'), pose=pose.astype(f),
        betas=betas.astype(f), transl=transl.astype(f), joints=joints.astype(f),
        joint_visibility=np.where(inside, 3, 0).astype(np.uint8), intrinsics=intrinsics.astype(f),
        image_size=size.astype(f), landmarks=landmarks, region=np.zeros((count, 4), f),
        region_source=np.full(count, 1, np.uint8), features=features.astype(f),
        local_features=np.zeros((count, 33, 88), np.float16),
        box_px=np.concatenate([true_pixels.min(1), true_pixels.max(1)], 1).astype(f), occlusion=hidden.astype(f),
    )  # fmt: skip


def write_samples(folder: Path, parts: dict[str, Samples], crops: bool = False) -> None:
    """Write a data set of one shard whose splits are ``parts``; with grey pictures on request."""
    rows = {name: np.concatenate([getattr(s, name) for s in parts.values()]) for name in layout(1) if name in FIELDS}
    for f in dataclasses.fields(Landmarks):
        rows[f'landmarks_{f.name}'] = np.concatenate([getattr(s.landmarks, f.name) for s in parts.values()])
    count = len(rows['sequence'])
    rows |= {name: np.zeros(count) for name in TABLES}
    rows['split'] = np.repeat([SPLITS.index(split) for split in parts], [len(s) for s in parts.values()])
    arrays = {name: rows[name].astype(dtype) for name, (_, dtype) in layout(count).items()}
    if crops:
        code = cv2.imencode('.jpg', np.full((224, 224, 3), 90, np.uint8))[1].ravel()
        low, high = arrays['box_px'][:, :2], arrays['box_px'][:, 2:]
        square = np.concatenate([(low + high) / 2, (high - low).max(1, keepdims=True)], 1)
        ends = len(code) * np.arange(1, count + 1)
        arrays |= {'crop_jpeg': np.tile(code, count), 'crop_end': ends, 'crop_square': square}
    folder.mkdir(parents=True)
    write_shard(shard_path(folder, 0), arrays)
    Header(count, FRAMES, -(-count // FRAMES), {name: ['made-up'] for name in TABLES}, {'seed': 0}).write(folder)


FIELDS = {f.name for f in dataclasses.fields(Samples)} - set(TABLES)
