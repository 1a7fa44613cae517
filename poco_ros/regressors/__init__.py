"""What turns people into bodies."""

from __future__ import annotations

from pathlib import Path

from poco_ros.body.model import BodyModel
from poco_ros.engine.base import Progress
from poco_ros.engine.options import AUTO, EngineOptions
from poco_ros.regressors.base import Regressor
from poco_ros.regressors.compiled.installed import best_network, find_network
from poco_ros.regressors.compiled.regressor import CompiledRegressor
from poco_ros.regressors.lift.regressor import BlazePoseLift

LIFT = 'lift'

def choose_regressor(name: str) -> Path | None:
    """Return what a name stands for: the folder of an exported network, or None for the lift.

    :param name: ``'lift'``; ``'cliff'``, ``'pare'`` or ``'hmr'``, the official network that was imported; the name of
        another installed network; the path of a network's folder, with a slash in it; or ``'auto'``: the best official
        network that was imported and exported (CLIFF, then PARE, then HMR), else the lift.
    :raises ConfigError: when there is no such network, or it was never exported; gives the command to run.
    """
    if name == LIFT:
        return None
    return best_network() if name == AUTO else find_network(name)


def make_regressor(
    name: str, body: BodyModel, options: EngineOptions | None = None, progress: Progress | None = None,
) -> Regressor:
    """Make a regressor by name.

    :param name: as for :func:`choose_regressor`.
    :param body: the body model its bodies are made of.
    :param options: the engine of a network; the lift has none.
    :param progress: told what is being done and how far it is, 0 to 1, while an engine is built; from any thread.
    :raises ConfigError: when there is no such network, or it was exported for another body model.
    :raises EngineError: when its files are not whole, or no engine can run it.
    """
    folder = choose_regressor(name)
    if folder is None:
        return BlazePoseLift(body)
    return CompiledRegressor.load(folder, body, options or EngineOptions(), progress)
