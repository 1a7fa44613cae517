import numpy as np
import pytest

from poco_ros.body.model_file import load_body_model
from poco_ros.body.rotations import axis_angle_to_matrix
from poco_ros.body.smpl import JOINT_INDEX
from poco_ros.synth.backgrounds import Backgrounds
from poco_ros.synth.light import Light
from poco_ros.synth.obstacles import random_obstacle
from poco_ros.synth.poses import Move
from poco_ros.synth.scene import OTHER, SUBJECT, THING, Scene, Window, silhouette, stand
from poco_ros.synth.surface import Placed, make_box
from poco_ros.synth.textures import Textures
from poco_ros.synth.viewpoint import View, ViewConfig, random_view
from poco_ros.synth.wardrobe import Wardrobe

LEVEL = np.array([[-1.0, 0, 0], [0, -1.0, 0], [0, 0, 1.0]])


@pytest.fixture(scope='module')
def textures():
    return Textures(np.random.default_rng(0), fabrics=4)


@pytest.fixture(scope='module')
def person():
    wardrobe = Wardrobe.load(None)
    return wardrobe.dress(np.random.default_rng(1), wardrobe.outfits[0], np.zeros(10, np.float32))


def standing(frames=2, height=0.95):
    pose = np.zeros((frames, 24, 3))
    pose[:, JOINT_INDEX['left_shoulder'], 2], pose[:, JOINT_INDEX['right_shoulder'], 2] = -1.2, 1.2
    pelvis = np.tile([0.2, height, -0.1], (frames, 1))
    return Move(axis_angle_to_matrix(pose), pelvis, 'ann', 'clip', 'mocap', 'free')


def level_view(distance=4.0, height=1.0):
    return View(640, 480, 500.0, LEVEL, np.array([0, height, -distance]))


def test_a_person_stands_on_the_floor_where_asked(person):
    actor = stand(person, standing(), 0.7, np.array([1.0, 2.0]))
    view = level_view(10.0)
    joints = actor.joints(0, view)
    world = joints @ view.rotation + view.position
    assert world[0, [0, 2]] == pytest.approx([1.0, 2.0])
    vertices = actor.pose(0, view)[4] @ view.rotation + view.position
    assert -0.05 < vertices[:, 1].min() < 0.05
    assert vertices[:, 1].max() == pytest.approx(np.ptp(load_body_model().v_template[:, 1]), abs=0.06)


def test_joints_alone_are_those_of_the_posed_person(person):
    actor = stand(person, standing(), 0.3, np.zeros(2))
    assert np.allclose(actor.joints(1, level_view()), actor.pose(1, level_view())[2], atol=1e-5)


@pytest.mark.parametrize('scale', [1.0, 0.31])
def test_window_pixels_and_camera_pixels_are_the_same_rays(scale):
    view = level_view()
    window = Window(100, 50, scale, round(300 * scale), round(200 * scale))
    rng = np.random.default_rng(0)
    pixels = rng.uniform(0, 400, (20, 2))
    assert np.allclose(window.to_camera(window.to_window(pixels)), pixels)
    fx, fy, cx, cy = window.intrinsics(view)
    points = rng.normal(0, 0.3, (20, 3)) + [0, 0, 4]
    inside = points[:, :2] / points[:, 2:] * [fx, fy] + [cx, cy]
    assert np.allclose(inside, window.to_window(view.project(points)))
    # the outer corner of the window is the outer corner of its first pixel
    assert np.allclose(window.to_window(np.array([99.5, 49.5])), -0.5)


def test_a_window_holds_the_person_and_ends_at_the_picture():
    view = level_view()
    points = np.array([[600.0, 100], [660, 300]])
    window = Window.about(points, view)
    assert window.scale == 1.0
    assert window.x0 + window.width == 640 and window.y0 == 200 - 160
    assert Window.about(points + [2000, 0], view) is None


def test_large_people_are_rendered_at_the_size_the_network_looks_at():
    window = Window.about(np.array([[100.0, 0], [300, 410]]), level_view())
    assert window.scale == pytest.approx(0.5)


def scene(person, others=(), obstacles=(), view=None):
    actor = stand(person, standing(), 0.0, np.zeros(2))
    return Scene(actor, others, obstacles, view or level_view(), Light.random(np.random.default_rng(0)), 'room:1', 3)


def test_the_picture_shows_the_person_where_the_truth_says(person, textures):
    backgrounds = Backgrounds(textures)
    picture = scene(person).frame(0, backgrounds)
    view = level_view()
    pixels = picture.window.to_window(view.project(picture.joints.astype(float)))
    x, y = np.rint(pixels).astype(int).T
    assert (picture.label[y, x] == SUBJECT).mean() > 0.9
    assert np.array_equal(picture.alone, picture.label == SUBJECT)
    near = picture.joints[:, 2] - picture.depth[y, x]
    assert np.median(near) == pytest.approx(0.08, abs=0.07)  # the skin is before the joint
    shown = picture.window.to_camera(np.argwhere(picture.alone)[:, ::-1].astype(float))
    assert np.allclose(np.append(shown.min(0), shown.max(0)), picture.box_px, atol=6)


def test_what_stands_before_the_person_hides_it(person, textures):
    backgrounds = Backgrounds(textures)
    other = stand(person, standing(), 0.0, np.array([0.15, -1.0]))
    rng = np.random.default_rng(5)
    view = level_view()
    middle = np.array([0, 1.0, 0])
    things = [random_obstacle(rng, textures.fabric(rng), middle, view.position, True) for _ in range(4)]
    picture = scene(person, [other], things).frame(0, backgrounds)
    assert {OTHER, THING} <= set(np.unique(picture.label))
    alone = scene(person).frame(0, backgrounds)
    assert (picture.alone & alone.alone).sum() / (picture.alone | alone.alone).sum() > 0.97
    assert (picture.label == SUBJECT).sum() < alone.alone.sum()


def test_nobody_is_rendered_through_the_camera(person, textures):
    assert scene(person, view=level_view(0.1)).frame(0, Backgrounds(textures)) is None


def test_silhouette_of_a_square_has_its_area(textures):
    vertices, surface = make_box((1.0, 1.0, 0.01), textures.fabrics[0])
    mesh = Placed((vertices + np.array([0, 0, 5.0])).astype(np.float32), surface, 1)
    mask = silhouette(mesh, np.array([200.0, 200.0, 49.5, 49.5]), (100, 100))
    side = 200 / (5 - 0.005)
    assert mask.sum() == pytest.approx(side**2, rel=0.03)


def test_obstacles_stand_between_camera_and_person_and_move_on_straight(textures):
    rng = np.random.default_rng(0)
    person, moving = np.array([0.0, 0.9, 0.0]), 0
    for _ in range(60):
        camera = random_view(rng, ViewConfig(), 0.9).position
        thing = random_obstacle(rng, textures.fabrics[0], person, camera, True)
        along = (thing.position - camera)[[0, 2]] @ (person - camera)[[0, 2]] / np.sum((person - camera)[[0, 2]] ** 2)
        assert 0.3 < along < 0.95
        assert np.allclose(thing.at(4) - thing.at(2), 2 * thing.velocity, atol=1e-6)
        moving += bool(np.any(thing.velocity))
        behind = random_obstacle(rng, textures.fabrics[0], person, camera, False)
        assert (behind.position - person)[[0, 2]] @ (person - camera)[[0, 2]] > 0
    assert 5 < moving < 40
