"""Small data sets as ``poco synth`` writes them, with bodies and landmarks that fit each other but no pictures."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np
from lift_scenes import random_poses, scene

from poco_ros.body.model import BodyModel
from poco_ros.body.rotations import matrix_to_axis_angle
from poco_ros.camera import Camera
from poco_ros.people.boxes import body_boxes
from poco_ros.synth.shards import SPLITS, TABLES, Header, Samples, layout, shard_path, write_shard
from poco_ros.types import Landmarks


def samples(body: BodyModel, sequences: int = 4, frames: int = 3, seed: int = 0) -> Samples:
    """Sequences of random poses, each with a camera, a subject and a shape of its own; every third one is 'prior'."""
    parts = [_sequence(body, number, frames, seed) for number in range(sequences)]
    joined = {
        field.name: np.concatenate([getattr(part, field.name) for part in parts])
        for field in dataclasses.fields(Samples) if field.name != 'landmarks'
    }
    landmarks = {field.name: np.concatenate([getattr(part.landmarks, field.name) for part in parts])
                 for field in dataclasses.fields(Landmarks)}
    return Samples(**joined, landmarks=Landmarks(**landmarks))


def _sequence(body: BodyModel, number: int, frames: int, seed: int) -> Samples:
    rng = np.random.default_rng([seed, number])
    focal = float(rng.uniform(600, 1100))
    camera = Camera(1280, 720, focal, focal, 640.0 + number, 360.0)
    betas = np.repeat(rng.normal(0, 0.5, (1, 10)), frames, axis=0)
    bodies = scene(body, random_poses(frames, seed * 1000 + number), number, betas=betas, camera=camera)
    noisy = dataclasses.replace(
        bodies.landmarks,
        image_px=(bodies.landmarks.image_px + rng.normal(0, 3, (frames, 33, 2))).astype(np.float32),
        visibility=rng.uniform(0.3, 1, (frames, 33)).astype(np.float32),
    )

    def of_all(value: str) -> np.ndarray:
        return np.full(frames, value)

    source = 'prior' if number % 3 == 2 else 'mocap'
    return Samples(
        sequence=np.full(frames, number, np.int64), frame=np.arange(frames, dtype=np.int32),
        subject=of_all('prior' if source == 'prior' else f'subject{number}'), clip=of_all(f'clip{number}'),
        outfit=of_all(f'outfit{number}'), background=of_all('wall'), source=of_all(source), licence=of_all('CMU'),
        pose=matrix_to_axis_angle(bodies.rotmats).astype(np.float32), betas=betas.astype(np.float32),
        transl=(bodies.joints[:, 0] - body.rest_joints(betas)[:, 0]).astype(np.float32),
        joints=bodies.joints.astype(np.float32), joint_visibility=rng.integers(0, 4, (frames, 24)).astype(np.uint8),
        intrinsics=np.tile(np.float32([camera.fx, camera.fy, camera.cx, camera.cy]), (frames, 1)),
        image_size=np.tile(np.float32([1280, 720]), (frames, 1)), landmarks=noisy,
        region=np.zeros((frames, 4), np.float32), region_source=np.ones(frames, np.uint8),
        features=rng.normal(size=(frames, 288)).astype(np.float16).astype(np.float32),
        local_features=rng.normal(size=(frames, 33, 88)).astype(np.float16), box_px=body_boxes(noisy),
        occlusion=np.zeros(frames, np.float32),
    )


def write(folder: Path, people: Samples, splits: np.ndarray, frames: int = 3, recipe: dict | None = None) -> None:
    """Write samples as a data set of one shard a pair of sequences; ``splits`` (S,) numbers into SPLITS."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = {name: sorted(set(getattr(people, name).tolist())) for name in TABLES}
    header = Header(len(people), frames, 2, tables, recipe or {'seed': 0})
    header.write(folder)
    wanted = layout(1)
    for shard in range(header.shards):
        rows = np.isin(people.sequence, list(header.of_shard(shard)))
        arrays = {}
        for name, (_, dtype) in wanted.items():
            if name == 'split':
                values = splits
            elif name in tables:
                values = np.array([tables[name].index(text) for text in getattr(people, name)])
            elif name.startswith('landmarks_'):
                values = getattr(people.landmarks, name.removeprefix('landmarks_'))
            else:
                values = getattr(people, name)
            arrays[name] = values[rows].astype(dtype)
        write_shard(shard_path(folder, shard), arrays)


def split_by_sequence(people: Samples, *names: str) -> np.ndarray:
    """(S,) numbers into SPLITS: the sequences take the names in turn."""
    return np.array([SPLITS.index(names[number % len(names)]) for number in people.sequence])
