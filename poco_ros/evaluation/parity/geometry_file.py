"""``geometry.npz``: rotations in all forms, mirrored and turned poses, the least-squares camera translation."""

from __future__ import annotations

import numpy as np

from poco_ros.body.pose_transforms import flip_points, flip_pose, rotate_global_orient, rotate_points
from poco_ros.body.rotations import axis_angle_to_matrix, matrix_to_axis_angle, rot6d_to_matrix
from poco_ros.crops import KEYPOINT_MIRROR
from poco_ros.evaluation.parity.comparison import EXACT, GENERAL, ROTATION, ROTATION_VECTOR
from poco_ros.evaluation.parity.golden import Arrays, Context, GoldenFile, Input, Output
from poco_ros.evaluation.parity.rules import only
from poco_ros.weak_perspective import fit_translation

#: The data sets' 24 joints are the last of the 49 keypoints.
_FIRST_DATASET_JOINT = 25


def _compute(golden: Arrays, context: Context) -> Arrays:
    flipped = golden['flip_flag'].astype(bool)
    pose = golden['pose72'].reshape(-1, 24, 3)
    turned = pose.copy()
    turned[:, 0] = rotate_global_orient(pose[:, 0], golden['rot_deg'])
    turned[flipped] = flip_pose(turned[flipped])
    points = golden['pose3d'].copy()
    points[..., :3] = rotate_points(points[..., :3], golden['rot_deg'])
    joint_mirror = KEYPOINT_MIRROR[_FIRST_DATASET_JOINT:] - _FIRST_DATASET_JOINT
    points[flipped, :, 3] = points[flipped][..., joint_mirror, 3]
    points[flipped, :, :3] = flip_points(points[flipped, :, :3], joint_mirror)
    rotmats = axis_angle_to_matrix(golden['aa'])
    seen = golden['lsq_kp'][:, _FIRST_DATASET_JOINT:]
    return {
        'rot6d_rotmat': rot6d_to_matrix(golden['rot6d']),
        'aa_rotmat': rotmats,
        'rotmat_aa': matrix_to_axis_angle(rotmats),
        # A layout that the networks do not use (SPEC section 5, trap 1), so this package has no function for it.
        'rotmat_to_6d_rowmajor_first_two_rows': rotmats[:, :2].reshape(-1, 6),
        'pose72_flipped': flip_pose(pose).reshape(-1, 72),
        'root_aa_rotated': rotate_global_orient(pose[:, 0], golden['rot_deg']),
        'pose3d_rot_flip': points,
        'pose72_rot_flip': turned.reshape(-1, 72),
        'lsq_t': np.array([
            fit_translation(xyz, uv[:, :2], uv[:, 2])
            for xyz, uv in zip(golden['lsq_S'][:, _FIRST_DATASET_JOINT:], seen, strict=True)]).reshape(-1, 3),
    }


FILE = GoldenFile(
    'geometry.npz',
    inputs={
        'rot6d': Input('float32', ('N', 6)), 'aa': Input('float32', ('A', 3)),
        'pose72': Input('float64', ('P', 72)), 'rot_deg': Input('float64', ('P',)),
        'pose3d': Input('float64', ('P', 24, 4)), 'flip_flag': Input('int64', ('P',), only(0, 1)),
        'lsq_S': Input('float64', ('L', 49, 3)), 'lsq_kp': Input('float64', ('L', 49, 3)),
    },
    outputs={
        'rot6d_rotmat': Output(ROTATION), 'aa_rotmat': Output(ROTATION), 'rotmat_aa': Output(ROTATION_VECTOR),
        'rotmat_to_6d_rowmajor_first_two_rows': Output(ROTATION), 'pose72_flipped': Output(EXACT, 'float64'),
        'root_aa_rotated': Output(ROTATION_VECTOR, 'float64'), 'pose3d_rot_flip': Output(GENERAL),
        'pose72_rot_flip': Output(ROTATION_VECTOR), 'lsq_t': Output(GENERAL),
    },
    compute=_compute,
)
