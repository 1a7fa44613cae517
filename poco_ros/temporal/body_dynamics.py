"""Predicts joints that are not seen from the motion of the whole body, by one learned linear step, time and again.

The next rates are a linear function of the state that :mod:`poco_ros.temporal.dynamics` describes; the matrix was
fitted to motion capture, over many steps at once, by ``poco fit-body-dynamics``.
"""

from __future__ import annotations

import json
from functools import lru_cache
from importlib import resources
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from poco_ros.errors import ModelFileError
from poco_ros.temporal.dynamics import COLUMNS, Dynamics

Array = npt.NDArray[np.float64]

_MEND = 'make it with "poco fit-body-dynamics"'


class BodyDynamics(Dynamics):
    """The fitted matrix and what belongs to it.

    :param matrix: ((1 + K) * 69, 69), from (rates, means over K lengths of past) to the rates after 1/30 s.
    :param forgetting: (K,) lengths of the past, as time constants in units of 1/30 s, above 1.
    :param provenance: command, data, licence and settings of the fit.
    """

    def __init__(self, matrix: Array, forgetting: Array, provenance: dict[str, Any]) -> None:
        super().__init__(forgetting, provenance)
        self.matrix = matrix

    def next_rate(self, state: Array, rotations: Array) -> Array:
        """Return the rates after 1/30 s; the pose does not count."""
        return np.asarray((state.reshape(len(state), -1) @ self.matrix).reshape(len(state), len(COLUMNS), 3))

    def save(self, path: Path) -> None:
        """Write the file that :func:`load_body_dynamics` reads."""
        np.savez(path, matrix=self.matrix.astype(np.float32), forgetting=self.forgetting,
                 provenance=json.dumps(self.provenance))


def load_body_dynamics(path: Path) -> BodyDynamics:
    """Load a fitted matrix.

    :raises ModelFileError: when the file is missing or is no such file.
    """
    try:
        with np.load(path, allow_pickle=False) as file:
            matrix, forgetting = file['matrix'].astype(np.float64), file['forgetting'].astype(np.float64)
            provenance = json.loads(str(file['provenance']))
    except OSError as error:
        raise ModelFileError(f'cannot read the body dynamics {path}: {error}') from error
    except (ValueError, KeyError) as error:
        raise ModelFileError(f'{path} holds no body dynamics ({error}); {_MEND}') from error
    size = 3 * len(COLUMNS)
    if matrix.shape != ((1 + len(forgetting)) * size, size) or not np.isfinite(matrix).all():
        raise ModelFileError(f'{path}: a matrix of shape {matrix.shape} does not fit; {_MEND}')
    return BodyDynamics(matrix, forgetting, provenance)


@lru_cache(maxsize=1)
def shipped_body_dynamics() -> BodyDynamics:
    """Return the matrix that comes with the package."""
    with resources.as_file(resources.files('poco_ros.temporal') / 'data' / 'body_dynamics.npz') as path:
        return load_body_dynamics(path)
