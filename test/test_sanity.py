"""Which answers can be persons, on bodies made by hand."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest

from poco_ros.people.region import Region
from poco_ros.people.sanity import plausible, well_formed, without_repeats
from poco_ros.types import Landmarks

HEIGHTS = np.full(33, -0.4)
HEIGHTS[:11], HEIGHTS[[11, 12]] = -0.65, -0.5
HEIGHTS[[23, 24]], HEIGHTS[[25, 26]], HEIGHTS[27:] = 0, 0.4, 0.8


def person(x=300.0, y=220.0, pixels_per_metre=150.0):
    world = np.zeros((1, 33, 3), np.float32)
    world[0, :, 1] = HEIGHTS
    world[0, :, 0] = np.where(np.arange(33) % 2, 0.15, -0.15)
    ones = {f.name: np.ones((1, 33), np.float32) for f in dataclasses.fields(Landmarks)}
    image = world[..., :2] * np.float32(pixels_per_metre) + np.array([x, y], np.float32)
    return Landmarks(**{**ones, 'image_px': image, 'world_m': world, 'score': np.ones(1, np.float32)})


REGION = Region(300, 220, 2.1 * 150)


def test_an_ordinary_person_passes():
    assert plausible(person(), 640, 480).all()
    assert well_formed(person(), [REGION]).all()
    assert plausible(Landmarks.empty(), 640, 480).shape == (0,)
    assert well_formed(Landmarks.empty(), []).shape == (0,)


@pytest.mark.parametrize(('name', 'change'), [
    ('outside', lambda p: dataclasses.replace(p, image_px=p.image_px + np.float32(2000))),
    ('nan', lambda p: dataclasses.replace(p, image_px=p.image_px * np.float32(np.nan))),
    ('hidden', lambda p: dataclasses.replace(p, visibility=p.visibility * 0)),
    ('absent', lambda p: dataclasses.replace(p, presence=p.presence * 0)),
    ('dwarf', lambda p: dataclasses.replace(p, world_m=p.world_m * np.float32(0.2))),
    ('giant', lambda p: dataclasses.replace(p, world_m=p.world_m * np.float32(3))),
    ('speck', lambda p: person(pixels_per_metre=5)),
])
def test_what_cannot_be_a_person_fails(name, change):
    assert not plausible(change(person()), 640, 480).any(), name


@pytest.mark.parametrize('angle', [0.0, 1.5, -2.5])
def test_build_is_judged_in_the_axes_of_the_region(angle):
    turned = Region(300, 220, REGION.side, angle)
    points = (person().image_px - [300, 220]) @ turned.rotation.T + [300, 220]
    body = dataclasses.replace(person(), image_px=points.astype(np.float32))
    assert well_formed(body, [turned])[0]
    assert not well_formed(body, [Region(300, 220, REGION.side, angle + np.pi)])[0]
    assert not well_formed(body, [None])[0]


def test_a_crumpled_or_a_broad_body_is_no_person_yet():
    flat = person().image_px * np.float32([1, 0.2])
    assert not well_formed(dataclasses.replace(person(), image_px=flat), [REGION])[0]
    broad = (person().image_px - np.float32([300, 0])) * np.float32([8, 1])
    assert not well_formed(dataclasses.replace(person(), image_px=broad), [REGION])[0]


def join(*people):
    return Landmarks(*(
        np.concatenate([getattr(p, f.name) for p in people]) for f in dataclasses.fields(Landmarks)
    ))


def test_of_two_answers_for_one_person_the_higher_rank_stays():
    crowd = join(person(300), person(303), person(420))
    assert without_repeats(crowd, np.array([0.8, 0.9, 0.7])).tolist() == [False, True, True]
    assert without_repeats(crowd, np.array([0.9, 0.9, 0.7])).tolist() == [True, False, True]
    assert without_repeats(Landmarks.empty(), np.zeros(0)).shape == (0,)
