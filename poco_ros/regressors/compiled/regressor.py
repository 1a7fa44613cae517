"""One of the paper's networks on a compiled graph: persons' boxes in, bodies with the network's uncertainty out."""

from __future__ import annotations

import dataclasses

import numpy as np

from poco_ros import crops
from poco_ros.body.model import BodyModel
from poco_ros.engine.base import Array, Engine
from poco_ros.engine.model_record import ModelRecord
from poco_ros.errors import ConfigError
from poco_ros.regressors.base import Evidence
from poco_ros.regressors.compiled.about import OnNetwork, check_body
from poco_ros.regressors.compiled.boxes import shows_something, without_distortion
from poco_ros.regressors.compiled.outputs import place
from poco_ros.types import NUM_JOINTS, Bodies, Frame, People, State


class CompiledRegressor(OnNetwork):
    """Gives everybody of a frame to the network at once (the engine sees to it that a batch is not too large for it).

    Stateless and deterministic as far as the engine is. What comes out:

    - a person of whom the network says something usable has ``State.OBSERVED``, ``joint_uncertainty`` sigma and
      ``uncertainty`` the scalar of the record's rule, both as the network gives them (NaN from a network without);
    - of a box without area or beside the image, and of outputs that are no body in front of the camera (s <= 0, not
      finite, not a rotation), nothing is said: NaN throughout, ``State.LOST``;
    - calibrated fields are NaN and ``in_domain`` is ``UNKNOWN``.

    Crops are cut from the image as it is; bodies are placed with the camera's true focal length and without its
    distortion (:func:`~poco_ros.regressors.compiled.boxes.without_distortion`). What CLIFF is told of the box keeps the
    focal length of its training, the image diagonal (SPEC section 10). HMR and PARE do not know where in the image
    they look; their bodies are placed by the same rule, their global orientation stays as they give it.

    :param record: of the exported network.
    :param engine: runs its graph.
    :param body: the body model that goes with the bodies.
    :raises ConfigError: when the network was exported for another body model, or for crops of another size.
    """

    needs_landmarks = False

    def __init__(self, record: ModelRecord, engine: Engine, body: BodyModel) -> None:
        super().__init__(record, engine, body)
        self._padding = 1.0 if record.box_padding is None else record.box_padding
        self._reads_box = any(spec.name == 'bbox_info' for spec in engine.inputs)

    @staticmethod
    def check_fit(record: ModelRecord, body: BodyModel) -> None:
        """Check that an image network can be run here, with this body model.

        :raises ConfigError: it was exported for another body model, so that its joints would not be those of the mesh,
            or it looks at crops of another size than this package cuts, or at none.
        """
        check_body(record, body)
        if record.is_lift:
            raise ConfigError(f'{record.name} is a lift: it sees landmarks, not crops')
        if record.crop_size != crops.CROP_SIZE:
            raise ConfigError(f'{record.name} looks at crops of {record.crop_size} pixels, this version cuts '
                              f"{crops.CROP_SIZE}; export it anew: poco export {record.name}")

    def regress_with_evidence(self, frame: Frame, people: People) -> tuple[Bodies, Evidence]:
        """Estimate the body of every person; the evidence is the network's ``features``, where its graph gives them.

        :param frame: the image and its camera.
        :param people: N persons; their landmarks are not looked at.
        :returns: N bodies, in the same order, and their evidence; which joints were seen is not known.
        """
        boxes = people.boxes
        n, (height, width) = len(people), frame.image.shape[:2]
        bodies = dataclasses.replace(
            Bodies.unknown(n), track_id=boxes.track_id.copy(), box_px=boxes.xyxy.copy(), box_score=boxes.score.copy(),
            state=np.full(n, State.LOST, np.uint8), joint_state=np.full((n, NUM_JOINTS), State.LOST, np.uint8),
        )  # fmt: skip
        rows = np.flatnonzero(shows_something(boxes.xyxy, width, height))
        evidence = Evidence.none(n)
        if len(rows) == 0:
            return bodies, evidence
        squares = crops.square_boxes(boxes.xyxy[rows], self._padding)
        outputs = self._run(frame, squares)
        placed = place(outputs, without_distortion(squares, frame.camera), frame.camera)
        for name in ('pose', 'betas', 'transl', 'joints', 'joint_uncertainty', 'uncertainty'):
            getattr(bodies, name)[rows] = getattr(placed, name)
        seen = rows[placed.known]
        bodies.state[seen] = bodies.joint_state[seen] = State.OBSERVED
        bodies.joint_age[seen] = 0
        if 'features' in outputs:
            features = np.full((n, outputs['features'].shape[1]), np.nan, np.float32)
            features[rows] = outputs['features']
            evidence = dataclasses.replace(evidence, features=features)
        return bodies, evidence

    def _run(self, frame: Frame, squares: Array) -> dict[str, Array]:
        """Return the network's outputs for (N, 3) squares, N > 0."""
        height, width = frame.image.shape[:2]
        feeds: dict[str, Array] = {'crops': crops.crop_people(frame.image, squares)}
        if self._reads_box:
            feeds['bbox_info'] = crops.bbox_info(squares, width, height)
        return self._engine(feeds)
