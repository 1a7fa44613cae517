import dataclasses

import numpy as np

from poco_ros.synth.sensor import Sensor

PERFECT = Sensor(blur=0.0, motion=(0.0, 0.0), gamma=1.0, gain=1.0, noise=0.0, quality=0, grey=False)


def gradient():
    ramp = np.linspace(0, 1, 64, dtype=np.float32)
    return np.stack([np.tile(ramp, (48, 1)), np.tile(ramp[::-1], (48, 1)), np.full((48, 64), 0.5, np.float32)], -1)


def expose(sensor, image=None, seed=0):
    return sensor.expose(gradient() if image is None else image, np.random.default_rng(seed))


def test_a_perfect_camera_changes_nothing_but_the_number_of_levels():
    assert np.abs(expose(PERFECT) / 255 - gradient()).max() <= 1 / 255


def test_gain_and_gamma_are_those_of_the_formula():
    sensor = dataclasses.replace(PERFECT, gamma=1.3, gain=0.7)
    assert np.abs(expose(sensor) / 255 - 0.7 * gradient() ** 1.3).max() < 2.5 / 255


def test_noise_has_the_stated_spread_and_is_drawn_anew():
    sensor = dataclasses.replace(PERFECT, noise=0.04)
    flat = np.full((200, 200, 3), 0.5, np.float32)
    first, second = expose(sensor, flat, 1), expose(sensor, flat, 2)
    assert abs(first.std() / 255 - 0.04) < 0.002
    assert (first != second).mean() > 0.9
    assert np.array_equal(first, expose(sensor, flat, 1))


def test_motion_blur_spreads_a_point_along_its_way():
    point = np.zeros((41, 41, 3), np.float32)
    point[20, 20] = 1
    streak = expose(dataclasses.replace(PERFECT, motion=(8.0, 0.0)), point)[..., 0].astype(float)
    rows, columns = np.nonzero(streak)
    assert set(rows) == {20} and 7 <= np.ptp(columns) <= 9
    assert abs(columns.mean() - 20) < 0.5


def test_grey_pictures_have_no_colour():
    picture = expose(dataclasses.replace(PERFECT, grey=True))
    assert np.array_equal(picture[..., 0], picture[..., 2])


def test_jpeg_keeps_colours_in_their_places():
    red = np.zeros((32, 32, 3), np.float32)
    red[..., 0] = 1
    picture = expose(dataclasses.replace(PERFECT, quality=80), red)
    assert picture[..., 0].mean() > 240 and picture[..., 2].mean() < 15
