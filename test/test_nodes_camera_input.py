"""Which camera an image gets, and what is said about it."""

from __future__ import annotations

import math

import pytest

pytest.importorskip('rclpy')

from sensor_msgs.msg import CameraInfo

from poco_ros.camera import Camera
from poco_ros.errors import CameraError
from poco_ros.nodes.camera_input import CameraInput, CameraState

S = 1_000_000_000
SIZE = (64, 48)
K = [60.0, 0.0, 32.0, 0.0, 61.0, 24.0, 0.0, 0.0, 1.0]


def info(k=K, size=SIZE, **values):
    return CameraInfo(width=size[0], height=size[1], k=k, **values)


def test_waits_by_the_stamps_of_the_images_then_assumes():
    changes = []
    camera = CameraInput(2.0, '/camera_info', on_change=lambda *change: changes.append(change))
    assert camera.camera(SIZE, 100 * S) is None
    assert camera.camera(SIZE, 102 * S - 1) is None
    assert camera.state is CameraState.WAITING
    assert camera.camera(SIZE, 102 * S) == Camera.assumed(*SIZE)
    assert camera.camera(SIZE, 103 * S) == Camera.assumed(*SIZE)
    assert [state for state, _ in changes] == [CameraState.ASSUMED]
    assert '/camera_info' in changes[0][1]


def test_stamps_that_go_back_wait_from_there():
    camera = CameraInput(2.0, '/camera_info')
    assert camera.camera(SIZE, 100 * S) is None
    assert camera.camera(SIZE, 1 * S) is None
    assert camera.camera(SIZE, 3 * S) is not None


def test_an_info_ends_the_waiting_and_the_assumption():
    changes = []
    camera = CameraInput(0.0, '/camera_info', on_change=lambda *change: changes.append(change[0]))
    assert camera.camera(SIZE, S).focal_length_assumed
    camera.take(info())
    assert camera.camera(SIZE, 2 * S) == Camera(64, 48, 60.0, 61.0, 32.0, 24.0)
    assert changes == [CameraState.ASSUMED, CameraState.CALIBRATED]


def test_equal_infos_keep_the_camera_and_changed_ones_replace_it():
    camera = CameraInput(0.0, '/camera_info')
    camera.take(info())
    first = camera.camera(SIZE, S)
    camera.take(info())
    assert camera.camera(SIZE, 2 * S) is first
    camera.take(info([2 * v for v in K[:8]] + [1.0]))
    assert camera.camera(SIZE, 3 * S).fx == 120.0


@pytest.mark.parametrize('change', [
    {'d': [0.1, 0.0, 0.0, 0.0, 0.0], 'distortion_model': 'plumb_bob'}, {'binning_x': 2, 'binning_y': 2}])
def test_every_part_of_an_info_counts_as_a_change(change):
    camera = CameraInput(0.0, '/camera_info')
    camera.take(info())
    first = camera.camera(SIZE, S)
    camera.take(info(**change))
    size = (32, 24) if 'binning_x' in change else SIZE
    assert camera.camera(size, 2 * S) != first


@pytest.mark.parametrize(('message', 'words'), [
    (info([math.nan] * 9), 'NaN'), (info(size=(640, 480)), '640x480'), (info([1.0] * 9), 'form')])
def test_an_unusable_info_is_an_error_each_time_until_mended(message, words):
    changes = []
    camera = CameraInput(0.0, '/front/camera_info', on_change=lambda *change: changes.append(change))
    camera.take(message)
    for second in (1, 2):
        with pytest.raises(CameraError, match=words):
            camera.camera(SIZE, second * S)
    assert len(changes) == 1
    assert changes[0][0] is CameraState.UNUSABLE
    assert '/front/camera_info' in changes[0][1]
    camera.take(info())
    assert camera.camera(SIZE, 3 * S).fx == 60.0


def test_zeros_are_the_fallback_with_its_own_words():
    camera = CameraInput(9.0, '/camera_info')
    camera.take(info([0.0] * 9))
    assert camera.camera(SIZE, S) == Camera.assumed(*SIZE)
    assert camera.state is CameraState.ASSUMED
    assert 'all zeros' in camera.text


def test_rectified_images_take_p():
    camera = CameraInput(0.0, '/camera_info', rectified=True)
    camera.take(info(p=[50.0, 0.0, 31.0, 0.0, 0.0, 51.0, 23.0, 0.0, 0.0, 0.0, 1.0, 0.0],
                     d=[0.1, 0.0, 0.0, 0.0, 0.0], distortion_model='plumb_bob'))
    assert camera.camera(SIZE, S) == Camera(64, 48, 50.0, 51.0, 31.0, 23.0)


def test_two_image_sizes_do_not_mix():
    camera = CameraInput(0.0, '/camera_info')
    assert (camera.camera((10, 10), S).width, camera.camera((20, 20), S).width) == (10, 20)
