"""The renderer against closed forms: where things are, how far, how bright, and what throws shadows."""

import numpy as np
import pytest
from synth_scenes import flat_light, sheet, small_rotations, wardrobe, white_texture

from poco_ros.errors import ConfigError
from poco_ros.synth.light import Light
from poco_ros.synth.render import Floor, render
from poco_ros.synth.surface import Placed, Surface, make_box, make_cylinder

SIZE = (64, 48)
CAMERA = np.array([60.0, 62.0, 31.2, 23.4])
BLACK = np.zeros((48, 64, 3), np.float32)


def project(points):
    return points[..., :2] / points[..., 2:] * CAMERA[:2] + CAMERA[2:]


def facing(x0, x1, y0, y1, z):
    return Placed(np.array([[x0, y1, z], [x1, y1, z], [x1, y0, z], [x0, y0, z]], np.float32), sheet(), 7)


@pytest.mark.parametrize('supersample', [1, 2, 3, 4])
def test_quad_covers_the_area_that_the_projection_says(supersample):
    quad = facing(-0.42, 0.37, -0.3, 0.21, 2.0)
    turned = quad.vertices @ np.array([[0.8, 0.6, 0], [-0.6, 0.8, 0], [0, 0, 1]])
    seen = render([Placed(turned, quad.surface, 7)], CAMERA, SIZE, flat_light(), BLACK, supersample)
    area = 0.79 * 60 / 2 * 0.51 * 62 / 2
    assert seen.image[..., 0].sum() == pytest.approx(area, rel=0.02 / supersample)
    assert set(np.unique(seen.label)) == {0, 7}


@pytest.mark.parametrize('supersample', [2, 3])
@pytest.mark.parametrize('shift', [(0.0, 0.0), (0.031, -0.02), (0.2, 0.11)])
def test_blob_is_where_the_projection_says(supersample, shift):
    centre = np.array([*shift, 3.0])
    turn = np.linspace(0, 2 * np.pi, 40, endpoint=False)
    ring = centre + 0.25 * np.stack([np.cos(turn), np.sin(turn), 0 * turn], 1)
    triangles = np.array([[40, (k + 1) % 40, k] for k in range(40)])
    base = sheet()
    disc = Surface(triangles, np.zeros((40, 3, 2)), np.zeros(40), np.ones(40), np.ones((41, 3)), base.textures,
                   base.cut_out, base.shine)
    placed = Placed(np.concatenate([ring, centre[None]]).astype(np.float32), disc, 1)
    seen = render([placed], CAMERA, SIZE, flat_light(), BLACK, supersample)
    weight = seen.image[..., 0]
    rows, columns = np.mgrid[:48, :64]
    found = np.array([(weight * columns).sum(), (weight * rows).sum()]) / weight.sum()
    np.testing.assert_allclose(found, project(centre), atol=0.1)


def test_pixel_centres_are_integers_without_supersampling_too():
    x, y = (np.array([9.5, 19.5]) - CAMERA[2]) / 30, (np.array([4.5, 14.5]) - CAMERA[3]) / 31
    on_centres = facing(*x, *y, 2.0)
    seen = render([on_centres], CAMERA, SIZE, flat_light(), BLACK, 1)
    rows, columns = np.nonzero(seen.label)
    assert (columns.min(), columns.max(), rows.min(), rows.max()) == (10, 19, 5, 14)


def test_depth_of_a_slanted_plane_is_that_of_the_rays():
    corners = np.array([[-2, 1.5, 2], [2, 1.5, 4], [2, -1.5, 5], [-2, -1.5, 3]], np.float32)
    normal = np.cross(corners[1] - corners[0], corners[3] - corners[0])
    assert abs(normal @ (corners[2] - corners[0])) < 1e-5
    seen = render([Placed(corners, sheet(), 1)], CAMERA, SIZE, flat_light(), BLACK)
    rows, columns = np.mgrid[:48, :64]
    rays = np.stack([(columns - CAMERA[2]) / CAMERA[0], (rows - CAMERA[3]) / CAMERA[1], np.ones_like(rows)], -1)
    expected = (normal @ corners[0]) / (rays @ normal)
    covered = seen.image.min(-1) > 0.999
    assert covered.sum() > 500
    np.testing.assert_allclose(seen.depth[covered], expected[covered], rtol=2e-3)
    assert np.isinf(seen.depth[seen.label == 0]).all()


def test_nearer_mesh_hides_farther_in_either_order():
    near, far = facing(-0.1, 0.1, -0.1, 0.1, 1.0), facing(-1, 1, -1, 1, 2.0)
    far = Placed(far.vertices, far.surface, 3)
    for meshes in ([near, far], [far, near]):
        seen = render(meshes, CAMERA, SIZE, flat_light(), BLACK)
        assert seen.label[23, 31] == 7 and seen.depth[23, 31] == pytest.approx(1.0, abs=1e-4)
        assert seen.label[23, 10] == 3 and seen.depth[23, 10] == pytest.approx(2.0, abs=1e-4)


def test_the_back_of_a_closed_mesh_is_not_drawn_and_the_inside_of_cloth_is():
    backwards = facing(-0.5, 0.5, -0.5, 0.5, 2.0).vertices[[0, 3, 2, 1]]
    assert render([Placed(backwards, sheet(0), 1)], CAMERA, SIZE, flat_light(), BLACK).label.max() == 0
    assert render([Placed(backwards, sheet(1), 1)], CAMERA, SIZE, flat_light(), BLACK).label.max() == 1
    forwards = backwards[[0, 3, 2, 1]]
    assert render([Placed(forwards, sheet(0), 1)], CAMERA, SIZE, flat_light(), BLACK).label.max() == 1


def test_triangles_at_the_camera_are_left_out():
    for z in (0.05, -1.0, 0.0):
        seen = render([facing(-1, 1, -1, 1, z)], CAMERA, SIZE, flat_light(), BLACK)
        assert seen.label.max() == 0 and np.isfinite(seen.image).all()


def test_texture_keeps_its_colour_and_its_orientation():
    texture = white_texture()
    texture[:128, :, :3] = (200, 40, 90)  # the upper half: v > 0.5
    quad = facing(-0.5, 0.5, -0.35, 0.35, 2.0)
    base = quad.surface
    surface = Surface(base.triangles, base.uv, base.texture, base.two_sided, base.colour, texture[None], base.cut_out,
                      base.shine)
    image = render([Placed(quad.vertices, surface, 1)], CAMERA, SIZE, flat_light(), BLACK).image
    np.testing.assert_allclose(image[17, 31], np.array([200, 40, 90]) / 255, atol=0.012)
    np.testing.assert_allclose(image[30, 31], 1, atol=0.012)


def test_holes_of_a_cut_out_texture_show_what_is_behind():
    texture = white_texture()
    texture[:, :128, 3] = 0
    quad = facing(-0.5, 0.5, -0.35, 0.35, 2.0)
    base = quad.surface
    surface = Surface(base.triangles, base.uv, base.texture, base.two_sided, base.colour, texture[None], np.ones(1),
                      base.shine)
    label = render([Placed(quad.vertices, surface, 1)], CAMERA, SIZE, flat_light(), BLACK).label
    columns = np.flatnonzero(label[23])
    assert columns.min() == pytest.approx(CAMERA[2], abs=1.1)
    assert columns.max() == pytest.approx(CAMERA[2] + 15, abs=1.1)


def test_sun_throws_shadows_on_meshes_and_on_the_floor():
    ambient = np.full((9, 3), 0, np.float32)
    ambient[0] = 0.1
    sun = Light(ambient, np.array([0, -1, 0], np.float32), np.full(3, 0.8, np.float32))
    vertices, box = make_box((0.6, 0.2, 0.6), white_texture())
    roof = Placed(vertices + np.array([0, -0.2, 3], np.float32), box, 1)
    floor = Floor(camera_height=0.8, pitch=0.0)
    grey = np.full((48, 64, 3), 0.5, np.float32)
    image = render([roof], CAMERA, SIZE, sun, grey, floor=floor).image
    under = np.round(project(np.array([0.0, 0.8, 3.0]))).astype(int)
    beside = np.round(project(np.array([0.8, 0.8, 3.0]))).astype(int)
    assert image[under[1], under[0], 0] == pytest.approx(0.5 * (0.1 / 0.9) ** (1 / 2.2), abs=0.02)
    assert image[beside[1], beside[0], 0] == pytest.approx(0.5, abs=1e-3)
    assert image[5, 5, 0] == pytest.approx(0.5, abs=1e-6)  # above the horizon
    table, board = make_box((3, 0.05, 3), white_texture())
    lower = Placed(table + np.array([0, 0.8, 3], np.float32), board, 2)
    lit = render([roof, lower], CAMERA, SIZE, sun, grey).image
    assert lit[under[1], under[0], 0] < 0.6 * lit[beside[1], beside[0], 0]


def test_boxes_and_cylinders_are_closed_and_face_outwards():
    for vertices, surface in (make_box((0.3, 0.5, 0.7), white_texture()), make_cylinder(0.2, 0.9, white_texture())):
        a, b, c = (vertices[surface.triangles[:, k]].astype(float) for k in range(3))
        volume = np.einsum('ij,ij->i', a, np.cross(b, c)).sum() / 6
        expected = 0.105 if len(vertices) == 24 else 0.5 * 24 * np.sin(2 * np.pi / 24) * 0.04 * 0.9
        assert volume == pytest.approx(expected, rel=1e-4)


def test_labels_and_depth_agree_with_the_joints_of_a_person():
    rng = np.random.default_rng(5)
    person = wardrobe().dress(rng, 'tee_trousers', np.zeros(10))
    rotations = np.broadcast_to(np.eye(3), (24, 3, 3)).copy()
    rotations[0] = np.diag([1.0, -1.0, -1.0])
    vertices, _, joints = person.pose(rotations, (0.1, 0.2, 4.0))
    camera = np.array([250.0, 250.0, 120.0, 110.0])
    background = np.zeros((240, 240, 3), np.float32)
    seen = render([Placed(vertices, person.surface, 4)], camera, (240, 240), Light.random(rng), background)
    at = np.round(joints[:, :2] / joints[:, 2:] * camera[:2] + camera[2:]).astype(int)
    assert (seen.label[at[:, 1], at[:, 0]] == 4).all()
    in_front = joints[:, 2] - seen.depth[at[:, 1], at[:, 0]]
    assert (in_front > 0).all() and (in_front < 0.25).all()
    assert np.isfinite(seen.image).all() and seen.image.min() >= 0 and seen.image.max() <= 1


def test_same_scene_gives_the_same_picture():
    pictures = []
    for _ in range(2):
        rng = np.random.default_rng(11)
        person = wardrobe().dress(rng, 'shirt_skirt', rng.normal(0, 1, 10))
        vertices, _, _ = person.pose(small_rotations(rng), (0, 0.2, 3.0))
        pictures.append(render([Placed(vertices, person.surface, 1)], CAMERA, SIZE, Light.random(rng), BLACK).image)
    np.testing.assert_array_equal(*pictures)


def test_wrong_sizes_are_refused():
    with pytest.raises(ConfigError, match='supersample'):
        render([], CAMERA, SIZE, flat_light(), BLACK, 2.5)
    with pytest.raises(ConfigError, match='background'):
        render([], CAMERA, (32, 32), flat_light(), BLACK)
    empty = render([], CAMERA, SIZE, flat_light(), BLACK + np.float32(0.3))
    assert empty.label.max() == 0 and np.allclose(empty.image, 0.3)
