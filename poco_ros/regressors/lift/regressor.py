"""The analytic lift: BlazePose's 33 points of a person in, a SMPL body out. The baseline that needs no training."""

from __future__ import annotations

import dataclasses

import numpy as np

from poco_ros.body.model import BodyModel
from poco_ros.body.rotations import Floats, matrix_to_axis_angle, rotation_between
from poco_ros.camera import Camera
from poco_ros.errors import ConfigError
from poco_ros.regressors.base import RegressorInfo
from poco_ros.regressors.lift.fit import Fit, Observation, disagreement, place, refine
from poco_ros.regressors.lift.inverse_kinematics import InverseKinematics
from poco_ros.regressors.lift.rig import LANDMARK_INDEX, LANDMARK_JOINT, landmark_offsets
from poco_ros.regressors.lift.shape import ShapeFromLengths
from poco_ros.regressors.lift.uncertainty import DEFINITION, agreement, joint_uncertainty
from poco_ros.types import Bodies, Frame, Landmarks, People, State

VERSION = '1'
STEPS = 3

# A landmark that is in the picture but hidden is a guess of the network, better than none: with rendered bodies, joints
# seen by less than 0.3 came out nearer the truth with this weight than with 0 (median 146 mm against 168).
_GUESSED = 0.05
# A joint that is less visible than this was not seen: its pose is what a relaxed body does there.
_SEEN = 0.1
# No landmark lies farther off the axis (84 degrees) or from the hips than this: such a value is none.
_FARTHEST_RAY = 10.0
_FARTHEST_POINT_M = 5.0
_TRUNK = [LANDMARK_INDEX[name] for name in ('left_shoulder', 'right_shoulder', 'left_hip', 'right_hip')]


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
        rest = body.rest_joints().astype(np.float64)
        self._body = body
        self._inverse_kinematics = InverseKinematics((rest[:, LANDMARK_JOINT] + landmark_offsets(rest))[0])
        self._shape = ShapeFromLengths(body)
        self._info = RegressorInfo(
            model='blazepose_lift', model_version=VERSION, engine=f'numpy {np.__version__}', precision='fp64',
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
        boxes = people.boxes
        bodies = dataclasses.replace(
            Bodies.unknown(len(people)), track_id=boxes.track_id.copy(), box_px=boxes.xyxy.copy(),
            box_score=boxes.score.copy(),
        )  # fmt: skip
        if people.landmarks is None:
            raise ConfigError('the lift reads bodies from landmarks, and these people come without; '
                              'use a people finder that gives landmarks, or a regressor that needs boxes only')
        if len(people) == 0:
            return bodies
        return self._lift(bodies, people.landmarks, frame.camera)

    def _lift(self, bodies: Bodies, landmarks: Landmarks, camera: Camera) -> Bodies:
        visibility, points, seen = observe(landmarks, camera)
        betas, scale = self._shape(points, seen.weights)
        seen = dataclasses.replace(seen, depth_m=seen.depth_m / scale[:, None])
        rest = self._body.rest_joints(betas).astype(np.float64)
        pose = self._inverse_kinematics(points, seen.weights)
        fit = Fit(pose, rest[:, 0].copy(), rest, landmark_offsets(rest))
        fit = refine(place(fit, seen), seen, STEPS)
        joints, _ = fit.pose_joints()
        score = np.where(np.isfinite(landmarks.score), np.clip(landmarks.score, 0, 1), 0).astype(np.float64)
        uncertainty = joint_uncertainty(visibility, score * agreement(disagreement(fit, seen)))

        usable = (visibility[:, _TRUNK].sum(axis=1) > 1) & (uncertainty.min(axis=1) < 1 - _SEEN)
        usable &= np.isfinite(joints).all(axis=(1, 2)) & (joints[:, 0, 2] > 0)
        uncertainty[~usable] = 1
        joint_state = np.where(uncertainty < 1 - _SEEN, State.OBSERVED, State.UNKNOWN)
        joint_state[~usable] = State.LOST

        def where_usable(array: Floats) -> Floats:
            """Float32, NaN for persons of whom nothing can be said."""
            mask = usable.reshape(-1, *[1] * (array.ndim - 1))
            return np.where(mask, array, np.nan).astype(np.float32)

        return dataclasses.replace(
            bodies,
            pose=where_usable(matrix_to_axis_angle(fit.rotmats)),
            betas=where_usable(betas),
            transl=where_usable(fit.pelvis - rest[:, 0]),
            joints=where_usable(joints),
            joint_uncertainty=uncertainty.astype(np.float32),
            uncertainty=uncertainty.mean(axis=1).astype(np.float32),
            state=np.where(usable, State.OBSERVED, State.LOST).astype(np.uint8),
            joint_state=joint_state.astype(np.uint8),
            joint_age=np.where(joint_state == State.OBSERVED, 0, np.nan).astype(np.float32),
        )


def observe(landmarks: Landmarks, camera: Camera) -> tuple[Floats, Floats, Observation]:
    """Bring landmarks into the camera's optical frame.

    BlazePose sees a crop, and judges orientation as if the camera looked straight at it. Its points are therefore
    turned by the rotation that takes the optical axis to the line of sight (checked with bodies rendered 35 degrees
    off the axis: 32.5 degrees of turn were found between BlazePose's points and the truth).

    :param landmarks: N persons.
    :param camera: of the picture.
    :returns: visibility (N, 33) in [0, 1], 0 where a landmark is not finite or absurd; points (N, 33, 3) in metres,
        origin between the hips, axes of the optical frame; and the observation, all finite.
    """
    image, world = landmarks.image_px.astype(np.float64), landmarks.world_m.astype(np.float64)
    ideal = camera.undistort_points(image)
    rays = (ideal - np.array([camera.cx, camera.cy])) / np.array([camera.fx, camera.fy])
    # NaN and infinity fail these comparisons too.
    known = (np.abs(rays) < _FARTHEST_RAY).all(axis=-1) & (np.abs(world) < _FARTHEST_POINT_M).all(axis=-1)
    known &= np.isfinite(landmarks.visibility) & np.isfinite(landmarks.presence)
    rays, world = np.where(known[..., None], rays, 0), np.where(known[..., None], world, 0)
    presence = np.where(known, np.clip(landmarks.presence, 0, 1), 0).astype(np.float64)
    visibility = np.minimum(np.where(known, np.clip(landmarks.visibility, 0, 1), 0), presence)
    weights = visibility**2 + _GUESSED * presence**2 * (1 - visibility**2)
    total = np.maximum(weights.sum(axis=1, keepdims=True), 1e-9)
    middle = (weights[..., None] * rays).sum(axis=1) / total
    sight = np.concatenate([middle, np.ones((len(middle), 1))], axis=1)
    sight /= np.linalg.norm(sight, axis=1, keepdims=True)
    turn = rotation_between(np.array([0.0, 0, 1]), sight)
    points = world @ np.swapaxes(turn, -1, -2)
    return visibility, points, Observation(rays, world[..., 2], sight, weights)
