"""Properties of the open body that ships: a closed, symmetric, sensible person."""

import numpy as np
import pytest
from meshes import edge_counts, euler_characteristic, face_set, volume

from poco_ros.body.model_file import OPEN_BODY_PATH, load_body_model
from poco_ros.body.open_body.landmarks import SMPL_VERTEX
from poco_ros.body.smpl import JOINT_INDEX, MIRROR, PARENTS

TO_OTHER_SIDE = np.array([-1, 1, 1])


@pytest.fixture(scope='module')
def arrays():
    return dict(np.load(OPEN_BODY_PATH))


@pytest.fixture(scope='module')
def model():
    return load_body_model()


def winding_number(points, vertices, faces):
    """1 inside a closed surface with outward faces, 0 outside (van Oosterom and Strackee 1983)."""
    a, b, c = (vertices[faces[:, k]][None] - points[:, None] for k in range(3))
    la, lb, lc = (np.linalg.norm(v, axis=-1) for v in (a, b, c))
    numerator = (a * np.cross(b, c)).sum(-1)
    denominator = la * lb * lc + (a * b).sum(-1) * lc + (b * c).sum(-1) * la + (c * a).sum(-1) * lb
    return 2 * np.arctan2(numerator, denominator).sum(1) / (4 * np.pi)


def test_surface_is_closed_of_genus_zero_and_faces_outwards(arrays):
    faces, vertices = arrays['f'].astype(int), arrays['v_template'].astype(float)
    assert faces.shape == (13776, 3) and vertices.shape == (6890, 3)
    assert (edge_counts(faces) == 1).all()
    assert euler_characteristic(faces) == 2
    assert 0.055 < volume(vertices, faces) < 0.085  # cubic metres; a person of 1.70 m


def test_mesh_weights_and_joints_are_mirror_symmetric(arrays):
    mirror, faces = arrays['mirror'], arrays['f'].astype(int)
    np.testing.assert_array_equal(mirror[mirror], np.arange(6890))
    np.testing.assert_array_equal(arrays['v_template'][mirror] * TO_OTHER_SIDE, arrays['v_template'])
    np.testing.assert_array_equal(arrays['weights'][mirror][:, MIRROR], arrays['weights'])
    np.testing.assert_array_equal(arrays['J_regressor'][MIRROR][:, mirror], arrays['J_regressor'])
    assert face_set(mirror[faces][:, ::-1]) == face_set(faces)
    asymmetry = arrays['shapedirs'][mirror] * TO_OTHER_SIDE[:, None] - arrays['shapedirs']
    assert abs(asymmetry).max() < 5e-5


def test_weights_are_few_positive_and_sum_to_one(arrays):
    weights = arrays['weights']
    assert weights.min() >= 0
    np.testing.assert_allclose(weights.sum(1), 1, atol=1e-6)
    assert (weights > 0).sum(1).max() <= 5
    assert (weights.max(0) > 0.4).all()  # every joint moves some skin by much


def test_regressors_are_positive_and_sum_to_one(arrays):
    for name in ('J_regressor', 'J_regressor_coco17'):
        assert arrays[name].min() >= 0
        np.testing.assert_allclose(arrays[name].sum(1), 1, atol=1e-5)
    np.testing.assert_allclose(arrays['J_regressor'] @ arrays['v_template'], arrays['J'], atol=1e-6)


@pytest.mark.parametrize('betas', [(), (-2,), (2,), (0, -2), (0, 2), (0, 0, -2), (0, 0, 2), (1, -1, 1, 2, -1, 1)])
def test_joints_lie_inside_the_body_of_any_shape(model, betas):
    betas = np.array([[*betas, *[0.0] * (10 - len(betas))]])
    vertices = model.vertices(np.zeros((1, 24, 3)), betas)[0].astype(float)
    inside = winding_number(model.rest_joints(betas)[0].astype(float), vertices, model.faces)
    np.testing.assert_allclose(inside, 1, atol=1e-3)


def test_proportions_of_a_grown_person(model, arrays):
    joints = model.rest_joints()[0]
    stature = np.ptp(model.v_template[:, 1])
    assert 1.65 < stature < 1.75
    lengths = {name: np.linalg.norm(joints[j] - joints[PARENTS[j]]) for name, j in JOINT_INDEX.items() if j}
    # segment lengths over stature, from Drillis and Contini (1966): thigh 0.245, shank 0.246, forearm 0.146
    assert lengths['left_knee'] / stature == pytest.approx(0.245, abs=0.03)
    assert lengths['left_ankle'] / stature == pytest.approx(0.246, abs=0.03)
    assert lengths['left_wrist'] / stature == pytest.approx(0.146, abs=0.02)
    assert arrays['beta_cov_params'][0] == pytest.approx(stature, abs=0.02)


def test_t_pose_faces_forward_with_its_left_at_plus_x(model):
    joints = model.rest_joints()[0]
    assert joints[JOINT_INDEX['left_wrist'], 0] > 0.5
    assert abs(joints[JOINT_INDEX['left_wrist'], 1] - joints[JOINT_INDEX['left_shoulder'], 1]) < 0.05
    assert joints[JOINT_INDEX['head'], 1] > joints[JOINT_INDEX['neck'], 1] > joints[0, 1]
    assert joints[JOINT_INDEX['left_foot'], 2] > joints[JOINT_INDEX['left_ankle'], 2] + 0.05


def test_landmarks_stand_at_smpls_vertex_numbers_and_where_their_names_say(arrays):
    at = dict(zip(arrays['landmark_names'].tolist(), arrays['landmark_ids'].tolist(), strict=True))
    assert at == SMPL_VERTEX
    place = {name: arrays['v_template'][vertex] for name, vertex in at.items()}
    head = arrays['v_template'][arrays['v_template'][:, 1] > arrays['J'][JOINT_INDEX['head'], 1]]
    assert place['nose'][2] > np.sort(head[:, 2])[-40] and abs(place['nose'][0]) < 1e-6
    assert place['lear'][0] > place['leye'][0] > 0.02
    wrist_to_tip = {f: place[f'l{f}'][0] - arrays['J'][20, 0] for f in ('thumb', 'index', 'middle', 'ring', 'pinky')}
    assert max(wrist_to_tip, key=wrist_to_tip.get) == 'middle'
    assert min(wrist_to_tip, key=wrist_to_tip.get) == 'thumb'
    sole = arrays['v_template'][:, 1].min()
    for side in 'LR':
        assert place[f'{side}Heel'][2] < arrays['J'][JOINT_INDEX['left_ankle'], 2] < place[f'{side}BigToe'][2]
        assert max(place[f'{side}{n}'][1] for n in ('Heel', 'BigToe', 'SmallToe')) < sole + 0.06
    for name, vertex in at.items():
        other = {'l': 'r', 'r': 'l', 'L': 'R', 'R': 'L'}.get(name[0], name[0]) + name[1:]
        assert arrays['mirror'][vertex] == at[other]


def test_first_beta_is_stature_and_bodies_vary_as_adults_do(model):
    betas = np.random.default_rng(0).normal(size=(80, 10))
    statures = np.ptp(model.vertices(np.zeros((80, 24, 3)), betas)[:, :, 1], axis=1)
    assert np.corrcoef(betas[:, 0], statures)[0, 1] > 0.9
    assert 1.6 < statures.mean() < 1.8 and 0.06 < statures.std() < 0.12


def test_textures_cover_every_corner(arrays):
    uv, corners = arrays['vt'], arrays['ft']
    assert corners.shape == (13776, 3) and corners.min() >= 0 and corners.max() < len(uv)
    a, b, c = (uv[corners[:, k]] for k in range(3))
    sizes = np.stack([np.linalg.norm(p - q, axis=1) for p, q in ((a, b), (b, c), (c, a))])
    assert sizes.max() < 0.2  # no face spans two charts of the unit square
