"""Bodies standing in front of a camera, for tests of what is drawn and published of them."""

from __future__ import annotations

import dataclasses

import numpy as np

from poco_ros.body.model import BodyModel
from poco_ros.camera import Camera
from poco_ros.types import Bodies, State


def standing(body: BodyModel, camera: Camera, places: list[tuple[float, float, float]]) -> Bodies:
    """Bodies in T-pose that face the camera, at ``places`` (metres, optical frame); tracks 3, 7, 11, ...

    Of two, the first one is trusted and the second one is not: uncertainties run from 0.05 to 0.95.
    """
    n = len(places)
    pose = np.zeros((n, 24, 3), np.float32)
    pose[:, 0, 0] = np.pi  # from the model's y up to the camera's y down
    transl = np.asarray(places, np.float32).reshape(n, 3)
    joints = body.joints(pose, transl=transl) if n else np.zeros((0, 24, 3), np.float32)
    pixels = camera.project(joints)
    uncertainty = np.linspace(0.05, 0.95, n, dtype=np.float32)
    return dataclasses.replace(
        Bodies.unknown(n), pose=pose, betas=np.zeros((n, 10), np.float32), transl=transl, joints=joints,
        box_px=np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1).astype(np.float32),
        box_score=np.ones(n, np.float32), track_id=(3 + 4 * np.arange(n)).astype(np.int32), uncertainty=uncertainty,
        joint_uncertainty=np.tile(uncertainty[:, None], (1, 24)), state=np.full(n, State.OBSERVED, np.uint8),
        joint_state=np.full((n, 24), State.OBSERVED, np.uint8), joint_age=np.zeros((n, 24), np.float32))
