"""The overlay message: whose header it has, which camera it is drawn with, and what it refuses."""

from __future__ import annotations

import dataclasses

import cv2
import numpy as np
import pytest

pytest.importorskip('rclpy')

from body_scenes import standing
from sensor_msgs.msg import CameraInfo, CompressedImage, Image

from poco_ros.body.model_file import load_body_model
from poco_ros.camera import Camera
from poco_ros.conversions import ArrayContext, bodies_to_message, rgb_from_image
from poco_ros.drawing.colors import trust_colors
from poco_ros.errors import CameraError, ImageError
from poco_ros.nodes.overlay_maker import OverlayMaker

PINHOLE = Camera(640, 360, 500.0, 500.0, 320.0, 180.0)
LENS = Camera(640, 360, 500.0, 500.0, 320.0, 180.0, np.array([-0.28, 0.06, 0.0, 0.0, 0.0]), 'plumb_bob')


@pytest.fixture(scope='module')
def open_body():
    return load_body_model()


def message_of(bodies, camera=PINHOLE, **changes):
    context = ArrayContext(camera, 5_000_000_123, 'optical', 1, 'lift-1', **changes)
    return bodies_to_message(bodies, context)


def grey(encoding='bgr8'):
    step = 640 * {'bgr8': 3, 'mono8': 1}[encoding]
    return Image(height=360, width=640, encoding=encoding, step=step, data=bytes([90]) * (360 * step))


def info(camera):
    return CameraInfo(width=camera.width, height=camera.height, k=camera.matrix.ravel(), d=list(camera.distortion),
                      distortion_model=camera.distortion_model)


def drawn(maker, bodies, image=None, style='skeleton', verified=True, camera=PINHOLE):
    made = maker.make(bodies, message_of(bodies, camera), image or grey(), style, verified=verified)
    return made, rgb_from_image(made)


def pixels_of(camera, bodies):
    return np.rint(camera.project(bodies.joints[0, [6, 18, 19, 20, 21]])).astype(int).T


def test_picture_is_rgb_of_the_same_size_with_the_header_of_the_bodies(open_body):
    bodies = standing(open_body, PINHOLE, [(0.0, 0.0, 4.0)])
    made, picture = drawn(OverlayMaker(open_body), bodies)
    assert (made.encoding, made.width, made.height, made.step) == ('rgb8', 640, 360, 1920)
    assert made.header == message_of(bodies).header and made.header.frame_id == 'optical'
    column, row = pixels_of(PINHOLE, bodies)
    assert (picture[row, column] == trust_colors(0.95)).all()


@pytest.mark.parametrize('form', ['mono8', 'jpeg'])
def test_other_forms_of_images_are_read(open_body, form):
    bodies = standing(open_body, PINHOLE, [(0.0, 0.0, 4.0)])
    image = grey('mono8')
    if form == 'jpeg':
        _, data = cv2.imencode('.jpg', np.full((360, 640, 3), 90, np.uint8))
        image = CompressedImage(format='jpeg', data=data.tobytes())
    _, picture = drawn(OverlayMaker(open_body), bodies, image)
    assert np.abs(picture[3, 3].astype(int) - 90).max() <= 2
    column, row = pixels_of(PINHOLE, bodies)
    assert (picture[row, column] == trust_colors(0.95)).all()


def test_unverified_bodies_are_skeletons(open_body):
    bodies = standing(open_body, PINHOLE, [(0.0, 0.0, 4.0)])
    maker = OverlayMaker(open_body)
    skeleton, refused, mesh = (
        drawn(maker, bodies, style=style, verified=verified)[1]
        for style, verified in (('skeleton', True), ('mesh', False), ('mesh', True)))
    np.testing.assert_array_equal(refused, skeleton)
    assert (mesh != skeleton).any()


def test_lens_distortion_is_taken_from_the_camera_info_of_the_same_camera_only(open_body):
    bodies = standing(open_body, PINHOLE, [(1.0, 0.0, 4.0)])
    bent, straight = pixels_of(LENS, bodies), pixels_of(PINHOLE, bodies)
    assert np.abs(bent - straight).max() > 6
    maker = OverlayMaker(open_body)
    maker.camera_info = info(LENS)
    assert (drawn(maker, bodies)[1][bent[1], bent[0]] == trust_colors(0.95)).all()
    maker.camera_info = info(dataclasses.replace(LENS, fx=510.0))
    assert (drawn(maker, bodies)[1][straight[1], straight[0]] == trust_colors(0.95)).all()
    maker.camera_info = CameraInfo(width=11, height=7, k=LENS.matrix.ravel())
    assert (drawn(maker, bodies)[1][straight[1], straight[0]] == trust_colors(0.95)).all()


def test_an_image_of_another_size_is_refused_with_both_sizes(open_body):
    bodies = standing(open_body, PINHOLE, [(0.0, 0.0, 4.0)])
    image = Image(height=10, width=20, encoding='mono8', step=20, data=bytes(200))
    with pytest.raises(ImageError, match='20x10.*640x360'):
        OverlayMaker(open_body).make(bodies, message_of(bodies), image, 'mesh', verified=True)


def test_broken_images_and_cameras_are_refused(open_body):
    bodies = standing(open_body, PINHOLE, [(0.0, 0.0, 4.0)])
    maker, image = OverlayMaker(open_body), grey()
    image.step = 7
    with pytest.raises(ImageError):
        maker.make(bodies, message_of(bodies), image, 'mesh', verified=True)
    message = message_of(bodies)
    message.intrinsics[0] = np.nan
    with pytest.raises(CameraError):
        maker.make(bodies, message, grey(), 'mesh', verified=True)


def test_caption_says_when_distances_are_a_guess(open_body):
    bodies = standing(open_body, PINHOLE, [])
    guess = dataclasses.replace(PINHOLE, focal_length_assumed=True)
    maker = OverlayMaker(open_body)
    plain, guessed = drawn(maker, bodies)[1], drawn(maker, bodies, camera=guess)[1]
    rows, columns = np.nonzero((plain != guessed).any(axis=2))
    assert rows.min() > 250 and columns.max() > 250  # a second, longer line
