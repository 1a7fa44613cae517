"""What regressors on an exported network say of themselves."""

from __future__ import annotations

from poco_ros.body.model import BodyModel
from poco_ros.engine.base import Engine
from poco_ros.engine.model_record import ModelRecord
from poco_ros.errors import ConfigError
from poco_ros.regressors.base import RegressorInfo

VERSION = '1'


class OnNetwork:
    """Gives the properties of :class:`poco_ros.regressors.base.Regressor` that tell what runs.

    :param record: of the exported network.
    :param engine: runs its graph.
    """

    def __init__(self, record: ModelRecord, engine: Engine) -> None:
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
