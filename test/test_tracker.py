"""The tracker: identities through crossings, occlusions and gaps, and agreement with the trackers package."""

from __future__ import annotations

import numpy as np
import pytest
from scipy.optimize import linear_sum_assignment

from poco_ros.people.tracker import Tracker, TrackerConfig
from poco_ros.types import Boxes

FRAME_NS = 33_333_333


def boxes(centres, score=0.9, width=60.0, height=160.0):
    centres = np.asarray(centres, np.float32).reshape(-1, 2)
    half = np.array([width / 2, height / 2], np.float32)
    count = len(centres)
    return Boxes(
        np.concatenate([centres - half, centres + half], 1).astype(np.float32),
        np.broadcast_to(np.float32(score), count).copy(), np.full(count, -1, np.int32),
    )


def walk(seed, people=6, frames=90):
    """Walkers with jittering boxes: what a detector would give, and who each box is."""
    rng = np.random.default_rng(seed)
    centre = rng.uniform([100, 150], [1180, 570], (people, 2))
    speed = rng.uniform(-120, 120, (people, 2)) * [1, 0.3]
    size = rng.uniform(0.7, 1.3, people)
    for frame in range(frames):
        centre = centre + speed * 1e-9 * FRAME_NS
        hidden = (frame // 10 + np.arange(people)) % 9 == 0
        score = np.where(rng.random(people) < 0.15, rng.uniform(0.15, 0.45, people), rng.uniform(0.6, 1.0, people))
        seen = np.flatnonzero(~hidden & (rng.random(people) > 0.05))
        half = size[seen, None] * [30, 80]
        middle = centre[seen] + rng.normal(0, 2, (len(seen), 2))
        xyxy = np.concatenate([middle - half, middle + half], 1).astype(np.float32)
        order = rng.permutation(len(seen))
        yield frame, seen[order], Boxes(
            xyxy[order], score[seen][order].astype(np.float32), np.full(len(seen), -1, np.int32),
        )


def test_first_frame_names_everybody_from_one():
    assert Tracker().update(boxes([[100, 200], [400, 200]]), 0).tolist() == [1, 2]


def test_a_later_person_needs_consecutive_frames():
    tracker = Tracker(TrackerConfig(confirm_frames=3))
    tracker.update(boxes([[100, 200]]), 0)
    later = [tracker.update(boxes([[100, 200], [400, 200]]), k * FRAME_NS).tolist() for k in (1, 2, 3)]
    assert later == [[1, -1], [1, -1], [1, 2]]


def test_a_flicker_never_becomes_a_person():
    tracker = Tracker()
    tracker.update(boxes([]), 0)
    for k in range(1, 20):
        seen = [[400, 200]] if k % 2 else []
        assert (tracker.update(boxes(seen), k * FRAME_NS) == -1).all()


def test_crossing_people_keep_their_identities():
    tracker = Tracker()
    for k in range(60):
        left, right = [100 + 8 * k, 200], [600 - 8 * k, 230]
        turned = k % 2 == 1
        named = tracker.update(boxes([right, left] if turned else [left, right]), k * FRAME_NS)
        assert named.tolist() == ([2, 1] if turned else [1, 2]), k


def test_identity_survives_a_second_of_occlusion():
    tracker, hidden = Tracker(), range(40, 70)
    for k in range(100):
        walker, stander = [100 + 4 * k, 200], [330, 220]
        named = tracker.update(boxes([stander] if k in hidden else [stander, walker]), k * FRAME_NS)
        assert named.tolist() == ([1] if k in hidden else [1, 2]), k


@pytest.mark.parametrize('rate', [5, 15, 60])
def test_being_lost_is_counted_in_seconds(rate):
    config = TrackerConfig(lost_s=1.0)
    for gap_s, same in ((0.8, True), (1.3, False)):
        tracker = Tracker(config)
        stamps = [int(k * 1e9 / rate) for k in range(2 * rate)]
        for stamp in stamps[:rate]:
            tracker.update(boxes([[200, 200]]), stamp)
        back = stamps[rate - 1] + int(gap_s * 1e9)
        tracker.update(boxes([[200, 200]]), back)
        assert (tracker.update(boxes([[200, 200]]), back + FRAME_NS).tolist() == [1]) is same


def test_doubtful_box_carries_on_a_track_but_starts_none():
    tracker = Tracker()
    tracker.update(boxes([[100, 200]]), 0)
    assert tracker.update(boxes([[102, 200]], 0.2), FRAME_NS).tolist() == [1]
    for k in range(2, 8):
        named = tracker.update(boxes([[102, 200], [500, 200]], [0.9, 0.2]), k * FRAME_NS)
        assert named.tolist() == [1, -1]


def test_unknown_score_counts_as_confident():
    assert Tracker().update(boxes([[100, 200]], np.nan), 0).tolist() == [1]


def test_identities_are_never_used_twice():
    tracker = Tracker()
    tracker.update(boxes([[100, 200]]), 0)
    tracker.reset()
    assert tracker.update(boxes([[100, 200]]), 0).tolist() == [2]
    tracker.reserve([7, 3])
    tracker.reset()
    assert tracker.update(boxes([[100, 200]]), 0).tolist() == [8]


def test_a_stamp_that_goes_back_starts_anew_and_a_day_ahead_forgets():
    tracker = Tracker()
    tracker.update(boxes([[100, 200]]), 5 * FRAME_NS)
    assert tracker.update(boxes([[100, 200]]), 0).tolist() == [2]
    day = 86_400_000_000_000
    tracker.update(boxes([[100, 200]]), day)
    assert tracker.update(boxes([[100, 200]]), day + FRAME_NS).tolist() == [3]


def test_a_repeated_stamp_changes_nothing():
    tracker = Tracker()
    for _ in range(5):
        assert tracker.update(boxes([[100, 200], [400, 200]]), 0).tolist() == [1, 2]


def test_lost_tells_where_the_missing_should_be():
    tracker = Tracker()
    for k in range(30):
        tracker.update(boxes([[100 + 4 * k, 200]]), k * FRAME_NS)
    assert len(tracker.lost()) == 0
    for k in range(30, 40):
        tracker.update(boxes([]), k * FRAME_NS)
    lost = tracker.lost()
    centre = (lost.xyxy[0, :2] + lost.xyxy[0, 2:]) / 2
    assert lost.track_id.tolist() == [1]
    np.testing.assert_allclose(centre, [100 + 4 * 39, 200], atol=6)


def test_same_input_same_identities():
    runs = []
    for _ in range(2):
        tracker = Tracker()
        runs.append([tracker.update(found, frame * FRAME_NS).tolist() for frame, _, found in walk(3)])
    assert runs[0] == runs[1]


def test_walkers_keep_one_identity_each():
    switches, named = 0, 0
    for seed in range(5):
        tracker, last = Tracker(), {}
        for frame, person, found in walk(seed):
            for who, name in zip(person, tracker.update(found, frame * FRAME_NS), strict=True):
                if name > 0:
                    switches += last.get(who, name) != name
                    last[who], named = name, named + 1
    assert named > 2000
    assert switches <= 2


@pytest.mark.oracle
@pytest.mark.parametrize('seed', range(5))
def test_associates_like_the_trackers_package(seed):
    oracle = pytest.importorskip('trackers', reason='pip install trackers==2.6.1 (needs numpy >= 2) to compare')
    supervision = pytest.importorskip('supervision')
    theirs = oracle.ByteTrackTracker(
        lost_track_buffer=30, frame_rate=30, track_activation_threshold=0.5, minimum_consecutive_frames=1,
        minimum_iou_threshold=0.2, high_conf_det_threshold=0.5,
    )
    ours = Tracker(TrackerConfig(min_iou_doubtful=0.2, confirm_frames=1, lost_s=1.0))
    pairs = []
    for frame, _, found in walk(seed):
        answer = theirs.update(supervision.Detections(
            xyxy=found.xyxy, confidence=found.score, class_id=np.arange(len(found)),
        ), timestamp=frame * FRAME_NS * 1e-9)
        name = dict(zip(answer.class_id, answer.tracker_id, strict=True))
        for row, mine in enumerate(ours.update(found, frame * FRAME_NS)):
            pairs.append((int(mine), int(name.get(row, -1))))
    named = [pair for pair in pairs if min(pair) > -1]
    assert len(named) >= 0.95 * len(pairs)
    assert agreement(named) >= 0.97


def agreement(pairs):
    """Part of the boxes named by two trackers whose names go together under the best one-to-one naming."""
    mine, theirs = (sorted({pair[side] for pair in pairs}) for side in (0, 1))
    count = np.zeros((len(mine), len(theirs)))
    for a, b in pairs:
        count[mine.index(a), theirs.index(b)] += 1
    return count[linear_sum_assignment(-count)].sum() / len(pairs)
