"""POCO-Lift on a compiled graph: landmarks and features in, bodies with the paper's uncertainty out."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass

import numpy as np

from poco_ros.body.model import BodyModel
from poco_ros.body.rotations import Floats, axis_angle_to_matrix, matrix_to_axis_angle
from poco_ros.engine.base import Array, Engine, TensorSpec
from poco_ros.engine.model_record import ModelRecord
from poco_ros.errors import ConfigError
from poco_ros.regressors.base import Evidence
from poco_ros.regressors.compiled.about import OnNetwork, check_body
from poco_ros.regressors.compiled.outputs import Placed, place
from poco_ros.regressors.lift.align import align_translation
from poco_ros.regressors.lift.fit import Fit, disagreement
from poco_ros.regressors.lift.outcome import Outcome, unknown_bodies
from poco_ros.regressors.lift.rig import landmark_offsets, posed_landmarks
from poco_ros.regressors.lift.seen_landmarks import SeenLandmarks, intrinsics_of, person_score, see
from poco_ros.regressors.lift.uncertainty import agreement, joint_seen, joint_uncertainty
from poco_ros.regressors.poco_lift.observation import FEATURE_SIZE, LOCAL_SIZE, D, observe
from poco_ros.regressors.poco_lift.refine_pose import refine_pose
from poco_ros.types import NUM_LANDMARKS, Bodies, Frame, Landmarks, People

# The analytic lift fits its body to the landmarks; a network's comes out near them, and is doubted from farther off.
_HALF_DISAGREEMENT = 0.1


@dataclass(frozen=True)
class Agreeing:
    """How a network's bodies are brought to agree with the picture.

    :param align_steps: weighted least-squares solutions for where the body stands; 0 leaves the network's own place.
    :param refine_steps: Gauss-Newton steps over pose and place behind that, with the network's pose as what is known
        beforehand and its sigma as how well; 0 leaves the network's own pose.
    """

    align_steps: int = 2
    refine_steps: int = 2


class PocoLift(OnNetwork):
    """Gives everybody of a frame to the network at once.

    Stateless, and deterministic as far as the engine is. Bodies stand where the network's camera puts them, with the
    true focal length and without the lens's distortion, are then moved onto the landmarks, and their pose is fitted to
    these as far as sigma lets it. What comes out:

    - a body with at least a trunk to see has ``State.OBSERVED``, ``joint_uncertainty`` sigma and ``uncertainty`` the
      scalar of the record's rule, both as the network gives them. Joints of which nothing was seen have a pose too,
      the network's guess; their ``joint_state`` is ``UNKNOWN`` and their age NaN;
    - a person of whom nothing can be said (no trunk in sight, landmarks that are not finite, that are of no person or
      far from the body found, outputs that are no body in front of the camera) is NaN throughout, ``State.LOST``;
    - calibrated fields are NaN and ``in_domain`` is ``UNKNOWN``.

    :param record: of the exported network.
    :param engine: runs its graph.
    :param body: the body model that goes with the bodies.
    :param agreeing: how bodies are brought to agree with the picture; None for its defaults.
    :raises ConfigError: when the network was exported for another body model, or sees something else.
    """

    needs_landmarks = True

    def __init__(
        self, record: ModelRecord, engine: Engine, body: BodyModel, agreeing: Agreeing | None = None,
    ) -> None:
        super().__init__(record, engine, body)
        self._body, self._agreeing = body, agreeing or Agreeing()

    @staticmethod
    def check_fit(record: ModelRecord, body: BodyModel) -> None:
        """Check that a lift can be run here, with this body model.

        :raises ConfigError: it was exported for another body model, or does not see what this package's lift observes.
        """
        check_body(record, body)
        if record.inputs[:1] != (TensorSpec('observation', (-1, D), 'float32'),):
            raise ConfigError(f'{record.name} does not see the {D} numbers that this version observes of a person; '
                              'train and export it anew')

    def regress_with_evidence(self, frame: Frame, people: People) -> tuple[Bodies, Evidence]:
        """Estimate the body of every person; the evidence is what was seen of each joint, and what the heads read.

        :param frame: gives the camera; its pixels are not looked at.
        :param people: N persons with landmarks and features.
        :returns: N bodies, in the same order, and their evidence.
        :raises ConfigError: when the people come without landmarks or without features.
        """
        landmarks, features, local = people.landmarks, people.features, people.local_features
        wanted = ((len(people), FEATURE_SIZE), (len(people), NUM_LANDMARKS, LOCAL_SIZE))
        if landmarks is None or features is None or local is None or (features.shape, local.shape) != wanted:
            raise ConfigError(f'{self._info.model} reads bodies from landmarks and {FEATURE_SIZE} features of each '
                              'person, and these people come without; use a people finder that gives them')
        bodies = unknown_bodies(people.boxes)
        if len(people) == 0:
            return bodies, Evidence.none(0)
        camera = frame.camera
        ideal, intrinsics = camera.undistort_points(landmarks.image_px.astype(np.float64)), intrinsics_of(camera)
        observation = observe(landmarks, features, local, ideal, intrinsics)
        outputs = self._engine({'observation': observation.vector, 'bbox_info': observation.bbox_info})
        placed = place(outputs, observation.squares, camera)
        seen = see(landmarks, ideal, intrinsics)
        evidence = Evidence(joint_seen(seen.visibility).astype(np.float32), outputs['features'])
        return self._write(bodies, placed, landmarks, seen), evidence

    def _write(self, bodies: Bodies, placed: Placed, landmarks: Landmarks, seen: SeenLandmarks) -> Bodies:
        fit = self._agree(placed, seen)
        joints, _ = fit.pose_joints()
        trust = person_score(landmarks) * agreement(disagreement(fit, seen.observation), _HALF_DISAGREEMENT)
        joints = np.where(placed.known[:, None, None], joints, np.nan)
        outcome = Outcome.judge(seen.visibility, joint_uncertainty(seen.visibility, trust), joints)
        bodies = outcome.write(
            bodies, pose=matrix_to_axis_angle(fit.rotmats), betas=placed.betas,
            transl=fit.pelvis - fit.rest_joints[:, 0], joints=joints,
        )  # fmt: skip
        return dataclasses.replace(
            bodies, joint_uncertainty=outcome.where_usable(placed.joint_uncertainty),
            uncertainty=outcome.where_usable(placed.uncertainty),
        )  # fmt: skip

    def _agree(self, placed: Placed, seen: SeenLandmarks) -> Fit:
        """Return the bodies, brought to agree with the picture; of those that are not known, made-up ones."""
        known = placed.known

        def or_else(array: Array, value: Array) -> Floats:
            return np.where(known.reshape(-1, *[1] * (array.ndim - 1)), array, value).astype(np.float64)

        rest = self._body.rest_joints(or_else(placed.betas, np.zeros(1))).astype(np.float64)
        pelvis = rest[:, 0] + or_else(placed.transl, np.array([0.0, 0, 3]))
        rotmats = axis_angle_to_matrix(or_else(placed.pose, np.zeros(1)))
        fit = Fit(rotmats, pelvis, rest, landmark_offsets(rest))
        if self._agreeing.align_steps:
            points = posed_landmarks(*fit.pose_joints(), fit.offsets)
            shift = align_translation(points, seen.observation, self._agreeing.align_steps)
            fit = dataclasses.replace(fit, pelvis=fit.pelvis + shift)
        if self._agreeing.refine_steps:
            sigma = or_else(placed.joint_uncertainty, np.ones(1))
            fit = refine_pose(fit, seen.observation, sigma, self._agreeing.refine_steps)
        return fit
