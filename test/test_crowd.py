"""What is remembered of people between frames."""

from __future__ import annotations

import dataclasses

import numpy as np

from poco_ros.people.crowd import Crowd
from poco_ros.people.landmarker import Sighting
from poco_ros.people.region import Region
from poco_ros.types import Landmarks


def sighting(*regions):
    empty = {f.name: getattr(Landmarks.empty(), f.name) for f in dataclasses.fields(Landmarks)}
    rows = {name: np.zeros((len(regions), *value.shape[1:]), np.float32) for name, value in empty.items()}
    return Sighting(Landmarks(**rows), regions, np.zeros((len(regions), 33, 2), np.float32), {})


def nobody():
    none = np.zeros(0, np.int32)
    return Crowd(sighting(), np.zeros(0, np.int64), none, none, none)


def test_trial_ends_after_its_frames():
    crowd = nobody().add(sighting(Region(5, 5, 9)), 10, trial=2)
    trusted = []
    for _ in range(4):
        trusted.append(bool(crowd.trusted[0]))
        person = crowd.followed(20)[0]
        assert person.trusted is (person.frames >= 2)
        crowd = dataclasses.replace(crowd, frames=np.array([person.frames], np.int32))
    assert trusted == [False, False, True, True]


def test_rows_stay_together():
    crowd = nobody()
    for k in range(3):
        crowd = crowd.add(sighting(Region(k, k, 9)), 100 + k, trial=k, track_id=k + 1)
    kept = crowd.keep(np.array([2, 0]))
    assert [(p.region.x, p.checked_ns, p.trial, p.track_id) for p in kept.followed(7)] == [
        (2, 102, 2, 3), (0, 100, 0, 1),
    ]
    assert kept.points.shape == (2, 2, 2)


def test_who_cannot_be_followed_is_forgotten():
    crowd = nobody().add(sighting(None), 0, 0).add(sighting(Region(1, 1, 5)), 0, 0)
    assert np.isnan(crowd.points[0]).all()
    assert [person.region.x for person in crowd.followed(0)] == [1]
    assert nobody().followed(0) == []
