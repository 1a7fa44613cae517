"""What regressors on an exported network share: how they are loaded, and what they say of themselves."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import TypeVar

from poco_ros.body.model import BodyModel
from poco_ros.engine.base import Engine, Progress
from poco_ros.engine.choose import load_engine
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.options import EngineOptions
from poco_ros.errors import ConfigError
from poco_ros.regressors.base import Evidence, RegressorInfo
from poco_ros.types import Bodies, Frame, People

VERSION = '1'

_Self = TypeVar('_Self', bound='OnNetwork')


class OnNetwork(ABC):
    """A :class:`poco_ros.regressors.base.Regressor` but for the regressing itself.

    :param record: of the exported network.
    :param engine: runs its graph.
    :param body: the body model that goes with the bodies.
    :raises ConfigError: as :meth:`check_fit`.
    """

    def __init__(self, record: ModelRecord, engine: Engine, body: BodyModel) -> None:
        self.check_fit(record, body)
        self._engine = engine
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
        cls: type[_Self], folder: Path, body: BodyModel, options: EngineOptions, progress: Progress | None = None,
    ) -> _Self:
        """Load an exported network; an engine that has to be built first may take minutes.

        :param folder: of the network, with ``model.json``.
        :param body: the body model in use.
        :param options: which engine, and how.
        :param progress: told what is being done and how far it is, 0 to 1; from any thread.
        :raises ConfigError: as the class.
        :raises EngineError: a file is missing or changed, or no engine can run the graph.
        """
        record = ModelRecord.load(folder)
        cls.check_fit(record, body)  # before minutes are spent on an engine
        return cls(record, load_engine(folder, options, progress, body=body), body)

    @staticmethod
    @abstractmethod
    def check_fit(record: ModelRecord, body: BodyModel) -> None:
        """Check that a network can be run here, with this body model.

        :raises ConfigError: it cannot; says why, and the mend.
        """

    @abstractmethod
    def regress_with_evidence(self, frame: Frame, people: People) -> tuple[Bodies, Evidence]:
        """Estimate the body of every person, and tell what it was estimated from."""

    def regress(self, frame: Frame, people: People) -> Bodies:
        """Estimate the body of every person.

        :param frame: the image and its camera.
        :param people: N persons.
        :returns: N bodies, in the same order.
        :raises ConfigError: as :meth:`regress_with_evidence`.
        """
        return self.regress_with_evidence(frame, people)[0]

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


def check_body(record: ModelRecord, body: BodyModel) -> None:
    """Check that a network was exported for this body model.

    :raises ConfigError: it was exported for another one, so that its joints would not be those of the mesh.
    """
    if record.body_model_sha256 != body.sha256:
        raise ConfigError(
            f'{record.name} was exported for the body model {record.body_model!r} (sha256 '
            f'{record.body_model_sha256[:12]}...), but {body.name!r} ({body.sha256[:12]}...) is loaded: set body_model '
            f"to the file it was exported with, or export it anew: poco export {record.name} --body-model FILE")
