"""The analytic solution, which both lifts start from, against bodies whose landmarks are known exactly."""

import numpy as np
import pytest
from lift_scenes import random_poses, scene, seen_by

from poco_ros.body.model_file import load_body_model
from poco_ros.regressors.lift.solution import AnalyticSolver


@pytest.fixture(scope='module')
def body():
    return load_body_model()


def test_exact_landmarks_give_the_body_back(body):
    truth = scene(body, random_poses(20, 1), 1)
    solution = AnalyticSolver(body)(seen_by(truth.landmarks, truth.camera))
    joints, _ = solution.fit.pose_joints()
    apart = np.linalg.norm((joints - joints[:, :1]) - (truth.joints - truth.joints[:, :1]), axis=-1)
    assert np.median(apart) < 0.03
    assert solution.betas.shape == (20, 10)


def test_each_person_is_solved_by_itself(body):
    truth = scene(body, random_poses(6, 2), 2)
    solve = AnalyticSolver(body)
    together = solve(seen_by(truth.landmarks, truth.camera)).fit
    alone = solve(seen_by(truth.landmarks.take(np.array([4])), truth.camera)).fit
    assert np.allclose(together.rotmats[4], alone.rotmats[0], atol=1e-9)
    assert np.allclose(together.pelvis[4], alone.pelvis[0], atol=1e-9)
