"""What the lift makes of landmarks that are broken, absurd, or of nobody: no exception, and no wrong body."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from lift_scenes import hidden, people, random_poses, scene

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.errors import ConfigError
from poco_ros.regressors.lift.regressor import BlazePoseLift
from poco_ros.regressors.lift.rig import LANDMARK_INDEX
from poco_ros.types import Boxes, Landmarks, People, State


@pytest.fixture(scope='module')
def body() -> BodyModel:
    return load_body_model()


@pytest.fixture(scope='module')
def lift(body: BodyModel) -> BlazePoseLift:
    return BlazePoseLift(body)


def test_people_without_landmarks_are_refused(lift: BlazePoseLift, body: BodyModel) -> None:
    truth = scene(body, random_poses(1, 12))
    with pytest.raises(ConfigError, match='landmarks'):
        lift.regress(truth.frame, People(truth.people.boxes))


def test_nobody_gives_no_bodies(lift: BlazePoseLift, body: BodyModel) -> None:
    frame = scene(body, random_poses(1, 12)).frame
    bodies = lift.regress(frame, People(Boxes.empty(), Landmarks.empty()))
    assert len(bodies) == 0 and bodies.pose.shape == (0, 24, 3)


@pytest.mark.parametrize('field', ['image_px', 'world_m', 'visibility', 'presence', 'score'])
@pytest.mark.parametrize('value', [np.nan, np.inf, -np.inf])
def test_person_of_whom_nothing_is_known_is_lost_and_harms_nobody_else(
    lift: BlazePoseLift, body: BodyModel, field: str, value: float
) -> None:
    truth = scene(body, random_poses(3, 13), 13)
    broken = getattr(truth.landmarks, field).copy()
    broken[1] = value
    marks = replace(truth.landmarks, **{field: broken})
    bodies = lift.regress(truth.frame, people(marks))
    clean = lift.regress(truth.frame, truth.people)
    for name in ('pose', 'betas', 'transl', 'joints', 'joint_uncertainty', 'uncertainty'):
        np.testing.assert_array_equal(getattr(bodies, name)[[0, 2]], getattr(clean, name)[[0, 2]], name)
    np.testing.assert_array_equal(bodies.joint_uncertainty[1], 1)
    assert bodies.state[1] == State.LOST and (bodies.joint_state[1] == State.LOST).all()
    assert np.isnan(bodies.pose[1]).all() and np.isnan(bodies.joints[1]).all() and np.isnan(bodies.transl[1]).all()


def test_landmarks_of_no_person_are_not_believed(lift: BlazePoseLift, body: BodyModel) -> None:
    """All in sight and all certain, but no body has its landmarks there: as BlazePose does on a table's foot."""
    truth = scene(body, random_poses(20, 16), 16)
    rng = np.random.default_rng(0)
    order = rng.permuted(np.tile(np.arange(33), (20, 1)), axis=1)
    pixels = np.take_along_axis(truth.landmarks.image_px, order[..., None], axis=1)
    scrambled = replace(truth.landmarks, image_px=pixels)
    bodies, clean = lift.regress(truth.frame, people(scrambled)), lift.regress(truth.frame, truth.people)
    assert (clean.uncertainty < 0.1).all()
    assert (bodies.state == State.LOST).mean() > 0.9
    assert (bodies.uncertainty > 0.5).all()


def test_invisible_person_is_lost(lift: BlazePoseLift, body: BodyModel) -> None:
    truth = scene(body, random_poses(2, 14), 14)
    bodies = lift.regress(truth.frame, people(hidden(truth.landmarks, list(LANDMARK_INDEX), 0.0, 0.0)))
    np.testing.assert_array_equal(bodies.state, State.LOST)
    np.testing.assert_array_equal(bodies.uncertainty, 1)
    assert np.isnan(bodies.pose).all()


@pytest.mark.parametrize('seed', range(4))
def test_nonsense_neither_raises_nor_gives_nan_when_observed(lift: BlazePoseLift, body: BodyModel, seed: int) -> None:
    rng = np.random.default_rng(seed)
    truth = scene(body, random_poses(40, seed), seed)
    marks = truth.landmarks
    arrays = {name: getattr(marks, name).copy() for name in ('image_px', 'world_m', 'visibility', 'presence')}
    arrays['world_m'][:5] = 0  # bones of no length
    arrays['image_px'][5:10] = 300  # all in one pixel
    arrays['world_m'][10:15] *= -1  # seen as if from behind the mirror
    arrays['image_px'][15:20] *= 1e12
    arrays['world_m'][20:25] *= 1e9
    for name in arrays:
        some = rng.random(arrays[name].shape) < 0.1
        arrays[name][some] = rng.choice([np.nan, np.inf, -np.inf, 1e30, -1e30, 0], int(some.sum()))
    with np.errstate(all='raise', under='ignore'):
        bodies = lift.regress(truth.frame, people(replace(marks, **arrays)))
    known = bodies.state == State.OBSERVED
    assert known.any()
    for name in ('pose', 'betas', 'transl', 'joints', 'joint_uncertainty', 'uncertainty'):
        assert np.isfinite(getattr(bodies, name)[known]).all(), name
    assert np.isnan(bodies.pose[~known]).all()
    assert (bodies.joints[known, 0, 2] > 0).all()


def test_each_person_is_lifted_alone_and_alike(lift: BlazePoseLift, body: BodyModel) -> None:
    """The same person gives the same body, whoever else is there and whatever came before."""
    truth = scene(body, random_poses(5, 15), 15)
    together = lift.regress(truth.frame, truth.people)
    for i in (3, 0):
        alone = lift.regress(truth.frame, People(truth.people.boxes.take([i]), truth.landmarks.take([i])))
        np.testing.assert_allclose(alone.pose[0], together.pose[i], atol=1e-5)
        np.testing.assert_allclose(alone.joints[0], together.joints[i], atol=1e-5)
    again = lift.regress(truth.frame, truth.people)
    np.testing.assert_array_equal(again.pose, together.pose)
