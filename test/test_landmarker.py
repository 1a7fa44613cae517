"""The landmark network on a photograph: axes, undone rotation, and what comes back for the next frame."""

from __future__ import annotations

import math

import cv2
import numpy as np
import pytest
from network_files import cached
from scipy.ndimage import map_coordinates
from skimage import data

from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.errors import EngineError
from poco_ros.people.detector import PoseDetector
from poco_ros.people.landmarker import EXTRAS, FEATURE_MAP, FEATURES, OUTPUTS, SIZE, PoseLandmarker, Sighting, local
from poco_ros.people.model_files import DETECTOR, LANDMARKER
from poco_ros.people.region import Region, distance

NOSE, LEFT_EAR, RIGHT_EAR, LEFT_SHOULDER, RIGHT_SHOULDER, LEFT_HIP, RIGHT_HIP = 0, 7, 8, 11, 12, 23, 24


@pytest.fixture(scope='module')
def landmarker():
    return PoseLandmarker(OpenVinoEngine(cached(LANDMARKER), outputs=OUTPUTS))


@pytest.fixture(scope='module')
def photograph():
    return np.ascontiguousarray(data.astronaut())


@pytest.fixture(scope='module')
def region(landmarker, photograph):
    found = PoseDetector(OpenVinoEngine(cached(DETECTOR)), 0.5)(photograph, Region.whole(512, 512))
    return landmarker(photograph, [found.region(0)]).regions[0]


def test_landmarks_sit_on_the_face_of_the_astronaut(landmarker, photograph, region):
    """Eyes, nose and ears of the photograph, read off by hand."""
    seen = landmarker(photograph, [region]).landmarks
    by_hand = {NOSE: (219, 136), 2: (238, 116), 5: (198, 117)}
    for index, place in by_hand.items():
        np.testing.assert_allclose(seen.image_px[0, index], place, atol=12)
    assert seen.score[0] > 0.9
    assert seen.visibility[0, NOSE] > 0.9
    assert seen.visibility[0, 27] < 0.5


def test_axes_are_those_of_the_camera(landmarker, photograph, region):
    """She faces the camera: her left is on the right, her head is up, her nose is nearer than her ears."""
    seen = landmarker(photograph, [region]).landmarks
    world = seen.world_m[0]
    assert world[LEFT_SHOULDER, 0] > world[RIGHT_SHOULDER, 0] + 0.2
    assert world[NOSE, 1] < world[[LEFT_SHOULDER, RIGHT_SHOULDER], 1].mean() - 0.1
    assert world[NOSE, 2] < world[[LEFT_EAR, RIGHT_EAR], 2].mean() - 0.05
    np.testing.assert_allclose(world[[LEFT_HIP, RIGHT_HIP]].mean(0), 0, atol=0.05)
    assert seen.depth_px[0, NOSE] < seen.depth_px[0, [LEFT_EAR, RIGHT_EAR]].mean()
    assert 0.25 < np.linalg.norm(world[LEFT_SHOULDER] - world[RIGHT_SHOULDER]) < 0.5


def quarter_turn(points):
    """Where pixels of the 512 x 512 image go when it is turned clockwise."""
    return np.stack([511 - points[..., 1], points[..., 0]], -1)


@pytest.mark.parametrize('turns', [1, 2, 3])
def test_turning_the_image_turns_the_answer(landmarker, photograph, turns):
    """A small copy amid black, so that the network sees the same pixels whichever way the image lies."""
    picture = np.zeros_like(photograph)
    picture[150:314, 190:354] = cv2.resize(photograph, (164, 164), interpolation=cv2.INTER_AREA)
    region = landmarker(picture, [Region(250, 320, 250)]).regions[0]
    upright = landmarker(picture, [region])
    points, around = upright.landmarks.image_px[0], upright.landmarks.world_m[0].copy()
    place = np.array([region.x, region.y])
    for _ in range(turns):
        points, place = quarter_turn(points), quarter_turn(place)
        around[:, 0], around[:, 1] = -around[:, 1].copy(), around[:, 0].copy()
    turned = np.ascontiguousarray(np.rot90(picture, -turns))
    there = Region(float(place[0]), float(place[1]), region.side, region.angle + turns * math.pi / 2)
    seen = landmarker(turned, [there])
    clear = upright.landmarks.visibility[0] > 0.5
    assert clear.sum() > 12
    np.testing.assert_allclose(seen.landmarks.image_px[0, clear], points[clear], atol=2)
    np.testing.assert_allclose(seen.landmarks.world_m[0, clear], around[clear], atol=0.02)
    np.testing.assert_allclose(seen.landmarks.depth_px[0, clear], upright.landmarks.depth_px[0, clear], atol=3)
    assert seen.landmarks.score[0] == pytest.approx(upright.landmarks.score[0], abs=0.02)
    assert math.remainder(seen.regions[0].angle - upright.regions[0].angle - turns * math.pi / 2, 2 * math.pi) == (
        pytest.approx(0, abs=0.02)
    )


def test_mirroring_the_image_mirrors_the_answer(landmarker, photograph, region):
    """Independent of our own turning: the network itself knows left from right."""
    pairs = [(7, 8), (11, 12), (13, 14), (23, 24)]
    mirror = Region(511 - region.x, region.y, region.side, -region.angle)
    ours = landmarker(photograph, [region]).landmarks
    theirs = landmarker(np.ascontiguousarray(photograph[:, ::-1]), [mirror]).landmarks
    for left, right in pairs:
        expected = ours.image_px[0, left] * [-1, 1] + [511, 0]
        np.testing.assert_allclose(theirs.image_px[0, right], expected, atol=0.06 * region.side)
        np.testing.assert_allclose(theirs.world_m[0, right, 0], -ours.world_m[0, left, 0], atol=0.08)


def test_depth_in_pixels_is_metric_depth_at_the_scale_of_the_image(landmarker, photograph, region):
    seen = landmarker(photograph, [region]).landmarks
    image, world = seen.image_px[0] - seen.image_px[0].mean(0), seen.world_m[0] - seen.world_m[0].mean(0)
    pixels_per_metre = (image * world[:, :2]).sum() / (world[:, :2] ** 2).sum()
    slope = np.polyfit(seen.world_m[0, :, 2] * pixels_per_metre, seen.depth_px[0], 1)[0]
    assert slope == pytest.approx(1, abs=0.2)


def test_the_next_region_is_a_fixed_point(landmarker, photograph, region):
    following = landmarker(photograph, [region]).regions[0]
    assert distance(following.points[None], region.points[None])[0, 0] < 0.1


def test_several_regions_row_by_row(landmarker, photograph, region):
    nowhere = Region(2000, 2000, 100)
    both = landmarker(photograph, [nowhere, region])
    alone = landmarker(photograph, [region])
    np.testing.assert_array_equal(both.landmarks.take([1]).image_px, alone.landmarks.image_px)
    assert both.landmarks.score[0] < 0.5
    assert len(landmarker(photograph, []).landmarks) == 0
    joined = Sighting.join([alone, both]).take(np.array([0, 2]))
    assert joined.regions[0] == joined.regions[1]


def test_image_features_on_request(photograph, region):
    engine = OpenVinoEngine(cached(LANDMARKER), outputs=[*OUTPUTS, FEATURES])
    landmarker = PoseLandmarker(engine)
    features = landmarker(photograph, [region, region.scaled(1.5)]).features[FEATURES]
    assert features.shape == (2, 2, 2, 288)
    assert np.ptp(features[0] - features[1]) > 0
    assert landmarker(photograph, []).features[FEATURES].shape == (0, 2, 2, 288)


def test_another_graph_is_refused():
    with pytest.raises(EngineError, match='not the BlazePose landmark network'):
        PoseLandmarker(OpenVinoEngine(cached(DETECTOR)))


def test_local_features_are_the_map_where_the_landmarks_are(photograph, region):
    """Against scipy's interpolation of the same map, whose cells are 16 pixels wide, with nothing beyond it."""
    eager = PoseLandmarker(OpenVinoEngine(cached(LANDMARKER), outputs=(*OUTPUTS, *EXTRAS)))
    seen = eager(photograph, [region, region.scaled(0.6)])
    cells = seen.features[FEATURE_MAP]
    assert cells.shape == (2, 16, 16, 88)
    found = local(seen)
    at = (seen.crop_px + 0.5) / 16 - 0.5
    for person in range(2):
        for channel in (0, 41, 87):
            padded = np.pad(cells[person, ..., channel], 1)
            expected = map_coordinates(padded, [at[person, :, 1] + 1, at[person, :, 0] + 1], order=1)
            np.testing.assert_allclose(found[person, :, channel], expected, rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(region.to_image(seen.crop_px[0], SIZE), seen.landmarks.image_px[0], atol=1e-3)
    assert local(eager(photograph, [])).shape == (0, 33, 88)
