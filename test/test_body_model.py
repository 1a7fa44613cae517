"""Bodies against closed forms, the golden arrays of the specification, and smplx as an oracle."""

import numpy as np
import pytest
from body_arrays import small_body, synthetic_body
from scipy.spatial.transform import Rotation

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import OPEN_BODY_PATH, load_body_model
from poco_ros.body.pose_transforms import flip_pose
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.body.smpl import JOINT_INDEX, MIRROR

# SPEC section 12: which of the 54 joints stand in the output of 49. Only the 24 of SMPL are asked for here.
OUTPUT_49 = np.array(
    [24, 12, 17, 19, 21, 16, 18, 20, 0, 2, 5, 8, 1, 4, 7, 25, 26, 27, 28, 29, 30, 31, 32, 33, 34,
     8, 5, 45, 46, 4, 7, 21, 19, 17, 16, 18, 20, 47, 48, 49, 50, 51, 52, 53, 24, 26, 25, 28, 27]
)  # fmt: skip


def body_of(arrays, **change):
    arrays = {**arrays, **change}
    floats = ('v_template', 'shapedirs', 'posedirs', 'J_regressor', 'weights')
    return BodyModel(
        name='test', faces=arrays['f'].astype(np.int32), sha256='',
        **{k: None if arrays[k] is None else arrays[k].astype(np.float32) for k in floats},
    )  # fmt: skip


@pytest.fixture(scope='module')
def open_body():
    return load_body_model()


@pytest.fixture(scope='module')
def random_pose():
    rng = np.random.default_rng(0)
    return 0.5 * rng.normal(size=(4, 24, 3)), rng.normal(size=(4, 10)), rng.normal(size=(4, 3))


@pytest.mark.shared
def test_golden_vertices_and_joints(shared_dir):
    """SPEC 15.2: the synthetic body posed by the reference, with pose correctives and all."""
    model = body_of(synthetic_body(shared_dir))
    checked = OUTPUT_49 < 24
    for file in ('poco_cliff', 'poco_pare', 'poco_hmr'):
        golden = np.load(shared_dir / 'spec' / 'golden' / f'{file}.npz')
        for pose, betas, vertices, joints in (
            ('pred_rotmat', 'pred_shape', 'synthbody_vertices_every_530', 'synthbody_joints3d'),
            ('gt_pose_aa', 'gt_betas', 'synthbody_gt_vertices_every_530', 'synthbody_gt_joints49'),
        ):
            angles = golden[pose] if pose == 'pred_rotmat' else golden[pose].reshape(-1, 24, 3)
            got = model.vertices(angles, golden[betas])[:, ::530]
            np.testing.assert_allclose(got, golden[vertices], atol=1e-4 * abs(golden[vertices]).max())
            got = model.joints(angles, golden[betas])[:, OUTPUT_49[checked]]
            np.testing.assert_allclose(got, golden[joints][:, checked], atol=1e-4 * abs(golden[joints]).max())


@pytest.mark.oracle
@pytest.mark.parametrize('which', ['open_body', 'with_correctives'])
def test_body_model_smplx_oracle(which, open_body, random_pose):
    torch = pytest.importorskip('torch', reason='the oracle is optional: pip install torch smplx')
    smplx = pytest.importorskip('smplx', reason='the oracle is optional: pip install torch smplx')
    arrays = {k: v for k, v in np.load(OPEN_BODY_PATH).items() if v.dtype.kind in 'fiu'}
    arrays['posedirs'] = np.zeros((6890, 3, 207), np.float32)
    model = open_body
    if which == 'with_correctives':
        arrays['posedirs'] = np.random.default_rng(1).normal(size=(6890, 3, 207)).astype(np.float32) * 1e-3
        model = body_of(arrays)
    oracle = smplx.SMPL('', data_struct=smplx.utils.Struct(**arrays), batch_size=4)
    pose, betas, transl = (torch.tensor(x, dtype=torch.float32) for x in random_pose)
    out = oracle(betas=betas, global_orient=pose[:, 0], body_pose=pose[:, 1:].reshape(4, 69), transl=transl)
    pose, betas, transl = random_pose
    for posed in (pose, axis_angle_to_matrix(pose)):
        vertices = abs(model.vertices(posed, betas, transl) - out.vertices.detach().numpy()).max()
        joints = abs(model.joints(posed, betas, transl) - out.joints[:, :24].detach().numpy()).max()
        assert vertices < 5e-6 and joints < 5e-6


def test_rest_pose_is_the_shaped_template():
    arrays = small_body()
    model = body_of(arrays)
    betas = np.random.default_rng(2).normal(size=(3, 10))
    shaped = arrays['v_template'] + np.einsum('vck,nk->nvc', arrays['shapedirs'], betas)
    np.testing.assert_allclose(model.vertices(np.zeros((3, 24, 3)), betas), shaped, atol=1e-5)
    joints = np.einsum('jv,nvc->njc', arrays['J_regressor'], shaped)
    np.testing.assert_allclose(model.rest_joints(betas), joints, atol=1e-6)
    np.testing.assert_allclose(model.joints(np.zeros((3, 24, 3)), betas), joints, atol=1e-6)


def test_correctives_follow_the_rotations_row_by_row():
    """Entry 9 (j - 1) + 3 r + c of the pose feature is element (r, c) of joint j's rotation less the identity."""
    arrays = small_body()
    weights = np.zeros((60, 24))
    weights[:, 0] = 1
    elbow = JOINT_INDEX['left_elbow']
    turn = np.zeros((1, 24, 3))
    turn[0, elbow] = (0.3, -0.2, 0.9)
    difference = Rotation.from_rotvec(turn[0, elbow]).as_matrix() - np.eye(3)
    first = 9 * (elbow - 1)
    expected = arrays['v_template'] + arrays['posedirs'][:, :, first : first + 9] @ difference.reshape(9)
    np.testing.assert_allclose(body_of(arrays, weights=weights).vertices(turn)[0], expected, atol=1e-5)


def test_vertices_on_one_joint_move_with_it_as_a_rigid_body():
    arrays = small_body()
    weights = np.zeros((60, 24))
    weights[np.arange(60), np.arange(60) % 24] = 1
    model = body_of(arrays, weights=weights, posedirs=None)
    knee, ankle = JOINT_INDEX['right_knee'], JOINT_INDEX['right_ankle']
    pose = np.zeros((1, 24, 3))
    pose[0, knee] = (np.pi / 2, 0, 0)
    quarter_about_x = np.array([[1, 0, 0], [0, 0, -1], [0, 1, 0]])
    pivot = model.rest_joints()[0, knee]
    on_shank = np.isin(np.arange(60) % 24, [knee, ankle, JOINT_INDEX['right_foot']])
    expected = np.where(
        on_shank[:, None], pivot + (arrays['v_template'] - pivot) @ quarter_about_x.T, arrays['v_template']
    )
    np.testing.assert_allclose(model.vertices(pose)[0], expected, atol=1e-5)


def test_turning_the_root_turns_the_body_about_its_pelvis(open_body, random_pose):
    pose, betas, _ = random_pose
    turn = Rotation.from_rotvec([0.4, -1.1, 0.7])
    turned = pose.copy()
    turned[:, 0] = (turn * Rotation.from_rotvec(pose[:, 0])).as_rotvec()
    pelvis = open_body.rest_joints(betas)[:, :1]
    for points in (open_body.vertices, open_body.joints):
        expected = pelvis + (points(pose, betas) - pelvis) @ turn.as_matrix().T
        np.testing.assert_allclose(points(turned, betas), expected, atol=2e-6)


def test_transl_is_added_last(open_body, random_pose):
    pose, betas, transl = random_pose
    for points in (open_body.vertices, open_body.joints):
        moved = points(pose, betas, transl)
        np.testing.assert_allclose(moved, points(pose, betas) + transl[:, None], atol=2e-6)
        np.testing.assert_allclose(points(pose, betas, transl[:1]), points(pose, betas) + transl[:1, None], atol=2e-6)


# The mean body is symmetric to the last bit; its shape directions carry a trace of the sculptors' asymmetry.
@pytest.mark.parametrize(('shaped', 'tolerance_m'), [(False, 2e-6), (True, 1e-4)])
def test_mirrored_pose_gives_the_mirrored_body(open_body, random_pose, shaped, tolerance_m):
    pose, betas = random_pose[0], random_pose[1] if shaped else None
    vertex_mirror = np.load(OPEN_BODY_PATH)['mirror']
    to_other_side = np.array([-1, 1, 1])
    vertices, flipped = open_body.vertices(pose, betas), open_body.vertices(flip_pose(pose), betas)
    np.testing.assert_allclose(flipped, vertices[:, vertex_mirror] * to_other_side, atol=tolerance_m)
    joints, flipped = open_body.joints(pose, betas), open_body.joints(flip_pose(pose), betas)
    np.testing.assert_allclose(flipped, joints[:, MIRROR] * to_other_side, atol=tolerance_m)


def test_axis_angle_and_matrices_are_the_same_pose(open_body, random_pose):
    pose, betas, transl = random_pose
    rotmats = axis_angle_to_matrix(pose)
    np.testing.assert_allclose(open_body.vertices(rotmats, betas), open_body.vertices(pose, betas), atol=1e-6)
    assert open_body.joints(rotmats, betas, transl).dtype == np.float32


def test_a_batch_is_its_bodies_one_by_one(open_body, random_pose):
    pose, betas, transl = random_pose
    vertices, joints = open_body.vertices(pose, betas, transl), open_body.joints(pose, betas, transl)
    for i in range(4):
        one = slice(i, i + 1)
        np.testing.assert_allclose(vertices[one], open_body.vertices(pose[one], betas[one], transl[one]), atol=1e-6)
        np.testing.assert_allclose(joints[one], open_body.joints(pose[one], betas[one], transl[one]), atol=1e-6)
    same_shape = open_body.vertices(pose, betas[:1])
    np.testing.assert_allclose(same_shape, open_body.vertices(pose, np.repeat(betas[:1], 4, 0)), atol=1e-6)


def test_posing_leaves_the_model_and_the_input_alone(open_body, random_pose):
    before = open_body.rest_joints().copy(), open_body.vertices(np.zeros((1, 24, 3))).copy()
    inputs = [x.copy() for x in random_pose]
    open_body.vertices(*random_pose)
    open_body.joints(*random_pose)
    open_body.joints(np.zeros((1, 24, 3)), None, [[1.0, 2, 3]])
    np.testing.assert_array_equal(open_body.rest_joints(), before[0])
    np.testing.assert_array_equal(open_body.vertices(np.zeros((1, 24, 3))), before[1])
    for x, copy in zip(random_pose, inputs, strict=True):
        np.testing.assert_array_equal(x, copy)


def test_nobody(open_body):
    nobody = np.zeros((0, 24, 3)), np.zeros((0, 10)), np.zeros((0, 3))
    assert open_body.vertices(*nobody).shape == (0, 6890, 3)
    assert open_body.joints(*nobody).shape == (0, 24, 3)


def test_an_unknown_hand_leaves_the_other_joints_known(open_body):
    pose = np.zeros((1, 24, 3))
    pose[0, JOINT_INDEX['left_wrist']] = np.nan
    unknown = np.isnan(open_body.joints(pose)).any(-1)[0]
    assert np.flatnonzero(unknown).tolist() == [JOINT_INDEX['left_hand']]
    two = open_body.vertices(np.concatenate([pose, np.zeros((1, 24, 3))]))
    assert np.isnan(two[0]).all() and np.isfinite(two[1]).all()


@pytest.mark.parametrize(
    ('pose', 'betas', 'transl', 'message'),
    [((24, 3), (1, 10), (1, 3), 'pose must be'), ((2, 72), (1, 10), (1, 3), 'pose must be'),
     ((2, 24, 3), (10,), (1, 3), 'betas must be'), ((2, 24, 3), (2, 11), (1, 3), 'betas must be'),
     ((2, 24, 3), (3, 10), (1, 3), 'betas are for 3 bodies, the pose is for 2'),
     ((2, 24, 3), (2, 10), (3,), 'transl must be'), ((2, 24, 3), (2, 10), (3, 3), 'transl are for 3')],
)  # fmt: skip
def test_wrong_shapes_are_told(open_body, pose, betas, transl, message):
    for points in (open_body.vertices, open_body.joints):
        with pytest.raises(ValueError, match=message):
            points(np.zeros(pose), np.zeros(betas), np.zeros(transl))
