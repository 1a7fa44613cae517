"""The analytic solution: the SMPL body that agrees with the landmarks seen, in closed form and a few steps more."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from poco_ros.body.model import BodyModel
from poco_ros.body.rotations import Floats
from poco_ros.regressors.lift.fit import Fit, Observation, place, refine
from poco_ros.regressors.lift.inverse_kinematics import InverseKinematics
from poco_ros.regressors.lift.rig import LANDMARK_JOINT, landmark_offsets
from poco_ros.regressors.lift.seen_landmarks import SeenLandmarks
from poco_ros.regressors.lift.shape import ShapeFromLengths

STEPS = 3


@dataclass(frozen=True)
class Solution:
    """Bodies of N persons. Where hardly anything was seen they may be no numbers.

    :param fit: the posed skeletons, in the optical frame.
    :param betas: (N, 10).
    :param observation: what they were fitted to, depths in the body's metres.
    """

    fit: Fit
    betas: Floats
    observation: Observation


class AnalyticSolver:
    """Shape from bone lengths, pose by inverse kinematics, then Gauss-Newton steps onto the picture.

    :param body: the body model that the bodies are made of.
    """

    def __init__(self, body: BodyModel) -> None:
        rest = body.rest_joints().astype(np.float64)
        self._body = body
        self._inverse_kinematics = InverseKinematics((rest[:, LANDMARK_JOINT] + landmark_offsets(rest))[0])
        self._shape = ShapeFromLengths(body)

    def __call__(self, seen: SeenLandmarks) -> Solution:
        """Solve for every person.

        :param seen: N persons.
        """
        observation = seen.observation
        betas, scale = self._shape(seen.points_m, observation.weights)
        observation = dataclasses.replace(observation, depth_m=observation.depth_m / scale[:, None])
        rest = self._body.rest_joints(betas).astype(np.float64)
        pose = self._inverse_kinematics(seen.points_m, observation.weights)
        fit = Fit(pose, rest[:, 0].copy(), rest, landmark_offsets(rest))
        return Solution(refine(place(fit, observation), observation, STEPS), betas, observation)
