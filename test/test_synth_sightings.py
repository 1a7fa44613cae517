import numpy as np
import pytest
from network_files import cached
from synth_motion import write_motion

from poco_ros.body.model_file import load_body_model
from poco_ros.evaluation.infill.motion_file import load_motion
from poco_ros.people.model_files import DETECTOR, LANDMARKER
from poco_ros.people.region import distance
from poco_ros.synth.config import SynthConfig
from poco_ros.synth.sequence import SequenceMaker
from poco_ros.synth.shards import FOLLOWED, FROM_DETECTOR, FROM_TRUTH
from poco_ros.synth.sightings import Observer, true_region


@pytest.fixture(scope='module')
def observer():
    cached(DETECTOR), cached(LANDMARKER)
    return Observer()


@pytest.fixture(scope='module')
def seen(observer, tmp_path_factory):
    """Pictures of rendered people, their joints in the picture, and what BlazePose saw."""
    path = write_motion(tmp_path_factory.mktemp('motion') / 'motion.npz')
    maker = SequenceMaker(SynthConfig(path, frames=2), load_motion(path), load_body_model())
    found = []
    for seed in range(20):
        rng = np.random.default_rng(seed)
        scene = maker.draw(rng, 'train')
        for picture in maker.pictures(scene) or ():
            image = (np.clip(picture.image, 0, 1) * 255).astype(np.uint8)
            joints = picture.window.to_window(scene.view.project(picture.joints.astype(float)))
            found.append((image, joints, observer.look(image, joints, rng)))
    return found


def test_the_detector_asks_for_about_the_region_that_the_truth_says(seen):
    agreeing = [s for s in seen if s[2].region_source == FROM_DETECTOR and s[2].landmarks.score[0] > 0.9]
    assert len(agreeing) >= 5
    apart = [distance(s[2].region.points[None], true_region(s[1]).points[None])[0, 0] for s in agreeing]
    sides = [s[2].region.side / true_region(s[1]).side for s in agreeing]
    assert np.median(apart) < 0.2
    assert 0.75 < np.median(sides) < 1.33


def test_each_way_to_a_region_occurs(seen):
    assert {FROM_DETECTOR, FOLLOWED} <= {s[2].region_source for s in seen}
    assert all(s[2].features.shape == (288,) and np.isfinite(s[2].features).all() for s in seen)


def test_where_nobody_is_the_true_region_is_looked_at(observer):
    joints = np.random.default_rng(0).uniform(80, 140, (24, 2))
    blank = np.full((200, 220, 3), 127, np.uint8)
    looks = [observer.look(blank, joints, np.random.default_rng(seed)) for seed in range(6)]
    assert {FROM_TRUTH} <= {look.region_source for look in looks}
    assert max(look.landmarks.score[0] for look in looks) < 0.5


def test_the_same_draw_sees_the_same(observer, seen):
    image, joints, _ = seen[0]
    first, second = (observer.look(image, joints, np.random.default_rng(3)) for _ in range(2))
    assert np.array_equal(first.landmarks.world_m, second.landmarks.world_m) and first.region == second.region
