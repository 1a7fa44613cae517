import dataclasses

import numpy as np
import pytest
import synth_motion

from poco_ros.body.model_file import load_body_model
from poco_ros.errors import ConfigError, DatasetError
from poco_ros.evaluation.infill.motion_file import load_motion
from poco_ros.synth.crossing import CrossingConfig, CrossingMaker
from poco_ros.synth.splits import split_people


@pytest.fixture(scope='module')
def config(tmp_path_factory) -> CrossingConfig:
    path = synth_motion.write_motion(tmp_path_factory.mktemp('motion') / 'motion.npz')
    return CrossingConfig(path, licence='CMU', frames=60)


@pytest.fixture(scope='module')
def maker(config) -> CrossingMaker:
    return CrossingMaker(config, load_body_model())


@pytest.fixture(scope='module')
def crossing(maker):
    return maker.make(2)


def test_a_thing_passes_before_the_person_and_nothing_else_differs(crossing):
    shots = {index: crossing.shot(index) for index in (0, 30, 59)}
    assert shots[30].covered.sum() > 2
    for index in (0, 59):
        assert not shots[index].covered.any()
    for shot in shots.values():
        assert shot.clear.image.shape == shot.blocked.image.shape == (crossing.camera.height, crossing.camera.width, 3)
        assert shot.clear.stamp_ns == shot.blocked.stamp_ns
        # the thing and its shadow; where there is a JPEG, its blocks about them too
        same = (shot.clear.image == shot.blocked.image).all(axis=-1)
        assert same.mean() > 0.5
    x, y = np.rint(crossing.camera.project(shots[30].joints[shots[30].covered])).astype(int).T
    difference = np.abs(shots[30].clear.image[y, x].astype(int) - shots[30].blocked.image[y, x]).max(axis=-1)
    assert (difference > 8).mean() > 0.7
    assert [shots[index].clear.stamp_ns for index in (0, 30)] == [0, 1_000_000_000]
    assert np.abs(shots[30].joints - shots[0].joints).max() > 0.02, 'the person moves'


def test_a_moment_depends_on_its_number_alone(maker, crossing):
    again = maker.make(2).shot(30)
    shot = crossing.shot(30)
    np.testing.assert_array_equal(again.blocked.image, shot.blocked.image)
    np.testing.assert_array_equal(again.covered, shot.covered)
    assert maker.make(3).scene.view != crossing.scene.view


def test_only_people_of_the_split_and_of_the_licence(maker, config):
    motion = load_motion(config.mocap)
    motion = motion.only(motion.clips('CMU'))
    frames = dict(zip(motion.subjects, np.diff(motion.clip_start).tolist(), strict=True))
    people = split_people(frames)['test']
    for seed in range(3):
        move = maker.make(seed).scene.subject.move
        assert move.subject in people and move.licence.startswith('CMU') and len(move.pelvis) == 60


def test_mistakes(config):
    with pytest.raises(ConfigError, match='frames must be between'):
        dataclasses.replace(config, frames=10)
    with pytest.raises(ConfigError, match='split must be one of'):
        dataclasses.replace(config, split='all')
    with pytest.raises(DatasetError, match='no clip of 2000 frames'):
        CrossingMaker(dataclasses.replace(config, frames=2000), load_body_model())
