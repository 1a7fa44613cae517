"""Which predictor of joints that are not seen belongs to which setting, and to which file."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import get_args

from poco_ros.errors import ConfigError
from poco_ros.temporal.body_dynamics import load_body_dynamics, shipped_body_dynamics
from poco_ros.temporal.config import Predictor
from poco_ros.temporal.dynamics import Dynamics
from poco_ros.temporal.learned_dynamics import load_learned_dynamics, shipped_learned_dynamics


def named_predictors(names: Iterable[str]) -> list[Predictor]:
    """Return the same names.

    :raises ConfigError: when one is no predictor.
    """
    known = {name: name for name in get_args(Predictor)}
    wrong = [name for name in names if name not in known]
    if wrong:
        raise ConfigError(f'predictor must be one of {", ".join(known)}, not {wrong[0]!r}')
    return [known[name] for name in names]


def shipped_predictor(name: Predictor) -> Dynamics | None:
    """Return what comes with the package; None: rates die away.

    :raises ModelFileError: when its file cannot be loaded.
    """
    if name == 'damped':
        return None
    return shipped_learned_dynamics() if name == 'learned' else shipped_body_dynamics()


def load_predictor(path: Path) -> Dynamics:
    """Load what ``poco fit-body-dynamics`` (.npz) or ``poco fit-learned-dynamics`` (.onnx) wrote.

    :raises ModelFileError: when the file is missing or is no such file.
    """
    return load_learned_dynamics(path) if path.suffix == '.onnx' else load_body_dynamics(path)
