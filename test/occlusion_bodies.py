"""Upright bodies at a place, and numbered pictures, for the tests of watching occlusions."""

from __future__ import annotations

import dataclasses
import functools
from collections.abc import Iterator

import numpy as np

from poco_ros.body.model_file import load_body_model
from poco_ros.camera import Camera
from poco_ros.evaluation.occlusion.watching import Look
from poco_ros.types import Bodies, Frame, State

CAMERA = Camera(640, 480, 500.0, 500.0, 319.5, 239.5)
UPRIGHT = np.array([np.pi, 0.0, 0.0])


@functools.cache
def rest_joints() -> np.ndarray:
    return np.asarray(load_body_model().rest_joints()[0])


def standing(x: float, depth: float = 4.0) -> np.ndarray:
    """(24, 3) joints of a standing body, the pelvis x metres to the right."""
    joints = rest_joints() * np.array([1, -1, -1])
    return np.asarray(joints - joints[0] + np.array([x, 0.1, depth]))


def body_at(*places: float, uncertainty: float = 0.1, track_id: int = 1) -> Bodies:
    """Standing bodies, each at its x; NaN: nothing is known of it."""
    pose = np.zeros((len(places), 24, 3), np.float32)
    pose[:, 0] = UPRIGHT
    joints = np.array([standing(x) for x in places], np.float32)
    transl = joints[:, 0] - rest_joints()[0]
    known = np.isfinite(np.array(places))
    states = np.where(known, State.OBSERVED, State.LOST).astype(np.uint8)
    boxes = np.array([[*CAMERA.project(j).min(axis=0), *CAMERA.project(j).max(axis=0)] for j in joints], np.float32)
    count = len(places)
    return dataclasses.replace(
        Bodies.unknown(count), joints=joints, pose=np.where(known[:, None, None], pose, np.nan).astype(np.float32),
        transl=transl.astype(np.float32), betas=np.zeros((count, 10), np.float32), box_px=boxes,
        box_score=np.ones(count, np.float32), state=states, joint_state=np.repeat(states[:, None], 24, axis=1),
        joint_uncertainty=np.full((count, 24), uncertainty, np.float32),
        uncertainty=np.full(count, uncertainty, np.float32),
        track_id=np.arange(track_id, track_id + count, dtype=np.int32))


def looks_with_numbers(count: int) -> Iterator[Look]:
    """Pictures that hold their number; 100 more with the obstacle."""
    for index in range(count):
        stamp = round(index / 30 * 1e9)
        yield Look(*(Frame(np.full((480, 640, 3), index + more, np.uint8), CAMERA, stamp) for more in (0, 100)))
