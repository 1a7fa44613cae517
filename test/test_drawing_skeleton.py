"""Skeletons and boxes land on the pixels that the camera says, in the colour of their trust."""

import numpy as np

from poco_ros.body.smpl import PARENTS
from poco_ros.camera import Camera
from poco_ros.drawing.colors import trust_colors
from poco_ros.drawing.skeleton import draw_box, draw_skeleton

CAMERA = Camera(640, 480, 500.0, 500.0, 320.0, 240.0)


def spread_joints(depth=3.0):
    """24 joints far apart from each other on the picture."""
    k = np.arange(24)
    return np.stack([(k % 6 - 2.5) * 0.5, (k // 6 - 1.5) * 0.5, np.full(24, depth)], axis=1)


def canvas():
    return np.zeros((480, 640, 3), np.uint8)


def test_every_joint_has_its_colour_at_its_pixel():
    joints, trust = spread_joints(), np.linspace(0, 1, 24)
    image = canvas()
    draw_skeleton(image, joints, trust_colors(trust), CAMERA)
    column, row = np.rint(CAMERA.project(joints)).astype(int).T
    np.testing.assert_array_equal(image[row, column], trust_colors(trust))


def test_a_bone_has_the_colour_of_its_far_joint():
    joints, trust = np.full((24, 3), np.nan), np.full(24, np.nan)
    child = 18
    joints[PARENTS[child]], joints[child] = (-0.5, 0.0, 3.0), (0.5, 0.0, 3.0)
    trust[PARENTS[child]], trust[child] = 0.0, 1.0
    image = canvas()
    draw_skeleton(image, joints, trust_colors(trust), CAMERA)
    np.testing.assert_array_equal(image[240, 280:360], np.broadcast_to(trust_colors(1.0), (80, 3)))


def test_nearer_bodies_have_thicker_bones():
    ink = []
    for depth in (2.0, 4.0, 40.0):
        image = canvas()
        draw_skeleton(image, spread_joints(depth) * [depth, depth, 1], trust_colors(np.ones(24)), CAMERA)
        ink.append(np.count_nonzero(image.any(axis=2)))
    assert ink[0] > 1.4 * ink[1] > 1.4 * ink[2] > 0


def test_joints_behind_the_camera_or_nan_are_left_out_with_their_bones():
    joints = spread_joints()
    joints[[10, 15], :2] = (1.8, 1.3), (-1.8, -1.3)  # a foot and the head, in corners that no other bone crosses
    places = np.rint(CAMERA.project(joints[[10, 15]])).astype(int)
    complete, partial = canvas(), canvas()
    draw_skeleton(complete, joints, trust_colors(np.ones(24)), CAMERA)
    joints[10, 2], joints[15] = -1.0, np.nan
    draw_skeleton(partial, joints, trust_colors(np.ones(24)), CAMERA)
    for column, row in places:
        assert complete[row, column].any() and not partial[row, column].any()
    nothing = canvas()
    draw_skeleton(nothing, np.full((24, 3), np.nan), trust_colors(np.ones(24)), CAMERA)
    draw_skeleton(nothing, spread_joints(-2.0), trust_colors(np.ones(24)), CAMERA)
    assert not nothing.any()


def test_joints_far_outside_the_picture_do_no_harm():
    joints = spread_joints()
    joints[5] = (1e5, -1e6, 1e-3)
    joints[7] = (0.0, 0.0, 1e-12)
    image = canvas()
    draw_skeleton(image, joints, trust_colors(np.ones(24)), CAMERA)
    assert image.any()


def test_box_frames_its_pixels_and_nan_draws_nothing():
    image = canvas()
    draw_box(image, np.array([100.0, 50.0, 300.0, 400.0]), (10, 200, 30))
    for x, y in ((200, 50), (200, 400), (100, 200), (300, 200), (100, 50), (300, 400)):
        assert image[y, x].tolist() == [10, 200, 30]
    assert not image[60:390, 110:290].any() and not image[:40].any()
    image = canvas()
    draw_box(image, np.array([np.nan, 50.0, 300.0, 400.0]), (10, 200, 30))
    assert not image.any()
    draw_box(image, np.array([-1e12, -1e12, 1e12, 1e12]), (10, 200, 30))
    assert not image.any()
