"""A motion file for tests: a few people who sway, each in clips of their own."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from poco_ros.body.smpl import JOINT_INDEX

SUBJECTS = ('ann', 'bob', 'cem', 'dua', 'eve', 'fay')


def write_motion(path: Path, subjects: tuple[str, ...] = SUBJECTS, frames: int = 90) -> Path:
    """Write a motion file with two clips for every subject; later subjects move in longer clips."""
    rng = np.random.default_rng(3)
    poses, trans, start, subject = [], [], [0], []
    for k, name in enumerate(subjects):
        for _ in range(2):
            length = frames + 10 * k
            time = np.arange(length)[:, None, None] / 30
            sway = rng.normal(0, 0.15, (1, 24, 3)) * np.sin(2 * np.pi * (0.4 * time + rng.random((1, 24, 3))))
            for side, sign in (('left', -1), ('right', 1)):
                sway[:, JOINT_INDEX[f'{side}_shoulder'], 2] += sign * 1.1
            poses.append(sway)
            trans.append(np.stack([0.3 * time[:, 0, 0], np.full(length, 0.92), 0 * time[:, 0, 0]], 1))
            start.append(start[-1] + length)
            subject.append(name)
    np.savez(
        path, poses=np.concatenate(poses).astype(np.float32), trans=np.concatenate(trans).astype(np.float32),
        clip_start=np.array(start), clip_name=[f'{name}_{i}' for i, name in enumerate(subject)], subject=subject,
        licence=['CMU terms' if i % 2 == 0 else 'CC BY-NC' for i in range(len(subject))], fps=30.0,
    )  # fmt: skip
    return path
