"""Bodies whose landmarks are known exactly: what the tests of the lift measure it against."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

import poco_ros.body
from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.model import BodyModel
from poco_ros.body.rotations import axis_angle_to_matrix, rotation_between
from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.camera import Camera
from poco_ros.regressors.lift.rig import LANDMARK_INDEX, landmark_offsets, posed_landmarks
from poco_ros.regressors.lift.seen_landmarks import SeenLandmarks, intrinsics_of, see
from poco_ros.types import Boxes, Frame, Landmarks, People

SWAP = [
    LANDMARK_INDEX[name.replace('left', '#').replace('right', 'left').replace('#', 'right')] for name in LANDMARK_INDEX
]
"""For each landmark the one on the other side."""

CAMERA = Camera(1280, 720, 900.0, 910.0, 650.0, 350.0)

# Uniform ranges in degrees about x, y, z (left side): poses a person can take, elbows and knees bending as they do.
_RANGES = {
    'left_hip': ((-80, 25), (-15, 25), (-5, 25)), 'left_knee': ((0, 100), (0, 0), (0, 0)),
    'left_ankle': ((-15, 20), (0, 0), (0, 0)), 'left_shoulder': ((-20, 20), (-60, 20), (-80, 40)),
    'left_elbow': ((0, 0), (-110, -5), (0, 0)), 'left_wrist': ((0, 0), (-20, 20), (-20, 20)),
    'spine1': ((-5, 15), (-6, 6), (-5, 5)), 'spine2': ((-3, 8), (-6, 6), (-4, 4)),
    'spine3': ((-3, 8), (-6, 6), (-4, 4)), 'neck': ((-10, 10), (-15, 15), (-6, 6)),
    'head': ((-10, 10), (-15, 15), (-6, 6)),
}  # fmt: skip


def random_poses(n: int, seed: int) -> np.ndarray:
    """(n, 24, 3) axis-angle in the model's frame, turned to every side."""
    rng = np.random.default_rng(seed)
    pose = np.zeros((n, 24, 3))
    for name, ranges in _RANGES.items():
        low, high = np.radians(ranges).T
        pose[:, JOINT_INDEX[name]] = rng.uniform(low, high, (n, 3))
        if name.startswith('left'):
            pose[:, JOINT_INDEX[name.replace('left', 'right')]] = rng.uniform(low, high, (n, 3)) * (1, -1, -1)
    pose[:, 0, 1] = rng.uniform(-np.pi, np.pi, n)
    return pose


@dataclass(frozen=True)
class Scene:
    """N bodies in front of a camera, and what a perfect BlazePose would say of them.

    rotmats (N, 24, 3, 3) with joint 0 in the optical frame, betas (N, 10), joints (N, 24, 3) and points (N, 33, 3)
    in the optical frame.
    """

    camera: Camera
    rotmats: np.ndarray
    betas: np.ndarray
    joints: np.ndarray
    points: np.ndarray
    landmarks: Landmarks

    @property
    def frame(self) -> Frame:
        return Frame(np.zeros((1, 1, 3), np.uint8), self.camera)

    @property
    def people(self) -> People:
        return people(self.landmarks)


def people(landmarks: Landmarks) -> People:
    """Landmarks with boxes about them, tracked as 1, 2, ..."""
    pixels = np.nan_to_num(landmarks.image_px)
    boxes = np.concatenate([pixels.min(axis=1), pixels.max(axis=1)], axis=1).astype(np.float32)
    return People(Boxes(boxes, landmarks.score, np.arange(1, len(landmarks) + 1, dtype=np.int32)), landmarks)


def scene(
    body: BodyModel, pose: np.ndarray, seed: int = 0, *, betas: np.ndarray | None = None, surface: bool = False,
    camera: Camera = CAMERA, pelvis: np.ndarray | None = None, one_camera: bool = False,
) -> Scene:
    """Put posed bodies in front of a camera that looks down on them a little.

    :param surface: take face, hands and feet from vertices of the mesh, instead of from where the lift thinks they are.
    :param pelvis: (N, 3) metres in the optical frame; seeded random places in view by default.
    :param one_camera: hold the camera at one angle for all bodies, as for the frames of a video.
    """
    n = len(pose)
    rng = np.random.default_rng(seed)
    betas = np.zeros((n, 10)) if betas is None else betas
    rest = body.rest_joints(betas).astype(np.float64)
    rotmats = axis_angle_to_matrix(pose.astype(np.float64))
    tilt = np.stack([rng.uniform(0.0, 0.4, n), np.zeros(n), rng.uniform(-0.1, 0.1, n)], axis=1)
    down = axis_angle_to_matrix(np.repeat(tilt[:1], n, axis=0) if one_camera else tilt)
    # The optical frame has y down and z forward: the model's frame turned half round about x.
    rotmats[:, 0] = np.diag([1.0, -1, -1]) @ down @ rotmats[:, 0]
    if pelvis is None:
        depth = rng.uniform(2.5, 6, n)
        pelvis = np.stack([rng.uniform(-0.45, 0.45, n) * depth, rng.uniform(-0.1, 0.1, n) * depth, depth], axis=1)
    joints, global_rotmats = forward_kinematics(rotmats, rest)
    transl = pelvis - joints[:, 0]
    joints = joints + transl[:, None]
    points = posed_landmarks(joints, global_rotmats, landmark_offsets(rest))
    if surface:
        points = _from_surface(points, joints, body.vertices(rotmats, betas, transl).astype(np.float64))
    return Scene(camera, rotmats, betas, joints, points, perfect_landmarks(points, camera))


def perfect_landmarks(points: np.ndarray, camera: Camera) -> Landmarks:
    """What BlazePose would give for (N, 33, 3) points of the optical frame if it made no mistake."""
    n = len(points)
    hips = points[:, [LANDMARK_INDEX['left_hip'], LANDMARK_INDEX['right_hip']]].mean(axis=1, keepdims=True)
    sight = rotation_between(np.array([0.0, 0, 1]), hips[:, 0])
    ones = np.ones((n, 33), np.float32)
    return Landmarks(
        image_px=camera.project(points).astype(np.float32), depth_px=np.zeros((n, 33), np.float32),
        visibility=ones, presence=ones, world_m=((points - hips) @ sight).astype(np.float32), score=ones[:, 0],
    )


def hidden(marks: Landmarks, names: list[str], visibility: float, presence: float) -> Landmarks:
    """The same landmarks, some of them less visible."""
    seen, present = marks.visibility.copy(), marks.presence.copy()
    rows = [LANDMARK_INDEX[name] for name in names]
    seen[:, rows], present[:, rows] = visibility, presence
    return replace(marks, visibility=seen, presence=present)


def _from_surface(points: np.ndarray, joints: np.ndarray, vertices: np.ndarray) -> np.ndarray:
    with np.load(Path(poco_ros.body.__file__).parent / 'data' / 'open_body.npz') as data:
        ids = dict(zip(data['landmark_names'].tolist(), data['landmark_ids'].tolist(), strict=True))
    points = points.copy()
    for name in ('nose', 'leye', 'reye', 'lear', 'rear'):
        full = {'l': 'left_', 'r': 'right_'}[name[0]] + name[1:] if name != 'nose' else name
        points[:, LANDMARK_INDEX[full]] = vertices[:, ids[name]]
    for short, side in (('l', 'left_'), ('r', 'right_')):
        points[:, LANDMARK_INDEX[side + 'heel']] = vertices[:, ids[short.upper() + 'Heel']]
        points[:, LANDMARK_INDEX[side + 'toe']] = vertices[:, ids[short.upper() + 'BigToe']]
        wrist = joints[:, JOINT_INDEX[side + 'wrist']]
        for finger in ('index', 'pinky'):  # the knuckle lies a little beyond half way to the tip
            points[:, LANDMARK_INDEX[side + finger]] = 0.45 * wrist + 0.55 * vertices[:, ids[short + finger]]
    return points


def seen_by(landmarks: Landmarks, camera: Camera) -> SeenLandmarks:
    """Return landmarks as the lifts see them."""
    return see(landmarks, camera.undistort_points(landmarks.image_px.astype(np.float64)), intrinsics_of(camera))
