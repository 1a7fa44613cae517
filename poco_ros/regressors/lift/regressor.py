"""The analytic lift: BlazePose's 33 points of a person in, a SMPL body out. The baseline that needs no training."""

from __future__ import annotations

import dataclasses

import numpy as np

from poco_ros.body.model import BodyModel
from poco_ros.body.rotations import matrix_to_axis_angle
from poco_ros.camera import Camera
from poco_ros.errors import ConfigError
from poco_ros.regressors.base import Evidence, RegressorInfo
from poco_ros.regressors.lift.fit import disagreement
from poco_ros.regressors.lift.outcome import Outcome, unknown_bodies
from poco_ros.regressors.lift.seen_landmarks import intrinsics_of, person_score, see
from poco_ros.regressors.lift.solution import AnalyticSolver
from poco_ros.regressors.lift.uncertainty import DEFINITION, agreement, joint_seen, joint_uncertainty
from poco_ros.types import Bodies, FloatArray, Frame, Landmarks, People

NAME = 'blazepose_lift'
VERSION = '1'
"""Counted up with every change that gives other bodies or uncertainties: calibrations are made for one version."""


class BlazePoseLift:
    """Pose in closed form, then a few Gauss-Newton steps until the body agrees with the picture.

    Stateless and deterministic. Never raises for bad values in landmarks. What comes out:

    - a body with at least a trunk to see has ``State.OBSERVED`` and no NaN in pose, betas, transl and joints. Joints
      of which nothing was seen hang relaxed from their parents; their ``joint_state`` is ``UNKNOWN`` (this image does
      not tell, and no other was asked), their uncertainty is close to 1 and their age NaN;
    - a person of whom nothing can be said (no trunk in sight, landmarks that fit no body, or no person) is NaN
      throughout, ``State.LOST``, with uncertainty 1;
    - calibrated fields are NaN and ``in_domain`` is ``UNKNOWN``.

    :param body: the body model that the bodies are made of.
    """

    needs_landmarks = True
    reason = ''
    warnings: tuple[str, ...] = ()

    def __init__(self, body: BodyModel) -> None:
        self._solve = AnalyticSolver(body)
        self._info = RegressorInfo(
            model=NAME, model_version=VERSION, engine=f'numpy {np.__version__}', precision='fp64',
            device='CPU', licence='Apache-2.0', uncertainty_definition=DEFINITION,
        )  # fmt: skip

    @property
    def info(self) -> RegressorInfo:
        """What runs, for the model-info message."""
        return self._info

    def regress(self, frame: Frame, people: People) -> Bodies:
        """Lift every person's landmarks to a body.

        :param frame: gives the camera; its pixels are not looked at.
        :param people: N persons with landmarks.
        :returns: N bodies, in the same order.
        :raises ConfigError: when the people come without landmarks.
        """
        return self.regress_with_evidence(frame, people)[0]

    def regress_with_evidence(self, frame: Frame, people: People) -> tuple[Bodies, Evidence]:
        """Lift every person's landmarks to a body; the evidence is ``m`` of the uncertainty's definition.

        The lift itself reads no features. Those that come with the people, what the landmark network saw, tell
        familiar input from unfamiliar.

        :param frame: as for :meth:`regress`.
        :param people: as for :meth:`regress`.
        :returns: N bodies and their evidence.
        :raises ConfigError: when the people come without landmarks.
        """
        bodies = unknown_bodies(people.boxes)
        if people.landmarks is None:
            raise ConfigError('the lift reads bodies from landmarks, and these people come without; '
                              'use a people finder that gives landmarks, or a regressor that needs boxes only')
        if len(people) == 0:
            return bodies, Evidence.none(0)
        return self._lift(bodies, people.landmarks, people.features, frame.camera)

    def _lift(
        self, bodies: Bodies, landmarks: Landmarks, features: FloatArray | None, camera: Camera,
    ) -> tuple[Bodies, Evidence]:
        ideal = camera.undistort_points(landmarks.image_px.astype(np.float64))
        seen = see(landmarks, ideal, intrinsics_of(camera))
        visibility, solution = seen.visibility, self._solve(seen)
        fit = solution.fit
        joints, _ = fit.pose_joints()
        trust = person_score(landmarks) * agreement(disagreement(fit, solution.observation))
        uncertainty = joint_uncertainty(visibility, trust)
        outcome = Outcome.judge(visibility, uncertainty, joints)
        uncertainty[~outcome.usable] = 1
        bodies = outcome.write(
            bodies, pose=matrix_to_axis_angle(fit.rotmats), betas=solution.betas,
            transl=fit.pelvis - fit.rest_joints[:, 0], joints=joints)
        bodies = dataclasses.replace(
            bodies, joint_uncertainty=uncertainty.astype(np.float32),
            uncertainty=uncertainty.mean(axis=1).astype(np.float32),
        )  # fmt: skip
        return bodies, Evidence(joint_seen(visibility).astype(np.float32), features)
