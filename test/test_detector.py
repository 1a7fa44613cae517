"""The detector on photographs: several persons, windows, turned windows, and the second look."""

from __future__ import annotations

import math

import numpy as np
import pytest
from network_files import cached
from skimage import data

from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.errors import EngineError
from poco_ros.people.detector import Detections, PoseDetector, drop_repeated
from poco_ros.people.model_files import DETECTOR, LANDMARKER
from poco_ros.people.region import Region, distance


@pytest.fixture(scope='module')
def detector():
    return PoseDetector(OpenVinoEngine(cached(DETECTOR)), 0.5)


@pytest.fixture(scope='module')
def astronaut():
    return np.ascontiguousarray(data.astronaut())


@pytest.fixture(scope='module')
def alone(detector, astronaut):
    return detector(astronaut, Region.whole(512, 512))


def test_finds_the_astronaut(alone):
    assert len(alone) == 1
    assert alone.score[0] > 0.8
    hips, reach = alone.points_px[0, :2]
    assert reach[1] < hips[1]
    assert abs(reach[0] - 220) < 60


def test_nobody_in_a_cup_of_coffee(detector):
    coffee = np.ascontiguousarray(data.coffee())
    assert len(detector(coffee, Region.whole(coffee.shape[1], coffee.shape[0]))) == 0


def test_two_persons_side_by_side(detector, astronaut, alone):
    found = detector(np.hstack([astronaut, astronaut]), Region.whole(1024, 512))
    assert len(found) == 2
    x = np.sort(found.points_px[:, 0, 0])
    np.testing.assert_allclose(x, alone.points_px[0, 0, 0] + [0, 512], atol=40)


def test_a_window_gives_pixels_of_the_whole_image(detector, astronaut, alone):
    canvas = np.zeros((900, 1400, 3), np.uint8)
    canvas[300:812, 700:1212] = astronaut
    found = detector(canvas, Region(700 + 255.5, 300 + 255.5, 512))
    np.testing.assert_allclose(found.points_px, alone.points_px + [700, 300], atol=0.5)


@pytest.mark.parametrize('turns', [1, 2, 3])
def test_a_turned_window_finds_a_turned_person(detector, astronaut, alone, turns):
    turned = np.ascontiguousarray(np.rot90(astronaut, -turns))
    found = detector(turned, Region(255.5, 255.5, 512, turns * math.pi / 2))
    expected = alone.points_px
    for _ in range(turns):
        expected = np.stack([511 - expected[..., 1], expected[..., 0]], -1)
    np.testing.assert_allclose(found.points_px, expected, atol=3)


def test_second_look_agrees_on_a_person_and_not_on_background(detector, astronaut, alone):
    region = alone.region(0)
    again = detector.look_again(astronaut, region, 0.8)
    assert len(again) == 1
    assert distance(again.points_px[:, :2], region.points[None])[0, 0] < 0.35
    assert len(detector.look_again(astronaut, Region(440, 440, 120, 2.0), 0.8)) == 0


def test_windows_that_see_the_same_person_give_him_once():
    points = np.zeros((1, 4, 2), np.float32) + [[100, 200], [100, 120], [100, 150], [100, 100]]
    parts = [
        Detections(points + 4, np.array([0.7], np.float32)), Detections(points, np.array([0.9], np.float32)),
        Detections(points + [300, 0], np.array([0.8], np.float32)),
    ]
    found = drop_repeated(parts)
    np.testing.assert_array_equal(found.score, np.array([0.9, 0.8], np.float32))
    np.testing.assert_array_equal(found.points_px[0], points[0])
    assert len(drop_repeated([])) == 0
    assert len(drop_repeated([Detections.empty(), Detections.empty()])) == 0


def test_another_graph_is_refused():
    with pytest.raises(EngineError, match='not the BlazePose detector'):
        PoseDetector(OpenVinoEngine(cached(LANDMARKER)), 0.5)
