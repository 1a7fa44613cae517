"""Merging bone weights and placing joints, on made-up bones and markers."""

from types import SimpleNamespace

import numpy as np
import pytest

from poco_ros.body.open_body.rig import four_largest, joints_in_source_pose, merged_weights, symmetrised
from poco_ros.body.open_body.source import NUM_BODY_VERTICES
from poco_ros.body.smpl import JOINT_INDEX, MIRROR, PARENTS

TRUNK = ['root', 'spine05', 'spine04', 'spine03', 'spine02', 'spine01', 'neck01', 'neck02', 'neck03', 'head', 'jaw']
SIDED = [
    'pelvis', 'breast', 'upperleg01', 'upperleg02', 'lowerleg01', 'lowerleg02', 'foot', 'toe1-1', 'toe5-3', 'clavicle',
    'shoulder01', 'upperarm01', 'upperarm02', 'lowerarm01', 'lowerarm02', 'wrist', 'metacarpal1', 'metacarpal2',
    'metacarpal3', 'metacarpal4', 'finger1-1', 'finger1-2', 'finger5-3', 'eye',
]  # fmt: skip
BONES = TRUNK + [f'{bone}.{side}' for bone in SIDED for side in 'LR']
HEIGHTS = np.linspace(-1, 1, 50)
JOINTS = np.zeros((24, 3))
JOINTS[[0, 3, 6, 9], 1] = (0.0, 0.1, 0.25, 0.3)


def merged_from(bone):
    return merged_weights({b: np.full(50, float(b == bone)) for b in BONES}, HEIGHTS, JOINTS)


def test_nothing_is_lost():
    rng = np.random.default_rng(0)
    weights = {bone: rng.random(50) for bone in BONES}
    merged = merged_weights(weights, HEIGHTS, JOINTS)
    np.testing.assert_allclose(merged.sum(1), sum(weights.values()))
    assert merged.min() >= 0


@pytest.mark.parametrize(
    ('bone', 'joint'),
    [('upperleg02.L', 'left_hip'), ('lowerleg01.R', 'right_knee'), ('foot.L', 'left_ankle'), ('toe5-3.R', 'right_foot'),
     ('shoulder01.L', 'left_collar'), ('upperarm01.R', 'right_shoulder'), ('lowerarm02.L', 'left_elbow'),
     ('metacarpal3.L', 'left_wrist'), ('finger1-1.R', 'right_wrist'), ('finger1-2.R', 'right_hand'),
     ('neck02', 'neck'), ('neck03', 'head'), ('jaw', 'head'), ('eye.L', 'head')],
)  # fmt: skip
def test_bones_of_limbs_and_head_go_whole_to_one_joint(bone, joint):
    np.testing.assert_array_equal(merged_from(bone), np.tile(np.eye(24)[JOINT_INDEX[joint]], (50, 1)))


@pytest.mark.parametrize('bone', ['spine02', 'root', 'breast.R'])
def test_the_trunk_is_split_by_height(bone):
    merged = merged_from(bone)
    columns = merged[:, [0, 3, 6, 9]]
    np.testing.assert_allclose(columns.sum(1), 1)
    assert (columns[HEIGHTS < 0, 0] == 1).all() and (columns[HEIGHTS > 0.4, 3] == 1).all()
    assert (np.diff(columns[:, 0]) <= 0).all() and (np.diff(columns[:, 3]) >= 0).all()


def test_four_largest_are_kept_and_sum_to_one():
    weights = np.random.default_rng(1).random((30, 24)) ** 3
    kept = four_largest(weights)
    np.testing.assert_allclose(kept.sum(1), 1)
    assert ((kept > 0).sum(1) == 4).all()
    order = np.argsort(-weights, 1)[:, :4]
    ratio = np.take_along_axis(kept, order, 1) / np.take_along_axis(weights, order, 1)
    np.testing.assert_allclose(ratio, np.broadcast_to(ratio[:, :1], ratio.shape))
    np.testing.assert_array_equal(four_largest(np.array([[0.5, 0.5, 5e-5] + [0] * 21]))[0, :3], [0.5, 0.5, 0])


def test_symmetrised_is_its_own_mirror_image():
    weights = np.random.default_rng(2).random((6, 24))
    mirror = np.array([1, 0, 2, 4, 3, 5])
    symmetric = symmetrised(weights, mirror)
    np.testing.assert_array_equal(symmetric[mirror][:, MIRROR], symmetric)
    np.testing.assert_allclose(symmetrised(symmetric, mirror), symmetric)


def test_joints_scale_and_mirror_with_the_person():
    """Markers at random places, mirrored: joints are symmetric, and twice the person has twice the skeleton."""
    rng = np.random.default_rng(3)
    places = {}

    def centre(vertices, group):
        size, name = vertices[-1, 0], group.removeprefix('joint-')
        sided = name[:2] in ('l-', 'r-')
        place = places.setdefault(name[2:] if sided else name, rng.normal(size=3))
        place = place * [-1, 1, 1] if name.startswith('r-') else place if sided else place * [0, 1, 1]
        return place * size

    def joints_of(size):
        vertices = np.zeros((NUM_BODY_VERTICES + 1, 3))
        vertices[0, 1] = 1.70 * size
        vertices[-1, 0] = size
        return joints_in_source_pose(SimpleNamespace(centre=centre), vertices)

    joints = joints_of(1.0)
    np.testing.assert_allclose(joints[MIRROR] * [-1, 1, 1], joints, atol=1e-12)
    np.testing.assert_allclose(joints_of(2.0), 2 * joints, atol=1e-12)
    assert (np.linalg.norm(joints[1:] - joints[PARENTS[1:]], axis=1) > 0).all()
