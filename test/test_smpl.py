"""The facts about SMPL's skeleton, against the tables of the specification."""

import numpy as np

from poco_ros.body.smpl import JOINT_INDEX, JOINT_NAMES, MIRROR, PARENTS

# SPEC section 9 (flip) and section 12 (names), as printed there.
SPEC_FLIP = '0,2,1,3,5,4,6,8,7,9,11,10,12,14,13,15,17,16,19,18,21,20,23,22'
SPEC_NAMES = (
    'Hips, L_Hip, R_Hip, Spine1, L_Knee, R_Knee, Spine2, L_Ankle, R_Ankle, Spine3, L_Foot, R_Foot, Neck, '
    'L_Collar, R_Collar, Head, L_Shoulder, R_Shoulder, L_Elbow, R_Elbow, L_Wrist, R_Wrist, L_Hand, R_Hand'
)


def test_names_are_those_of_the_specification_in_its_order():
    spelled = [n.replace('L_', 'left_').replace('R_', 'right_').lower() for n in SPEC_NAMES.split(', ')]
    spelled[0] = 'pelvis'
    assert list(JOINT_NAMES) == spelled
    assert [JOINT_INDEX[name] for name in JOINT_NAMES] == list(range(24))


def test_mirror_is_the_flip_of_the_specification_and_its_own_inverse():
    assert ','.join(map(str, MIRROR)) == SPEC_FLIP
    np.testing.assert_array_equal(MIRROR[MIRROR], np.arange(24))


def test_tree_is_mirror_symmetric_and_parents_come_first():
    assert PARENTS[0] == -1
    assert (PARENTS[1:] < np.arange(1, 24)).all()
    np.testing.assert_array_equal(MIRROR[PARENTS[1:]], PARENTS[MIRROR[1:]])


def test_limbs_are_chains():
    for side in ('left', 'right'):
        for chain in (('hip', 'knee', 'ankle', 'foot'), ('collar', 'shoulder', 'elbow', 'wrist', 'hand')):
            for parent, child in zip(chain[:-1], chain[1:], strict=True):
                assert PARENTS[JOINT_INDEX[f'{side}_{child}']] == JOINT_INDEX[f'{side}_{parent}']
