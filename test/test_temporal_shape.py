"""Shapes averaged from what bodies show."""

import dataclasses

import numpy as np
from temporal_streams import walking

from poco_ros.evaluation.infill.skeleton import REST_JOINTS
from poco_ros.temporal.shape import Shapes, rest_joints

ROW = np.array([0])


def test_posed_joints_give_the_rest_joints_back():
    for time in (0.0, 0.3, 1.7):
        np.testing.assert_allclose(rest_joints(walking(time, 2)), np.repeat(REST_JOINTS[None], 2, 0), atol=1e-5)


def test_means_are_weighted_and_locked():
    shapes = Shapes(lock_weight=4.0)
    shapes.grow(1)

    def add(betas, weight):
        bodies = dataclasses.replace(walking(0.0), betas=np.full((1, 10), betas, np.float32))
        shapes.add(ROW, bodies, np.array([weight]))

    add(1.0, 1.0)
    add(3.0, 3.0)
    np.testing.assert_allclose(shapes.betas, 2.5)
    add(100.0, 1.0)
    np.testing.assert_allclose(shapes.betas, 2.5)
    np.testing.assert_allclose(shapes.rest_joints[0], REST_JOINTS, atol=1e-5)
    shapes.forget(ROW)
    add(7.0, 0.0)  # better a doubtful shape than none
    np.testing.assert_allclose(shapes.betas, 7)


def test_what_a_body_does_not_state_is_not_made_up():
    shapes = Shapes(4.0)
    shapes.grow(1)
    unknown = dataclasses.replace(walking(0.0), betas=np.full((1, 10), np.nan, np.float32))
    shapes.add(ROW, unknown, np.ones(1))
    assert np.isnan(shapes.betas).all()
    shapes.add(ROW, dataclasses.replace(unknown, betas=np.full((1, 10), 2, np.float32)), np.ones(1))
    assert (shapes.betas == 2).all()
    shapes.add(ROW, unknown, np.ones(1))
    assert (shapes.betas == 2).all()
