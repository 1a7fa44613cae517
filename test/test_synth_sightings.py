"""What BlazePose sees of rendered people: found by the detector, then followed, as the node does."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from network_files import cached
from synth_motion import write_motion

from poco_ros.body.model_file import load_body_model
from poco_ros.evaluation.infill.motion_file import load_motion
from poco_ros.people.model_files import DETECTOR, LANDMARKER
from poco_ros.people.region import distance
from poco_ros.synth.config import SynthConfig
from poco_ros.synth.scene import Window
from poco_ros.synth.sequence import SequenceMaker
from poco_ros.synth.shards import FOLLOWED, FROM_DETECTOR, FROM_TRUTH
from poco_ros.synth.sightings import Follower, Observer, true_region


@pytest.fixture(scope='module')
def observer():
    cached(DETECTOR), cached(LANDMARKER)
    return Observer()


@pytest.fixture(scope='module')
def seen(observer, tmp_path_factory):
    """Sequences of rendered people: pictures, windows, joints in the camera's pixels, and what BlazePose saw."""
    path = write_motion(tmp_path_factory.mktemp('motion') / 'motion.npz')
    maker = SequenceMaker(SynthConfig(path, frames=3), load_motion(path), load_body_model())
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        scene = maker.draw(rng, 'train')
        follower = Follower(observer, rng)
        for picture in maker.pictures(scene) or ():
            image = (np.clip(picture.image, 0, 1) * 255).astype(np.uint8)
            joints = scene.view.project(picture.joints.astype(float))
            found.append((image, picture.window, joints, follower.look(image, picture.window, joints)))
    return found


@pytest.mark.parametrize('source', [FROM_DETECTOR, FOLLOWED])
def test_it_looks_about_where_the_truth_says(seen, source):
    sure = [s for s in seen if s[3].region_source == source and s[3].landmarks.score[0] > 0.9]
    assert len(sure) >= 5
    apart = [distance(s[3].region.points[None], true_region(s[2]).points[None])[0, 0] for s in sure]
    sides = [s[3].region.side / true_region(s[2]).side for s in sure]
    assert np.median(apart) < 0.2
    assert 0.75 < np.median(sides) < 1.33


def test_what_was_seen_has_its_shape(seen):
    for *_, look in seen:
        assert look.features.shape == (288,) and np.isfinite(look.features).all()
        assert look.local_features.shape == (33, 88) and np.isfinite(look.local_features).all()


def test_nobody_is_followed_into_the_first_frame(seen):
    assert all(seen[first][3].region_source != FOLLOWED for first in range(0, len(seen), 3))


def test_followed_is_looked_at_where_the_frame_before_said(observer, seen):
    """A still person: the second look lies where the landmarks of the first ask for it."""
    image, window, joints, _ = next(s for s in seen if s[3].landmarks.score[0] > 0.95)
    for seed in range(3):
        follower = Follower(observer, np.random.default_rng(seed))
        first, second = (follower.look(image, window, joints) for _ in range(2))
        if second.region_source == FOLLOWED:
            break
    assert second.region_source == FOLLOWED
    hips = first.landmarks.image_px[0, 23:25].mean(axis=0)
    assert np.hypot(second.region.x - hips[0], second.region.y - hips[1]) < 0.1 * second.region.side
    assert (second.region.x, second.region.side) != (first.region.x, first.region.side)


def test_a_window_is_but_a_part_of_the_picture(observer, seen):
    """The same pixels as another part of a larger picture: the same person, moved and made larger."""
    image, window, joints, _ = seen[0]
    other = Window(window.x0 + 100, window.y0 + 50, window.scale / 2, window.width, window.height)
    there = other.to_camera(window.to_window(joints))
    here, moved = (
        Follower(observer, np.random.default_rng(0)).look(image, *where) for where in ((window, joints), (other, there))
    )
    np.testing.assert_allclose(other.to_window(moved.landmarks.image_px), window.to_window(here.landmarks.image_px),
                               atol=0.01)
    np.testing.assert_allclose(moved.landmarks.depth_px, 2 * here.landmarks.depth_px, rtol=1e-4)
    np.testing.assert_array_equal(moved.local_features, here.local_features)
    assert moved.region.side == pytest.approx(2 * here.region.side)


def test_where_nobody_is_the_true_region_is_looked_at(observer):
    joints = np.random.default_rng(0).uniform(80, 140, (24, 2))
    blank, whole = np.full((200, 220, 3), 127, np.uint8), Window(0, 0, 1.0, 220, 200)
    looks = [Follower(observer, np.random.default_rng(seed)).look(blank, whole, joints) for seed in range(6)]
    assert {FROM_TRUTH} == {look.region_source for look in looks}
    assert max(look.landmarks.score[0] for look in looks) < 0.5


def test_who_is_gone_is_not_followed(observer, seen):
    image, window, joints, _ = next(s for s in seen if s[3].landmarks.score[0] > 0.95)
    follower = Follower(observer, np.random.default_rng(1))
    follower.look(image, window, joints)
    away = replace(window, x0=window.x0 + 3 * window.width / window.scale)
    after = follower.look(np.full_like(image, 127), window, joints)
    assert after.region_source == FROM_TRUTH
    follower.look(image, window, joints)
    elsewhere = away.to_camera(window.to_window(joints))
    assert follower.look(image, window, elsewhere).region_source == FROM_TRUTH


def test_the_same_draw_sees_the_same(observer, seen):
    image, window, joints, _ = seen[0]
    first, second = (Follower(observer, np.random.default_rng(3)).look(image, window, joints) for _ in range(2))
    assert np.array_equal(first.landmarks.world_m, second.landmarks.world_m) and first.region == second.region
