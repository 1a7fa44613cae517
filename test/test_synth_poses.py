import numpy as np
import pytest
from synth_motion import SUBJECTS, write_motion

from poco_ros.body.kinematics import forward_kinematics
from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix, geodesic_angle, matrix_to_axis_angle
from poco_ros.body.smpl import JOINT_INDEX, MIRROR
from poco_ros.errors import DatasetError
from poco_ros.evaluation.infill.motion_file import load_motion
from poco_ros.synth.pose_prior import arms_free, random_pose
from poco_ros.synth.poses import MADE_UP, MOCAP, PRIOR, Moves, subjects_of

FRAMES = 8


@pytest.fixture(scope='module')
def rest():
    return load_body_model().rest_joints().astype(np.float64)[0]


@pytest.fixture(scope='module')
def motion(tmp_path_factory):
    return load_motion(write_motion(tmp_path_factory.mktemp('motion') / 'motion.npz'))


def test_captured_movements_are_frames_of_one_clip_or_their_mirror_image(motion, rest):
    moves = Moves(motion, rest, FRAMES, prior_share=0.0)
    rng = np.random.default_rng(0)
    mirrored = 0
    for _ in range(20):
        move = moves.draw(rng, 'train')
        assert move.source == MOCAP and move.rotmats.shape == (FRAMES, 24, 3, 3)
        clip = motion.names.index(move.clip)
        poses = motion.poses[motion.clip_start[clip]:motion.clip_start[clip + 1]]
        flipped = poses[:, MIRROR] * [1, -1, -1]
        found = [np.abs(matrix_to_axis_angle(move.rotmats[0]) - p).max((1, 2)).min() for p in (poses, flipped)]
        assert min(found) < 1e-6
        mirrored += found[1] < found[0]
        assert move.subject == motion.subjects[clip] and move.licence == motion.licences[clip]
    assert 0 < mirrored < 20


def test_people_of_one_split_move_in_no_other(motion, rest):
    moves = Moves(motion, rest, FRAMES, prior_share=0.0)
    rng = np.random.default_rng(1)
    seen = {split: {moves.draw(rng, split).subject for _ in range(15)} for split in moves.splits}
    for split, names in seen.items():
        assert names <= set(moves.people[split])
    assert subjects_of(moves) == (*sorted(SUBJECTS), PRIOR)


def test_made_up_movements_are_smooth_and_say_so(motion, rest):
    moves = Moves(motion, rest, FRAMES, prior_share=1.0)
    rng = np.random.default_rng(2)
    licences = set()
    for _ in range(30):
        move = moves.draw(rng, 'test')
        assert (move.subject, move.source) == (PRIOR, PRIOR)
        licences.add(move.licence)
        assert np.allclose(move.rotmats @ np.swapaxes(move.rotmats, -1, -2), np.eye(3), atol=1e-6)
        assert geodesic_angle(move.rotmats[1:], move.rotmats[:-1]).max() < np.radians(45)
    assert licences == {MADE_UP, 'CMU terms', 'CC BY-NC'}


def test_arms_of_made_up_poses_stay_out_of_the_trunk(motion, rest):
    moves = Moves(motion, rest, FRAMES, prior_share=1.0)
    rng = np.random.default_rng(3)
    free = []
    for _ in range(40):
        move = moves.draw(rng, 'train')
        joints, _ = forward_kinematics(move.rotmats, np.broadcast_to(rest, (FRAMES, 24, 3)))
        free.append(arms_free(joints).all())
    raw = [arms_free(forward_kinematics(axis_angle_to_matrix(random_pose(rng))[None], rest[None])[0])[0]
           for _ in range(200)]
    assert all(free)
    assert not all(raw)


def test_a_hand_inside_the_belly_is_found(rest):
    joints = np.stack([rest, rest])
    joints[1, JOINT_INDEX['left_hand']] = rest[JOINT_INDEX['spine1']] + [0.03, 0, 0.02]
    assert arms_free(joints).tolist() == [True, False]


def test_knees_bend_backwards_only():
    rng = np.random.default_rng(4)
    poses = np.stack([random_pose(rng) for _ in range(300)])
    knees = poses[:, [JOINT_INDEX['left_knee'], JOINT_INDEX['right_knee']]]
    assert knees[..., 0].min() >= 0 and knees[..., 0].max() <= np.radians(150)
    assert np.abs(knees[..., 1:]).max() == 0


def test_clips_that_are_too_short_are_refused(tmp_path, rest):
    motion = load_motion(write_motion(tmp_path / 'short.npz', frames=20, subjects=('a',)))
    with pytest.raises(DatasetError, match='29 frames'):
        Moves(motion, rest, FRAMES, prior_share=0.5)
