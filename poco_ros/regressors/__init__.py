"""What turns people into bodies."""

from __future__ import annotations

import logging
from pathlib import Path

from poco_ros.body.model import BodyModel
from poco_ros.engine.base import Progress
from poco_ros.engine.model_record import ModelRecord
from poco_ros.engine.options import AUTO, EngineOptions
from poco_ros.environment import share_dir
from poco_ros.regressors.base import Regressor
from poco_ros.regressors.compiled.installed import best_network, find_network
from poco_ros.regressors.compiled.regressor import CompiledRegressor
from poco_ros.regressors.lift.regressor import NAME as ANALYTIC
from poco_ros.regressors.lift.regressor import BlazePoseLift
from poco_ros.regressors.poco_lift.regressor import PocoLift
from poco_ros.regressors.poco_lift.shipped import SHIPPED, find_shipped_lift, shipped_lift

LIFT = 'lift'

_log = logging.getLogger(__name__)


def choose_regressor(name: str, body: BodyModel | None = None) -> Path | None:
    """Return what a name stands for: the folder of an exported network, or None for the analytic lift.

    :param name: ``'lift'``, the analytic one; ``'poco_lift'``, the learned one that ships with the package;
        ``'cliff'``, ``'pare'`` or ``'hmr'``, the official network that was imported; the name of another installed
        network; the path of a network's folder, with a slash in it; or ``'auto'``: the best official network that was
        imported and exported (CLIFF, then PARE, then HMR), else the shipped lift, else the analytic one.
    :param body: the body model in use: ``'auto'`` passes over a shipped lift that is of another one. None: of any.
    :raises ConfigError: when there is no such network, or it was never exported; gives the command to run.
    """
    if name == LIFT:
        return None
    if name == SHIPPED:
        return find_shipped_lift()
    if name != AUTO:
        return find_network(name)
    return best_network() or _fitting_lift(body)


def _fitting_lift(body: BodyModel | None) -> Path | None:
    folder = shipped_lift()
    if folder is None or body is None:
        return folder
    record = ModelRecord.load(folder)
    if record.body_model_sha256 == body.sha256:
        return folder
    _log.warning("%s gives bodies of %s, not of %s, so auto takes the analytic lift: leave body_model empty to have it",
                 SHIPPED, record.body_model, body.name)
    return None


def make_regressor(
    name: str, body: BodyModel, options: EngineOptions | None = None, progress: Progress | None = None,
) -> Regressor:
    """Make a regressor by name.

    :param name: as for :func:`choose_regressor`.
    :param body: the body model its bodies are made of.
    :param options: the engine of a network; the analytic lift has none.
    :param progress: told what is being done and how far it is, 0 to 1, while an engine is built; from any thread.
    :raises ConfigError: when there is no such network, or it was exported for another body model.
    :raises EngineError: when its files are not whole, or no engine can run it.
    """
    return load_regressor(choose_regressor(name, body), body, options, progress)


def load_regressor(
    folder: Path | None, body: BodyModel, options: EngineOptions | None = None, progress: Progress | None = None,
) -> Regressor:
    """Load what :func:`choose_regressor` chose.

    :param folder: of the network; None: the analytic lift.
    :param body: as for :func:`make_regressor`, like the rest.
    :raises ConfigError: as :func:`make_regressor`.
    :raises EngineError: as :func:`make_regressor`.
    """
    if folder is None:
        return BlazePoseLift(body)
    options = options or EngineOptions()
    if ModelRecord.load(folder).is_lift:
        return PocoLift.load(folder, body, options, progress)
    return CompiledRegressor.load(folder, body, options, progress)


def calibration_folder(folder: Path | None) -> Path | None:
    """Return where the calibration of what :func:`choose_regressor` chose lies, if it has one.

    :param folder: of the network; None: the analytic lift, whose calibration ships with the package.
    """
    if folder is not None:
        return folder
    try:
        return share_dir() / 'engines' / ANALYTIC
    except FileNotFoundError:
        return None
