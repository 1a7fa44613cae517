"""The people finder on photographs and on real video."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from network_files import cached
from skimage import data

from poco_ros.camera import Camera
from poco_ros.engine.openvino_engine import OpenVinoEngine
from poco_ros.errors import ImageError, ModelFileError
from poco_ros.people.boxes import iou
from poco_ros.people.config import FinderConfig
from poco_ros.people.finder import PeopleFinder
from poco_ros.people.landmarker import FEATURES
from poco_ros.people.model_files import LANDMARKER, MODELS
from poco_ros.types import Boxes, Frame

HEAD_AND_SHOULDERS = list(range(13))


@pytest.fixture(scope='module', autouse=True)
def networks():
    for model in MODELS:
        cached(model)


@pytest.fixture
def finder():
    return PeopleFinder()


@pytest.fixture(scope='module')
def any_finder():
    """One for all tests that start with :meth:`reset` and do not look at identities: loading takes a while."""
    return PeopleFinder()


@pytest.fixture(scope='module')
def astronaut():
    return np.ascontiguousarray(data.astronaut())


def frame(image, stamp_s=0.0):
    return Frame(image, Camera.assumed(image.shape[1], image.shape[0]), round(stamp_s * 1e9))


def video(path, first=0, last=None, every=1):
    capture = cv2.VideoCapture(str(path))
    period = 1 / capture.get(cv2.CAP_PROP_FPS)
    for index in itertools.count():
        good, image = capture.read()
        if not good or last is not None and index >= last:
            return
        if index >= first and index % every == 0:
            yield index, frame(np.ascontiguousarray(image[..., ::-1]), index * period)


def given(xyxy, track_id=-1, score=0.9):
    xyxy = np.asarray(xyxy, np.float32).reshape(-1, 4)
    count = len(xyxy)
    ids = np.broadcast_to(np.asarray(track_id, np.int32), count).copy()
    return Boxes(xyxy, np.broadcast_to(np.asarray(score, np.float32), count).copy(), ids)


def test_photograph_gives_its_person_at_once(finder, astronaut):
    people = finder.find(frame(astronaut))
    assert people.boxes.track_id.tolist() == [1]
    assert people.boxes.score[0] == people.landmarks.score[0] > 0.9
    np.testing.assert_allclose(people.landmarks.image_px[0, 0], [219, 136], atol=12)
    x0, y0, x1, y1 = people.boxes.xyxy[0]
    assert x0 < 100
    assert y0 < 60
    assert x1 > 350
    assert y1 > 490


def test_features_of_everybody_come_with_the_landmarks(any_finder, astronaut):
    """The mean over the map that the landmark network itself gives for the region of the person."""
    any_finder.reset()
    people = any_finder.find(frame(astronaut))
    assert people.features.shape == (len(people), 288) and people.features.dtype == np.float32
    assert people.local_features.shape == (len(people), 33, 88) and people.local_features.dtype == np.float32
    person = any_finder._followed[0]
    boxed = any_finder.find_in_boxes(frame(astronaut), people.boxes)
    engine = OpenVinoEngine(cached(LANDMARKER), outputs=(FEATURES,))
    seen = engine({engine.inputs[0].name: person.region.cut(astronaut, 256)[None] * np.float32(1 / 255)})[FEATURES]
    np.testing.assert_allclose(boxed.features[0], seen.mean(axis=(0, 1, 2)), rtol=1e-4, atol=1e-5)
    assert any_finder.find_in_boxes(frame(astronaut), people.boxes, landmarks=False).features is None
    nobody = any_finder.find_in_boxes(frame(astronaut), Boxes.empty())
    assert nobody.features.shape == (0, 288) and nobody.local_features.shape == (0, 33, 88)


@pytest.mark.parametrize('name', ['coffee', 'chelsea', 'rocket', 'brick', 'coins', 'text'])
def test_nobody_where_nobody_is(any_finder, name):
    any_finder.reset()
    image = getattr(data, name)()
    image = np.ascontiguousarray(image if image.ndim == 3 else np.dstack([image] * 3))
    for k in range(8):
        assert len(any_finder.find(frame(image, k / 15))) == 0


def test_two_people_keep_their_rows_and_identities(finder, astronaut):
    both = np.hstack([astronaut, astronaut[:, ::-1]])
    for k in range(6):
        people = finder.find(frame(np.ascontiguousarray(both), k / 15))
    assert people.boxes.track_id.tolist() == [1, 2]
    ends = people.landmarks.image_px[:, 0, 0]
    assert sorted(ends) == pytest.approx([219, 1023 - 219], abs=20)


def test_small_person_is_found_by_the_tiles_alone(astronaut):
    image = np.full((720, 1280, 3), 90, np.uint8)
    image[500:596, 900:996] = cv2.resize(astronaut, (96, 96), interpolation=cv2.INTER_AREA)
    found = {}
    for levels in (0, 3):
        finder = PeopleFinder(FinderConfig(tile_levels=levels))
        found[levels] = [len(finder.find(frame(image, k / 15))) for k in range(10)][-1]
    assert found == {0: 0, 3: 1}


@pytest.mark.parametrize('turns', [0, 1, 3])
def test_a_lying_person_is_read_like_a_standing_one(astronaut, turns):
    turned = np.ascontiguousarray(np.rot90(astronaut, -turns))
    upright = PeopleFinder().find(frame(astronaut)).landmarks
    finder = PeopleFinder()
    for k in range(12):
        people = finder.find(frame(turned, k / 15))
    assert len(people) == 1
    points, world = upright.image_px[0], upright.world_m[0].copy()
    for _ in range(turns):
        points = np.stack([511 - points[:, 1], points[:, 0]], -1)
        world[:, 0], world[:, 1] = -world[:, 1].copy(), world[:, 0].copy()
    np.testing.assert_allclose(people.landmarks.image_px[0][HEAD_AND_SHOULDERS], points[HEAD_AND_SHOULDERS], atol=30)
    np.testing.assert_allclose(people.landmarks.world_m[0][HEAD_AND_SHOULDERS], world[HEAD_AND_SHOULDERS], atol=0.12)


def test_no_more_than_asked_for(astronaut):
    finder = PeopleFinder(FinderConfig(max_people=1))
    both = np.ascontiguousarray(np.hstack([astronaut, astronaut]))
    for k in range(5):
        assert len(finder.find(frame(both, k / 15))) <= 1
    assert len(finder.find_in_boxes(frame(both, 1), given([[60, 20, 430, 512], [572, 20, 942, 512]]))) == 1


def test_given_boxes_come_back_with_their_identities_and_landmarks(finder, astronaut):
    boxes = given([[60, 10, 430, 512]], track_id=7, score=0.66)
    people = finder.find_in_boxes(frame(astronaut), boxes)
    np.testing.assert_array_equal(people.boxes.xyxy, boxes.xyxy)
    assert people.boxes.track_id.tolist() == [7]
    assert people.boxes.score[0] == np.float32(0.66)
    np.testing.assert_allclose(people.landmarks.image_px[0, 0], [219, 136], atol=15)


def test_nameless_boxes_are_named_above_the_given_ones(finder, astronaut):
    both = np.ascontiguousarray(np.hstack([astronaut, astronaut]))
    boxes = given([[60, 10, 430, 512], [572, 10, 942, 512]], track_id=[41, -1])
    names = [finder.find_in_boxes(frame(both, k / 15), boxes).boxes.track_id.tolist() for k in range(3)]
    assert names == [[41, 42]] * 3


def test_a_box_around_nothing_comes_back_with_a_low_presence(any_finder):
    any_finder.reset()
    coffee = np.ascontiguousarray(data.coffee())
    people = any_finder.find_in_boxes(frame(coffee), given([[20, 20, 60, 120]]))
    assert len(people) == 1
    assert people.landmarks.score[0] < 0.5


def test_unusable_boxes_are_left_out(any_finder, astronaut):
    any_finder.reset()
    boxes = given([[60, 10, 430, 512], [50, 50, 50, 90], [9, 9, 3, 3], [np.nan, 0, 5, 5], [0, 0, np.inf, 9]])
    assert len(any_finder.find_in_boxes(frame(astronaut), boxes)) == 1
    assert len(any_finder.find_in_boxes(frame(astronaut, 1), Boxes.empty())) == 0


@pytest.mark.parametrize('image', [
    np.zeros((0, 0, 3), np.uint8), np.zeros((9, 9), np.uint8), np.zeros((9, 9, 4), np.uint8),
    np.zeros((9, 9, 3), np.float32),
])
def test_an_image_of_another_kind_is_refused_and_the_next_one_works(any_finder, astronaut, image):
    any_finder.reset()
    with pytest.raises(ImageError, match='H x W x 3 uint8'):
        any_finder.find(Frame(image, Camera.assumed(9, 9)))
    assert len(any_finder.find(frame(astronaut))) == 1


def test_images_of_every_size_pass(any_finder):
    any_finder.reset()
    for width, height in ((1, 1), (3, 700), (7680, 4320), (17, 2)):
        assert len(any_finder.find(frame(np.full((height, width, 3), 128, np.uint8)))) == 0


def test_a_stamp_that_goes_back_starts_a_new_video(finder, astronaut):
    assert finder.find(frame(astronaut, 10)).boxes.track_id.tolist() == [1]
    assert finder.find(frame(astronaut, 2)).boxes.track_id.tolist() == [2]
    assert finder.find(frame(astronaut, 2)).boxes.track_id.tolist() == [2]


def test_after_a_day_everybody_is_somebody_new(finder, astronaut):
    finder.find(frame(astronaut, 0))
    names = [finder.find(frame(astronaut, 86400 + k / 15)).boxes.track_id.tolist() for k in range(3)]
    assert names[-1] == [2]


def test_reset_forgets_but_never_reuses(finder, astronaut):
    finder.find(frame(astronaut))
    finder.reset()
    assert finder.find(frame(astronaut)).boxes.track_id.tolist() == [2]


def test_says_which_networks_run(finder):
    assert [info.graph for info in finder.engines] == [model.name for model in MODELS]
    assert [info.graph_sha256 for info in finder.engines] == [model.sha256 for model in MODELS]


def test_missing_networks_are_told_at_the_start(monkeypatch, tmp_path):
    monkeypatch.setenv('POCO_CACHE', str(tmp_path))
    with pytest.raises(ModelFileError, match='poco fetch-models'):
        PeopleFinder()


@pytest.mark.shared
def test_one_visit_of_one_person(shared_dir):
    """Somebody walks in, stays and leaves: one identity, found in every frame that shows the whole body."""
    finder, names, whole = PeopleFinder(), set(), []
    for index, image in video(shared_dir / 'data/video/one-by-one-person.mp4', 210, 300):
        people = finder.find(image)
        names |= set(people.boxes.track_id.tolist())
        if index < 222:
            assert len(people) == 0
        if index >= 237:
            whole.append(len(people) == 1)
    assert names == {1}
    assert np.mean(whole) >= 0.95


@pytest.mark.shared
def test_the_worker_is_followed_to_the_end(shared_dir):
    finder = PeopleFinder()
    images = video(shared_dir / 'data/video/worker-zone.gif')
    names = [finder.find(image).boxes.track_id.tolist() for _, image in images]
    assert names[12:] == [[1]] * (len(names) - 12)


#: Middle of the shoulders in store-aisle.gif, read off by eye: frame, x, y; each person is visible from then on.
AISLE = {
    'man': [(0, 295, 108), (24, 296, 105), (36, 300, 95), (42, 307, 97), (54, 304, 98), (66, 293, 98)],
    'woman': [(0, 383, 130), (6, 375, 125), (12, 366, 120), (30, 368, 116), (42, 360, 114), (48, 378, 112),
              (54, 368, 112), (66, 368, 108)],
    'lady': [(22, 410, 250), (24, 398, 246), (30, 385, 220), (36, 383, 177), (42, 370, 165), (48, 353, 157),
             (60, 330, 148), (66, 326, 146)],
}


@pytest.mark.shared
def test_two_of_three_people_in_a_crowded_aisle(shared_dir):
    """Each of at least two is found in half of the frames that show him; nothing else is ever taken for a person."""
    finder = PeopleFinder()
    seen, visible, strangers = dict.fromkeys(AISLE, 0), dict.fromkeys(AISLE, 0), 0
    for index, image in video(shared_dir / 'data/video/store-aisle.gif'):
        shoulders = finder.find(image).landmarks.image_px[:, [11, 12]].mean(1)
        free = set(range(len(shoulders)))
        for who, marks in AISLE.items():
            when, x, y = np.array(marks, float).T
            if index < when[0]:
                continue
            visible[who] += 1
            off = np.abs(shoulders - [np.interp(index, when, x), np.interp(index, when, y)])
            near = [row for row in free if off[row, 0] < 24 and off[row, 1] < 38]
            if near:
                free.remove(min(near, key=lambda row: off[row].sum()))
                seen[who] += 1
        strangers += len(free)
    assert sum(seen[who] >= visible[who] / 2 for who in AISLE) >= 2, (seen, visible)
    assert strangers <= 3


@pytest.mark.shared
def test_same_frames_same_people(shared_dir):
    runs = []
    for _ in range(2):
        finder = PeopleFinder()
        runs.append([finder.find(image) for _, image in video(shared_dir / 'data/video/store-aisle.gif', 0, 25)])
    assert sum(len(people) for people in runs[0]) > 30
    for first, second in zip(*runs, strict=True):
        np.testing.assert_array_equal(first.boxes.track_id, second.boxes.track_id)
        np.testing.assert_array_equal(first.boxes.xyxy, second.boxes.xyxy)
        np.testing.assert_array_equal(first.landmarks.world_m, second.landmarks.world_m)


@pytest.mark.shared
def test_external_boxes_follow_a_real_person(shared_dir):
    """Boxes of our own finder, given back as those of another detector, give the same landmarks."""
    finder, outside = PeopleFinder(), PeopleFinder()
    apart, names = [], set()
    for _, image in video(shared_dir / 'data/video/one-by-one-person.mp4', 240, 290, 2):
        people = finder.find(image)
        boxes = Boxes(people.boxes.xyxy, people.boxes.score, np.full(len(people), -1, np.int32))
        others = outside.find_in_boxes(image, boxes)
        names |= set(others.boxes.track_id.tolist())
        height = people.boxes.xyxy[0, 3] - people.boxes.xyxy[0, 1]
        error = np.linalg.norm(others.landmarks.image_px[0] - people.landmarks.image_px[0], axis=-1)
        apart.append(np.median(error) / height)
        assert iou(others.boxes.xyxy, people.boxes.xyxy)[0, 0] == 1
    assert names == {1}
    assert np.median(apart) < 0.02
