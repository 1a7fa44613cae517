"""Dressed people follow the body model's own pose, and are the same for the same random state."""

import numpy as np
import pytest
from synth_scenes import small_rotations, textures, wardrobe

from poco_ros.errors import ModelFileError
from poco_ros.synth.person import strongest
from poco_ros.synth.wardrobe import GARMENTS_PATH, Wardrobe


@pytest.mark.parametrize('seed', range(3))
def test_pose_is_that_of_the_body_model(seed):
    rng = np.random.default_rng(seed)
    betas = rng.normal(0, 1.5, 10).astype(np.float32)
    person = wardrobe().dress(rng, 'shirt_trousers', betas)
    rotations, transl = small_rotations(rng, 0.6), rng.normal(0, 1, 3) + (0, 0, 4)
    vertices, body_vertices, joints = person.pose(rotations, transl)
    body = wardrobe().body
    np.testing.assert_allclose(joints, body.joints(rotations[None], betas[None], transl[None])[0], atol=3e-6)
    np.testing.assert_allclose(body_vertices, body.vertices(rotations[None], betas[None], transl[None])[0], atol=5e-6)
    assert vertices.dtype == np.float32 and vertices.shape == person.surface.colour.shape
    np.testing.assert_array_equal(vertices[:6890], body_vertices)
    np.testing.assert_allclose(joints[0], person.rest_joints[0] + transl, atol=1e-6)  # the root turns about itself


def test_clothes_stay_near_the_body_in_every_style():
    rng = np.random.default_rng(1)
    from scipy.spatial import cKDTree

    for outfit in wardrobe().outfits:
        person = wardrobe().dress(rng, outfit, rng.normal(0, 1, 10))
        vertices, body_vertices, _ = person.pose(small_rotations(rng, 0.3), (0, 0, 3))
        distance = cKDTree(body_vertices).query(vertices[6890:])[0]
        assert len(distance) > 500 and np.isfinite(distance).all(), outfit
        assert np.quantile(distance, 0.9) < 0.15 and distance.max() < 0.5, outfit
        assert person.surface.triangles.max() < len(vertices)


def test_left_and_right_are_mirrored():
    body = wardrobe().body
    person = wardrobe().dress(np.random.default_rng(2), 'tee_shorts', np.zeros(10))
    rng = np.random.default_rng(3)
    from scipy.spatial.transform import Rotation

    turns = rng.normal(0, 0.4, (24, 3))
    partner = np.array([0, 2, 1, 3, 5, 4, 6, 8, 7, 9, 11, 10, 12, 14, 13, 15, 17, 16, 19, 18, 21, 20, 23, 22])
    mirrored = turns[partner] * (1, -1, -1)
    joints = [person.pose(Rotation.from_rotvec(t).as_matrix(), (0, 0, 0))[2] for t in (turns, mirrored)]
    np.testing.assert_allclose(joints[0], joints[1][partner] * (-1, 1, 1), atol=1e-4)
    assert body.num_vertices == 6890


def test_same_state_dresses_the_same_person_and_another_state_another():
    people = [wardrobe().dress(np.random.default_rng(seed), 'tee_trousers', np.zeros(10)) for seed in (4, 4, 5)]
    for name in ('triangles', 'uv', 'texture', 'colour', 'textures', 'shine'):
        first, second = (getattr(person.surface, name) for person in people[:2])
        np.testing.assert_array_equal(first, second)
    assert not np.array_equal(people[0].surface.textures[0], people[2].surface.textures[0])


def test_the_strongest_joints_keep_all_of_the_open_bodys_weights():
    weights = wardrobe().body.weights
    joints, kept = strongest(weights)
    back = np.zeros_like(weights)
    np.put_along_axis(back, joints.astype(np.intp), kept, 1)
    np.testing.assert_allclose(back, weights, atol=1e-6)


def test_draw_takes_a_third_cut_clothes_where_there_are_modelled_ones():
    rng = np.random.default_rng(0)
    names = [wardrobe().draw(rng, ('some_suit', 'dress', 'tee_shorts')) for _ in range(600)]
    assert 0.27 < np.mean([name != 'some_suit' for name in names]) < 0.4
    assert wardrobe().draw(rng, ('dress',)) == 'dress'
    with pytest.raises(ValueError, match='no outfit'):
        wardrobe().dress(rng, 'toga', np.zeros(10))


def test_a_broken_wardrobe_is_named(tmp_path):
    broken = tmp_path / 'clothes.npz'
    with pytest.raises(ModelFileError, match='clothes.npz does not exist'):
        Wardrobe.load(broken, textures())
    broken.write_bytes(GARMENTS_PATH.read_bytes()[:20000])
    with pytest.raises(ModelFileError, match='clothes.npz'):
        Wardrobe.load(broken, textures())
    broken.write_bytes(b'no archive at all')
    with pytest.raises(ModelFileError, match='clothes.npz'):
        Wardrobe.load(broken, textures())
    np.savez(broken, names=np.array(['suit:plain']), plain_v=np.zeros((3, 3)))
    with pytest.raises(ModelFileError, match='clothes.npz is not a wardrobe'):
        Wardrobe.load(broken, textures())


@pytest.mark.shared
def test_every_modelled_suit_dresses_a_person(shared_dir):
    full = Wardrobe.load(shared_dir / 'open_body' / 'open_wardrobe.npz', textures())
    rng = np.random.default_rng(6)
    assert set(wardrobe().outfits) < set(full.outfits)
    for outfit in set(full.outfits) - set(wardrobe().outfits):
        person = full.dress(rng, outfit, rng.normal(0, 1, 10))
        vertices, _, _ = person.pose(small_rotations(rng), (0, 0, 3))
        assert np.isfinite(vertices).all() and person.surface.triangles.max() < len(vertices)
