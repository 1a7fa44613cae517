"""Images, calibrations and frames that are wrong: a named diagnostic, never a body, and the next good image works."""

from __future__ import annotations

import array
import math

import numpy as np
import pytest

pytest.importorskip('rclpy')

from poco_node_harness import SECOND, Bench, bench, image_message, info_message, level, published_elsewhere
from ros_harness import ros_session
from sensor_msgs.msg import CompressedImage, Image
from std_msgs.msg import String

pytestmark = pytest.mark.ros


def changed(**fields):
    """Return a good image with some fields changed."""
    message = image_message(2 * SECOND)
    for name, value in fields.items():
        setattr(message, name, value)
    return message


BAD_IMAGES = {
    'unknown encoding': (changed(encoding='32FC1'), "encoding '32FC1'"),
    'empty encoding': (changed(encoding=''), 'encoding'),
    'step too small': (changed(step=10), 'step 10'),
    'step too large': (changed(step=1000), 'truncated'),
    'no data': (changed(data=array.array('B')), 'truncated'),
    'half the data': (changed(data=array.array('B', bytes(3 * 64 * 24))), 'truncated'),
    '0x0': (changed(height=0, width=0, step=0, data=array.array('B')), '0x0'),
    'gigantic': (changed(height=2 ** 31, width=2 ** 31), 'too large'),
}


def test_unreadable_images_are_named_and_the_next_good_one_works():
    with bench() as b:
        for number, (name, (message, words)) in enumerate(BAD_IMAGES.items()):
            stamp = (2 * number + 2) * SECOND
            message.header.stamp.sec = stamp // SECOND
            status = b.refused(message)
            assert level(status) == 'ERROR', name
            assert words in status.message, name
            values = {v.key: v.value for v in status.values}
            assert values['bad_images'] == str(number + 1), name
            assert words in values['last_bad_image'], name
            assert b.ask(image_message(stamp + SECOND)) is not None, name
        assert b.pipeline.resets == 1


GOOD_ENCODINGS = {
    'bgr8': ((10, 20, 200), 3), 'rgb8': ((200, 20, 10), 3), 'bgra8': ((10, 20, 200, 9), 4),
    'rgba8': ((200, 20, 10, 9), 4), 'mono8': ((77,), 1), 'mono16': ((0, 77), 2), 'yuv422_yuy2': ((90, 128), 2),
    'bayer_rggb8': ((50,), 1), 'bayer_bggr8': ((50,), 1), 'bayer_gbrg8': ((50,), 1), 'bayer_grbg8': ((50,), 1),
}


def test_every_supported_encoding_gives_the_right_colour_through_the_node():
    red = (200, 20, 10)
    expected = dict.fromkeys(('bgr8', 'rgb8', 'bgra8', 'rgba8'), red) | {'mono8': (77,) * 3, 'mono16': (77,) * 3}
    with bench() as b:
        for i, (encoding, (pixel, size)) in enumerate(GOOD_ENCODINGS.items()):
            message = image_message((i + 1) * SECOND)
            message.encoding, message.step = encoding, 64 * size
            message.data = array.array('B', bytes(pixel) * (64 * 48))
            assert b.ask(message) is not None, encoding
            colour = b.pipeline.frames[-1].image[24, 32]
            if encoding in expected:
                assert tuple(colour) == pytest.approx(expected[encoding], abs=1), encoding
            else:
                assert colour.max() - colour.min() <= 1, encoding  # all channels of a grey picture alike


def test_eight_k_images_work_as_do_small_ones():
    with bench() as b:
        small = b.ask(image_message(SECOND, size=(2, 2)))
        large = b.ask(image_message(2 * SECOND, size=(7680, 4320)), timeout=15.0)
        assert (small.image_width, large.image_width, large.image_height) == (2, 7680, 4320)
        assert b.ask(image_message(3 * SECOND)).image_width == 64


def test_broken_compressed_images():
    import cv2
    jpeg = cv2.imencode('.jpg', np.full((48, 64, 3), 99, np.uint8))[1].tobytes()

    def compressed(data: bytes, second: int) -> CompressedImage:
        message = CompressedImage(format='jpeg', data=array.array('B', data))
        message.header.stamp.sec = second
        return message

    with bench(transport='compressed', compressed=True) as b:
        for i, data in enumerate((b'', b'no picture', jpeg[:len(jpeg) // 2])):
            assert level(b.refused(compressed(data, 2 * i + 1))) == 'ERROR'
            assert b.ask(compressed(jpeg, 2 * i + 2)) is not None


def test_camera_info_that_never_comes_ends_in_an_assumed_focal_length_with_a_warning():
    with bench(camera_info_timeout=1.0) as b:
        status = b.refused(image_message(10 * SECOND), 'camera')
        assert level(status) == 'WARN'
        assert 'no camera_info on /camera_info' in status.message
        b.refused(image_message(10 * SECOND + SECOND // 2))
        answer = b.ask(image_message(11 * SECOND))
        assert answer.focal_length_assumed
        assert answer.intrinsics[0] == math.hypot(64, 48)
        status = b.status('camera')
        assert level(status) == 'WARN'
        assert 'assumed' in status.message
        assert {v.key: v.value for v in status.values}['images_held_back'] == '2'
        b.calibrate(info_message())  # better late than never
        assert not b.ask(image_message(12 * SECOND)).focal_length_assumed
        assert level(b.status('camera')) == 'OK'


def test_k_of_zeros_is_the_documented_fallback_with_a_warning():
    with bench(camera_info_timeout=5.0) as b:
        b.calibrate(info_message((0.0,) * 9))
        answer = b.ask(image_message(SECOND))
        assert answer.focal_length_assumed
        status = b.status('camera')
        assert level(status) == 'WARN'
        assert 'all zeros' in status.message


@pytest.mark.parametrize(('k', 'size', 'words'), [
    ((math.nan,) * 9, (64, 48), 'NaN'),
    ((-60.0, 0.0, 32.0, 0.0, 61.0, 24.0, 0.0, 0.0, 1.0), (64, 48), 'positive'),
    ((60.0, 0.0, 32.0, 0.0, 61.0, 24.0, 0.0, 0.0, 1.0), (640, 480), '640x480'),
])
def test_unusable_calibrations_give_an_error_and_no_body_until_mended(k, size, words):
    with bench() as b:
        b.calibrate(info_message(k, size))
        status = b.refused(image_message(SECOND), 'camera')
        assert level(status) == 'ERROR'
        assert words in status.message
        assert '/camera_info' in status.message
        b.calibrate(info_message())
        assert b.ask(image_message(2 * SECOND)) is not None
        assert level(b.status('camera')) == 'OK'
        assert len(b.pipeline.frames) == 1


def test_an_empty_frame_id_stays_empty_and_is_warned_about():
    with bench() as b:
        answer = b.ask(image_message(SECOND, frame_id=''))
        assert answer.header.frame_id == ''
        status = b.status('input')
        assert level(status) == 'WARN'
        assert 'frame_id' in status.message


def test_an_exception_in_inference_costs_one_image():
    with bench() as b:
        assert b.ask(image_message(SECOND)) is not None
        b.pipeline.fail = RuntimeError('tensor of the wrong shape')
        status = b.refused(image_message(2 * SECOND), 'output')
        assert level(status) == 'ERROR'
        assert 'tensor of the wrong shape' in status.message
        assert b.ask(image_message(3 * SECOND)) is not None
        assert b.values('output')['inference_failures'] == '1'
        assert b.pipeline.resets == 2


@pytest.mark.parametrize(('kind', 'words'), [
    (String, 'std_msgs/msg/String'), (CompressedImage, 'transport:=compressed')])
def test_a_topic_of_another_type_is_named(kind, words):
    with ros_session() as ros, published_elsewhere(ros.domain, kind, 'image'):
        b = Bench(ros)
        b.test.destroy_publisher(b.images)
        b.node.trigger_configure()
        b.node.trigger_activate()
        assert ros.spin_until(lambda: b.node._images.is_open)
        assert ros.spin_until(lambda: b.node.count_publishers('/image'), timeout=20.0)
        status = b.status('input')
        assert level(status) == 'ERROR'
        assert '/image' in status.message
        assert words in status.message


def test_silence_is_told_apart_nobody_publishes_nothing_arrives_it_stopped():
    with ros_session() as ros:
        b = Bench(ros, stale_after=0.1)
        b.test.destroy_publisher(b.images)
        b.node.trigger_configure()
        b.node.trigger_activate()
        assert ros.spin_until(lambda: b.node._images.is_open)
        ros.spin_for(0.15)
        nobody = b.status('input')
        assert level(nobody) == 'WARN'
        assert 'nobody publishes /image' in nobody.message
        b.images = b.test.create_publisher(Image, 'image', 5)
        assert ros.spin_until(b.images.get_subscription_count)
        lost = b.status('input')
        assert level(lost) == 'ERROR'
        for words in ('PROFILES_FILE', 'fastdds.xml', 'poco doctor', 'transport:=compressed'):
            assert words in lost.message
        assert b.ask(image_message(SECOND)) is not None
        ros.spin_for(0.15)
        stopped = b.status('input')
        assert level(stopped) == 'STALE'
        assert 'no image for' in stopped.message
