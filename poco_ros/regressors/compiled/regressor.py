"""One of the paper's networks on a compiled graph: persons' boxes in, bodies with the network's uncertainty out."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import numpy as np

from poco_ros import crops
from poco_ros.body.model import BodyModel
from poco_ros.engine.base import Array, Engine, Progress
from poco_ros.engine.choose import load_engine
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.options import EngineOptions
from poco_ros.errors import ConfigError
from poco_ros.regressors.base import RegressorInfo
from poco_ros.regressors.compiled.boxes import shows_something, without_distortion
from poco_ros.regressors.compiled.outputs import place
from poco_ros.types import NUM_JOINTS, Bodies, Frame, People, State

VERSION = '1'


class CompiledRegressor:
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
        check_fit(record, body)
        self._engine = engine
        self._padding = record.box_padding
        self._reads_box = any(spec.name == 'bbox_info' for spec in engine.inputs)
        about = engine.info
        self._reason = about.reason
        self._info = RegressorInfo(
            model=record.name, model_version=VERSION + (', mock weights' if record.mock else ''),
            weights_hash=record.weights_sha256, graph_hash=about.graph_sha256,
            engine=f'{about.engine} {about.version}', engine_hash=about.engine_sha256, precision=about.precision,
            device=about.device, licence=record.licence, uncertainty_definition=record.uncertainty_definition,
        )  # fmt: skip
        self._warnings = (
            f'{record.name} has mock weights, made up for tests: its bodies and uncertainties mean nothing',
        ) if record.mock else ()

    @classmethod
    def load(
        cls, folder: Path, body: BodyModel, options: EngineOptions, progress: Progress | None = None,
    ) -> CompiledRegressor:
        """Load an exported network; an engine that has to be built first may take minutes.

        :param folder: of the network, with ``model.json``.
        :param body: the body model in use.
        :param options: which engine, and how.
        :param progress: told what is being done and how far it is, 0 to 1; from any thread.
        :raises ConfigError: as the class.
        :raises EngineError: a file is missing or changed, or no engine can run the graph.
        """
        record = ModelRecord.load(folder)
        check_fit(record, body)  # before minutes are spent on an engine
        return cls(record, load_engine(folder, options, progress, body=body), body)

    @property
    def info(self) -> RegressorInfo:
        """What runs, for the model-info message."""
        return self._info

    @property
    def reason(self) -> str:
        """Why this engine runs, in a sentence."""
        return self._reason

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user must know of what runs."""
        return self._warnings

    def regress(self, frame: Frame, people: People) -> Bodies:
        """Estimate the body of every person.

        :param frame: the image and its camera.
        :param people: N persons; their landmarks are not looked at.
        :returns: N bodies, in the same order.
        """
        boxes = people.boxes
        n, (height, width) = len(people), frame.image.shape[:2]
        bodies = dataclasses.replace(
            Bodies.unknown(n), track_id=boxes.track_id.copy(), box_px=boxes.xyxy.copy(), box_score=boxes.score.copy(),
            state=np.full(n, State.LOST, np.uint8), joint_state=np.full((n, NUM_JOINTS), State.LOST, np.uint8),
        )  # fmt: skip
        rows = np.flatnonzero(shows_something(boxes.xyxy, width, height))
        if len(rows) == 0:
            return bodies
        squares = crops.square_boxes(boxes.xyxy[rows], self._padding)
        placed = place(self._run(frame, squares), without_distortion(squares, frame.camera), frame.camera)
        for name in ('pose', 'betas', 'transl', 'joints', 'joint_uncertainty', 'uncertainty'):
            getattr(bodies, name)[rows] = getattr(placed, name)
        seen = rows[placed.known]
        bodies.state[seen] = bodies.joint_state[seen] = State.OBSERVED
        bodies.joint_age[seen] = 0
        return bodies

    def _run(self, frame: Frame, squares: Array) -> dict[str, Array]:
        """Return the network's outputs for (N, 3) squares, N > 0."""
        height, width = frame.image.shape[:2]
        feeds: dict[str, Array] = {'crops': crops.crop_people(frame.image, squares)}
        if self._reads_box:
            feeds['bbox_info'] = crops.bbox_info(squares, width, height)
        return self._engine(feeds)


def check_fit(record: ModelRecord, body: BodyModel) -> None:
    """Check that a network can be run here, with this body model.

    :raises ConfigError: it was exported for another body model, so that its joints would not be those of the mesh, or
        it looks at crops of another size than this package cuts.
    """
    if record.body_model_sha256 != body.sha256:
        raise ConfigError(
            f'{record.name} was exported for the body model {record.body_model!r} (sha256 '
            f'{record.body_model_sha256[:12]}...), but {body.name!r} ({body.sha256[:12]}...) is loaded: set body_model '
            f"to the file it was exported with, or export it anew: poco export {record.name} --body-model FILE")
    if record.crop_size != crops.CROP_SIZE:
        raise ConfigError(f'{record.name} looks at crops of {record.crop_size} pixels, this version cuts '
                          f"{crops.CROP_SIZE}; export it anew: poco export {record.name}")
