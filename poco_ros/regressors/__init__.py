"""What turns people into bodies."""

from __future__ import annotations

from poco_ros.body.model import BodyModel
from poco_ros.errors import ConfigError
from poco_ros.regressors.base import Regressor
from poco_ros.regressors.lift.regressor import BlazePoseLift

REGRESSORS = ('auto', 'lift')
"""Names that :func:`make_regressor` knows."""


def make_regressor(name: str, body: BodyModel) -> Regressor:
    """Make a regressor by name.

    :param name: ``'lift'``, or ``'auto'`` for the best one that is there, which today is the lift.
    :param body: the body model its bodies are made of.
    :raises ConfigError: when no regressor has that name.
    """
    if name not in REGRESSORS:
        raise ConfigError(f'no regressor is called {name!r}; use one of {", ".join(REGRESSORS)}')
    return BlazePoseLift(body)
