"""From one camera image to the bodies in it: people are found and followed, then a regressor is run on them."""

from __future__ import annotations

import dataclasses
import hashlib
import time
from dataclasses import dataclass, field
from pathlib import Path

from poco_ros.body.model import BodyModel
from poco_ros.body.model_file import load_body_model
from poco_ros.calibration.calibrator import Calibrator
from poco_ros.calibration.choose import choose_calibrator
from poco_ros.calibration.model import MadeFor
from poco_ros.engine.base import Progress
from poco_ros.engine.options import EngineOptions
from poco_ros.people.config import FinderConfig
from poco_ros.people.finder import PeopleFinder
from poco_ros.regressors import calibration_folder, choose_regressor, load_regressor
from poco_ros.regressors.base import Regressor, RegressorInfo
from poco_ros.settings import described
from poco_ros.types import Bodies, Boxes, Frame, People


@dataclass(frozen=True)
class PipelineConfig:
    """What to load.

    :param model: name of the regressor, see :func:`poco_ros.regressors.make_regressor`.
    :param body_model: path of the user's SMPL file, or '' for the open body that ships with the package.
    :param calibration: what turns its uncertainty into millimetres, see
        :func:`poco_ros.calibration.choose.choose_calibrator`.
    :param coverage: of the radii.
    :param engine: what a network runs on; its fields are parameters without a prefix.
    :param finder: how people are found and followed.
    """

    model: str = described('auto', 'Regressor: poco_lift, the learned lift that ships with the package; lift, the '
                           "analytic one; cliff, pare or hmr, as imported by 'poco import-checkpoint'; the name of "
                           "another installed network, or the path of a network's folder, with a slash in it; auto: "
                           'the best imported network (cliff, pare, hmr) that is exported, else poco_lift, else lift.')
    body_model: str = described('', "Path of an SMPL body-model file (.pkl or .npz); '' takes the open body.")
    calibration: str = described('auto', "Turns the model's uncertainty into millimetres: auto: calibration.json "
                                 "beside the network, if it is there, for lift the one that ships; the path of a file "
                                 "that 'poco calibrate' made for this network; none.")
    coverage: float = described(0.9, 'Probability with which the published radii hold; one of the levels of the '
                                'calibration.', min=0.01, max=0.999)
    engine: EngineOptions = field(default_factory=EngineOptions, metadata={'flat': True})
    finder: FinderConfig = field(default_factory=FinderConfig)


@dataclass(frozen=True)
class Estimate:
    """The outcome for one frame.

    :param bodies: the SMPL bodies, one per person.
    :param people: what they were estimated from, in the same order.
    :param stage_ms: wall time of each stage in milliseconds, in the order they ran.
    """

    bodies: Bodies
    people: People
    stage_ms: dict[str, float]


class Pipeline:
    """The whole estimator behind a node, without ROS. Not thread-safe: it follows people from frame to frame.

    :param finder: finds people, or follows boxes given from outside.
    :param regressor: turns people into bodies.
    :param body: the body model that the bodies' betas belong to.
    :param calibrator: turns the regressor's uncertainty into millimetres; None leaves those fields NaN.
    :param refused: why a calibration that is there is not used; empty where there is none.
    """

    def __init__(
        self, finder: PeopleFinder, regressor: Regressor, body: BodyModel, calibrator: Calibrator | None = None,
        refused: str = '',
    ) -> None:
        self._finder = finder
        self._regressor = regressor
        self._refused = refused
        self.body = body
        self.calibrator = calibrator

    @classmethod
    def load(cls, config: PipelineConfig, progress: Progress | None = None) -> Pipeline:
        """Load body model, networks and regressor.

        :param progress: told what is being done and how far it is, 0 to 1, while an engine is built, which may take
            minutes; from any thread.
        :raises PocoError: a file is missing, broken or does not fit; the text names it and the mend.
        """
        body = load_body_model(Path(config.body_model) if config.body_model else None)
        finder = PeopleFinder(config.finder)
        folder = choose_regressor(config.model, body)
        regressor = load_regressor(folder, body, config.engine, progress)
        return cls(finder, regressor, body, *choose_calibrator(
            config.calibration, config.coverage, calibration_folder(folder), MadeFor.of(regressor.info, body)))

    @property
    def info(self) -> RegressorInfo:
        """What runs, for the model-info message.

        A regressor that works on landmarks sees no image: the networks that did are the finder's, and theirs are
        the hashes, engine and device that are stated. One that is a network itself states its own, and of all three
        the graphs' hash.
        """
        info, engines = self._regressor.info, self._finder.engines
        if not self._regressor.needs_landmarks:
            return info
        graphs = [engine.graph_sha256 for engine in engines] + ([info.graph_hash] if info.graph_hash else [])
        digest = hashlib.sha256('\n'.join(graphs).encode()).hexdigest()
        if info.weights_hash:
            return dataclasses.replace(info, graph_hash=digest)
        return dataclasses.replace(
            info, weights_hash=digest, graph_hash=digest, device=engines[0].device, precision=engines[0].precision,
            engine=f'{engines[0].engine} {engines[0].version}, {info.engine}',
        )

    @property
    def reason(self) -> str:
        """Why this engine runs, in a sentence; empty where there was nothing to choose."""
        return self._regressor.reason

    @property
    def warnings(self) -> tuple[str, ...]:
        """What the user must know of what runs, a sentence each."""
        return (*self._regressor.warnings, *filter(None, [self._refused]))

    def process(self, frame: Frame, boxes: Boxes | None = None) -> Estimate:
        """Estimate the bodies in one frame.

        :param frame: the image; frames of one camera in the order they were taken.
        :param boxes: persons found by another detector in this very image; None runs the built-in one.
        """
        start = time.perf_counter()
        if boxes is None:
            people = self._finder.find(frame)
        else:
            people = self._finder.find_in_boxes(frame, boxes, landmarks=self._regressor.needs_landmarks)
        found = time.perf_counter()
        bodies, evidence = self._regressor.regress_with_evidence(frame, people)
        if self.calibrator is not None:
            bodies = self.calibrator.apply(bodies, evidence.seen, evidence.features,
                                           metric=not frame.camera.focal_length_assumed)
        done = time.perf_counter()
        return Estimate(bodies, people, {'people': (found - start) * 1e3, 'bodies': (done - found) * 1e3})

    def reset(self) -> None:
        """Forget everybody; the next frame starts anew."""
        self._finder.reset()
